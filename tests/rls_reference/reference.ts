// SPDX-License-Identifier: Apache-2.0
/**
 * envoyproxy/ratelimit for one test: a process of its own on free ports of loopback.
 * @module
 */
import { Child } from "@denvoy/tools/child";
import { exitSignal } from "../support/envoy.ts";
import { eventually, freePorts, TempFolder } from "../support/mod.ts";

/** How to start the reference. */
export interface ReferenceOptions {
  /** The program. */
  readonly program: string;
  /** Limit files by name. */
  readonly limits: Readonly<Record<string, string>>;
  /** Its settings. */
  readonly env: Readonly<Record<string, string>>;
}

/** A running reference. Disposing it stops it. */
export interface Reference extends AsyncDisposable {
  /** `host:port` of its gRPC server. */
  readonly grpcAddress: string;
  /** `http://` and the address of its HTTP server. */
  readonly httpUrl: string;
  /** The process, with its log. */
  readonly child: Child;
}

/** Starts the reference and returns when it has its limits and its Redis. */
export async function startReference(options: ReferenceOptions): Promise<Reference> {
  const files = Object.entries(options.limits).map(([name, text]) => [`config/${name}`, text]);
  const folder = await TempFolder.create(Object.fromEntries(files));
  const [grpcPort, port, debugPort] = freePorts(3).map(String);
  const child = Child.start({
    name: "envoyproxy/ratelimit",
    command: options.program,
    args: [],
    env: {
      ...{ HOST: "127.0.0.1", GRPC_HOST: "127.0.0.1", DEBUG_HOST: "127.0.0.1" },
      ...{ PORT: port ?? "", GRPC_PORT: grpcPort ?? "", DEBUG_PORT: debugPort ?? "" },
      ...{ RUNTIME_ROOT: folder.path, RUNTIME_WATCH_ROOT: "false", LOG_LEVEL: "error" },
      ...{ DISABLE_STATS: "true", REDIS_SOCKET_TYPE: "tcp", REDIS_PERSECOND_SOCKET_TYPE: "tcp" },
      ...options.env,
    },
  });
  const httpUrl = `http://127.0.0.1:${port}`;
  try {
    await eventually(() => isHealthy(httpUrl), {
      what: "the reference to be healthy",
      withinMs: 20_000,
      detail: () => child.lastWords(),
      signal: exitSignal(child),
    });
  } catch (error) {
    await child.stop(0);
    await folder[Symbol.asyncDispose]();
    throw error;
  }
  return {
    grpcAddress: `127.0.0.1:${grpcPort}`,
    httpUrl,
    child,
    async [Symbol.asyncDispose]() {
      await child.stop();
      await folder[Symbol.asyncDispose]();
    },
  };
}

async function isHealthy(url: string): Promise<boolean> {
  const response = await fetch(`${url}/healthcheck`);
  await response.body?.cancel();
  return response.ok;
}
