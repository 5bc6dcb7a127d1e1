// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { TextPattern } from "@denvoy/base";
import { RecordingLogger } from "@denvoy/base/testing";
import { loadTlsFiles } from "../files/tls_files.ts";
import { loadTokenFiles } from "../files/token_files.ts";
import { bodyOf, raw, type ReadAnswer, serve, type ServedApi } from "./testing.ts";

Deno.test("serveApi() lets no web page of another site in", async (t) => {
  await using api = await serve();
  const { address } = api.server;
  const port = address.split(":")[1];
  const get = "GET /v1/things/a/b HTTP/1.1";
  const envoy = "POST /v3/discovery:clusters HTTP/1.1";
  const table: readonly [string, string, number][] = [
    ["loopback IP", `${get}\r\nHost: ${address}`, 200],
    ["localhost", `${get}\r\nHost: localhost:${port}`, 200],
    ["a subdomain of localhost", `${get}\r\nHost: ads.localhost`, 200],
    ["any IP, by which no name was rebound", `${get}\r\nHost: [2001:db8::1]:80`, 200],
    ["configured name", `${get}\r\nHost: ADS.mesh:18001`, 200],
    ["own origin", `${get}\r\nHost: ${address}\r\nOrigin: http://${address}`, 200],
    ["typed by the user", `${get}\r\nHost: ${address}\r\nSec-Fetch-Site: none`, 200],
    ["rebound name", `${get}\r\nHost: evil.example:${port}`, 421],
    [
      "rebound name with its own origin",
      `${get}\r\nHost: evil.example\r\nOrigin: http://evil.example`,
      421,
    ],
    ["name that starts like loopback", `${get}\r\nHost: 127.0.0.1.evil.example`, 421],
    ["malformed host", `${get}\r\nHost: a@b`, 421],
    ["other origin", `${get}\r\nHost: ${address}\r\nOrigin: http://evil.example`, 403],
    [
      "other port is another origin",
      `${get}\r\nHost: ${address}\r\nOrigin: http://127.0.0.1:1`,
      403,
    ],
    ["opaque origin", `${get}\r\nHost: ${address}\r\nOrigin: null`, 403],
    ["other site", `${get}\r\nHost: ${address}\r\nSec-Fetch-Site: cross-site`, 403],
    ["same site, other origin", `${get}\r\nHost: ${address}\r\nSec-Fetch-Site: same-site`, 403],
    ["health too", `GET /healthz HTTP/1.1\r\nHost: evil.example`, 421],
    ["Envoy by its cluster's name", `${envoy}\r\nHost: xds_cluster`, 200],
    [
      "a page that poses as Envoy",
      `${envoy}\r\nHost: evil.example\r\nOrigin: http://evil.example`,
      403,
    ],
  ];
  for (const [name, head, status] of table) {
    await t.step(name, async () => assert.equal((await raw(address, head))[0], status));
  }
});

Deno.test("serveApi() asks for a token where tokens are configured, but not for health", async () => {
  const folder = await Deno.makeTempDir();
  const file = `${folder}/ci-token`;
  await Deno.writeTextFile(file, "# comment\n0123456789abcdef\n");
  const logger = new RecordingLogger();
  await using tokens = await loadTokenFiles([file], { logger, pollMs: 50 });
  await using api = await serve({ tokens });
  const url = `${api.base}/v1/things/a/b`;
  const withToken = (token: string) => ({
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
  });
  assert.equal((await bodyOf(url)).status, 401);
  assert.equal((await bodyOf(url, withToken("wrong"))).status, 401);
  assert.equal((await bodyOf(url, { headers: { authorization: "Basic eDp5" } })).status, 401);
  assert.equal((await bodyOf(url, withToken("0123456789abcdef"))).status, 200);
  assert.equal((await bodyOf(`${api.base}/metrics`)).status, 401);
  assert.equal((await bodyOf(`${api.base}/healthz`)).status, 200);
  const body = { ...withToken("0123456789abcdef"), method: "PUT", body: "{}" };
  assert.match((await bodyOf(url, body)).body, /"by":\{"kind":"token","name":"ci-token"\}/);

  const changed = new Promise((resolve) => tokens.subscribe(resolve));
  await Deno.writeTextFile(file, "fedcba9876543210\n");
  await changed;
  assert.equal((await bodyOf(url, withToken("0123456789abcdef"))).status, 401);
  assert.equal((await bodyOf(url, withToken("fedcba9876543210"))).status, 200);
  await Deno.remove(folder, { recursive: true });
  const host =
    "GET /v1/things/a/b HTTP/1.1\r\nHost: any.name\r\nAuthorization: Bearer fedcba9876543210";
  assert.equal((await raw(api.server.address, host))[0], 200);
});

