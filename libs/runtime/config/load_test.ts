// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { formatProblem } from "@denvoy/base";
import type { ListenAddress } from "./address.ts";
import * as field from "./field.ts";
import { type ConfigInput, dumpConfig, loadConfig } from "./load.ts";
import { defineConfig } from "./schema.ts";

const schema = defineConfig({
  service: "ads",
  summary: "Gives every Envoy its configuration.",
  ports: { grpc: 18000, http: 18001 },
  fields: {
    resources: field.pathList({ default: ["resources"], doc: "Files or folders." }),
    ttlMs: field.duration({ default: "10s", minMs: 100, doc: "Time to live." }),
    mode: field.oneOf(["warn", "refuse"], { default: "refuse", doc: "Broken references." }),
    limit: field.integer({ min: 1, max: 100, default: "7", doc: "Limit." }),
    maxBytes: field.size({ default: "32MiB", doc: "Size." }),
    enabled: field.bool({ default: "true", doc: "Switch." }),
    labels: field.stringMap({ doc: "Labels." }),
    redis: field.url({ schemes: ["redis", "rediss"], doc: "Redis." }),
    password: field.string({ secret: true, doc: "Secret." }),
    hidden: field.string({ secret: true, noFlag: true, doc: "Secret." }),
    upstream: field.address({ peer: true, doc: "Peer." }),
    ratio: field.decimal({ max: 1, default: "0.5", doc: "Ratio." }),
  },
});

function input(overrides: Partial<ConfigInput> & { yaml?: string } = {}): ConfigInput {
  const { yaml, ...rest } = overrides;
  return {
    args: [],
    env: {},
    readFile: (path) => path === "denvoy.yaml" ? yaml : undefined,
    ...rest,
  };
}

function load(overrides: Parameters<typeof input>[0] = {}) {
  const outcome = loadConfig(schema, input(overrides));
  if (outcome.kind !== "config") assert.fail(JSON.stringify(outcome));
  return outcome;
}

function problems(overrides: Parameters<typeof input>[0]): readonly string[] {
  const outcome = loadConfig(schema, input(overrides));
  if (outcome.kind !== "invalid") assert.fail(`accepted: ${JSON.stringify(outcome)}`);
  return outcome.problems.map(formatProblem);
}

Deno.test("loadConfig() returns a frozen, typed object of defaults", () => {
  const { config } = load();
  const ttlMs: number = config.ttlMs;
  const mode: "warn" | "refuse" = config.mode;
  const redis: string | undefined = config.redis;
  const grpc: ListenAddress = config.grpcAddress;
  assert.deepEqual([ttlMs, mode, redis], [10_000, "refuse", undefined]);
  assert.deepEqual(grpc, { kind: "tcp", hostname: "127.0.0.1", port: 18000 });
  assert.equal(config.maxBytes, 32 * 2 ** 20);
  assert.equal(config.shutdownGraceMs, 10_000);
  assert.deepEqual(config.resources, ["resources"]);
  assert.ok(Object.isFrozen(config));
});

Deno.test("loadConfig() takes the flag before the environment, that before YAML, that before the default", () => {
  const yaml = "ads: { ttl: 3s, limit: 3, mode: warn }\nrls: { whatever: 1 }\n";
  const env = { DENVOY_ADS_TTL: "2s", DENVOY_ADS_LIMIT: "2", DENVOY_RLS_X: "1", PATH: "/bin" };
  const { config, origins } = load({ args: ["--ttl", "1s"], env, yaml });
  assert.deepEqual([config.ttlMs, config.limit, config.mode], [1_000, 2, "warn"]);
  assert.deepEqual(
    ["ttlMs", "limit", "mode", "enabled"].map((key) => origins.get(key)),
    ["--ttl", "DENVOY_ADS_LIMIT", "denvoy.yaml:1", "default"],
  );
});

