// SPDX-License-Identifier: Apache-2.0
/** Two real Envoys that get their keys from sds and nothing else, while all of it is replaced. */
import assert from "node:assert/strict";
import {
  assertNoFailures,
  type Envoy,
  eventually,
  Load,
  startDenvoySds,
  startEnvoy,
  TempFolder,
} from "../support/mod.ts";
import { mutualTlsPair } from "./scene.ts";

/** Returns the serial numbers of the roots that an Envoy trusts. */
async function trusted({ admin }: Envoy): Promise<readonly string[]> {
  const { certificates } = await admin.getJson("/certs") as {
    readonly certificates: readonly { readonly ca_cert?: readonly { serial_number: string }[] }[];
  };
  const roots = certificates.flatMap(({ ca_cert = [] }) => ca_cert);
  return [...new Set(roots.map(({ serial_number }) => serial_number))];
}

Deno.test("two Envoys talk over mutual TLS through every step of a root rotation, new leaves and a restart", async () => {
  await using folder = await TempFolder.create();
  const data = folder.file("data");
  const socket = folder.file("data/backend.sock");
  const sockets = { backend: socket };
  let sds = await startDenvoySds({ dataDir: data, sockets });
  try {
    const { token: joinToken } = await sds.call("POST", "/v1/tokens", { identity: "frontend" });
    const { token } = await sds.call("POST", "/v1/join", { token: joinToken });
    const pair = mutualTlsPair({
      backend: { address: `unix:${socket}` },
      frontend: { address: sds.grpcAddress, token: String(token), api: "GRPC" },
    });
    await using server = await startEnvoy({ bootstrap: pair.server });
    await using client = await startEnvoy({ bootstrap: pair.client });
    await eventually(async () => {
      const response = await fetch(pair.url);
      return await response.text() === "hello";
    }, { what: "a request over mutual TLS", withinMs: 20_000 });
    await using load = Load.start({ url: pair.url, requestsPerSecond: 200 });
    const more = async (what: string) => {
      const until = load.succeeded + 50;
      await eventually(() => load.succeeded >= until, { what, withinMs: 20_000 });
    };
    const before = await trusted(server);
    await sds.call("POST", "/v1/rotate/backend");
    await sds.call("POST", "/v1/rotate/frontend");
    await more("requests with new leaves");
    for (const step of ["prepare", "activate", "retire"]) {
      await sds.call("POST", `/v1/ca/${step}?force=true`);
      await more(`requests after ${step}`);
    }
    const now = await trusted(server);
    assert.ok(before.length === 1 && now.length === 1 && now[0] !== before[0], `${before} ${now}`);
    const { grpcAddress } = sds;
    await sds[Symbol.asyncDispose]();
    await more("requests while sds is away");
    sds = await startDenvoySds({ dataDir: data, sockets, grpcAddress });
    await more("requests after a restart");
    assertNoFailures(await load.stop());
    await server.admin.ready();
    await client.admin.ready();
  } finally {
    await sds[Symbol.asyncDispose]();
  }
});
