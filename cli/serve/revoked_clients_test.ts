// SPDX-License-Identifier: Apache-2.0
/** Revoked client certificates open neither port of any service that is given the lists. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { StatusCode, StatusError } from "@denvoy/base";
import { connectGrpc } from "@denvoy/grpc";
import { serviceMethods } from "@denvoy/proto";
import type { ServiceHandle } from "@denvoy/runtime";
import { type StrangeCa, strangeCa } from "@denvoy/sds/testing";
import { services } from "./services.ts";

const { Check } = serviceMethods("grpc.health.v1.Health");

type Issued = Awaited<ReturnType<StrangeCa["issue"]>>;

/** A folder with these files, for as long as the test. */
async function folderWith(files: Readonly<Record<string, string>>) {
  const path = await Deno.makeTempDir();
  for (const [name, text] of Object.entries(files)) {
    await Deno.writeTextFile(join(path, name), text, { mode: 0o600 });
  }
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

/** Starts a service of this process that knows an administrator and refuses whom the lists name. */
async function startWith(service: string, folder: string): Promise<ServiceHandle> {
  const servable = services.find(({ schema }) => schema.service === service);
  const file = (name: string) => join(folder, name);
  const prepared = servable?.prepare({
    args: [
      ...["--grpc-address", "127.0.0.1:0", "--http-address", "127.0.0.1:0"],
      ...["--tls-cert", file("server.pem"), "--tls-key", file("server.key")],
      ...["--client-ca", file("roots.pem"), "--tls-crl", file("crl.pem")],
      ...["--http-admin", "spiffe://shop/ops/*", "--log-level", "error"],
      ...(service === "rls"
        ? ["--limits", file("limits.yaml"), "--debug-address", "127.0.0.1:0"]
        : []),
      ...(service === "rls" ? [] : ["--data-dir", ":memory:"]),
    ],
    env: {},
    readFile: () => undefined,
  });
  if (prepared?.kind === "ready") return await prepared.start();
  throw new TypeError(`Cannot start ${service}: ${JSON.stringify(prepared)}`);
}

/** What a certificate gets from both ports: the status of HTTP, and the code of gRPC. */
async function getsFrom(
  { addresses: { http = "", grpc = "" } }: ServiceHandle,
  { chainPem: cert, keyPem: key }: Issued,
  { rootPem }: Pick<StrangeCa, "rootPem">,
): Promise<readonly [number, number]> {
  using client = Deno.createHttpClient({ caCerts: [rootPem], cert, key });
  const url = `https://localhost:${http.split(":").at(-1)}/metrics`;
  const response = await fetch(url, { client });
  await response.body?.cancel();
  const tls = { serverCa: rootPem, certificateChain: cert, privateKey: key };
  await using calls = connectGrpc({ address: grpc, tls: { ...tls, serverName: "localhost" } });
  const code = await calls.unary(Check, { service: "" }, { timeoutMs: 10_000 })
    .then(() => StatusCode.OK, (error) => StatusError.from(error).code);
  return [response.status, code];
}

Deno.test("no port of any service is open to a certificate that is on a list", async (t) => {
  const ca = await strangeCa();
  const [server, good, bad] = await Promise.all([
    ca.issue({ dnsNames: ["localhost"], ipAddresses: ["127.0.0.1"] }),
    ca.issue({ spiffeId: "spiffe://shop/ops/ada" }),
    ca.issue({ spiffeId: "spiffe://shop/ops/eve" }),
  ]);
  await ca.revoke(bad);
  await using folder = await folderWith({
    "server.pem": server.chainPem,
    "server.key": server.keyPem,
    "roots.pem": ca.rootPem,
    "crl.pem": await ca.lists(),
    "limits.yaml": "domain: none\n",
  });
  for (const { schema: { service } } of services) {
    await t.step(service, async () => {
      await using handle = await startWith(service, folder.path);
      assert.deepEqual(await getsFrom(handle, good, ca), [200, StatusCode.OK]);
      assert.deepEqual(await getsFrom(handle, bad, ca), [401, StatusCode.UNAVAILABLE]);
    });
  }
});
