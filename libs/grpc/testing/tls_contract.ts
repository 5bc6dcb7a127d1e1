// SPDX-License-Identifier: Apache-2.0
/**
 * The part of the contract that is about who is who and where: TLS, client certificates, reload,
 * addresses and unix sockets.
 * @module
 */
import { CERTIFICATE_GRACE_MS, StatusCode } from "@denvoy/base";
import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import tls from "node:tls";
import { connectGrpc } from "../client.ts";
import { type CallContext, type GrpcServer, implement, type Peer } from "../port.ts";
import { echoMethods } from "./call_contract.ts";
import { clientTls, readPem, serverTls } from "./certificates.ts";
import type { Contract } from "./contract.ts";
import { bidiEcho, unaryEcho } from "./echo_service.ts";
import { type Harness, hostAndPort, patienceMs, within, withServer } from "./harness.ts";

function peerMethod(peers: Peer[]) {
  return implement(unaryEcho, (request: string, { peer }: CallContext) => {
    peers.push(peer);
    return request;
  });
}

const peers: Contract = {
  "a cleartext peer has its address and no names": async (adapter) => {
    const peers: Peer[] = [];
    await withServer(adapter, { methods: [peerMethod(peers)] }, async ({ server, client }) => {
      assert.match(server.address, /^127\.0\.0\.1:[1-9]\d*$/);
      await client.unary(unaryEcho, "x");
      const { address, ...names } = peers[0] ?? {};
      assert.match(address ?? "", /^127\.0\.0\.1:[1-9]\d*$/);
      assert.deepEqual(names, { uriSans: [], dnsSans: [] });
    });
  },

  "an IPv6 address is written in brackets": async (adapter) => {
    const peers: Peer[] = [];
    const address = { kind: "tcp", hostname: "::1", port: 0 } as const;
    const options = { methods: [peerMethod(peers)], address };
    await withServer(adapter, options, async ({ server, client }) => {
      assert.match(server.address, /^\[::1\]:[1-9]\d*$/);
      await client.unary(unaryEcho, "x");
      assert.match(peers[0]?.address ?? "", /^\[::1\]:[1-9]\d*$/);
    });
  },

  "TLS without client CA asks for no certificate": async (adapter) => {
    const peers: Peer[] = [];
    const options = {
      methods: [peerMethod(peers)],
      tls: serverTls("server"),
      client: { tls: clientTls("client") },
    };
    await withServer(adapter, options, async ({ client }) => {
      await client.unary(unaryEcho, "x");
      const { address: _, ...names } = peers[0] ?? {};
      assert.deepEqual(names, { uriSans: [], dnsSans: [] });
    });
  },

  "an address that is taken is an error": async (adapter) => {
    await withServer(adapter, {}, async ({ server, logger }) => {
      const address = { kind: "tcp", ...hostAndPort(server.address) } as const;
      await assert.rejects(adapter({ address, methods: [], logger }));
    });
  },
};

