// SPDX-License-Identifier: Apache-2.0
/** Who gets what: every proof and every lack of one, against a running service. */
import assert from "node:assert/strict";
import { generateKeyPairSync, sign } from "node:crypto";
import { join } from "node:path";
import { StatusCode } from "@denvoy/base";
import { type Approach, strangeCa, TestSds } from "./testing.ts";

const { OK, UNAUTHENTICATED, PERMISSION_DENIED, UNAVAILABLE } = StatusCode;
const POLICY = `
grants:
- identity: spiffe://shop/{service}
  secrets: ["{service}-key", shared]
- identity: spiffe://shop/denvoy/ads
  secrets: [ads-key]
on_behalf_of: [spiffe://shop/denvoy/ads]
`;
const SECRETS = `
secrets:
- { name: web-key, issue: { dns_names: [web.shop] } }
- { name: api-key, issue: { dns_names: [api.shop] } }
- { name: ads-key, issue: { dns_names: [ads.shop] } }
- { name: shared, trust: { own_ca: true } }
`;

interface Case extends Approach {
  readonly names: readonly string[];
  readonly expect: StatusCode;
}

async function check(sds: TestSds, cases: Readonly<Record<string, Case>>) {
  for (const [what, { names, expect, ...approach }] of Object.entries(cases)) {
    const before = sds.logger.lines.length;
    const outcome = await sds.fetch(names, approach);
    const code = typeof outcome === "number" ? outcome : OK;
    assert.equal(code, expect, what);
    const lines = sds.logger.lines.slice(before).map(({ message }) => message);
    if (expect === OK) assert.ok(lines.includes("secret granted"), `${what}: no line of the grant`);
    // What the handshake refuses never becomes a call.
    else if (expect !== UNAVAILABLE) {
      const refused = lines.some((line) => / refused$/.test(line));
      assert.ok(refused, `${what}: no line of the refusal`);
    }
    if (typeof outcome === "number") continue;
    assert.deepEqual(outcome.map(({ name }) => name).sort(), [...names].sort(), what);
  }
}

async function folderWith(files: Readonly<Record<string, string>>) {
  const path = await Deno.makeTempDir();
  for (const [name, text] of Object.entries(files)) {
    await Deno.writeTextFile(join(path, name), text, { mode: 0o600 });
  }
  return {
    file: (name: string) => join(path, name),
    [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }),
  };
}

Deno.test("certificates: only known, valid and permitted ones get anything", async () => {
  const ca = await strangeCa();
  const [server, web, ads, nobody] = await Promise.all([
    ca.issue({ dnsNames: ["localhost"] }),
    ca.issue({ spiffeId: "spiffe://shop/web" }),
    ca.issue({ spiffeId: "spiffe://shop/denvoy/ads" }),
    ca.issue({ spiffeId: "spiffe://shop/nested/web" }),
  ]);
  const foreign = await (await strangeCa()).issue({ spiffeId: "spiffe://shop/web" });
  await using folder = await folderWith({
    "server.pem": server.chainPem,
    "server.key": server.keyPem,
    "roots.pem": ca.rootPem,
    "policy.yaml": POLICY,
    "secrets.yaml": SECRETS,
  });
  const keys = ["--tls-cert", folder.file("server.pem"), "--tls-key", folder.file("server.key")];
  await using sds = await TestSds.start([
    ...[...keys, "--client-ca", folder.file("roots.pem")],
    ...["--policy", folder.file("policy.yaml"), "--secrets-file", folder.file("secrets.yaml")],
  ]);
  const as = (cert: { readonly chainPem: string; readonly keyPem: string }) => ({
    tls: {
      serverCa: ca.rootPem,
      serverName: "localhost",
      certificateChain: cert.chainPem,
      privateKey: cert.keyPem,
    },
  });
  await check(sds, {
    ...casesOfWeb({ web: as(web), nobody: as(nobody), foreign: as(foreign), root: ca.rootPem }),
    ...casesOnBehalf({ web: as(web), ads: as(ads) }),
  });
});

/** A workload by its own certificate, and those that are no such workload. */
function casesOfWeb({ web, nobody, foreign, root }: {
  readonly web: Approach;
  readonly nobody: Approach;
  readonly foreign: Approach;
  readonly root: string;
}): Readonly<Record<string, Case>> {
  return {
    "own name by template": { ...web, names: ["web-key"], expect: OK },
    "a shared name": { ...web, names: ["shared", "web-key"], expect: OK },
    "another's name": { ...web, names: ["api-key"], expect: PERMISSION_DENIED },
    "a name that does not exist": { ...web, names: ["nothing"], expect: PERMISSION_DENIED },
    "every name": { ...web, names: ["*"], expect: PERMISSION_DENIED },
    "an identity with one part more": {
      ...nobody,
      names: ["web-key"],
      expect: PERMISSION_DENIED,
    },
    "a foreign certificate": { ...foreign, names: ["web-key"], expect: UNAVAILABLE },
    "no certificate": {
      tls: { serverCa: root, serverName: "localhost" },
      names: ["web-key"],
      expect: UNAVAILABLE,
    },
    "an unknown token beside a certificate": {
      ...web,
      headers: { authorization: "Bearer of-nothing-that-is-known" },
      names: ["web-key"],
      expect: UNAUTHENTICATED,
    },
  };
}

