// SPDX-License-Identifier: Apache-2.0
/** What may be sent to an Envoy, and what is told of each thing that may not. @module */
import assert from "node:assert/strict";
import { formatProblem } from "@denvoy/base";
import { signCrl } from "./ca/crl_writer.ts";
import { caExtensions, keyIdOf } from "./ca/extensions.ts";
import { craft, type Crafted, testNowMs, testReader } from "./ca/testing.ts";
import { nodePrimitives } from "../adapters/node_primitives.ts";
import { writePem } from "./pem.ts";
import { checkSecret } from "./secret_check.ts";
import type { SecretMaterial, TlsCertificateMaterial } from "./secret_material.ts";

const DAY = 86_400_000;
const options = { nowMs: testNowMs, x509: testReader };
const caProfile = { pathLength: 1, trustDomain: "test", subjectKeyId: new Uint8Array(20) };
const leafNames = { spiffeId: "spiffe://test/cart", dnsNames: ["cart.test"] };

const root = await craft({ name: "root" });
const middle = await craft({ name: "middle", issuer: root, pathLength: 0 });
const leaf = await craft({ name: "leaf", issuer: middle, leaf: leafNames });
const other = await craft({ name: "other" });

function pair(chain: readonly Crafted[], key: Crafted | undefined = chain[0]): SecretMaterial {
  const chainPem = chain.map(({ pem }) => pem).join("");
  return { kind: "tls-certificate", chainPem, keyPem: key?.keyPem ?? "" };
}

function bundle(pem: string, crlPem?: string): SecretMaterial {
  const crl = crlPem === undefined ? {} : { crlPem };
  return { kind: "validation-context", bundlePem: pem, sanMatchers: [], ...crl };
}

async function crlOf(
  issuer: Crafted,
  { from = -DAY, to = DAY, signer = issuer } = {},
): Promise<string> {
  const keyId = keyIdOf(issuer.key.spki, nodePrimitives);
  const der = await signCrl({ subjectDer: issuer.name, keyId, key: signer.key }, {
    revocations: [{
      serial: "abc",
      revokedAtMs: 0,
      reason: "keyCompromise",
      notAfterMs: testNowMs,
    }],
    nowMs: testNowMs + from,
    nextUpdateMs: testNowMs + to,
  });
  return writePem("X509 CRL", der);
}

const good: readonly (readonly [string, SecretMaterial])[] = [
  ["a chain without its root", pair([leaf, middle])],
  ["a chain with its root", pair([leaf, middle, root])],
  ["a leaf alone", pair([leaf])],
  ["a P-384 pair", pair([await craft({ keyType: "ec-p384", issuer: root, leaf: leafNames })])],
  ["an Ed25519 pair", pair([await craft({ keyType: "ed25519", issuer: root, leaf: leafNames })])],
  ["an RSA-2048 pair", pair([await craft({ keyType: "rsa-2048", issuer: root, leaf: leafNames })])],
  ["a chain under an Ed25519 root", pair(await under("ed25519"))],
  ["a chain under an RSA root", pair(await under("rsa-2048"))],
  ["a bundle of two roots", bundle(root.pem + other.pem)],
  ["a bundle with one root that has ended", bundle(root.pem + (await craft({ toMs: -1 })).pem)],
  ["a bundle with lists", bundle(root.pem, await crlOf(root) + await crlOf(middle))],
  ["ticket keys", { kind: "session-ticket-keys", keys: [new Uint8Array(80)] }],
  ["a generic secret", { kind: "generic", secret: Uint8Array.of(1) }],
  ["named generic secrets", { kind: "generic", secrets: new Map([["a", Uint8Array.of(1)]]) }],
];

async function under(keyType: "ed25519" | "rsa-2048"): Promise<readonly Crafted[]> {
  const issuer = await craft({ keyType, name: keyType });
  return [await craft({ issuer, leaf: leafNames }), issuer];
}

for (const [name, material] of good) {
  Deno.test(`checkSecret() takes ${name}`, () => {
    const checked = checkSecret(material, options);
    assert.ok(checked.ok, JSON.stringify(checked));
    assert.equal(checked.value.facts.kind, material.kind);
  });
}

const forged = await craft({ name: "leaf", issuer: middle, signedBy: other, leaf: leafNames });
const noCa = await craft({ name: "no ca", issuer: root, leaf: { dnsNames: ["ca.test"] } });
const cutOff = leaf.pem.slice(0, 200);
const cutWithin = writePem("CERTIFICATE", leaf.der.subarray(0, 100));

