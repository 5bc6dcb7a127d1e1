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
    stopMs: duration({ default: "0s", doc: "How long stopping takes." }),
    hang: bool({ doc: "Never finishes starting." }),
  },
});

await runService({
  schema,
  version: "1.2.3",
  async start(config, runtime) {
    if (config.fail) {
      throw new ProblemError([{ severity: "error", file: "a.yaml", message: "must be good" }]);
    }
    const health = runtime.readiness.component("files");
    await runtime.serveHttp([route({
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
    })]);
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
