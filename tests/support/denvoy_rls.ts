// SPDX-License-Identifier: Apache-2.0
/**
 * The rls service for one test: a process of its own, with the permissions that users run it with.
 * @module
 */
import { Child, type ChildOptions } from "@denvoy/tools/child";
import { serviceCommand } from "@denvoy/tools/service_permissions";
import { startupAddresses } from "./denvoy_ads.ts";
import { exitSignal } from "./envoy.ts";
import { eventually } from "./eventually.ts";
import { TempFolder } from "./temp_folder.ts";

/** How to start rls. */
export interface DenvoyRlsOptions {
  /** Limit files by name, in a folder that goes with the process; none where limits come by xDS. */
  readonly limits?: Readonly<Record<string, string>>;
  /** More flags. */
  readonly flags?: readonly string[];
  /** Added to its environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Where its gRPC server listens. @default a free port */
  readonly grpcAddress?: string;
  /** Addresses that it connects to, e.g. of Redis. */
  readonly connects?: readonly string[];
}

/** A running rls. Disposing it stops it with SIGTERM. */
export interface DenvoyRls extends AsyncDisposable {
  /** `host:port` of its gRPC server. */
  readonly grpcAddress: string;
  /** `http://` and the address of its HTTP server. */
  readonly httpUrl: string;
  /** The folder of its limits. */
  readonly folder: TempFolder;
  /** The process, with its log. */
  readonly child: Child;
}

/** Starts rls; throws with the end of its log when it exits or does not serve in 20 seconds. */
export async function startDenvoyRls(options: DenvoyRlsOptions): Promise<DenvoyRls> {
  const folder = await TempFolder.create(options.limits);
  const child = Child.start(rlsProcess(options, folder));
  try {
    const { grpcAddress, httpAddress } = await eventually(() => startupAddresses(child.lines), {
      withinMs: 20_000,
      detail: () => child.lastWords(),
      signal: exitSignal(child),
      what: "rls to log its addresses",
    });
    return {
      grpcAddress,
      httpUrl: `http://${httpAddress}`,
      folder,
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

/** Runs rls to its end, for settings that it must refuse; returns its exit code and log. */
export async function runDenvoyRls(
  options: DenvoyRlsOptions,
): Promise<{ readonly code: number; readonly output: string }> {
  await using folder = await TempFolder.create(options.limits);
  await using child = Child.start(rlsProcess(options, folder));
  const exit = await child.exited;
  return { code: exit.code, output: child.lines.join("\n") };
}

function rlsProcess(options: DenvoyRlsOptions, folder: TempFolder): ChildOptions {
  const { flags = [], env = {}, connects = [], grpcAddress: listen = "127.0.0.1:0" } = options;
  const args = serviceCommand("rls", {
    access: { addresses: ["127.0.0.1:0", listen, ...connects], read: [folder.path] },
    flags: [
      ...["--grpc-address", listen, "--http-address", "127.0.0.1:0"],
      ...(options.limits === undefined ? [] : ["--limits", folder.path]),
      ...["--log-format", "json"],
      ...flags,
    ],
  });
  return { name: "rls", command: Deno.execPath(), args, env, cwd: folder.path };
}