/** ads for a node, and those that may not say whom they speak for. */
function casesOnBehalf({ web, ads }: {
  readonly web: Approach;
  readonly ads: Approach;
}): Readonly<Record<string, Case>> {
  const behalf = (identity: string) => ({
    headers: {
      "x-denvoy-on-behalf-of": identity,
      "x-denvoy-on-behalf-of-certificate": "a1;CN%3Dca",
    },
  });
  return {
    "ads for a node": {
      ...ads,
      ...behalf("spiffe://shop/web"),
      names: ["web-key"],
      expect: OK,
    },
    "ads for a node, another's name": {
      ...ads,
      ...behalf("spiffe://shop/web"),
      names: ["api-key"],
      expect: PERMISSION_DENIED,
    },
    "ads for itself, its own certificate": {
      ...ads,
      names: ["default"],
      expect: PERMISSION_DENIED,
    },
    "ads for itself, its own ID": {
      ...ads,
      names: ["spiffe://shop/denvoy/ads"],
      expect: PERMISSION_DENIED,
    },
    "ads for itself, by a grant": { ...ads, names: ["ads-key"], expect: OK },
    "ads for itself": { ...ads, names: ["web-key"], expect: PERMISSION_DENIED },
    "ads for two at once": {
      ...ads,
      ...behalf("spiffe://shop/web,spiffe://shop/api"),
      names: ["web-key"],
      expect: PERMISSION_DENIED,
    },
    "a node that says it is another": {
      ...web,
      ...behalf("spiffe://shop/api"),
      names: ["api-key"],
      expect: PERMISSION_DENIED,
    },
  };
}

Deno.test("an expired certificate gets nothing", async () => {
  const ageMs = 3 * 86_400_000;
  const old = await strangeCa({ ageMs });
  const [server, expired] = await Promise.all([
    old.issue({ dnsNames: ["localhost"], lifetimeMs: 7 * 86_400_000 }),
    old.issue({ spiffeId: "spiffe://shop/web", lifetimeMs: 86_400_000 }),
  ]);
  await using folder = await folderWith({
    "server.pem": server.chainPem,
    "server.key": server.keyPem,
    "roots.pem": old.rootPem,
    "policy.yaml": POLICY,
  });
  const keys = ["--tls-cert", folder.file("server.pem"), "--tls-key", folder.file("server.key")];
  await using sds = await TestSds.start([
    ...[...keys, "--client-ca", folder.file("roots.pem"), "--policy", folder.file("policy.yaml")],
  ]);
  const tls = {
    serverCa: old.rootPem,
    serverName: "localhost",
    certificateChain: expired.chainPem,
    privateKey: expired.keyPem,
  };
  await check(sds, { "expired": { tls, names: ["web-key"], expect: UNAVAILABLE } });
});

Deno.test("tokens: join tokens are good once, node tokens until they are revoked", async () => {
  await using folder = await folderWith({
    "tokens": "# comment\nspiffe://denvoy.local/batch batch-token-0123456789\n",
  });
  if (Deno.build.os !== "windows") await Deno.chmod(folder.file("tokens"), 0o644);
  await using sds = await TestSds.start(["--caller-tokens", folder.file("tokens")]);
  assert.ok(Deno.build.os === "windows" || /file of caller tokens is open/.test(sds.log()));
  const made = JSON.parse((await sds.call("POST", "/v1/tokens", { identity: "web" })).text);
  const joined = await sds.call("POST", "/v1/join", { token: made.token });
  const { token } = JSON.parse(joined.text);
  const replay = await sds.call("POST", "/v1/join", { token: made.token });
  assert.equal(replay.status, 401);
  assert.match(sds.log(), /caller refused/);
  const bearer = (text: string) => ({ headers: { authorization: `Bearer ${text}` } });
  const web = "spiffe://denvoy.local/web";
  await check(sds, {
    "nothing at all": { names: ["default"], expect: UNAUTHENTICATED },
    "an unknown token": { ...bearer("x".repeat(43)), names: ["default"], expect: UNAUTHENTICATED },
    "a used join token": { ...bearer(made.token), names: ["default"], expect: UNAUTHENTICATED },
    "no bearer token": {
      headers: { authorization: "Basic eDp5" },
      names: ["default"],
      expect: UNAUTHENTICATED,
    },
    "a node token": { ...bearer(token), names: ["default", "ROOTCA"], expect: OK },
    "its own SPIFFE ID": { ...bearer(token), names: [web], expect: OK },
    "another's SPIFFE ID": {
      ...bearer(token),
      names: ["spiffe://denvoy.local/batch"],
      expect: PERMISSION_DENIED,
    },
    "a token of the file": { ...bearer("batch-token-0123456789"), names: ["default"], expect: OK },
    "one who says that it asks for another": {
      headers: { ...bearer(token).headers, "x-denvoy-on-behalf-of": web },
      names: ["default"],
      expect: PERMISSION_DENIED,
    },
  });
  assert.equal((await sds.call("DELETE", "/v1/tokens/web")).status, 200);
  await check(sds, {
    "a revoked token": { ...bearer(token), names: ["default"], expect: UNAUTHENTICATED },
  });
});

