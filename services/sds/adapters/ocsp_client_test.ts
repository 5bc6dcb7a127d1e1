// SPDX-License-Identifier: Apache-2.0
/** OCSP staples from a responder that openssl plays. @module */
import assert from "node:assert/strict";
import { extension } from "../domain/ca/extensions.ts";
import { leafExtensions } from "../domain/ca/extensions.ts";
import { derContextPrimitive, derObjectId, derSequence } from "../domain/ca/der.ts";
import { craft, type Crafted, testReader } from "../domain/ca/testing.ts";
import { readOcspResponse } from "../domain/ocsp.ts";
import { stapleProblem } from "../domain/staple_check.ts";
import type { ReadCertificate } from "../domain/x509_reader.ts";
import { fetchStaple } from "./ocsp_client.ts";
import { withOpenssl } from "./testing/openssl.ts";

type Answer = (request: Uint8Array) => Response | Promise<Response>;

interface Responder extends AsyncDisposable {
  readonly chain: readonly ReadCertificate[];
  readonly issuer: Crafted;
  answer: Answer;
}

/** A leaf that names a responder, which answers as it is told. */
async function startResponder(): Promise<Responder> {
  const issuer = await craft({ name: "issuer" });
  const responder: { answer: Answer } = { answer: () => new Response(null, { status: 500 }) };
  const server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen() {} },
    async (request) => responder.answer(new Uint8Array(await request.arrayBuffer())),
  );
  const url = new TextEncoder().encode(`http://127.0.0.1:${server.addr.port}/`);
  const access = derSequence(derObjectId("1.3.6.1.5.5.7.48.1"), derContextPrimitive(6, url));
  const id = new Uint8Array(20);
  const names = { dnsNames: ["cart.test"] };
  const usual = leafExtensions({ names, subjectKeyId: id, authorityKeyId: id, rsa: false });
  const extensions = [...usual, extension("1.3.6.1.5.5.7.1.1", derSequence(access))];
  const leaf = await craft({ name: "leaf", issuer, extensions });
  const chain = [leaf, issuer].flatMap(({ der }) => testReader.readCertificate(der) ?? []);
  return Object.assign(responder, {
    chain,
    issuer,
    [Symbol.asyncDispose]: () => server.shutdown(),
  });
}

interface Signing {
  readonly status?: "V" | "R";
  readonly signer?: Crafted;
  readonly serial?: string;
}