const bad: readonly (readonly [string, SecretMaterial, RegExp])[] = [
  ["another's key", pair([leaf, middle], other), /key: .*must belong to the first certificate/],
  ["a wrong order", pair([middle, leaf], middle), /must be the issuer of the one before it/],
  ["a missing link", pair([leaf, root]), /"CN=middle,O=Test" \(its issuer is missing\)/],
  ["root before middle", pair([leaf, root, middle]), /the order is leaf first.*is certificate 3/],
  ["a forged signature", pair([forged, middle]), /its key must have signed the one before it/],
  [
    "an issuer that is no CA",
    pair([await craft({ issuer: noCa, leaf: leafNames }), noCa]),
    /must be a CA/,
  ],
  [
    "too long a path",
    pair(await longPath()),
    /at most 0 CAs may stand between it and the leaf: there are 1/,
  ],
  [
    "an ended leaf",
    pair([await craft({ leaf: leafNames, toMs: -1 })]),
    /must not have expired: did so 2025-12-31T23:59:59/,
  ],
  [
    "a leaf of tomorrow",
    pair([await craft({ leaf: leafNames, fromMs: DAY })]),
    /must be valid already: is from 2026-01-02/,
  ],
  [
    "an ended intermediate",
    pair([leaf, await craft({ name: "middle", issuer: root, toMs: -1 })]),
    /certificate 2 \("CN=middle,O=Test"\) as it must not have expired/,
  ],
  [
    "an SVID with two IDs' worth of rules broken",
    pair([await craft({ leaf: { spiffeId: "spiffe://test/a//b" } })]),
    /an SVID must have a good SPIFFE ID/,
  ],
  [
    "a cut off chain",
    material({ chainPem: cutOff, keyPem: leaf.keyPem }),
    /chain: cannot read PEM.*cut off/,
  ],
  [
    "cut off DER",
    material({ chainPem: cutWithin, keyPem: leaf.keyPem }),
    /each must be X.509: number 1 is not/,
  ],
  [
    "an empty chain",
    material({ chainPem: "", keyPem: leaf.keyPem }),
    /1 to 10 in PEM: there are 0/,
  ],
  [
    "a key in the chain",
    material({ chainPem: leaf.pem + leaf.keyPem, keyPem: leaf.keyPem }),
    /nothing else may stand beside them: "PRIVATE KEY"/,
  ],
  [
    "an empty key",
    material({ chainPem: leaf.pem, keyPem: "" }),
    /key: .*without a passphrase: cannot be read/,
  ],
  [
    "a cut off key",
    material({ chainPem: leaf.pem, keyPem: leaf.keyPem.slice(0, 80) }),
    /cannot be read/,
  ],
  [
    "junk as staple",
    material({ chainPem: leaf.pem, keyPem: leaf.keyPem, ocspStaple: Uint8Array.of(1, 2) }),
    /ocsp: .*successful OCSP response/,
  ],
  ["an empty bundle", bundle(""), /1 to 1000 in PEM: there are 0/],
  ["a bundle that is no PEM", bundle("garbage"), /there are 0/],
  [
    "a bundle whose roots have all ended",
    bundle((await craft({ toMs: -1 })).pem),
    /one certificate of it must be valid now: of 1 none is/,
  ],
  ["an ended list", bundle(root.pem, await crlOf(root, { to: -1 })), /crl: .*must not have ended/],
  [
    "a list of tomorrow",
    bundle(root.pem, await crlOf(root, { from: DAY, to: 2 * DAY })),
    /must be valid already/,
  ],
  [
    "a list that another signed",
    bundle(root.pem, await crlOf(root, { signer: other })),
    /key of its issuer must have signed it/,
  ],
  [
    "a root without list",
    bundle(root.pem + other.pem, await crlOf(root)),
    /each CA must have one: .*CN=other.*only_verify_leaf_cert_crl/,
  ],
  [
    "junk as list",
    bundle(root.pem, root.pem),
    /each must be "X509 CRL": number 1 is "CERTIFICATE"/,
  ],
  ["no ticket keys", { kind: "session-ticket-keys", keys: [] }, /tickets: .*there are 0/],
  ["a generic secret without value", { kind: "generic" }, /it must have a value/],
  ["an empty generic secret", { kind: "generic", secret: new Uint8Array() }, /must not be empty/],
  [
    "a nameless value",
    { kind: "generic", secrets: new Map([["", Uint8Array.of(1)]]) },
    /must have a name/,
  ],
];

