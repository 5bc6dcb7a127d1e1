// SPDX-License-Identifier: Apache-2.0
/**
 * The sds service for one test: a process of its own, with the permissions that users run it with.
 * @module
 */
import { Child } from "@denvoy/tools/child";
import { serviceCommand } from "@denvoy/tools/service_permissions";
import { startupAddresses } from "./denvoy_ads.ts";
import { exitSignal } from "./envoy.ts";
import { eventually } from "./eventually.ts";
import { TempFolder } from "./temp_folder.ts";

/** How to start sds. */
export interface DenvoySdsOptions {
  /** Folder for what it keeps. @default one that goes with the process */
  readonly dataDir?: string;
  /** Where gRPC listens; give the one of a killed process to restart it. @default "127.0.0.1:0" */
  readonly grpcAddress?: string;
  /** More flags. */
  readonly flags?: readonly string[];
  /** Sockets of workloads by identity; in the data folder, which it may write. */
  readonly sockets?: Readonly<Record<string, string>>;
  /** More files that it may read, e.g. secrets. */
  readonly read?: readonly string[];
}

/** A running sds. Disposing it stops it with SIGTERM. */
export interface DenvoySds extends AsyncDisposable {
  /** `host:port` of its gRPC server. */
  readonly grpcAddress: string;
  /** `http://` and the address of its HTTP server. */
  readonly httpUrl: string;
  /** The process, with its log. */
  readonly child: Child;
  /** Calls its HTTP API; throws unless the answer is 2xx. */
  call(method: string, path: string, body?: unknown): Promise<Readonly<Record<string, unknown>>>;
}

/** Starts sds; throws with the end of its log when it exits or does not serve in 20 seconds. */
export async function startDenvoySds(options: DenvoySdsOptions = {}): Promise<DenvoySds> {
  const folder = await TempFolder.create();
  const { grpcAddress: listen = "127.0.0.1:0", flags = [], read = [], sockets = {} } = options;
  const dataDir = options.dataDir ?? folder.file("data");
  const paths = Object.values(sockets);
  const socketFlags = Object.entries(sockets).flatMap(([identity, path]) => [
    ...["--socket", `${identity}=${path}`],
  ]);
  const args = serviceCommand("sds", {
    access: {
      addresses: ["127.0.0.1:0", listen, ...paths.map((path) => `unix:${path}`)],
      read,
      dataDir,
    },
    flags: [
      ...["--grpc-address", listen, "--http-address", "127.0.0.1:0"],
      ...["--data-dir", dataDir, "--log-format", "json", ...socketFlags, ...flags],
    ],
  });
  const child = Child.start({ name: "sds", command: Deno.execPath(), args, cwd: folder.path });
  try {
    const { grpcAddress, httpAddress } = await eventually(() => startupAddresses(child.lines), {
      withinMs: 20_000,
      detail: () => child.lastWords(),
      signal: exitSignal(child),
      what: "sds to log its addresses",
    });
    const httpUrl = `http://${httpAddress}`;
    return {
      grpcAddress,
      httpUrl,
      child,
      call: (method, path, body) => callApi(`${httpUrl}${path}`, { method, body }),
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

async function callApi(
  url: string,
  { method, body }: { readonly method: string; readonly body: unknown },
): Promise<Readonly<Record<string, unknown>>> {
  const headers = { "content-type": "application/json" };
  const init = body === undefined ? {} : { headers, body: JSON.stringify(body) };
  const response = await fetch(url, { method, ...init });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${url}: ${response.status} ${text}`);
  return text === "" ? {} : JSON.parse(text);
}
