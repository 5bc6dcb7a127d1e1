// SPDX-License-Identifier: Apache-2.0
/**
 * The metrics service for one test: a process of its own, with the permissions that users run it
 * with.
 * @module
 */
import { Child } from "@denvoy/tools/child";
import { serviceCommand } from "@denvoy/tools/service_permissions";
import { eventually, exitSignal, startupAddresses, TempFolder } from "../support/mod.ts";

/** How to start metrics. */
export interface DenvoyMetricsOptions {
  /** Where gRPC listens; give the one of a stopped process to restart it. @default "127.0.0.1:0" */
  readonly grpcAddress?: string;
  /** Folder for totals; one that goes with the process if absent. */
  readonly dataDir?: string;
  /** More flags. */
  readonly flags?: readonly string[];
  /** Addresses that it connects to, e.g. of a collector. */
  readonly connects?: readonly string[];
  /** More files that it may read. */
  readonly read?: readonly string[];
}

/** A running metrics service. Disposing it stops it with SIGTERM. */
export interface DenvoyMetrics extends AsyncDisposable {
  /** `host:port` of its gRPC server. */
  readonly grpcAddress: string;
  /** `http://` and the address of its HTTP server. */
  readonly httpUrl: string;
  /** The process, with its log. */
  readonly child: Child;
}

/** Starts metrics; throws with the end of its log when it exits or does not serve in 20 seconds. */
export async function startDenvoyMetrics(
  options: DenvoyMetricsOptions = {},
): Promise<DenvoyMetrics> {
  const { grpcAddress = "127.0.0.1:0", flags = [], connects = [], read = [] } = options;
  const folder = await TempFolder.create();
  const dataDir = options.dataDir ?? folder.file("data");
  const args = serviceCommand("metrics", {
    access: { addresses: [grpcAddress, "127.0.0.1:0", ...connects], dataDir, read },
    flags: [
      ...["--grpc-address", grpcAddress, "--http-address", "127.0.0.1:0"],
      ...["--data-dir", dataDir, "--log-format", "json"],
      ...flags,
    ],
  });
  const child = Child.start({
    ...{ name: "metrics", command: Deno.execPath(), args, env: {}, cwd: folder.path },
  });
  try {
    const addresses = await eventually(() => startupAddresses(child.lines), {
      withinMs: 20_000,
      detail: () => child.lastWords(),
      signal: exitSignal(child),
      what: "metrics to log its addresses",
    });
    return {
      grpcAddress: addresses.grpcAddress,
      httpUrl: `http://${addresses.httpAddress}`,
      child,
      async [Symbol.asyncDispose]() {
        await child.stop();
        await folder[Symbol.asyncDispose]();
      },
    };
  } catch (error) {
    await child.stop(0);
    await folder[Symbol.asyncDispose]();
    throw error;
  }
}
