// SPDX-License-Identifier: Apache-2.0
/**
 * The hds service for one test: a process of its own, with the permissions that users run it with.
 * @module
 */
import { Child } from "@denvoy/tools/child";
import { serviceCommand } from "@denvoy/tools/service_permissions";
import { startupAddresses } from "./denvoy_ads.ts";
import { exitSignal } from "./envoy.ts";
import { eventually } from "./eventually.ts";
import { TempFolder } from "./temp_folder.ts";

/** How to start hds. */
export interface DenvoyHdsOptions {
  /** File or folder of clusters. */
  readonly clusters?: string;
  /** Folder for what lasts. @default one that goes with the process */
  readonly dataDir?: string;
  /** Where gRPC listens; give the one of a killed process to restart it. @default "127.0.0.1:0" */
  readonly grpcAddress?: string;
  /** More flags. */
  readonly flags?: readonly string[];
  /** Addresses that it connects to, e.g. of ads. */
  readonly connects?: readonly string[];
  /** More files that it may read, e.g. certificates. */
  readonly read?: readonly string[];
}

/** A running hds. Disposing it stops it with SIGTERM. */
export interface DenvoyHds extends AsyncDisposable {
  /** `host:port` of its gRPC server. */
  readonly grpcAddress: string;
  /** `http://` and the address of its HTTP server. */
  readonly httpUrl: string;
  /** The process, with its log. */
  readonly child: Child;
  /** Ends it at once, as a crash would. */
  crash(): Promise<void>;
}

/** Starts hds; throws with the end of its log when it exits or does not serve in 20 seconds. */
export async function startDenvoyHds(options: DenvoyHdsOptions = {}): Promise<DenvoyHds> {
  const folder = await TempFolder.create();
  const { grpcAddress = "127.0.0.1:0", clusters, connects = [], read = [], flags = [] } = options;
  const dataDir = options.dataDir ?? folder.file("data");
  const args = serviceCommand("hds", {
    access: {
      addresses: [grpcAddress, "127.0.0.1:0", ...connects],
      read: [...read, ...(clusters === undefined ? [] : [clusters])],
      dataDir,
    },
    flags: [
      ...["--grpc-address", grpcAddress, "--http-address", "127.0.0.1:0"],
      ...["--data-dir", dataDir, "--log-format", "json"],
      ...(clusters === undefined ? [] : ["--clusters", clusters]),
      ...flags,
    ],
  });
  const child = Child.start({ name: "hds", command: Deno.execPath(), args, cwd: folder.path });
  try {
    const addresses = await eventually(() => startupAddresses(child.lines), {
      withinMs: 20_000,
      detail: () => child.lastWords(),
      signal: exitSignal(child),
      what: "hds to log its addresses",
    });
    return {
      grpcAddress: addresses.grpcAddress,
      httpUrl: `http://${addresses.httpAddress}`,
      child,
      async crash() {
        child.kill("SIGKILL");
        await child.exited;
      },
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
