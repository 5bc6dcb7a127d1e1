// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { loadConfig } from "@denvoy/runtime";
import { rlsSchema } from "./config.ts";
import {
  fromReferenceEnvironment,
  referenceVariables,
  withReferenceEnvironment,
} from "./reference_environment.ts";
import { referenceNotes, unreadVariables } from "./reference_notes.ts";

type Rows = readonly (readonly [reference: Variables, own: Variables])[];

function expectRows(rows: Rows): void {
  for (const [reference, own] of rows) {
    const expected = Object.entries(own).map(([name, text]) => [`DENVOY_RLS_${name}`, text]);
    const { env: found } = fromReferenceEnvironment((name) => reference[name]);
    assert.deepEqual(found, Object.fromEntries(expected), JSON.stringify(reference));
  }
}

type Variables = Readonly<Record<string, string>>;

Deno.test("fromReferenceEnvironment() reads the variables of envoyproxy/ratelimit", () => {
  const rows: Rows = [
    [{}, {}],
    [{ RUNTIME_ROOT: "/r/", RUNTIME_SUBDIRECTORY: "s" }, { LIMITS: "/r/s/config" }],
    [
      { RUNTIME_SUBDIRECTORY: "s", RUNTIME_APPDIRECTORY: "a" },
      { LIMITS: "/srv/runtime_data/current/s/a" },
    ],
    [{ RUNTIME_APPDIRECTORY: "a" }, {}],
    [{ REDIS_URL: "h:1", REDIS_TYPE: "SINGLE" }, { REDIS_URL: "h:1", REDIS_TYPE: "single" }],
    [{ REDIS_PERSECOND_URL: "h:2" }, {}],
    [
      { REDIS_PERSECOND: "true", REDIS_PERSECOND_URL: "h:2" },
      { REDIS_PERSECOND_URL: "h:2", REDIS_PERSECOND_TLS: "off" },
    ],
    [{ REDIS_PERSECOND: "1", REDIS_PERSECOND_TLS: "1" }, { REDIS_PERSECOND_TLS: "on" }],
    [{ REDIS_HEALTH_CHECK_ACTIVE_CONNECTION: "t" }, { READY_FOLLOWS_REDIS: "true" }],
    [{ REDIS_TIMEOUT: "1m30s" }, { REDIS_CONNECT_TIMEOUT: "90000ms" }],
    [{ GRPC_MAX_CONNECTION_AGE: "24h" }, { GRPC_MAX_CONNECTION_AGE: "86400000ms" }],
    [{ SHADOW_MODE: "TRUE", QUOTA_MODE: "0" }, { SHADOW_MODE: "true", QUOTA_MODE: "false" }],
    [{ SHADOW_MODE: "maybe" }, {}],
    [{ LIMIT_RESPONSE_HEADERS_ENABLED: "true" }, { RESPONSE_HEADERS: "separate" }],
    [{ STOP_CACHE_KEY_INCREMENT_WHEN_OVERLIMIT: "1" }, { COUNTING: "over-only" }],
    [{ GRPC_PORT: "9" }, { GRPC_ADDRESS: "127.0.0.1:9" }],
    [{ HOST: "0.0.0.0" }, { HTTP_ADDRESS: "0.0.0.0:8080" }],
    [{ GRPC_UDS: "/s" }, { GRPC_ADDRESS: "unix:/s" }],
    [{ GRPC_SERVER_TLS_CERT: "c" }, {}],
    [{ GRPC_SERVER_USE_TLS: "true", GRPC_SERVER_TLS_CERT: "c" }, { TLS_CERT: "c" }],
    [{ LOG_LEVEL: "WARNING" }, { LOG_LEVEL: "warn" }],
    [{ LOCAL_CACHE_SIZE_IN_BYTES: "524288" }, { LOCAL_CACHE: "4096" }],
    [{ LOCAL_CACHE_SIZE_IN_BYTES: "0" }, { LOCAL_CACHE: "0" }],
    [{ CACHE_KEY_PREFIX: "" }, {}],
    [{ CONFIG_GRPC_XDS_NODE_ID: "n" }, {}],
    [{ CONFIG_TYPE: "GRPC_XDS_SOTW", RUNTIME_ROOT: "/r", CONFIG_GRPC_XDS_CLIENT_TLS_CERT: "c" }, {
      LIMITS_XDS: "localhost:18000",
      LIMITS_XDS_NODE: "default",
      LIMITS_XDS_MODE: "sotw",
    }],
    [{
      CONFIG_TYPE: "GRPC_XDS_SOTW",
      CONFIG_GRPC_XDS_SERVER_URL: "ads:1",
      CONFIG_GRPC_XDS_NODE_ID: "n",
      CONFIG_GRPC_XDS_NODE_METADATA: "a=b,c=d",
      CONFIG_GRPC_XDS_CLIENT_ADDITIONAL_HEADERS: "x-a:b:c, x-d:e",
      CONFIG_GRPC_XDS_SERVER_USE_TLS: "true",
      CONFIG_GRPC_XDS_SERVER_TLS_CACERT: "ca",
      XDS_CLIENT_BACKOFF_MAX_INTERVAL: "60s",
    }, {
      LIMITS_XDS: "ads:1",
      LIMITS_XDS_NODE: "n",
      LIMITS_XDS_MODE: "sotw",
      LIMITS_XDS_HEADER: "x-a=b:c,x-d=e",
      LIMITS_XDS_TLS: "true",
      LIMITS_XDS_METADATA: "a=b,c=d",
      LIMITS_XDS_RETRY_MAX: "60s",
      LIMITS_XDS_CA: "ca",
    }],
  ];
  expectRows(rows);
});