Deno.test("loadConfig() reads each kind of field from flags, environment and YAML", async (t) => {
  type Config = ReturnType<typeof load>["config"];
  const table: readonly [string, Parameters<typeof input>[0], (c: Config) => unknown, unknown][] = [
    ["repeated flag", { args: ["--resources", "a", "--resources=b"] }, (c) => c.resources, [
      "a",
      "b",
    ]],
    ["list in env", { env: { DENVOY_ADS_RESOURCES: "a, b" } }, (c) => c.resources, ["a", "b"]],
    ["list in YAML", { yaml: "ads:\n  resources: [a, b]" }, (c) => c.resources, ["a", "b"]],
    ["one of a list in YAML", { yaml: "ads:\n  resources: a" }, (c) => c.resources, ["a"]],
    ["map flag", { args: ["--labels", "a=1=2", "--labels", "b="] }, (c) => c.labels, {
      a: "1=2",
      b: "",
    }],
    ["map in YAML", { yaml: "ads: { labels: { a: 1 } }" }, (c) => c.labels, { a: "1" }],
    ["negated switch", { args: ["--no-enabled"] }, (c) => c.enabled, false],
    ["switch with a value", { args: ["--enabled=false"] }, (c) => c.enabled, false],
    ["switch in YAML", { yaml: "ads: { enabled: false }" }, (c) => c.enabled, false],
    ["minutes", { args: ["--ttl", "1.5m"] }, (c) => c.ttlMs, 90_000],
    ["size", { args: ["--max", "64KiB"] }, (c) => c.maxBytes, 65_536],
    ["bytes in YAML", { yaml: "ads: { max: 4096 }" }, (c) => c.maxBytes, 4096],
    ["ip6", { args: ["--upstream", "[::1]:80"] }, (c) => c.upstream, {
      kind: "tcp",
      hostname: "::1",
      port: 80,
    }],
    ["unix", { args: ["--upstream", "unix:/run/a.sock"] }, (c) => c.upstream, {
      kind: "unix",
      path: "/run/a.sock",
    }],
    ["decimal", { yaml: "ads: { ratio: 0.25 }" }, (c) => c.ratio, 0.25],
    ["empty section", { yaml: "ads:\n" }, (c) => c.ratio, 0.5],
    ["empty file", { yaml: "# nothing\n" }, (c) => c.ratio, 0.5],
    ["a value that starts with a dash", { args: ["--password=-x"] }, (c) => c.password, "-x"],
  ];
  for (const [name, given, pick, want] of table) {
    await t.step(name, () => assert.deepEqual(pick(load(given).config), want));
  }
});

