// SPDX-License-Identifier: Apache-2.0
/**
 * The services that the rls bench compares, with the same limits and on the same Redis.
 * @module
 */
import { freePorts } from "@denvoy/tools/ports";
import { serviceCommand } from "@denvoy/tools/service_permissions";
import { join } from "node:path";
import { Server } from "../lib/server.ts";
import { limitFile, type Scenario } from "./scenarios.ts";

/** Who is measured, and on what. */
export interface StartOptions {
  /** What is asked. */
  readonly scenario: Scenario;
  /** `host:port` of Redis. */
  readonly redis: string;
  /** An empty folder. */
  readonly folder: string;
}

/** A service that can be started. */
export interface Side {
  /** Its name in tables. */
  readonly name: string;
  /** Starts it and waits until it is ready. */
  start(options: StartOptions): Promise<Server>;
}

/** Enough for all keys of a scenario. */
const LOCAL_CACHE_BYTES = "64000000";

/** Name of our side. */
export const denvoyName = "denvoy";

/** Denvoy's rls as users start it, with their permissions. */
export const denvoy: Side = {
  name: denvoyName,
  async start({ scenario, redis, folder }) {
    await Deno.writeTextFile(join(folder, "bench.yaml"), limitFile);
    const own = ["127.0.0.1:0", "127.0.0.1:0"] as const;
    const flags = [
      ...["--grpc-address", own[0], "--http-address", own[1], "--log-format", "json"],
      // What is measured is how much passes: nothing is given up under more than can pass.
      ...["--limits", folder, "--store-timeout", "10s"],
    ];
    const access = { addresses: [...own, redis], read: [folder] };
    return Server.start({
      name: "denvoy rls",
      command: Deno.execPath(),
      args: serviceCommand("rls", { access, flags }),
      env: {
        ...(scenario.denvoyStore === "redis" && { REDIS_URL: redis }),
        ...(scenario.over && { LOCAL_CACHE_SIZE_IN_BYTES: LOCAL_CACHE_BYTES }),
      },
    });
  },
};

/** Returns envoyproxy/ratelimit; `program` is the built one. */
export function reference(program: string): Side {
  return {
    name: "ratelimit",
    async start({ scenario, redis, folder }) {
      await Deno.mkdir(join(folder, "config"));
      await Deno.writeTextFile(join(folder, "config", "bench.yaml"), limitFile);
      const [grpc, http, debug] = freePorts(3).map(String);
      return Server.start({
        name: "envoyproxy/ratelimit",
        command: program,
        args: [],
        addresses: { grpcAddress: `127.0.0.1:${grpc}`, httpAddress: `127.0.0.1:${http}` },
        readyPath: "/healthcheck",
        env: {
          ...{ HOST: "127.0.0.1", GRPC_HOST: "127.0.0.1", DEBUG_HOST: "127.0.0.1" },
          ...{ GRPC_PORT: grpc ?? "", PORT: http ?? "", DEBUG_PORT: debug ?? "" },
          ...{ RUNTIME_ROOT: folder, RUNTIME_WATCH_ROOT: "false" },
          // Without a sink it would log a line for each request.
          DISABLE_STATS: "true",
          ...{ REDIS_SOCKET_TYPE: "tcp", REDIS_URL: redis },
          ...(scenario.over && { LOCAL_CACHE_SIZE_IN_BYTES: LOCAL_CACHE_BYTES }),
        },
      });
    },
  };
}
