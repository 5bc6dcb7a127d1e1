// SPDX-License-Identifier: Apache-2.0
/** Two sds on one Redis are one CA: real Envoys, one at each, while all of it is changed by way of either. */
import assert from "node:assert/strict";
import { StatusCode, StatusError } from "@denvoy/base";
import { connectGrpc, type GrpcClient } from "@denvoy/grpc";
import { serviceMethods } from "@denvoy/proto";
import {
  type DenvoySds,
  eventually,
  freePort,
  runDenvoySds,
  startDenvoySds,
  startEnvoy,
  startRedis,
  TempFolder,
} from "../support/mod.ts";
import { Handshakes } from "./handshakes.ts";
import { mutualTlsPair } from "./scene.ts";

const KEY = "replicas-of-sds-share-this-key-01";
const { StreamSecrets } = serviceMethods("envoy.service.secret.v3.SecretDiscoveryService");
const within = { withinMs: 40_000 };

interface Place {
  readonly redisPort: number;
  readonly secretsFile: string;
  readonly key?: string;
}

function optionsOf({ redisPort, secretsFile, key = KEY }: Place) {
  const redis = `127.0.0.1:${redisPort}`;
  const flags = ["--redis-url", redis, "--secrets-file", secretsFile, "--allow-unauthenticated"];
  const env = { DENVOY_SDS_KEY_ENCRYPTION_KEY: key };
  return { flags, env, connects: [redis], read: [secretsFile] };
}

async function ask(
  { httpUrl }: DenvoySds,
  [method, path, body]: readonly [string, string, unknown?],
) {
  const headers = { "content-type": "application/json" };
  const init = body === undefined ? {} : { headers, body: JSON.stringify(body) };
  const response = await fetch(httpUrl + path, { method, ...init });
  return { status: response.status, text: await response.text() };
}

async function readyzSays(sds: DenvoySds, wanted: RegExp): Promise<void> {
  let seen = "";
  const isSo = async () => wanted.test(seen = (await ask(sds, ["GET", "/readyz"])).text);
  await eventually(isSo, { what: `/readyz to say ${wanted}`, ...within, detail: () => seen });
}

/** Waits until both answer the same, which `isWanted`, and returns it. */
async function agree(
  replicas: readonly DenvoySds[],
  { path, isWanted = () => true }: {
    readonly path: string;
    readonly isWanted?: (text: string) => boolean;
  },
): Promise<string> {
  let seen: readonly string[] = [];
  await eventually(async () => {
    const answers = await Promise.all(replicas.map((each) => ask(each, ["GET", path])));
    seen = answers.map(({ text }) => text);
    return answers.every(({ status, text }) => status === 200 && text === seen[0]) &&
      isWanted(seen[0] ?? "");
  }, { what: `replicas to agree on ${path}`, ...within, detail: () => seen.join("\n") });
  return seen[0] ?? "";
}

function states(text: string): string {
  const { authorities } = JSON.parse(text) as {
    readonly authorities: { readonly state: string }[];
  };
  return authorities.map(({ state }) => state).join();
}

async function versionOf(sds: DenvoySds, name: string): Promise<unknown> {
  const { version } = await sds.call("GET", `/v1/secrets/${name}`);
  return version;
}

async function sameVersion(
  [first, second]: readonly [DenvoySds, DenvoySds],
  { name, before }: { readonly name: string; readonly before?: unknown },
): Promise<unknown> {
  return await eventually(async () => {
    const [one, other] = await Promise.all([versionOf(first, name), versionOf(second, name)]);
    return one === other && one !== before ? one : undefined;
  }, { what: `the same ${name} on both`, ...within });
}

/** Two replicas, and what tells how requests between their Envoys are answered. */
interface Scene {
  readonly both: readonly [DenvoySds, DenvoySds];
  readonly url: string;
  answers(wanted: number, what: string): Promise<unknown>;
}

