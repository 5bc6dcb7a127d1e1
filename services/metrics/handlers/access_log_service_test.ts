// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { messageCodec } from "@denvoy/proto";
import type { SignalEntry } from "../domain/golden_signals.ts";
import { testNode } from "../testing.ts";
import { AccessLogIngest } from "./access_log_service.ts";
import { readLoadStats } from "./load_message.ts";

const codec = messageCodec("envoy.service.accesslog.v3.StreamAccessLogsMessage");
type Message = Parameters<typeof codec.encode>[0];

const source = { node: testNode("a"), log: "main" };

function taken(
  message: Message,
): { readonly signals: readonly SignalEntry[]; readonly entries: number } {
  const signals: SignalEntry[] = [];
  let entries = 0;
  const ingest = new AccessLogIngest({
    onSignal: (entry) => signals.push(entry),
    onEntry: () => entries++,
  });
  ingest.take(codec.encode(message), source);
  return { signals, entries };
}

const common = {
  upstreamCluster: "shop",
  routeName: "r",
  duration: { seconds: 0, nanos: 1_500_000 },
};
const wanted = { source: "edge", destination: "shop", route: "r", ok: true, latencyUs: 1_500 };

const cases: Readonly<Record<string, readonly [Message, readonly Partial<SignalEntry>[]]>> = {
  "an HTTP request": [
    {
      httpLogs: {
        logEntry: [{ commonProperties: common, response: { responseCode: { value: 200 } } }],
      },
    },
    [wanted],
  ],
  "a status of 500 and more is a failure": [
    {
      httpLogs: {
        logEntry: [{ commonProperties: common, response: { responseCode: { value: 503 } } }],
      },
    },
    [{ ...wanted, ok: false }],
  ],
  "no answer is a failure": [
    { httpLogs: { logEntry: [{ commonProperties: common, response: {} }] } },
    [{ ...wanted, ok: false }],
  ],
  "without a duration the last byte counts": [
    {
      httpLogs: {
        logEntry: [{
          commonProperties: { timeToLastDownstreamTxByte: { seconds: 2, nanos: 0 } },
          response: { responseCode: { value: 404 } },
        }],
      },
    },
    [{ source: "edge", destination: "", route: "", ok: true, latencyUs: 2e6 }],
  ],
  "a TCP connection": [{ tcpLogs: { logEntry: [{ commonProperties: common }] } }, [wanted]],
  "a TCP connection that found nobody": [
    {
      tcpLogs: {
        logEntry: [{ commonProperties: { ...common, responseFlags: { noHealthyUpstream: true } } }],
      },
    },
    [{ ...wanted, ok: false }],
  ],
  "what is logged before the end is no request": [
    { tcpLogs: { logEntry: [{ commonProperties: { ...common, intermediateLogEntry: true } }] } },
    [],
  ],
};

for (const [name, [message, signals]] of Object.entries(cases)) {
  Deno.test(`access logs: ${name}`, () => {
    const found = taken(message);
    assert.deepEqual(found.signals, signals);
    assert.equal(found.entries, 1);
  });
}

Deno.test("access logs and load reports of any bytes end in an error or in entries", () => {
  const good = codec.encode({
    httpLogs: {
      logEntry: [{ commonProperties: common, response: { responseCode: { value: 1 } } }],
    },
  });
  const ingest = new AccessLogIngest({ onSignal: () => {}, onEntry: () => {} });
  let state = 3;
  const random = (below: number) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor(state / 2 ** 32 * below);
  };
  for (let round = 0; round < 20_000; round++) {
    const bytes = good.slice(0, 1 + random(good.length));
    for (let change = 0; change < 3; change++) bytes[random(bytes.length)] = random(256);
    for (const read of [() => ingest.take(bytes, source), () => readLoadStats(bytes)]) {
      try {
        read();
      } catch (error) {
        const known = error instanceof RangeError || (error as Error).name === "DecodeError";
        assert.ok(known, `${error}`);
      }
    }
  }
});

Deno.test("load reports: an idle cluster without localities, and no interval, are taken", () => {
  const loads = messageCodec("envoy.service.load_stats.v3.LoadStatsRequest");
  const { clusters } = readLoadStats(loads.encode({ clusterStats: [{ clusterName: "idle" }] }));
  assert.deepEqual(clusters, [
    { cluster: "idle", service: "idle", intervalMs: 1, dropped: 0, localities: [] },
  ]);
});
