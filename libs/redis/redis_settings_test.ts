// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { parseRedisAuth, parseRedisTopology, type RedisTopology } from "./redis_settings.ts";

const a = { host: "a", port: 1 };
const rows: readonly (readonly [type: string, socketType: string, url: string, RedisTopology])[] = [
  ["SINGLE", "tcp", "a:1", { kind: "single", address: a }],
  ["single", "tcp", "redis://a:1", { kind: "single", address: a }],
  ["single", "tcp", "a", { kind: "single", address: { host: "a", port: 6379 } }],
  ["single", "tcp", "[::1]:7", { kind: "single", address: { host: "::1", port: 7 } }],
  ["single", "unix", "/run/redis.sock", { kind: "unix", path: "/run/redis.sock" }],
  ["sentinel", "tcp", "m,a:1,b:2", {
    kind: "sentinel",
    master: "m",
    sentinels: [a, { host: "b", port: 2 }],
  }],
  ["cluster", "tcp", "a:1, b:2", { kind: "cluster", nodes: [a, { host: "b", port: 2 }] }],
];

Deno.test("parseRedisTopology() reads the words of envoyproxy/ratelimit", () => {
  for (const [type, socketType, url, topology] of rows) {
    assert.deepEqual(parseRedisTopology({ type, socketType, url }), topology);
  }
});

Deno.test("parseRedisTopology() names the rule that is broken, and shows no password", () => {
  const parse = (type: string, url: string) => () =>
    parseRedisTopology({ type, socketType: "tcp", url });
  assert.throws(parse("many", "a:1"), /REDIS_TYPE must be single, .* it is "many"/);
  assert.throws(parse("single", ""), /REDIS_URL must not be empty/);
  assert.throws(parse("sentinel", "m"), /must name a master and its sentinels: it is "m"/);
  assert.throws(parse("single", "redis://u:secret@a:1"), (error: Error) => {
    return error.message.includes("host:port") && !error.message.includes("secret");
  });
  assert.throws(parse("single", "a:99999"), /host:port: it has "a:99999"$/);
  const redacted: readonly (readonly [url: string, shown: string])[] = [
    ["redis://u:secret@a:1", "[redacted]"],
    ["u:sec,ret@a:1", "[redacted]"],
    ["redis://a:1?password=secret", "redis://a:1?[redacted]"],
  ];
  for (const [url, shown] of redacted) {
    const isShown = (error: Error) => error.message.endsWith(`it has "${shown}"`);
    assert.throws(parse("single", url), isShown, url);
  }
});

Deno.test("parseRedisAuth() reads a password, or a user and a password", () => {
  assert.deepEqual(parseRedisAuth(""), {});
  assert.deepEqual(parseRedisAuth("pass\n"), { password: "pass" });
  assert.deepEqual(parseRedisAuth("user:pa:ss"), { username: "user", password: "pa:ss" });
});
