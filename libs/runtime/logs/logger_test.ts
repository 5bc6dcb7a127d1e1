// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { FakeClock } from "@denvoy/base/testing";
import { createLogger, type LoggerOptions } from "./logger.ts";

function record(options: LoggerOptions = {}) {
  const lines: string[] = [];
  const write = (line: string) => void lines.push(line);
  const clock = new FakeClock();
  const logger = createLogger({ format: "json", colour: false, clock, write, ...options });
  return { lines, logger, json: () => lines.map((line) => JSON.parse(line)) };
}

Deno.test("createLogger() writes JSON with time, level, message and fields of with()", () => {
  const { logger, json } = record({ fields: { service: "ads" } });
  logger.with({ node: "n1" }).warn("rejected", { nonce: 3 });
  assert.deepEqual(json(), [{
    time: "2026-01-01T00:00:00.000Z",
    level: "warn",
    message: "rejected",
    service: "ads",
    node: "n1",
    nonce: 3,
  }]);
});

Deno.test("createLogger() drops what is less severe than its level", () => {
  const { logger, json } = record({ level: "warn" });
  for (const level of ["debug", "info", "warn", "error"] as const) logger[level](level);
  assert.deepEqual(json().map((line) => line.level), ["warn", "error"]);
});

Deno.test("createLogger() writes errors with their causes and codes", () => {
  const { logger, json } = record();
  const cause = Object.assign(new TypeError("inner"), { code: "EPIPE" });
  logger.error("failed", { error: new Error("outer", { cause }) });
  const { error } = json()[0];
  assert.equal(error.message, "outer");
  assert.match(error.stack, /logger_test/);
  assert.deepEqual([error.cause.name, error.cause.code], ["TypeError", "EPIPE"]);
});

Deno.test("createLogger() redacts by key and by value", async (t) => {
  const key = "-----BEGIN EC PRIVATE KEY-----\nhunter2\n-----END EC PRIVATE KEY-----";
  const table: readonly [string, Record<string, unknown>][] = [
    ["authorization header", { headers: { Authorization: "hunter2" } }],
    ["camel key", { clientSecret: "hunter2" }],
    ["snake key", { api_key: "hunter2", private_key: "hunter2" }],
    ["nested", { a: [{ b: { password: "hunter2" } }] }],
    ["object under a secret key", { secret: { inner: "hunter2" } }],
    ["map", { headers: new Map([["cookie", "hunter2"]]) }],
    ["PEM in text", { detail: `bad ${key} here` }],
    ["cut PEM", { detail: key.slice(0, 40) }],
    ["PEM in an error", { error: new Error(key) }],
    ["PEM in a cause", { error: new Error("x", { cause: new Error(key) }) }],
    ["bearer in text", { detail: "sent Bearer hunter2hunter2" }],
    ["URL password", { url: "redis://user:hunter2@db:6379" }],
    ["bytes", { payload: new TextEncoder().encode("hunter2") }],
    ["toJSON", { thing: { toJSON: () => ({ token: "hunter2" }) } }],
  ];
  for (const [name, fields] of table) {
    await t.step(name, () => {
      for (const format of ["json", "text"] as const) {
        const { logger, lines } = record({ format });
        logger.info("x", fields);
        assert.equal(lines.length, 1);
        assert.ok(!lines[0]?.includes("hunter2"), String(lines[0]));
      }
    });
  }
  await t.step("PEM in the message", () => {
    const { logger, lines } = record();
    logger.info(key);
    assert.ok(!lines[0]?.includes("hunter2"));
  });
  await t.step("names and counts of secrets stay", () => {
    const { logger, json } = record();
    logger.info("x", { secretName: "tls", tokens: 3, tokenFile: "/run/t", secret: undefined });
    assert.deepEqual({ ...json()[0], time: 0 }, {
      time: 0,
      level: "info",
      message: "x",
      secretName: "tls",
      tokens: 3,
      tokenFile: "/run/t",
    });
  });
});

Deno.test("createLogger() never throws and bounds what it writes", () => {
  const { logger, lines } = record();
  const circular: Record<string, unknown> = {};
  circular.self = circular;
  const hostile = new Proxy({}, {
    ownKeys() {
      throw new Error("no");
    },
  });
  let deep: unknown = "x";
  for (let level = 0; level < 1000; level++) deep = { deep };
  logger.info("x", { circular, hostile, deep, big: 10n, no: Symbol("s"), f: () => 1 });
  logger.info("x", { text: "y".repeat(10_000_000), list: Array(100_000).fill(1) });
  assert.equal(lines.length, 2);
  for (const line of lines) assert.ok(line.length < 40_000, String(line.length));
  const failing = createLogger({
    write() {
      throw new Error("disk full");
    },
  });
  failing.error("x");
});

Deno.test("createLogger() writes text that what comes from outside cannot forge", () => {
  const { logger, lines } = record({ format: "text" });
  logger.info("joined", { node: "a\n2026 ERROR forged \x1b[2J", count: 2, ok: "plain-1.2:3" });
  assert.deepEqual(lines, [
    '2026-01-01T00:00:00.000Z INFO  joined node="a\\n2026 ERROR forged \\u001b[2J" count=2 ok=plain-1.2:3',
  ]);
});

Deno.test("createLogger() keeps its own time, level and message apart from fields", () => {
  const { logger, json } = record();
  logger.info("real", { message: "fake", level: "error" });
  assert.deepEqual([json()[0].message, json()[0].field_message], ["real", "fake"]);
});

Deno.test("createLogger() colours only when told, and indents stacks in text", () => {
  const { logger, lines } = record({ format: "text", colour: true });
  logger.error("failed", { error: new Error("why") });
  const start = '\x1b[31mERROR\x1b[0m failed error="Error: why"\n    Error: why\n';
  assert.ok(lines[0]?.includes(start), String(lines[0]));
});
