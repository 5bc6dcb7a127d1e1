// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { messageCodec } from "@denvoy/proto";
import type { Decision, DescriptorStatus } from "../domain/decision.ts";
import type { CountedLimit } from "../domain/limit_rule.ts";
import type { ResponseSettings } from "./response_message.ts";
import { responseOf } from "./response_message.ts";
import { ResponseEncoder } from "./response_encoder.ts";

const settings: ResponseSettings = {
  headers: { style: "none", limit: "l", remaining: "r", reset: "s" },
  dynamicMetadata: false,
};
const codec = messageCodec("envoy.service.ratelimit.v3.RateLimitResponse");
const request = { domain: "d", descriptors: [{ entries: [] }], hits: 0 };

function limit(parts: Partial<CountedLimit> = {}): CountedLimit {
  return {
    ...{ kind: "counted", requestsPerUnit: 10, unit: "minute", unitMultiplier: 1, name: "" },
    ...{ windowSeconds: 60, replaces: [], onStoreFailure: undefined },
    algorithm: { kind: "fixed-window" },
    ...parts,
  };
}

function status(parts: Partial<DescriptorStatus> = {}): DescriptorStatus {
  const resetMs = 59_001;
  return { verdict: "ok", limit: limit(), remaining: 7, resetMs, tally: undefined, ...parts };
}

const sliding = limit({ algorithm: { kind: "sliding-window" } });
const rows: Readonly<Record<string, readonly DescriptorStatus[]>> = {
  "a limit": [status()],
  "over a limit": [status({ verdict: "over-limit", remaining: 0, resetMs: 1 })],
  "no limit": [status({ limit: undefined, remaining: 0, resetMs: undefined })],
  "unlimited": [status({ limit: undefined, remaining: 2 ** 32 - 1, resetMs: undefined })],
  "without a reset": [status({ resetMs: undefined })],
  "nothing to wait for": [status({ limit: sliding, resetMs: 0 })],
  "parts of a second": [status({ limit: sliding, resetMs: 1_234.5 })],
  "numbers of all lengths": [0, 1, 127, 128, 16_383, 16_384, 2 ** 21, 2 ** 28, 2 ** 31, 2 ** 32]
    .map((remaining) => status({ remaining, resetMs: Math.min(remaining, 3e8) * 1000 })),
  "a long name": [status({ limit: limit({ name: "ü".repeat(300), unitMultiplier: 15 }) })],
  "more than fits into a slab": Array.from({ length: 2_000 }, () => status()),
};

Deno.test("ResponseEncoder writes what the codec of the message writes", async (t) => {
  const encoder = new ResponseEncoder(settings);
  for (const [name, statuses] of Object.entries(rows)) {
    await t.step(name, () => {
      for (const verdict of ["ok", "over-limit"] as const) {
        const decided = decidedOf(statuses, verdict);
        const message = responseOf(decided, { request, settings });
        assert.deepEqual(encoder.encode(decided, request), codec.encode(message));
      }
    });
  }
});

Deno.test("ResponseEncoder changes nothing that it returned", () => {
  const encoder = new ResponseEncoder(settings);
  const all = Array.from({ length: 2_000 }, (_, n) => decidedOf([status({ remaining: n })], "ok"));
  const encoded = all.map((decided) => encoder.encode(decided, request));
  const left = encoded.map((bytes) => codec.decode(bytes).statuses[0]?.limitRemaining);
  assert.deepEqual(left, all.map((_, n) => n));
});

Deno.test("ResponseEncoder writes headers and dynamic metadata where they are asked for", () => {
  const headers = { ...settings.headers, style: "separate" } as const;
  const encoder = new ResponseEncoder({ headers, dynamicMetadata: true });
  const response = codec.decode(encoder.encode(decidedOf([status()], "ok"), request));
  assert.deepEqual(response.responseHeadersToAdd.map(({ value }) => value), ["10", "7", "60"]);
  assert.equal(response.dynamicMetadata?.fields.domain?.stringValue, "d");
});

function decidedOf(statuses: readonly DescriptorStatus[], verdict: Decision["verdict"]) {
  const decision = { verdict, unshadowed: verdict, statuses, tightest: statuses[0] };
  return { plan: { request, matches: [], charges: [] }, decision };
}
