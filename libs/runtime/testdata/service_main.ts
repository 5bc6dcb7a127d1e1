// SPDX-License-Identifier: Apache-2.0
/**
 * A service for the tests of running, which start it as a process of its own.
 * @module
 */
import { ProblemError } from "@denvoy/base";
import { bool, defineConfig, duration, json, route, runService } from "../mod.ts";

const schema = defineConfig({
  service: "ads",
  summary: "A service of the tests.",
  ports: { grpc: 0, http: 0 },
  fields: {
    fail: bool({ doc: "Fails to start." }),
    leak: bool({ doc: "Fails to start with an error that quotes a key." }),
    stopMs: duration({ default: "0s", doc: "How long stopping takes." }),
    hang: bool({ doc: "Never finishes starting." }),
  },
});

/** A key that must not leave the process, whatever goes wrong. */
const KEY = "-----BEGIN PRIVATE KEY-----\nhunter2hunter2hunter2\n-----END PRIVATE KEY-----\n";

/** What may escape with a key in it. */
function leaks(): readonly unknown[] {
  const quoted = (text: string) => {
    try {
      return JSON.parse(text);
    } catch (error) {
      return error;
    }
  };
  return [
    KEY,
    new Error(KEY),
    new Error("outer", { cause: new Error(KEY) }),
    new AggregateError([new Error(KEY), KEY], KEY),
    Object.assign(new Error("with properties"), { keyPem: "hunter2", key: KEY }),
    { keyPem: "hunter2", certificate: { privateKey: { inlineString: "hunter2" } } },
    { pkcs8: "hunter2", pkcs12: "hunter2", jwk: { d: "hunter2" } },
    new TextEncoder().encode("hunter2"),
    quoted("hunter2"),
    quoted('{"key": hunter2}'),
    quoted('{"key": "x"} hunter2'),
  ];
}

await runService({
  schema,
  version: "1.2.3",
  async start(config, runtime) {
    if (config.fail) {
      throw new ProblemError([{ severity: "error", file: "a.yaml", message: "must be good" }]);
    }
    if (config.leak) throw new Error(`cannot use ${KEY}`, { cause: new Error(KEY) });
    const health = runtime.readiness.component("files");
    await runtime.serveHttp([
      route({
        method: "POST",
        path: "/v1/reject",
        summary: "Lets an error escape.",
        responses: { 200: { doc: "It did." } },
        handle() {
          Promise.reject(new Error("escaped rejection"));
          setTimeout(() => {
            throw new Error("escaped throw");
          });
          return json({});
        },
      }),
      route({
        method: "POST",
        path: "/v1/leak",
        summary: "Lets errors escape that hold a key.",
        responses: { 200: { doc: "It did." } },
        handle() {
          for (const leak of leaks()) {
            Promise.reject(leak);
            setTimeout(() => {
              throw leak;
            });
          }
          runtime.logger.debug("leaks", { leaks: leaks() });
          return json({ leaks: leaks().length });
        },
      }),
      route({
        method: "POST",
        path: "/v1/throw",
        summary: "Throws a key.",
        responses: { 200: { doc: "It did." } },
        handle: () => {
          throw new Error(KEY);
        },
      }),
    ]);
    if (config.hang) {
      runtime.logger.info("hanging");
      await new Promise(() => {});
    }
    health.ok();
    return {
      grpcAddress: "127.0.0.1:1",
      stop: () => new Promise((resolve) => setTimeout(resolve, config.stopMs)),
    };
  },
});
