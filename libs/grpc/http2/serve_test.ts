// SPDX-License-Identifier: Apache-2.0
/** What our own HTTP/2 server keeps beyond the contract of all servers: batches, bounds, counters. */
import { StatusCode, StatusError } from "@denvoy/base";
import { RecordingLogger } from "@denvoy/base/testing";
import assert from "node:assert/strict";
import { connectGrpc } from "../client.ts";
import {
  type ConnectionReport,
  implement,
  implementBatch,
  type ServerLimits,
  type ServerObserver,
} from "../port.ts";
import { echoMethods } from "../testing/call_contract.ts";
import { bidiEcho, expandEcho, textCodec, unaryEcho } from "../testing/echo_service.ts";
import { hostAndPort, loopback, until, withServer } from "../testing/harness.ts";
import { RawPeer } from "../testing/raw_peer.ts";
import { CLIENT_PREFACE } from "./frame.ts";
import { serveHttp2 } from "./serve.ts";
import { concat, ping, request, reset, settings, windowUpdate, zeros } from "./testing.ts";

const unaryPath = `/${unaryEcho.service}/${unaryEcho.method}`;

class CountingObserver implements ServerObserver {
  opened = 0;
  refused = 0;
  readonly ended: ConnectionReport[] = [];

  connectionOpened(): void {
    this.opened++;
  }

  connectionEnded(report: ConnectionReport): void {
    this.ended.push(report);
  }

  connectionRefused(): void {
    this.refused++;
  }
}

interface Observed {
  readonly address: string;
  readonly observer: CountingObserver;
}

async function withObserved(
  limits: Partial<ServerLimits>,
  body: (observed: Observed) => Promise<void>,
): Promise<void> {
  const observer = new CountingObserver();
  const options = { address: loopback, methods: echoMethods, limits, observer };
  const server = await serveHttp2({ ...options, logger: new RecordingLogger() });
  try {
    await body({ address: server.address, observer });
  } finally {
    await server.drain(0);
  }
}

Deno.test("serveHttp2() hands calls that arrive together to a batch handler", async () => {
  const sizes: number[] = [];
  const method = implementBatch(unaryEcho, (requests: readonly string[], contexts) => {
    sizes.push(requests.length);
    assert.equal(contexts.length, requests.length);
    return requests.map((text, at) => {
      if (text === "bad") return new StatusError(StatusCode.NOT_FOUND, "no such text");
      contexts[at]?.setTrailer("x-at", String(at));
      return text === "later" ? Promise.resolve(text) : text;
    });
  });
  await withServer(serveHttp2, { methods: [method] }, async ({ server, client }) => {
    assert.equal(await client.unary(unaryEcho, "alone"), "alone");
    assert.equal(await client.unary(unaryEcho, "later"), "later");
    await assert.rejects(client.unary(unaryEcho, "bad"), { code: StatusCode.NOT_FOUND });
    sizes.length = 0;
    await using peer = await RawPeer.connect(server.address);
    const body = concat(zeros(4), Uint8Array.of(1, 65));
    const calls = Array.from({ length: 50 }, (_, at) => unaryCall(at * 2 + 1, body));
    await peer.sendBytes(concat(...calls));
    await until("all are answered", () => [1, 99].every((id) => peer.ended(id)));
    assert.equal(sizes.reduce((total, size) => total + size), 50);
    assert.ok(sizes.length < 10, `batches of ${sizes}`);
  });
});

Deno.test("serveHttp2() fails the calls of a batch handler that throws or forgets some", async () => {
  const thrower = implementBatch(unaryEcho, (): string[] => {
    throw new StatusError(StatusCode.UNAVAILABLE, "not now");
  });
  await withServer(serveHttp2, { methods: [thrower] }, async ({ client }) => {
    await assert.rejects(client.unary(unaryEcho, "x"), { code: StatusCode.UNAVAILABLE });
  });
  await withServer(
    serveHttp2,
    { methods: [implementBatch(unaryEcho, (): string[] => [])] },
    async ({ client }) => {
      await assert.rejects(client.unary(unaryEcho, "x"), { code: StatusCode.INTERNAL });
    },
  );
});

Deno.test("serveHttp2() counts connections and says how each ended", async () => {
  await withObserved({ maxConnections: 1 }, async ({ address, observer }) => {
    using client = connectGrpc({ address });
    assert.equal(await client.unary(unaryEcho, "x"), "x");
    await using second = await RawPeer.connect(address, { silent: true });
    await until("the second is refused", () => second.closed);
    assert.deepEqual([observer.opened, observer.refused], [1, 1]);
    client.close();
    await until("the first has ended", () => observer.ended.length === 1);
    assert.equal(observer.ended[0]?.code, "NO_ERROR");
  });
});

interface Breach {
  readonly limits: Partial<ServerLimits>;
  readonly attack: (peer: RawPeer) => Promise<unknown>;
  readonly report: ConnectionReport;
  readonly silent?: boolean;
}