async function shareSecrets({ both }: Scene): Promise<void> {
  const [first, second] = both;
  const tickets = await sameVersion(both, { name: "tickets" });
  await second.call("POST", "/v1/rotate/tickets");
  await sameVersion(both, { name: "tickets", before: tickets });
  await first.call("PUT", "/v1/secrets/shared", { generic: { secret: "c2VjcmV0" } });
  const shared = await sameVersion(both, { name: "shared" });
  await second.call("PUT", "/v1/secrets/shared", { generic: { secret: "b3RoZXI=" } });
  await sameVersion(both, { name: "shared", before: shared });
  await first.call("DELETE", "/v1/secrets/shared");
  const isGone = async () => (await ask(second, ["GET", "/v1/secrets/shared"])).status === 404;
  await eventually(isGone, { what: "the secret to be gone", ...within });
}

async function joinOnce({ both: [first, second] }: Scene): Promise<void> {
  const { token } = await first.call("POST", "/v1/tokens", { identity: "new" });
  const joins = await Promise.all(
    [second, first, second].map((each) => ask(each, ["POST", "/v1/join", { token }])),
  );
  assert.deepEqual(joins.map((each) => each.status).toSorted(), [200, 401, 401]);
  const joined = joins.find((each) => each.status === 200)?.text ?? "";
  const isKnown = async () => (await ask(first, ["GET", "/v1/tokens"])).text.includes('"node"');
  await eventually(isKnown, { what: "the token to be known", ...within });
  await using client = connectGrpc({ address: first.grpcAddress });
  const node = { client, token: String(JSON.parse(joined).token) };
  let revoked: unknown;
  const end = await endOfStream(node, async () => {
    revoked ??= (await second.call("DELETE", "/v1/tokens/new")).revoked;
  });
  assert.deepEqual([revoked, end], [1, StatusCode.UNAUTHENTICATED]);
}

/** Opens a stream with a token, waits for the first answer, does something, and waits for the end. */
async function endOfStream(
  { client, token }: { readonly client: GrpcClient; readonly token: string },
  act: () => Promise<unknown>,
): Promise<StatusCode | undefined> {
  const over = Promise.withResolvers<void>();
  async function* requests() {
    const typeUrl = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret";
    const request = { node: { id: "n" }, resourceNames: ["default"], typeUrl };
    yield { ...request, versionInfo: "", responseNonce: "" };
    await over.promise;
  }
  const metadata = new Map([["authorization", [`Bearer ${token}`]]]);
  const options = { metadata, signal: AbortSignal.timeout(within.withinMs) };
  try {
    for await (const _ of client.bidiStream(StreamSecrets, requests(), options)) await act();
    return undefined;
  } catch (error) {
    return StatusError.from(error).code;
  } finally {
    over.resolve();
  }
}

async function rotateRoot({ both, url }: Scene): Promise<void> {
  const [first, second] = both;
  await using handshakes = new Handshakes(url);
  await first.call("POST", "/v1/ca/prepare");
  await agree(both, { path: "/v1/ca", isWanted: (text) => states(text) === "active,prepared" });
  const again = await ask(second, ["POST", "/v1/ca/prepare"]);
  assert.match(again.text, /must be activated first/);
  await second.call("POST", "/v1/ca/activate?force=true");
  await agree(both, { path: "/v1/ca", isWanted: (text) => states(text) === "active,retiring" });
  const before = handshakes.succeeded;
  await eventually(() => handshakes.succeeded > before + 20, { what: "more requests", ...within });
  await handshakes.stop();
}

async function revoke({ both, answers }: Scene): Promise<string> {
  const [first, second] = both;
  const identity = "spiffe://denvoy.local/frontend";
  const { certificates } = await first.call("GET", `/v1/certificates?name=${identity}`);
  const [leaf] = certificates as readonly { readonly serial: string }[];
  const serial = leaf?.serial ?? "";
  await second.call("POST", `/v1/certificates/${serial}/revoke`);
  await answers(503, "a refusal");
  await second.call("POST", "/v1/rotate/frontend");
  await answers(200, "its successor");
  await sameVersion(both, { name: "ROOTCA" });
  return serial;
}