function material(parts: Omit<TlsCertificateMaterial, "kind">): SecretMaterial {
  return { kind: "tls-certificate", ...parts };
}

async function longPath(): Promise<readonly Crafted[]> {
  const top = await craft({ name: "top", pathLength: 0 });
  const between = await craft({ name: "between", issuer: top });
  return [await craft({ issuer: between, leaf: leafNames }), between, top];
}

for (const [name, secret, expected] of bad) {
  Deno.test(`checkSecret() refuses ${name}, without quoting a key`, () => {
    const checked = checkSecret(secret, options);
    assert.ok(!checked.ok);
    const text = checked.error.map(formatProblem).join("\n");
    assert.match(text, expected);
    const body = leaf.keyPem.split("\n")[1] ?? "";
    assert.ok(!text.includes(body.slice(0, 16)));
  });
}

Deno.test("checkSecret() names the file and the line of a part", () => {
  const chainPem = `# shop\n${leaf.pem}${root.pem}`;
  const places = { chain: "/secrets/tls.crt" };
  const checked = checkSecret(material({ chainPem, keyPem: leaf.keyPem }), { ...options, places });
  assert.ok(!checked.ok);
  const [problem] = checked.error;
  assert.equal(problem?.file, "/secrets/tls.crt");
  assert.equal(problem?.line, 2 + leaf.pem.split("\n").length - 1);
});

const matchers: readonly (readonly [string, RegExp | undefined])[] = [
  ["spiffe://[a-z]+/.*", undefined],
  ["", /is empty/],
  ["(?!a)b", /must be RE2/],
  ["(a)\\1", /must be RE2/],
  ["(", /must be a regular expression/],
];

for (const [value, expected] of matchers) {
  Deno.test(`checkSecret() ${expected === undefined ? "takes" : "refuses"} pattern "${value}"`, () => {
    const checked = checkSecret({
      kind: "validation-context",
      bundlePem: root.pem,
      sanMatchers: [{ sanType: "URI", match: "regex", value }],
    }, options);
    if (expected === undefined) assert.ok(checked.ok);
    else assert.match(checked.ok ? "" : checked.error[0]?.message ?? "", expected);
  });
}

const nameless = await craft({ extensions: caExtensions(caProfile).slice(0, 3) });

const warnings: readonly (readonly [string, SecretMaterial, RegExp])[] = [
  [
    "a life that is nearly over",
    pair([await craft({ leaf: leafNames, fromMs: -20 * DAY, toMs: DAY })]),
    /expires in 1.0 days/,
  ],
  ["a leaf that is a CA", pair([nameless]), /may sign other certificates/],
  ["a root twice", bundle(root.pem + root.pem), /is the same as number 1/],
  ["a trusted leaf", bundle(root.pem + leaf.pem), /is no CA/],
];

for (const [name, secret, expected] of warnings) {
  Deno.test(`checkSecret() warns of ${name}`, () => {
    const checked = checkSecret(secret, options);
    assert.ok(checked.ok, JSON.stringify(checked));
    assert.match(checked.value.warnings.map(formatProblem).join("\n"), expected);
  });
}

Deno.test("checkSecret() warns that lists count for nothing beside bundles of trust domains", async () => {
  const checked = checkSecret({
    kind: "validation-context",
    bundlePem: root.pem,
    crlPem: await crlOf(root),
    sanMatchers: [],
    trustDomains: [{ trustDomain: "test", bundlePem: root.pem }],
  }, options);
  assert.ok(checked.ok, JSON.stringify(checked));
  const text = checked.value.warnings.map(formatProblem).join("\n");
  assert.match(text, /Envoy does not look at revocation lists where bundles/);
});

Deno.test("checkSecret() refuses two bundles of one trust domain, and bad names", () => {
  const trustDomains = ["a", "a", "B"].map((trustDomain) => ({ trustDomain, bundlePem: root.pem }));
  const checked = checkSecret({
    kind: "validation-context",
    bundlePem: root.pem,
    sanMatchers: [],
    trustDomains,
  }, options);
  assert.ok(!checked.ok);
  const text = checked.error.map(formatProblem).join("\n");
  assert.match(text, /bundle of "B".*lower-case/);
  assert.match(text, /each trust domain must have one: a has two/);
});