const breaches: Readonly<Record<string, Breach>> = {
  "a connection that says nothing": {
    limits: { handshakeTimeoutMs: 50 },
    attack: () => Promise.resolve(),
    report: { code: "SETTINGS_TIMEOUT", reason: "no preface in time" },
    silent: true,
  },
  "a connection without calls": {
    limits: { maxConnectionIdleMs: 50, connectionGraceMs: 100 },
    attack: () => Promise.resolve(),
    report: { code: "NO_ERROR", reason: "connection too old" },
  },
  "a connection that grows old under a call": {
    limits: { maxConnectionAgeMs: 50, connectionGraceMs: 50 },
    attack: (peer) => peer.open(`/${bidiEcho.service}/${bidiEcho.method}`),
    report: { code: "NO_ERROR", reason: "connection too old" },
  },
  "a peer that answers no ping": {
    limits: { keepaliveIntervalMs: 30, keepaliveTimeoutMs: 30 },
    attack: () => Promise.resolve(),
    report: { code: "NO_ERROR", reason: "keepalive timed out" },
  },
  "rapid resets": {
    limits: { maxResetsPerSecond: 10 },
    attack: (peer) =>
      peer.sendBytes(concat(...Array.from(
        { length: 200 },
        (_, at) => concat(request(at * 2 + 1), reset(at * 2 + 1)),
      ))),
    report: { code: "ENHANCE_YOUR_CALM", reason: "too many of kind reset" },
  },
  "pings without end": {
    limits: { maxPingsPerSecond: 5 },
    attack: (peer) => peer.sendBytes(concat(...Array.from({ length: 100 }, () => ping(zeros(8))))),
    report: { code: "ENHANCE_YOUR_CALM", reason: "too many of kind ping" },
  },
};

for (const [name, { limits, attack, report, silent }] of Object.entries(breaches)) {
  Deno.test(`serveHttp2() ends ${name}, and nothing else`, async () => {
    await withObserved(limits, async ({ address, observer }) => {
      await using peer = await RawPeer.connect(address, { silent: silent === true });
      await attack(peer);
      await until("the connection has ended", () => peer.closed && observer.ended.length > 0);
      assert.deepEqual(observer.ended[0], report);
      using client = connectGrpc({ address });
      assert.equal(await client.unary(unaryEcho, "still here"), "still here");
    });
  });
}

Deno.test("serveHttp2() keeps the deadline of a call whose request never comes", async () => {
  await withObserved({}, async ({ address }) => {
    await using peer = await RawPeer.connect(address);
    const stream = await peer.open(unaryPath, { headers: { "grpc-timeout": "30m" } });
    await until("the call has ended", () => peer.ended(stream));
  });
});

Deno.test("serveHttp2() fails a call when too many octets wait on its connection", async () => {
  const gate = Promise.withResolvers<void>();
  const method = implement(bidiEcho, async function* (requests: AsyncIterable<string>) {
    await gate.promise;
    for await (const text of requests) yield text;
  });
  const options = { methods: [method], limits: { maxBufferedBytes: 20_000 } };
  await withServer(serveHttp2, options, async ({ server }) => {
    await using peer = await RawPeer.connect(server.address);
    const [first, second] = [
      await peer.open(`/${bidiEcho.service}/${bidiEcho.method}`),
      await peer.open(`/${bidiEcho.service}/${bidiEcho.method}`),
    ];
    await peer.sendMessage(first, zeros(15_000));
    await peer.sendMessage(second, zeros(15_000));
    await until("the second has failed", () => peer.ended(second));
    assert.equal(peer.ended(first), false);
    gate.resolve();
  });
});

Deno.test("serveHttp2() cuts a peer that reads nothing, within the write timeout", async () => {
  const observer = new CountingObserver();
  const endless = implement(expandEcho, async function* () {
    for (;;) yield "x".repeat(100_000);
  });
  const server = await serveHttp2({
    address: loopback,
    methods: [endless],
    limits: { writeTimeoutMs: 200 },
    observer,
    logger: new RecordingLogger(),
  });
  const connection = await Deno.connect(hostAndPort(server.address));
  try {
    await connection.write(concat(
      CLIENT_PREFACE,
      settings([4, 2 ** 30]),
      windowUpdate(0, 2 ** 30),
      unaryCall(1, concat(zeros(4), Uint8Array.of(1, 65)), expandEcho.method),
    ));
    await until("the connection has ended", () => observer.ended.length > 0);
    assert.equal(observer.ended[0]?.reason, "peer does not read");
  } finally {
    connection.close();
    await server.drain(0);
  }
});

Deno.test("serveHttp2() shares one body between 1,000 streams that do not read it", async () => {
  const body = [new Uint8Array(3_000_000).fill(65)];
  const method = implement(
    { ...expandEcho, response: { encode: () => body, decode: textCodec.decode } },
    async function* () {
      yield "the body";
    },
  );
  await withServer(serveHttp2, { methods: [method] }, async ({ server }) => {
    const before = Deno.memoryUsage().rss;
    const connections: Deno.Conn[] = [];
    for (let at = 0; at < 50; at++) {
      const connection = await Deno.connect(hostAndPort(server.address));
      connections.push(connection);
      const call = concat(zeros(4), Uint8Array.of(1, 65));
      await connection.write(concat(
        CLIENT_PREFACE,
        settings([4, 2 ** 30]),
        windowUpdate(0, 2 ** 30),
        ...Array.from({ length: 20 }, (_, id) => unaryCall(id * 2 + 1, call, expandEcho.method)),
      ));
    }
    using client = connectGrpc({ address: server.address });
    for await (const text of client.serverStream(expandEcho, "x")) assert.equal(text.length, 3e6);
    const grownMb = (Deno.memoryUsage().rss - before) / 1e6;
    for (const connection of connections) connection.close();
    assert.ok(grownMb < 300, `grew by ${grownMb} MB where the bodies are 3,000 MB`);
  });
});

/** Returns the frames of a whole call with one message, body given with its prefix. */
function unaryCall(id: number, body: Uint8Array, method = unaryEcho.method): Uint8Array {
  const pairs = [
    [":method", "POST"],
    [":scheme", "http"],
    [":path", unaryPath.replace(unaryEcho.method, method)],
    ["content-type", "application/grpc"],
    ["te", "trailers"],
  ] as const;
  const framedData = new Uint8Array(9 + body.byteLength);
  framedData.set([0, 0, body.byteLength, 0, 1, 0, 0, id >>> 8, id]);
  framedData.set(body, 9);
  return concat(request(id, { pairs }), framedData);
}
