// SPDX-License-Identifier: Apache-2.0
/** Who may administer sds over HTTP, and who is answered a poll there: against a running service. */
import assert from "node:assert/strict";
import { join } from "node:path";
import type { Issued, IssueRequest } from "./domain/certificate_authority.ts";
import { type StrangeCa, strangeCa, TestSds } from "./testing.ts";

const ADMIN_TOKEN = "admin-token-0123456789";
const POLICY = `
grants:
- identity: spiffe://shop/{service}
  secrets: ["{service}-key"]
- identity: legacy.shop
  secrets: [web-key]
`;
const SECRETS = `
secrets:
- { name: web-key, issue: { dns_names: [web.shop] } }
`;

/** sds with client certificates, and what calls its HTTP port. */
class Scene implements AsyncDisposable {
  readonly #folder: string;
  readonly #ca: StrangeCa;
  readonly #sds: TestSds;

  private constructor(parts: {
    readonly folder: string;
    readonly ca: StrangeCa;
    readonly sds: TestSds;
  }) {
    this.#folder = parts.folder;
    this.#ca = parts.ca;
    this.#sds = parts.sds;
  }

  static async start(flags: readonly string[] = []): Promise<Scene> {
    const ca = await strangeCa();
    const server = await ca.issue({ dnsNames: ["localhost"] });
    const folder = await Deno.makeTempDir();
    const file = (name: string) => join(folder, name);
    const files = {
      "server.pem": server.chainPem,
      "server.key": server.keyPem,
      "roots.pem": ca.rootPem,
      "admins": ADMIN_TOKEN,
      "policy.yaml": POLICY,
      "secrets.yaml": SECRETS,
    };
    for (const [name, text] of Object.entries(files)) {
      await Deno.writeTextFile(file(name), text, { mode: 0o600 });
    }
    const sds = await TestSds.start([
      ...["--tls-cert", file("server.pem"), "--tls-key", file("server.key")],
      ...["--client-ca", file("roots.pem"), "--http-token-file", file("admins")],
      ...["--policy", file("policy.yaml"), "--secrets-file", file("secrets.yaml")],
      ...flags,
    ]);
    return new Scene({ folder, ca, sds });
  }

  issue(request: IssueRequest): Promise<Issued> {
    return this.#ca.issue(request);
  }

  async call(path: string, body: unknown, { shows, token }: {
    readonly shows?: Issued;
    readonly token?: string;
  } = {}): Promise<{ readonly status: number; readonly text: string }> {
    const keys = shows === undefined ? {} : { cert: shows.chainPem, key: shows.keyPem };
    using client = Deno.createHttpClient({ caCerts: [this.#ca.rootPem], ...keys });
    const port = new URL(this.#sds.url).port;
    const response = await fetch(`https://localhost:${port}${path}`, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
      },
      body: JSON.stringify(body),
      client,
    });
    return { status: response.status, text: await response.text() };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#sds[Symbol.asyncDispose]();
    await Deno.remove(this.#folder, { recursive: true });
  }
}

Deno.test("a workload's certificate makes no tokens; that of an administrator does", async () => {
  await using scene = await Scene.start(["--http-admin", "spiffe://shop/ops/*"]);
  const [web, ops] = await Promise.all([
    scene.issue({ spiffeId: "spiffe://shop/web" }),
    scene.issue({ spiffeId: "spiffe://shop/ops/ada" }),
  ]);
  const victim = { identity: "victim" };
  const refused = await scene.call("/v1/tokens", victim, { shows: web });
  assert.equal(refused.status, 403);
  assert.match(refused.text, /--http-admin names.*spiffe:\/\/shop\/web/);
  assert.equal((await scene.call("/v1/tokens", victim)).status, 401);
  assert.equal((await scene.call("/v1/tokens", victim, { shows: ops })).status, 200);
  const token = ADMIN_TOKEN;
  assert.equal((await scene.call("/v1/tokens", victim, { shows: web, token })).status, 200);
});

Deno.test("a certificate makes no tokens where no administrator is named", async () => {
  await using scene = await Scene.start();
  const ops = await scene.issue({ spiffeId: "spiffe://shop/ops/ada" });
  assert.equal((await scene.call("/v1/tokens", { identity: "x" }, { shows: ops })).status, 403);
});

Deno.test("a poll is answered by what it shows, whether tokens administer or not", async () => {
  await using scene = await Scene.start();
  const [web, legacy] = await Promise.all([
    scene.issue({ spiffeId: "spiffe://shop/web" }),
    scene.issue({ dnsNames: ["legacy.shop"] }),
  ]);
  const poll = (name: string, shown: Parameters<Scene["call"]>[2]) =>
    scene.call("/v3/discovery:secrets", { resource_names: [name] }, shown);
  assert.equal((await poll("web-key", { shows: web })).status, 200, "by URI");
  assert.equal((await poll("web-key", { shows: legacy })).status, 200, "by DNS name");
  assert.equal((await poll("api-key", { shows: web })).status, 403, "another's name");
  assert.equal((await poll("web-key", {})).status, 401, "nothing shown");
  assert.equal((await poll("web-key", { token: "unknown-0123456789" })).status, 401, "unknown");

  const made = await scene.call("/v1/tokens", { identity: "web" }, { token: ADMIN_TOKEN });
  const joined = await scene.call("/v1/join", { token: JSON.parse(made.text).token });
  const { token } = JSON.parse(joined.text);
  const own = await poll("default", { token });
  assert.equal(
    own.status,
    200,
    "the token of a node is no administrator's, and is for sds to judge",
  );
  assert.match(own.text, /"name":"default"/);
});
