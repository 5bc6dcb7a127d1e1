// SPDX-License-Identifier: Apache-2.0
/** Two real Envoys that get their keys from sds and nothing else, while all of it is replaced. */
import {
  type DenvoySds,
  type Envoy,
  eventually,
  startDenvoySds,
  startEnvoy,
  TempFolder,
} from "../support/mod.ts";
import { Handshakes } from "./handshakes.ts";
import { mutualTlsPair } from "./scene.ts";

/** What an Envoy holds now, by serial numbers. */
interface Held {
  /** The roots that it trusts. */
  readonly roots: readonly string[];
  /** Its own certificate. */
  readonly leaves: readonly string[];
}

interface Certificates {
  readonly ca_cert?: readonly { readonly serial_number: string }[];
  readonly cert_chain?: readonly { readonly serial_number: string }[];
}

async function held({ admin }: Envoy): Promise<Held> {
  const { certificates } = await admin.getJson("/certs") as {
    readonly certificates: readonly Certificates[];
  };
  const serials = (key: keyof Certificates) => [
    ...new Set(certificates.flatMap((each) => each[key] ?? []).map((each) => each.serial_number)),
  ];
  return { roots: serials("ca_cert"), leaves: serials("cert_chain") };
}

/** Takes each step of a root rotation as soon as both Envoys have what the one before gave them. */
async function rotateRoot(
  sds: DenvoySds,
  { envoys, more }: {
    readonly envoys: readonly Envoy[];
    readonly more: (what: string) => Promise<void>;
  },
): Promise<void> {
  const before = await Promise.all(envoys.map(held));
  const until = (what: string, condition: (now: Held, index: number) => boolean) =>
    eventually(async () => (await Promise.all(envoys.map(held))).every(condition), {
      what,
      withinMs: 30_000,
    });
  await sds.call("POST", "/v1/ca/prepare");
  await until("both roots everywhere", ({ roots }) => roots.length === 2);
  await more("requests after prepare");
  await sds.call("POST", "/v1/ca/activate?force=true");
  await until("new certificates", ({ leaves }, index) => leaves[0] !== before[index]?.leaves[0]);
  await more("requests after activate");
  await sds.call("POST", "/v1/ca/retire?force=true");
  await until(
    "the new root alone",
    ({ roots }, index) => roots.length === 1 && roots[0] !== before[index]?.roots[0],
  );
  await more("requests after retire");
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
    await using load = new Handshakes(pair.url);
    const more = async (what: string) => {
      const until = load.succeeded + 50;
      await eventually(() => load.succeeded >= until, { what, withinMs: 60_000 });
    };
    await sds.call("POST", "/v1/rotate/backend");
    await sds.call("POST", "/v1/rotate/frontend");
    await more("requests with new leaves");
    await rotateRoot(sds, { envoys: [server, client], more });
    const { grpcAddress } = sds;
    await sds[Symbol.asyncDispose]();
    await more("requests while sds is away");
    sds = await startDenvoySds({ dataDir: data, sockets, grpcAddress });
    await more("requests after a restart");
    await load.stop();
    await server.admin.ready();
    await client.admin.ready();
  } finally {
    await sds[Symbol.asyncDispose]();
  }
});