const clientCertificates: Contract = {
  "mTLS hands the names of the client's certificate to handlers": async (adapter) => {
    const peers: Peer[] = [];
    const options = {
      methods: [peerMethod(peers)],
      tls: serverTls("server", true),
      client: { tls: clientTls("client") },
    };
    await withServer(adapter, options, async ({ client }) => {
      await client.unary(unaryEcho, "x");
      const { address: _, certificate, ...names } = peers[0] ?? {};
      const shown = new X509Certificate(clientTls("client").certificateChain ?? "");
      assert.equal(certificate?.serial, shown.serialNumber.toLowerCase());
      assert.equal(certificate?.issuer, "CN=Denvoy test authority");
      assert.deepEqual(names, {
        uriSans: ["spiffe://denvoy.test/node/envoy-1"],
        dnsSans: ["envoy-1.denvoy.test", "envoy.denvoy.test"],
        subject: "CN=envoy-1,O=Denvoy",
      });
    });
  },

  "mTLS refuses a client without a certificate of the CA": async (adapter) => {
    const options = {
      methods: echoMethods,
      tls: serverTls("server", true),
      client: { tls: clientTls("client") },
    };
    await withServer(adapter, options, async ({ server, client }) => {
      const unavailable = { code: StatusCode.UNAVAILABLE };
      for (const keys of [clientTls(), clientTls("intruder"), undefined]) {
        const own = keys === undefined ? {} : { tls: keys };
        await using stranger = connectGrpc({ address: server.address, ...own });
        await assert.rejects(stranger.unary(unaryEcho, "x", { timeoutMs: 5000 }), unavailable);
      }
      assert.equal(await client.unary(unaryEcho, "x"), "x");
    });
  },

  "a client refuses a server that is not whom it means": async (adapter) => {
    const options = {
      methods: echoMethods,
      tls: serverTls("server"),
      client: { tls: { ...clientTls(), serverName: "denvoy.test" } },
    };
    await withServer(adapter, options, async ({ server, client }) => {
      assert.equal(await client.unary(unaryEcho, "x"), "x");
      for (
        const wrong of [
          { ...clientTls(), serverName: "other.test" },
          { serverCa: readPem("other_ca.pem") },
        ]
      ) {
        await using misled = connectGrpc({ address: server.address, tls: wrong });
        const call = misled.unary(unaryEcho, "x", { timeoutMs: 5000 });
        await assert.rejects(call, { code: StatusCode.UNAVAILABLE });
      }
    });
  },
};

const reload: Contract = {
  "reloadTls() is for connections to come, those that stand go on": async (adapter) => {
    const options = {
      methods: echoMethods,
      tls: serverTls("server", true),
      client: { tls: clientTls("client") },
    };
    await withServer(adapter, options, async ({ server, client }) => {
      const { readable, writable } = new TransformStream<string, string>();
      const writer = writable.getWriter();
      const standing = client.bidiStream(bidiEcho, readable);
      await Promise.all([writer.write("before"), standing.next()]);
      assert.equal(await commonName(server.address), "server-1");
      server.reloadTls(serverTls("server_2", true));
      assert.equal(await commonName(server.address), "server-2");
      const [{ value }] = await Promise.all([standing.next(), writer.write("after")]);
      assert.equal(value, "after");
      await writer.close();
      assert.throws(() =>
        server.reloadTls({ ...serverTls("server", true), certificateChain: "nonsense" })
      );
      assert.equal(await commonName(server.address), "server-2");
    });
  },

  "reloadTls() on a cleartext server throws": async (adapter) => {
    await withServer(adapter, {}, ({ server }) => {
      assert.throws(() => server.reloadTls(serverTls("server")));
      return Promise.resolve();
    });
  },
};

/** The moment at which a test's client certificate ends, and its serial number. */
function shownByClient(): { readonly notAfterMs: number; readonly serial: string } {
  const { validTo, serialNumber } = new X509Certificate(clientTls("client").certificateChain ?? "");
  return { notAfterMs: Date.parse(validTo), serial: serialNumber.toLowerCase() };
}

/** Opens a stream, has `end` end it from elsewhere, and checks with what words that came about. */
async function endsStream(
  { client }: Pick<Harness, "client">,
  { end, message }: { readonly end: () => void; readonly message: RegExp },
): Promise<void> {
  const { readable, writable } = new TransformStream<string, string>();
  const writer = writable.getWriter();
  const standing = client.bidiStream(bidiEcho, readable);
  await Promise.all([writer.write("before"), standing.next()]);
  const over = within("the end of the stream", standing.next());
  end();
  await assert.rejects(over, { code: StatusCode.UNAUTHENTICATED, message });
  await writer.abort().catch(() => {});
}