Deno.test("fromReferenceEnvironment() reads the variables about debug port, Prometheus and statsd", () => {
  expectRows([
    [{ DEBUG_PORT: "6070" }, { DEBUG_ADDRESS: "127.0.0.1:6070" }],
    [{ DEBUG_HOST: "0.0.0.0" }, { DEBUG_ADDRESS: "0.0.0.0:6070" }],
    [{ USE_PROMETHEUS: "true" }, { PROMETHEUS_ADDRESS: "127.0.0.1:9090" }],
    [{ USE_PROMETHEUS: "true", DISABLE_STATS: "true" }, {}],
    [
      { USE_PROMETHEUS: "1", PROMETHEUS_ADDR: "0.0.0.0:1", PROMETHEUS_PATH: "/m" },
      { PROMETHEUS_ADDRESS: "0.0.0.0:1", PROMETHEUS_PATH: "/m" },
    ],
    [{ USE_STATSD: "false", STATSD_HOST: "h" }, {}],
    [{ USE_STATSD: "true" }, { STATSD_ADDRESS: "127.0.0.1:8125", STATSD_PROTOCOL: "tcp" }],
    [
      { STATSD_HOST: "h", EXTRA_TAGS: "a:1,b:2", STATS_FLUSH_INTERVAL: "5s" },
      {
        ...{ STATSD_ADDRESS: "h:8125", STATSD_PROTOCOL: "tcp", STATSD_TAG: "a=1,b=2" },
        STATSD_INTERVAL: "5000ms",
      },
    ],
    [
      { USE_DOG_STATSD: "true", USE_STATSD: "false", STATSD_PORT: "9" },
      { STATSD_ADDRESS: "127.0.0.1:9", STATSD_PROTOCOL: "udp", STATSD_FORMAT: "dogstatsd" },
    ],
  ]);
});

Deno.test("referenceNotes() refuses what would be dangerous to pass over, and tells the rest", () => {
  const rows: readonly (readonly [Variables, readonly string[], readonly string[]])[] = [
    [{}, [], []],
    [{ BACKEND_TYPE: "redis", CONFIG_TYPE: "FILE", TRACING_ENABLED: "false" }, [], []],
    [{ BACKEND_TYPE: "memcache" }, ["error BACKEND_TYPE"], []],
    [{ CONFIG_TYPE: "ZOOKEEPER" }, ["error CONFIG_TYPE"], []],
    [{ GRPC_CLIENT_TLS_SAN: "envoy" }, ["error GRPC_CLIENT_TLS_SAN"], []],
    [{ TRACING_ENABLED: "true" }, ["warning TRACING_ENABLED"], []],
    [{ REDIS_POOL_SIZE: "10" }, [], ["REDIS_POOL_SIZE"]],
  ];
  for (const [variables, problems, needless] of rows) {
    const notes = referenceNotes((name) => variables[name]);
    assert.deepEqual(notes.problems.map(({ severity, path }) => `${severity} ${path}`), problems);
    assert.deepEqual(Object.keys(notes.needless), needless);
  }
});

