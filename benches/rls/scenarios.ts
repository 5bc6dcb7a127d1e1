// SPDX-License-Identifier: Apache-2.0
/**
 * What the rls bench asks of each service.
 * @module
 */
import { messageCodec } from "@denvoy/proto";

/** One scenario: services of its own, warmed up, then measured. */
export interface Scenario {
  /** Its part of the figures' names, e.g. `redis`. */
  readonly name: string;
  /** What its rows in the table say. */
  readonly title: string;
  /** The keys of a request's descriptors, one for each. */
  readonly keys: readonly string[];
  /** Values of each key, which are taken at random. */
  readonly values: number;
  /** Where Denvoy counts; the reference always counts in Redis. */
  readonly denvoyStore: "redis" | "memory";
  /** Whether all requests are over their limit, and answered from the local cache. */
  readonly over: boolean;
}

/** All scenarios. */
export const scenarios: readonly Scenario[] = [
  scenario("redis", { title: "100,000 keys", values: 100_000 }),
  scenario("hot", { title: "one key", values: 1 }),
  scenario("ten", {
    title: "10 descriptors, each of 10,000 keys",
    keys: Array.from({ length: 10 }, (_, n) => `part${n}`),
    values: 10_000,
  }),
  scenario("over", {
    title: "1,000 keys over their limit, local cache",
    keys: ["over"],
    values: 1_000,
    over: true,
  }),
  scenario("memory", {
    title: "100,000 keys, Denvoy from memory",
    values: 100_000,
    denvoyStore: "memory",
  }),
];

function scenario(name: string, parts: Partial<Scenario> & Pick<Scenario, "title" | "values">) {
  return { name, keys: ["user"], denvoyStore: "redis", over: false, ...parts } as const;
}

/** The limit file of all scenarios. No limit is ever reached but that of `over`, which always is. */
export const limitFile: string = JSON.stringify({
  domain: "bench",
  descriptors: [
    rule("user", 4_000_000_000),
    rule("over", 0),
    ...Array.from({ length: 10 }, (_, n) => rule(`part${n}`, 4_000_000_000)),
  ],
});

function rule(key: string, requests: number) {
  return { key, rate_limit: { unit: "month", requests_per_unit: requests } };
}

/** A request, for the load client: its message, and where the digits of values are in it. */
export interface RequestTemplate {
  /** The message in base64. */
  readonly template: string;
  /** Places of the first digit of each value. */
  readonly digits: readonly number[];
  /** Digits of a value. */
  readonly width: number;
}

const WIDTH = 6;
const codec = messageCodec("envoy.service.ratelimit.v3.RateLimitRequest");

/** Returns the request of a scenario. */
export function requestTemplate({ keys }: Scenario): RequestTemplate {
  const value = "#".repeat(WIDTH);
  const descriptors = keys.map((key) => ({ entries: [{ key, value }] }));
  const message = codec.encode({ domain: "bench", descriptors });
  const text = String.fromCharCode(...message);
  const digits: number[] = [];
  for (let at = text.indexOf(value); at >= 0; at = text.indexOf(value, at + WIDTH)) digits.push(at);
  return { template: btoa(text.replaceAll("#", "0")), digits, width: WIDTH };
}