Deno.test("JWTs: only those that a known key signed, for us, that are not over", async () => {
  const known = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const other = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const publicKey = known.publicKey.export({ type: "spki", format: "pem" });
  await using folder = await folderWith({ "jwt.pem": String(publicKey) });
  const flags = ["--jwt-keys", folder.file("jwt.pem"), "--jwt-issuer", "tests"];
  await using sds = await TestSds.start(flags);
  const seconds = Math.floor(systemSeconds());
  const claims = {
    ...{ iss: "tests", aud: "denvoy-sds", sub: "spiffe://denvoy.local/web", exp: seconds + 300 },
  };
  const part = (value: unknown) =>
    new TextEncoder().encode(JSON.stringify(value)).toBase64({
      alphabet: "base64url",
      omitPadding: true,
    });
  const jwt = (body: object, { key = known.privateKey, alg = "ES256" } = {}) => {
    const head = `${part({ alg, typ: "JWT" })}.${part({ ...claims, ...body })}`;
    const signature = sign("sha256", new TextEncoder().encode(head), {
      key,
      dsaEncoding: "ieee-p1363",
    });
    const text = new Uint8Array(signature).toBase64({ alphabet: "base64url", omitPadding: true });
    return { headers: { authorization: `Bearer ${head}.${text}` }, names: ["default"] };
  };
  await check(sds, {
    "good": { ...jwt({}), expect: OK },
    "over": { ...jwt({ exp: seconds - 300 }), expect: UNAUTHENTICATED },
    "without an end": { ...jwt({ exp: undefined }), expect: UNAUTHENTICATED },
    "not yet": { ...jwt({ nbf: seconds + 300 }), expect: UNAUTHENTICATED },
    "for others": { ...jwt({ aud: "others" }), expect: UNAUTHENTICATED },
    "of others": { ...jwt({ iss: "others" }), expect: UNAUTHENTICATED },
    "of nobody": { ...jwt({ sub: "" }), expect: UNAUTHENTICATED },
    "signed by another": { ...jwt({}, { key: other.privateKey }), expect: UNAUTHENTICATED },
    "unsigned": { ...jwt({}, { alg: "none" }), expect: UNAUTHENTICATED },
    "with the public key as shared one": { ...jwt({}, { alg: "HS256" }), expect: UNAUTHENTICATED },
  });
});

Deno.test("REST polls get what their token may have, and the policy of the moment counts", async () => {
  await using folder = await folderWith({
    "tokens": "spiffe://denvoy.local/web web-token-0123456789\n",
    "policy.yaml": "own_certificate: false\n",
  });
  const policy = folder.file("policy.yaml");
  const flags = ["--caller-tokens", folder.file("tokens"), "--policy", policy];
  await using sds = await TestSds.start(flags);
  const poll = async (token: string) => {
    const headers = { "content-type": "application/json", authorization: `Bearer ${token}` };
    const body = JSON.stringify({ resource_names: ["default"] });
    const url = `${sds.url}/v3/discovery:secrets`;
    const response = await fetch(url, { method: "POST", headers, body });
    return { status: response.status, text: await response.text() };
  };
  assert.equal((await poll("unknown-token-0123456789")).status, 401);
  assert.equal((await poll("web-token-0123456789")).status, 403);
  await Deno.writeTextFile(policy, "own_certificate: true\n");
  for (let tries = 0; (await poll("web-token-0123456789")).status !== 200; tries++) {
    assert.ok(tries < 500, "the new policy does not count");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  assert.match((await poll("web-token-0123456789")).text, /"name":"default"/);
});

Deno.test("sockets: whoever comes through one is the workload that it belongs to", async () => {
  await using folder = await folderWith({});
  const path = folder.file("web.sock");
  await using sds = await TestSds.start(["--socket", `web=${path}`]);
  const address = `unix:${path}`;
  await check(sds, {
    "through the socket": { address, names: ["default"], expect: OK },
    "another's": { address, names: ["spiffe://denvoy.local/api"], expect: PERMISSION_DENIED },
    "beside it": { names: ["default"], expect: UNAUTHENTICATED },
  });
});

Deno.test("--allow-unauthenticated gives everything, warns, and is refused beyond loopback", async () => {
  await using sds = await TestSds.start(["--allow-unauthenticated"]);
  assert.match(sds.log(), /secrets are given to callers that prove nothing/);
  const [secret] = await sds.fetch(["default"]) as readonly { readonly name: string }[];
  assert.equal(secret?.name, "default");
  for (const flag of ["--grpc-address", "--http-address"]) {
    const flags = ["--allow-unauthenticated", "--insecure", flag, "0.0.0.0:0"];
    await assert.rejects(TestSds.start(flags), /loopback only/, flag);
  }
});

function systemSeconds(): number {
  return Date.now() / 1000;
}