Deno.test("loadConfig() refuses what breaks a rule and says where", async (t) => {
  const table: readonly [string, Parameters<typeof input>[0], RegExp][] = [
    ["unknown flag", { args: ["--ttll", "1s"] }, /^--ttll: .*unknown \(did you mean "--ttl"\?\)$/],
    ["unknown variable", { env: { DENVOY_ADS_TLL: "1" } }, /^DENVOY_ADS_TLL: .*"DENVOY_ADS_TTL"/],
    [
      "unknown key",
      { yaml: "ads:\n  ttl: 1s\n  grpcAddress: x" },
      /^denvoy.yaml:3:3: ads.grpcAddress: .*"grpc_address"/,
    ],
    ["unknown section", { yaml: "adss: {}" }, /^denvoy.yaml:1:1: adss: .*did you mean "ads"/],
    [
      "duration",
      { yaml: "ads:\n  ttl: 10" },
      /^denvoy.yaml:2:8: ads.ttl: .*duration.*value is "10"$/,
    ],
    ["out of range", { args: ["--limit", "101"] }, /^--limit: .*from 1 to 100: value is "101"$/],
    ["port", { args: ["--grpc-address", "0.0.0.0:70000"] }, /^--grpc-address: .*65535/],
    ["peer port 0", { args: ["--upstream", "a:0"] }, /^--upstream/],
    ["word", { env: { DENVOY_ADS_MODE: "off" } }, /^DENVOY_ADS_MODE: .*one of "warn", "refuse"/],
    ["pair", { args: ["--labels", "x"] }, /key=value/],
    ["scheme", { args: ["--redis", "http://x"] }, /redis:\/\//],
    ["null", { yaml: "ads: { ttl: }" }, /ads.ttl: .*single value/],
    ["list for one", { yaml: "ads: { ttl: [1s] }" }, /ads.ttl: .*single value/],
    ["missing value", { args: ["--ttl"] }, /^--ttl: .*needs a value$/],
    ["given twice", { args: ["--ttl", "1s", "--ttl", "2s"] }, /^--ttl: .*once$/],
    ["argument", { args: ["serve"] }, /^serve: .*only flags/],
    ["syntax", { yaml: "ads: {\n" }, /^denvoy.yaml:\d+:\d+: cannot read YAML/],
    ["key twice", { yaml: "ads:\n  ttl: 1s\n  ttl: 2s" }, /denvoy.yaml:3:3: .*unique/],
    ["missing file", { args: ["--config", "x.yaml"] }, /^x.yaml: .*must exist$/],
    ["overridden mistake", { args: ["--ttl", "1s"], yaml: "ads: { ttl: x }" }, /ads.ttl/],
  ];
  for (const [name, given, want] of table) {
    await t.step(name, () => {
      const found = problems(given);
      assert.equal(found.length, 1, found.join("\n"));
      assert.match(found[0] ?? "", want);
    });
  }
});

Deno.test("loadConfig() reports all problems at once", () => {
  const found = problems({
    args: ["--nope", "--limit", "0"],
    env: { DENVOY_ADS_NOPE: "" },
    yaml: "ads: { nope: 1, ttl: x }",
  });
  assert.equal(found.length, 5, found.join("\n"));
});

Deno.test("loadConfig() passes over the variables that Kubernetes sets for a service", () => {
  load({
    env: {
      DENVOY_ADS_SERVICE_HOST: "10.0.0.1",
      DENVOY_ADS_SERVICE_PORT: "18000",
      DENVOY_ADS_SERVICE_PORT_GRPC: "18000",
      DENVOY_ADS_PORT: "tcp://10.0.0.1:18000",
      DENVOY_ADS_PORT_18000_TCP_ADDR: "10.0.0.1",
    },
  });
});

Deno.test("loadConfig() never puts a secret into a problem or a dump", () => {
  const found = problems({ yaml: "ads: { password: '' }" }).join();
  assert.match(found, /redacted/);
  const { config } = load({
    args: ["--password", "hunter2", "--redis", "redis://me:hunter2@db:6379/1"],
  });
  const dump = dumpConfig(schema, config);
  assert.ok(!JSON.stringify(dump).includes("hunter2"));
  assert.equal(dump.redis, "redis://[redacted]@db:6379/1");
  assert.deepEqual([dump.ttl, dump.max, dump.grpc_address], ["10s", "32MiB", "127.0.0.1:18000"]);
});

Deno.test("loadConfig() takes what must not be in a command line from the environment only", () => {
  const found = problems({ args: ["--hidden", "hunter2"] }).join();
  assert.match(found, /--hidden: cannot use flag as every process of the machine can read/);
  assert.ok(!found.includes("hunter2"));
  assert.equal(load({ env: { DENVOY_ADS_HIDDEN: "hunter2" } }).config.hidden, "hunter2");
  assert.equal(load({ yaml: "ads: { hidden: hunter2 }" }).config.hidden, "hunter2");
});

Deno.test("loadConfig() demands required fields", () => {
  const strict = defineConfig({
    service: "sds",
    summary: "S.",
    ports: { grpc: 1, http: 2 },
    fields: { root: field.path({ required: true, doc: "Root." }) },
  });
  const outcome = loadConfig(strict, input());
  assert.equal(outcome.kind, "invalid");
  assert.match(JSON.stringify(outcome), /--root, DENVOY_SDS_ROOT or root/);
});

Deno.test("defineConfig() throws on a default that breaks its own rule and on a name used twice", () => {
  const base = { service: "x", summary: "", ports: { grpc: 1, http: 2 } };
  const bad = { ttl: field.duration({ default: "10", doc: "" }) };
  assert.throws(() => defineConfig({ ...base, fields: bad }), /default must be a duration/);
  const twice = { port: field.string({ flag: "data-dir", doc: "" }) };
  assert.throws(() => defineConfig({ ...base, fields: twice }), /data-dir/);
});
