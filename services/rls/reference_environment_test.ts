// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { loadConfig } from "@denvoy/runtime";
import { rlsSchema } from "./config.ts";
import { fromReferenceEnvironment } from "./reference_environment.ts";

type Variables = Readonly<Record<string, string>>;

Deno.test("fromReferenceEnvironment() reads the variables of envoyproxy/ratelimit", () => {
  const rows: readonly (readonly [reference: Variables, own: Variables])[] = [
    [{}, {}],
    [{ RUNTIME_ROOT: "/r/", RUNTIME_SUBDIRECTORY: "s" }, { LIMITS: "/r/s/config" }],
    [
      { RUNTIME_SUBDIRECTORY: "s", RUNTIME_APPDIRECTORY: "a" },
      { LIMITS: "/srv/runtime_data/current/s/a" },
    ],
    [{ RUNTIME_APPDIRECTORY: "a" }, {}],
    [{ REDIS_URL: "h:1", REDIS_TYPE: "SINGLE" }, { REDIS_URL: "h:1", REDIS_TYPE: "single" }],
    [{ REDIS_PERSECOND_URL: "h:2" }, {}],
    [{ REDIS_PERSECOND: "true", REDIS_PERSECOND_URL: "h:2" }, { REDIS_PERSECOND_URL: "h:2" }],
    [{ SHADOW_MODE: "TRUE", QUOTA_MODE: "0" }, { SHADOW_MODE: "true", QUOTA_MODE: "false" }],
    [{ SHADOW_MODE: "maybe" }, { SHADOW_MODE: "maybe" }],
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
  for (const [reference, own] of rows) {
    const expected = Object.entries(own).map(([name, text]) => [`DENVOY_RLS_${name}`, text]);
    const found = fromReferenceEnvironment((name) => reference[name]);
    assert.deepEqual(found, Object.fromEntries(expected), JSON.stringify(reference));
  }
});

Deno.test("fromReferenceEnvironment() names settings that there are", () => {
  const everything = fromReferenceEnvironment((name) => /PORT$/.test(name) ? "1" : "true");
  const known = new Set(rlsSchema.fields.map(({ env }) => env));
  assert.deepEqual(Object.keys(everything).filter((name) => !known.has(name)), []);
});

Deno.test("fromReferenceEnvironment() names settings of xDS that there are", () => {
  const everything = fromReferenceEnvironment((name) =>
    name === "CONFIG_TYPE" ? "GRPC_XDS_SOTW" : /PORT$/.test(name) ? "1" : "true"
  );
  const known = new Set(rlsSchema.fields.map(({ env }) => env));
  assert.deepEqual(Object.keys(everything).filter((name) => !known.has(name)), []);
});

Deno.test("rlsSchema takes what the aliases give", () => {
  const env = fromReferenceEnvironment((name) =>
    ({ RUNTIME_ROOT: "/r", NEAR_LIMIT_RATIO: "0.5" })[name]
  );
  const outcome = loadConfig(rlsSchema, { args: [], env, readFile: () => undefined });
  assert.equal(outcome.kind, "config");
  assert.deepEqual([outcome.config.limits, outcome.config.nearLimitRatio], ["/r/config", 0.5]);
});