const ends: Contract = {
  "calls end with the certificate of their client": async (
    adapter,
  ) => {
    let nowMs = Date.now();
    const why: string[] = [];
    const seen: Peer[] = [];
    const options = {
      methods: [
        ...echoMethods.filter(({ definition }) => definition.kind !== "unary"),
        peerMethod(seen),
      ],
      tls: serverTls("server", true),
      client: { tls: clientTls("client") },
      nowMs: () => nowMs,
      observer: countingCertificates(why),
    };
    await withServer(adapter, options, async ({ client }) => {
      await client.unary(unaryEcho, "x");
      nowMs = shownByClient().notAfterMs - 1;
      await client.unary(unaryEcho, "x");
      await endsStream({ client }, {
        end: () => nowMs += CERTIFICATE_GRACE_MS + 1,
        message: /certificate has expired: connect again/,
      });
      nowMs = Date.now();
      await succeeds(() => client.unary(unaryEcho, "x", { timeoutMs: 20_000 }));
      assert.equal(new Set(seen.map(({ address }) => address)).size, 2);
      assert.deepEqual(why, ["expired"]);
    });
  },

  "a client that is revoked is cut off and refused": async (
    adapter,
  ) => {
    const why: string[] = [];
    const methods = echoMethods;
    const tls = serverTls("server", true);
    const options = { methods, tls, observer: countingCertificates(why) };
    const withClient = { ...options, client: { tls: clientTls("client") } };
    await withServer(adapter, withClient, async ({ server, client, logger }) => {
      const { serial } = shownByClient();
      const revoke = (...serials: readonly string[]) => {
        const revoked = { has: (id: { readonly serial: string }) => serials.includes(id.serial) };
        server.reloadTls({ ...tls, revoked });
      };
      revoke("another");
      assert.equal(await client.unary(unaryEcho, "x"), "x");
      await endsStream({ client }, { end: () => revoke(serial), message: /is revoked/ });
      await assert.rejects(callOnce(server), { code: StatusCode.UNAVAILABLE });
      assert.match(JSON.stringify(logger.lines), new RegExp(`refused as.*revoked.*${serial}`));
      server.reloadTls(tls);
      await succeeds(() => callOnce(server));
      assert.equal(why[0], "revoked");
      assert.ok(why.slice(1).every((each) => each === "refused") && why.length > 1, why.join());
    });
  },
};

/** A call may still go out on a connection that is being given up, and a client may wait after that. */
async function succeeds(call: () => Promise<unknown>): Promise<void> {
  const endMs = performance.now() + patienceMs;
  for (;;) {
    try {
      return void await call();
    } catch (error) {
      if (performance.now() > endMs) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

/** Calls over a connection of its own. */
async function callOnce({ address }: GrpcServer): Promise<string> {
  await using client = connectGrpc({ address, tls: clientTls("client") });
  return await client.unary(unaryEcho, "x", { timeoutMs: 20_000 });
}

function countingCertificates(why: string[]) {
  return {
    connectionOpened() {},
    connectionEnded() {},
    connectionRefused() {},
    certificateEnded: (each: string) => void why.push(each),
  };
}

/** Returns the common name of the certificate that a new connection is shown. */
async function commonName(address: string): Promise<string | undefined> {
  const { hostname: host, port } = hostAndPort(address);
  const socket = tls.connect({
    host,
    port,
    ca: readPem("ca.pem"),
    cert: readPem("client.pem"),
    key: readPem("client.key"),
    ALPNProtocols: ["h2"],
  });
  const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once("secureConnect", resolve);
      socket.once("error", reject);
    });
    assert.equal(socket.alpnProtocol, "h2");
    return socket.getPeerCertificate().subject.CN?.toString();
  } finally {
    socket.destroy();
    await closed;
  }
}

const unixSockets: Contract = {
  "a unix socket serves, over one left behind too, and is removed": async (adapter) => {
    const folder = await Deno.makeTempDir({ prefix: "denvoy-grpc-" });
    const path = `${folder}/grpc.sock`;
    const address = { kind: "unix", path } as const;
    try {
      Deno.listen({ transport: "unix", path }).close();
      const peers: Peer[] = [];
      const methods = [peerMethod(peers)];
      await withServer(adapter, { methods, address }, async ({ server, client, logger }) => {
        assert.equal(server.address, `unix:${path}`);
        assert.equal(await client.unary(unaryEcho, "x"), "x");
        assert.equal(peers[0]?.address, `unix:${path}`);
        await assert.rejects(adapter({ address, methods: [], logger }));
      });
      await assert.rejects(Deno.lstat(path), Deno.errors.NotFound);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
};

/** Who is who, and where. */
export const tlsContract: Contract = {
  ...{ ...peers, ...clientCertificates, ...ends, ...reload, ...unixSockets },
};
