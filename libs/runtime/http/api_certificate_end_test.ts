// SPDX-License-Identifier: Apache-2.0
/** What a client certificate is worth on the HTTP port once it is revoked or over. */
import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import {
  CERTIFICATE_GRACE_MS,
  type CertificateId,
  type RevokedCertificates,
  TextPattern,
} from "@denvoy/base";
import { FakeClock } from "@denvoy/base/testing";
import type { TlsFiles } from "../files/tls_files.ts";
import type { TlsMaterial } from "../tls_material.ts";
import { json } from "./api/response.ts";
import { type AnyRoute, route } from "./api/route.ts";
import { bodyOf, serve, type ServedApi } from "./testing.ts";

const folder = new URL("../testdata/", import.meta.url).pathname;

function read(name: string): string {
  return Deno.readTextFileSync(folder + name);
}

/** Keys that the test replaces. */
class HeldTls implements TlsFiles {
  readonly #listeners = new Set<(material: TlsMaterial) => void>();
  #revoked: RevokedCertificates | undefined;

  get current(): TlsMaterial {
    return {
      certificateChain: read("server.pem"),
      privateKey: read("server.key"),
      clientCa: read("ca.pem"),
      ...(this.#revoked !== undefined && { revoked: this.#revoked }),
    };
  }

  get listsEndMs(): undefined {
    return undefined;
  }

  refuse(): () => void {
    return () => {};
  }

  subscribe(listener: (material: TlsMaterial) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  revoke(...names: readonly string[]): void {
    const serials = names.map((name) => shown(name).serial);
    this.#revoked = { has: ({ serial }: CertificateId) => serials.includes(serial) };
    for (const listener of this.#listeners) listener(this.current);
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

function shown(name: string): { readonly serial: string; readonly notAfterMs: number } {
  const { serialNumber, validTo } = new X509Certificate(read(`${name}.pem`));
  const serial = serialNumber.toLowerCase().replace(/^0+/, "");
  return { serial, notAfterMs: Date.parse(validTo) };
}

/** A route that is not answered before `answer` resolves. */
function slowRoute(asked: () => void, answer: Promise<void>): AnyRoute {
  return route({
    method: "GET",
    path: "/v1/slow",
    summary: "Waits.",
    responses: { 200: { doc: "Done." } },
    async handle() {
      asked();
      await answer;
      return json({});
    },
  });
}

function openRoute(): AnyRoute {
  return route({
    method: "GET",
    path: "/v1/open",
    summary: "Is for everybody.",
    access: "open",
    responses: { 200: { doc: "Done." } },
    handle: () => json({}),
  });
}

function clientOf(name?: string): Deno.HttpClient {
  const keys = name === undefined ? {} : { cert: read(`${name}.pem`), key: read(`${name}.key`) };
  return Deno.createHttpClient({ caCerts: [read("ca.pem")], ...keys });
}

function urlOf({ server }: ServedApi, path: string): string {
  return `https://localhost:${server.address.split(":")[1]}${path}`;
}

const admins = [new TextPattern("localhost")];

Deno.test("serveApi() refuses a revoked certificate, whatever it asks for, and closes what it has open", async () => {
  await using tls = new HeldTls();
  const asked = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<void>();
  const routes = [slowRoute(asked.resolve, answer.promise), openRoute()];
  await using api = await serve({ tls, admins, routes });
  using admin = clientOf("client");
  using other = clientOf("nameless");
  using nobody = clientOf();
  const slow = fetch(urlOf(api, "/v1/slow"), { client: admin });
  await asked.promise;
  tls.revoke("nameless");
  const ask = (client: Deno.HttpClient, path: string) => bodyOf(urlOf(api, path), { client });
  assert.equal((await ask(admin, "/v1/open")).status, 200);
  assert.equal((await ask(other, "/v1/open")).status, 401);
  tls.revoke("client");
  await assert.rejects(slow, "the request that was open is over");
  for (const path of ["/v1/slow", "/v1/open", "/metrics", "/healthz"]) {
    const { status, body } = await ask(admin, path);
    assert.equal(status, 401, path);
    const { serial } = shown("client");
    assert.match(body, new RegExp(`"UNAUTHENTICATED".*client certificate ${serial} is revoked`));
  }
  assert.equal((await ask(other, "/v1/open")).status, 200);
  assert.equal((await ask(nobody, "/healthz")).status, 200);
  answer.resolve();
});

Deno.test("serveApi() closes what is open when the client's certificate ends", async () => {
  await using tls = new HeldTls();
  const asked = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<void>();
  const clock = new FakeClock(shown("client").notAfterMs - 3_600_000);
  await using api = await serve({
    ...{ tls, admins, clock },
    routes: [slowRoute(asked.resolve, answer.promise)],
  });
  using admin = clientOf("client");
  let isOver = false;
  const slow = fetch(urlOf(api, "/v1/slow"), { client: admin }).finally(() => isOver = true);
  await asked.promise;
  clock.advance(3_500_000);
  assert.equal(api.server.connections, 1);
  assert.equal(isOver, false);
  clock.advance(100_000 + CERTIFICATE_GRACE_MS + 1_000);
  await assert.rejects(slow);
  answer.resolve();
});