async function goOnWithoutRedis({ both, answers }: Scene, serial: string): Promise<void> {
  const [first, second] = both;
  for (const each of both) await readyzSays(each, /"degraded"[^]*goes on with what it knows/);
  await second.call("POST", "/v1/rotate/frontend");
  await answers(200, "a request with what was issued without Redis");
  for (
    const change of [
      ["POST", "/v1/tokens", { identity: "new" }],
      ["POST", "/v1/ca/retire?force=true"],
      ["POST", `/v1/certificates/${serial}/revoke`],
      ["POST", "/v1/rotate/tickets"],
    ] as const
  ) {
    const refused = await ask(first, change);
    assert.equal(refused.status, 503, `${change[1]}: ${refused.text}`);
    assert.match(refused.text, /Redis.*try again when \/readyz says/);
  }
}

/** Who comes later finds the same CA, though Redis came back empty. */
async function bringItBack({ both, answers }: Scene, place: Place & { readonly kept: string }) {
  for (const each of both) await readyzSays(each, /"redis":\{"status":"ok"/);
  await using third = await startDenvoySds(optionsOf(place));
  const all = [...both, third];
  assert.equal(await agree(all, { path: "/v1/bundle.pem" }), place.kept);
  await sameVersion([both[0], third], { name: "ROOTCA" });
  await both[0].call("POST", "/v1/ca/retire?force=true");
  await agree(all, { path: "/v1/ca", isWanted: (text) => states(text) === "active" });
  await answers(200, "a request under the new root alone");
  const stranger = await runDenvoySds(optionsOf({ ...place, key: `${KEY}-another` }));
  assert.notEqual(stranger.code, 0);
  assert.match(stranger.output, /all replicas must have the same key for keys at rest/);
}

Deno.test("replicas on one Redis are one CA, whichever of them is asked, with Redis and without", async () => {
  const secrets = "secrets:\n- name: tickets\n  session_tickets: { rotate: 1h, keep: 4 }\n";
  await using folder = await TempFolder.create({ "secrets.yaml": secrets });
  const redisPort = freePort();
  let redis = await startRedis({ port: redisPort });
  const place = { redisPort, secretsFile: folder.file("secrets.yaml") };
  try {
    const starting = startDenvoySds(optionsOf(place));
    await using second = await startDenvoySds(optionsOf(place));
    await using first = await starting;
    const pair = mutualTlsPair({
      backend: { address: first.grpcAddress },
      frontend: { address: second.grpcAddress },
    });
    await using _server = await startEnvoy({ bootstrap: pair.server });
    await using _client = await startEnvoy({ bootstrap: pair.client });
    const answers = (wanted: number, what: string) =>
      eventually(async () => {
        const response = await fetch(pair.url);
        await response.body?.cancel();
        return response.status === wanted;
      }, { what, ...within });
    const scene = { both: [first, second], url: pair.url, answers } as const;
    // The certificate of each validates by the bundle that the other gave.
    await answers(200, "a request");
    await shareSecrets(scene);
    await joinOnce(scene);
    await rotateRoot(scene);
    const serial = await revoke(scene);
    const kept = await agree(scene.both, { path: "/v1/bundle.pem" });
    redis.child.kill("SIGKILL");
    await redis.child.exited;
    await goOnWithoutRedis(scene, serial);
    redis = await startRedis({ port: redisPort });
    await bringItBack(scene, { ...place, kept });
  } finally {
    await redis[Symbol.asyncDispose]();
  }
});

Deno.test("sds with a Redis wants a key for keys at rest, and a Redis that answers", async () => {
  const redis = `127.0.0.1:${freePort()}`;
  const flags = ["--redis-url", redis];
  const keyless = await runDenvoySds({ flags, connects: [redis] });
  assert.notEqual(keyless.code, 0);
  assert.match(keyless.output, /must be given with --redis-url.*--key-encryption-file/);
});