Deno.test("serveApi() takes the client certificate of an administrator, and of nobody else", async (t) => {
  const folder = new URL("../testdata/", import.meta.url).pathname;
  const paths = {
    cert: `${folder}server.pem`,
    key: `${folder}server.key`,
    clientCa: `${folder}ca.pem`,
  };
  const logger = new RecordingLogger();
  await using tls = await loadTlsFiles(paths, { logger });
  await using files = await TokenFolder.create("0123456789abcdef");
  await using tokens = await loadTokenFiles([files.file], { logger });
  const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
  const admin = ["local*"];
  const all = { thing: 200, poll: 200 };
  const none = { thing: 403, poll: 200 };
  const table: readonly GuardCase[] = [
    { name: "nothing", admin, expect: { thing: 401, poll: 401 } },
    { name: "an administrator", admin, leaf: "client", expect: all },
    { name: "another", admin: ["spiffe://shop/*"], leaf: "client", expect: none },
    { name: "where no administrator is named", admin: [], leaf: "client", expect: none },
    { name: "of other roots", admin, leaf: "intruder", expect: { thing: 401, poll: 401 } },
    {
      name: "another with a token",
      admin: [],
      leaf: "client",
      token: "0123456789abcdef",
      expect: all,
    },
    { name: "a token alone", admin: [], token: "0123456789abcdef", expect: all },
    {
      name: "an unknown token beside the certificate of another",
      admin: [],
      leaf: "client",
      token: "0123456789abcdeF",
      expect: { thing: 401, poll: 401 },
    },
  ];
  for (const { name, admin, leaf, token, expect } of table) {
    await t.step(name, async () => {
      const admins = admin.map((pattern) => new TextPattern(pattern));
      await using api = await serve({ tls, tokens, admins });
      const ask = (method: string, path: string) =>
        overTls(api, { method, path, leaf, headers: token === undefined ? {} : bearer(token) });
      const thing = await ask("GET", "/v1/things/a/b");
      assert.equal(thing.status, expect.thing);
      if (thing.status === 403) assert.match(thing.body, /"PERMISSION_DENIED".*--http-admin/);
      assert.equal((await ask("GET", "/metrics")).status, expect.thing);
      assert.equal((await ask("POST", "/v3/discovery:routes")).status, expect.poll);
      assert.equal((await ask("GET", "/v1/open")).status, 200);
      const components = /"components"/.test((await ask("GET", "/readyz")).body);
      assert.equal(components, expect.thing === 200, "details are for administrators");
    });
  }
});

Deno.test("serveApi() lets an open route judge what it is shown", async () => {
  const folder = new URL("../testdata/", import.meta.url).pathname;
  const logger = new RecordingLogger();
  const paths = {
    cert: `${folder}server.pem`,
    key: `${folder}server.key`,
    clientCa: `${folder}ca.pem`,
  };
  await using tls = await loadTlsFiles(paths, { logger });
  await using files = await TokenFolder.create("0123456789abcdef");
  await using tokens = await loadTokenFiles([files.file], { logger });
  await using api = await serve({ tls, tokens });
  const { status, body } = await overTls(api, {
    ...{ method: "GET", path: "/v1/open", leaf: "client" },
    headers: { authorization: "Bearer of-a-node" },
  });
  assert.equal(status, 200);
  assert.deepEqual(JSON.parse(body), {
    principal: "anonymous",
    authorization: "Bearer of-a-node",
    uriSans: [],
    dnsSans: ["localhost"],
  });
});

interface GuardCase {
  readonly name: string;
  readonly admin: readonly string[];
  readonly leaf?: string;
  readonly token?: string;
  readonly expect: { readonly thing: number; readonly poll: number };
}

class TokenFolder implements AsyncDisposable {
  readonly #path: string;

  private constructor(path: string) {
    this.#path = path;
  }

  static async create(token: string): Promise<TokenFolder> {
    const folder = new TokenFolder(await Deno.makeTempDir());
    await Deno.writeTextFile(folder.file, token);
    return folder;
  }

  get file(): string {
    return `${this.#path}/ci-token`;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Deno.remove(this.#path, { recursive: true });
  }
}

async function overTls(api: ServedApi, { method, path, leaf, headers }: {
  readonly method: string;
  readonly path: string;
  readonly leaf: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
}): Promise<ReadAnswer> {
  const read = (name: string) =>
    Deno.readTextFileSync(new URL(`../testdata/${name}`, import.meta.url));
  const identity = leaf ? { cert: read(`${leaf}.pem`), key: read(`${leaf}.key`) } : {};
  using client = Deno.createHttpClient({ caCerts: [read("ca.pem")], ...identity });
  const port = api.server.address.split(":")[1];
  return await bodyOf(`https://localhost:${port}${path}`, { method, headers, client });
}
