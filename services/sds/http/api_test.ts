// SPDX-License-Identifier: Apache-2.0
/** The HTTP API against a running service. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { StatusCode } from "@denvoy/base";
import { strangeCa, TestSds } from "../testing.ts";

Deno.test("secrets are put, shown, replaced and removed; what is not made here is not rotated", async () => {
  await using sds = await TestSds.start(["--allow-unauthenticated"]);
  const ca = await strangeCa();
  const [one, two] = [
    await ca.issue({ dnsNames: ["one.example"] }),
    await ca.issue({ dnsNames: ["two.example"] }),
  ];
  const put = async (pair: typeof one) => {
    const body = { certificate: { chain: pair.chainPem, key: pair.keyPem } };
    const answer = await sds.call("PUT", "/v1/secrets/shop/web", body);
    assert.equal(answer.status, 200, answer.text);
    return JSON.parse(answer.text);
  };
  const first = await put(one);
  assert.deepEqual(first.certificate.dnsSans, ["one.example"]);
  assert.equal((await put(one)).version, first.version);
  const second = await put(two);
  assert.notEqual(second.version, first.version);
  assert.equal(second.daysLeft, 1);
  const [served] = await sds.fetch(["shop/web"]) as readonly { readonly name: string }[];
  assert.equal(served?.name, "shop/web");
  const shown = JSON.parse((await sds.call("GET", "/v1/secrets/shop/web")).text);
  assert.equal(shown.source, "api");
  assert.equal((await sds.call("POST", "/v1/rotate/shop/web")).status, 404);
  assert.equal((await sds.call("DELETE", "/v1/secrets/shop/web")).status, 204);
  assert.equal((await sds.call("GET", "/v1/secrets/shop/web")).status, 404);
});

Deno.test("what cannot be done is said with a status and a reason", async () => {
  await using sds = await TestSds.start([]);
  const generic = { generic: { secret: btoa("x") } };
  const table: readonly (readonly [string, string, unknown, number, RegExp])[] = [
    ["PUT", "/v1/secrets/ROOTCA", generic, 400, /comes from elsewhere: ca/],
    ["PUT", "/v1/secrets/a", { secret: {} }, 400, /unknown key.*exactly one of/s],
    ["PUT", "/v1/secrets/a", [], 400, /must be a map/],
    ["PUT", `/v1/secrets/${"a".repeat(513)}`, generic, 400, /at most 512/],
    ["DELETE", "/v1/secrets/ROOTCA", undefined, 404, /was put here/],
    ["GET", "/v1/secrets/nothing", undefined, 404, /no secret has the name/],
    ["POST", "/v1/tokens", {}, 400, /needs `identity`/],
    ["POST", "/v1/tokens", { identity: "Not An Id" }, 400, /SPIFFE ID/],
    ["POST", "/v1/tokens", { identity: "web", ttl: "soon" }, 400, /duration/],
    [
      "POST",
      "/v1/tokens",
      { identity: "web", ttl: "0s" },
      400,
      /from 1 second to 30 days: is 0 ms/,
    ],
    ["POST", "/v1/tokens", { identity: "web", ttl: "31d" }, 400, /from 1 second to 30 days/],
    ["POST", "/v1/tokens", { identity: "web", ttl: "106000000d" }, 400, /from 1 second to 30 days/],
    ["GET", "/v1/tokens", undefined, 200, /"tokens":\s*\[\]/],
    ["POST", "/v1/join", { token: "guess" }, 401, /unknown, over or used/],
    ["POST", "/v1/certificates", { csr: "none" }, 400, /./],
    ["POST", "/v1/certificates/00ff/revoke", undefined, 404, /serial/],
    ["POST", "/v1/ca/activate", undefined, 400, /./],
    ["POST", "/v1/ca/burn", undefined, 404, /no such step/],
    ["POST", "/v1/rotate/nobody", undefined, 404, /no certificate was issued/],
  ];
  for (const [method, path, body, status, expected] of table) {
    const answer = await sds.call(method, path, body);
    assert.equal(answer.status, status, `${method} ${path}: ${answer.text}`);
    assert.match(answer.text, expected, path);
  }
  assert.ok(!sds.log().includes("join token made"));
});

Deno.test("a name of more than 2,048 bytes is refused before it is audited", async () => {
  await using sds = await TestSds.start(["--allow-unauthenticated"]);
  assert.equal(await sds.fetch(["a".repeat(2049)]), StatusCode.INVALID_ARGUMENT);
  assert.equal(await sds.fetch(["ä".repeat(1025)]), StatusCode.INVALID_ARGUMENT);
  assert.ok(!/secret (granted|refused)/.test(sds.log()));
  await sds.fetch(["ä".repeat(1024)]);
  assert.match(sds.log(), /secret (granted|refused)/);
});

Deno.test("the bundle is there for everybody, and changes with each step of a rotation", async () => {
  await using sds = await TestSds.start([]);
  const bundle = async () => {
    const { keys, spiffe_sequence: sequence } = JSON.parse(
      (await sds.call("GET", "/v1/bundle")).text,
    );
    return { count: keys.length, sequence, use: keys[0].use };
  };
  const first = await bundle();
  assert.deepEqual([first.count, first.use], [1, "x509-svid"]);
  for (const [step, count] of [["prepare", 2], ["activate", 2], ["retire", 1]] as const) {
    const { status, text } = await sds.call("POST", `/v1/ca/${step}?force=true`);
    assert.equal(status, 200, text);
    assert.equal((await bundle()).count, count, step);
  }
  assert.ok((await bundle()).sequence > first.sequence);
});

Deno.test("a folder that loses everything at once is not believed", async () => {
  const folder = await Deno.makeTempDir();
  const pair = await (await strangeCa()).issue({ dnsNames: ["web.example"] });
  for (const name of ["web", "api"]) {
    await Deno.mkdir(join(folder, "secrets", name), { recursive: true });
    await Deno.writeTextFile(join(folder, "secrets", name, "tls.crt"), pair.chainPem);
    const key = join(folder, "secrets", name, "tls.key");
    await Deno.writeTextFile(key, pair.keyPem);
    if (Deno.build.os !== "windows") await Deno.chmod(key, 0o644);
  }
  {
    await using sds = await TestSds.start(["--secrets", join(folder, "secrets")]);
    const until = async (condition: () => Promise<boolean>, what: string) => {
      for (let tries = 0; !await condition(); tries++) {
        assert.ok(tries < 1000, `waited for ${what}`);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    };
    const has = async (name: string) =>
      (await sds.call("GET", `/v1/secrets/${name}`)).status === 200;
    assert.ok(await has("web") && await has("api"));
    const told = sds.logger.lines.filter((line) => /key files are open/.test(JSON.stringify(line)));
    assert.equal(told.length, Deno.build.os === "windows" ? 0 : 1);
    await Deno.remove(join(folder, "secrets", "api"), { recursive: true });
    await until(async () => !await has("api"), "one that was taken out");
    await Deno.remove(join(folder, "secrets", "web"), { recursive: true });
    const isTold = async () => /no secret is left/.test((await sds.call("GET", "/readyz")).text);
    await until(isTold, "the others to be missed");
    assert.ok(await has("web"));
  }
  await Deno.remove(folder, { recursive: true });
});