Deno.test("every setting of envoyproxy/ratelimit is read or has a reason why not, and the README names it", async () => {
  const text = await Deno.readTextFile(new URL("testdata/reference_settings.txt", import.meta.url));
  const settings = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  const known = new Set([...referenceVariables, ...unreadVariables]);
  assert.ok(settings.length > 100);
  assert.deepEqual(settings.filter((name) => !known.has(name)), []);
});

Deno.test("fromReferenceEnvironment() names settings that there are", () => {
  const { env: everything } = fromReferenceEnvironment((name) => /PORT$/.test(name) ? "1" : "true");
  const known = new Set(rlsSchema.fields.map(({ env }) => env));
  assert.deepEqual(Object.keys(everything).filter((name) => !known.has(name)), []);
});

Deno.test("fromReferenceEnvironment() names settings of xDS that there are", () => {
  const { env: everything } = fromReferenceEnvironment((name) =>
    name === "CONFIG_TYPE" ? "GRPC_XDS_SOTW" : /PORT$/.test(name) ? "1" : "true"
  );
  const known = new Set(rlsSchema.fields.map(({ env }) => env));
  assert.deepEqual(Object.keys(everything).filter((name) => !known.has(name)), []);
});

Deno.test("rlsSchema takes what the aliases give", () => {
  const { env } = fromReferenceEnvironment((name) =>
    ({ RUNTIME_ROOT: "/r", NEAR_LIMIT_RATIO: "0.5" })[name]
  );
  const outcome = loadConfig(rlsSchema, { args: [], env, readFile: () => undefined });
  assert.equal(outcome.kind, "config");
  assert.deepEqual([outcome.config.limits, outcome.config.nearLimitRatio], ["/r/config", 0.5]);
});

Deno.test("every switch of envoyproxy/ratelimit is on, off, or a problem that names it", () => {
  const names = [
    ...[
      "SHADOW_MODE",
      "REDIS_TLS",
      "REDIS_PERSECOND",
      "REDIS_PERSECOND_TLS",
      "GRPC_SERVER_USE_TLS",
    ],
    ...["LIMIT_RESPONSE_HEADERS_ENABLED", "STOP_CACHE_KEY_INCREMENT_WHEN_OVERLIMIT"],
    ...["CONFIG_GRPC_XDS_SERVER_USE_TLS", "USE_PROMETHEUS", "USE_STATSD", "USE_DOG_STATSD"],
    ...["DISABLE_STATS", "TRACING_ENABLED", "REDIS_TLS_SKIP_HOSTNAME_VERIFICATION"],
  ];
  for (const wrong of ["maybe", "yes", "on", "tRue", " true"]) {
    for (const name of names) {
      const { envProblems } = withReferenceEnvironment({ [name]: wrong });
      const message = `must be true or false: is ${JSON.stringify(wrong)}`;
      assert.deepEqual(envProblems, [{ severity: "error", path: name, message }]);
    }
  }
  for (
    const right of ["1", "t", "T", "TRUE", "true", "True", "0", "f", "F", "FALSE", "false", ""]
  ) {
    const env = Object.fromEntries(names.map((name) => [name, right]));
    assert.deepEqual(withReferenceEnvironment(env).envProblems, []);
  }
});

Deno.test("problems name the variable that was set", () => {
  const rows: readonly (readonly [Variables, string])[] = [
    [{ NEAR_LIMIT_RATIO: "3" }, "NEAR_LIMIT_RATIO"],
    [{ GRPC_PORT: "99999" }, "GRPC_PORT"],
    [{ GRPC_HOST: "h", GRPC_PORT: "x" }, "GRPC_HOST, GRPC_PORT"],
    [{ STATSD_PORT: "99999" }, "STATSD_PORT"],
    [{ REDIS_TIMEOUT: "soon" }, "REDIS_TIMEOUT"],
    [{ LOCAL_CACHE_SIZE_IN_BYTES: "much" }, "LOCAL_CACHE_SIZE_IN_BYTES"],
    [{ GRPC_SERVER_USE_TLS: "maybe" }, "GRPC_SERVER_USE_TLS"],
    [{ NEAR_LIMIT_RATIO: "1", DENVOY_RLS_NEAR_LIMIT_RATIO: "3" }, "DENVOY_RLS_NEAR_LIMIT_RATIO"],
  ];
  for (const [variables, path] of rows) {
    const input = { ...withReferenceEnvironment(variables), args: [], readFile: () => undefined };
    const outcome = loadConfig(rlsSchema, input);
    assert.equal(outcome.kind, "invalid", path);
    assert.deepEqual(outcome.problems.map((problem) => problem.path), [path]);
  }
});