/** Returns what openssl answers to a request. */
async function opensslAnswer(
  request: Uint8Array,
  { chain, issuer }: Responder,
  { status = "V", signer = issuer, serial = chain[0]?.facts.serial ?? "" }: Signing,
): Promise<Response> {
  const folder = await Deno.makeTempDir();
  try {
    const revokedAt = status === "R" ? "260101000000Z" : "";
    const digits = (serial.length % 2 === 0 ? serial : `0${serial}`).toUpperCase();
    const index = [status, "400101000000Z", revokedAt, digits, "unknown", "/CN=leaf"].join("\t");
    await Deno.writeTextFile(`${folder}/index.txt`, `${index}\n`);
    await Deno.writeTextFile(`${folder}/ca.pem`, issuer.pem);
    await Deno.writeTextFile(`${folder}/signer.pem`, signer.pem);
    await Deno.writeTextFile(`${folder}/signer.key`, signer.keyPem);
    await Deno.writeFile(`${folder}/request.der`, request);
    const args = [
      ...["ocsp", "-index", "index.txt", "-CA", "ca.pem", "-ndays", "2"],
      ...["-rsigner", "signer.pem", "-rkey", "signer.key"],
      ...["-reqin", "request.der", "-respout", "response.der"],
    ];
    await new Deno.Command("openssl", { args, cwd: folder }).output();
    return new Response(await Deno.readFile(`${folder}/response.der`));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test({
  ...withOpenssl("fetchStaple() gets a staple, to be renewed in the middle of its life"),
  async fn() {
    await using responder = await startResponder();
    responder.answer = (request) => opensslAnswer(request, responder, {});
    const nowMs = Date.now();
    const staple = await fetchStaple(responder.chain, { x509: testReader, nowMs });
    assert.ok(staple.ok, JSON.stringify(staple));
    const aboutADay = Math.abs(staple.value.renewAtMs - nowMs - 86_400_000);
    assert.ok(aboutADay < 3_600_000);
    assert.equal(readOcspResponse(staple.value.der)?.facts.status, "good");
  },
});

const responderOptions = { name: "delegate", leaf: { dnsNames: ["ocsp.test"] } } as const;

/** A leaf with id-kp-OCSPSigning. */
async function delegateOf(issuer: Crafted, mayRespond: boolean): Promise<Crafted> {
  if (!mayRespond) return await craft({ ...responderOptions, issuer });
  const usage = derSequence(derObjectId("1.3.6.1.5.5.7.3.9"));
  return await craft({ name: "delegate", issuer, extensions: [extension("2.5.29.37", usage)] });
}

Deno.test({
  ...withOpenssl("a responder that the issuer named may sign, another may not"),
  async fn() {
    await using responder = await startResponder();
    const x509 = testReader;
    const delegate = await delegateOf(responder.issuer, true);
    responder.answer = (request) => opensslAnswer(request, responder, { signer: delegate });
    const good = await fetchStaple(responder.chain, { x509, nowMs: Date.now() });
    assert.ok(good.ok, JSON.stringify(good));
    for (const signer of [await delegateOf(responder.issuer, false), await craft()]) {
      responder.answer = (request) => opensslAnswer(request, responder, { signer });
      const refused = await fetchStaple(responder.chain, { x509, nowMs: Date.now() });
      assert.match(refused.ok ? "" : refused.error, /must be signed by the certificate's issuer/);
    }
  },
});

Deno.test({
  ...withOpenssl("a staple that says revoked or unknown, or has ended, is not used"),
  async fn() {
    await using responder = await startResponder();
    const x509 = testReader;
    responder.answer = (request) => opensslAnswer(request, responder, { status: "R" });
    const revoked = await fetchStaple(responder.chain, { x509, nowMs: Date.now() });
    assert.match(
      revoked.ok ? "" : revoked.error,
      /must say that the certificate is good: says rev/,
    );
    responder.answer = (request) => opensslAnswer(request, responder, { serial: "0badc0de" });
    const unknown = await fetchStaple(responder.chain, { x509, nowMs: Date.now() });
    assert.match(unknown.ok ? "" : unknown.error, /says unknown/);
    responder.answer = (request) => opensslAnswer(request, responder, {});
    const late = await fetchStaple(responder.chain, { x509, nowMs: Date.now() + 3 * 86_400_000 });
    assert.match(late.ok ? "" : late.error, /must not have ended/);
  },
});

const answers: readonly (readonly [string, Answer, RegExp])[] = [
  ["an error", () => new Response(null, { status: 503 }), /with status 200: was 503/],
  ["nothing", () => new Response(), /must be a successful OCSP response/],
  ["junk", () => new Response("hello"), /must be a successful OCSP response/],
  ["try later", () => new Response(Uint8Array.of(0x30, 3, 0x0a, 1, 3)), /must be a successful/],
  ["too much", () => new Response(new Uint8Array(70_000)), /at most 65536 bytes/],
  ["a redirect", () => Response.redirect("http://127.0.0.1:1/"), /cannot fetch OCSP staple from/],
];

for (const [name, answer, expected] of answers) {
  Deno.test(`fetchStaple() says why not when a responder answers ${name}`, async () => {
    await using responder = await startResponder();
    responder.answer = answer;
    const staple = await fetchStaple(responder.chain, { x509: testReader, nowMs: Date.now() });
    assert.match(staple.ok ? "" : staple.error, expected);
  });
}

Deno.test("fetchStaple() needs a responder in the certificate, and its issuer", async () => {
  const leaf = await craft();
  const read = testReader.readCertificate(leaf.der);
  assert.ok(read !== undefined);
  const options = { x509: testReader, nowMs: 0 };
  for (const chain of [[], [read], [read, read]]) {
    const staple = await fetchStaple(chain, options);
    assert.match(staple.ok ? "" : staple.error, /must name a responder/);
  }
});

Deno.test("stapleProblem() refuses a staple of another certificate", () => {
  const facts = { status: "good", serial: "2", thisUpdateMs: 0 } as const;
  const response = { facts, signedDer: new Uint8Array(), certificates: [] };
  const problem = stapleProblem(response, [], { x509: testReader, nowMs: 0 });
  assert.match(problem ?? "", /must be about certificate undefined: is about 2/);
});
