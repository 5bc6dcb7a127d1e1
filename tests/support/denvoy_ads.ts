// SPDX-License-Identifier: Apache-2.0
/**
 * The ads service for one test: a process of its own, with the permissions that users run it with.
 * @module
 */
import { Child, type ChildOptions } from "@denvoy/tools/child";
import { serviceCommand } from "@denvoy/tools/service_permissions";
import { exitSignal } from "./envoy.ts";
import { eventually } from "./eventually.ts";
import { TempFolder } from "./temp_folder.ts";

/** How to start ads. */
export interface DenvoyAdsOptions {
  /** Folder or file with resources; none if absent. */
  readonly resources?: string;
  /** Folder for registrations and revisions. @default one that goes with the process */
  readonly dataDir?: string;
  /** Where gRPC listens; give the one of a killed process to restart it. @default "127.0.0.1:0" */
  readonly grpcAddress?: string;
  /** Where HTTP listens. @default "127.0.0.1:0" */
  readonly httpAddress?: string;
  /** More flags, e.g. `["--log-level", "debug"]`. */
  readonly flags?: readonly string[];
  /** Added to its environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** More files that it may read, e.g. certificates. */
  readonly read?: readonly string[];
  /** Addresses that it connects to, e.g. of sds. */
  readonly connects?: readonly string[];
  /** Wait for `/readyz` to answer 200, not just for the ports. @default true */
  readonly waitReady?: boolean;
}

/** A running ads. Disposing it stops it with SIGTERM. */
export interface DenvoyAds extends AsyncDisposable {
  /** `host:port` of its gRPC server. */
  readonly grpcAddress: string;
  /** `host:port` of its HTTP server. */
  readonly httpAddress: string;
  /** `http://` and {@linkcode httpAddress}. */
  readonly httpUrl: string;
  /** The process, with its log. */
  readonly child: Child;
  /** Ends it at once, as a crash would. */
  crash(): Promise<void>;
}

/** Starts ads; throws with the end of its log when it exits or is not ready in 20 seconds. */
export async function startDenvoyAds(options: DenvoyAdsOptions = {}): Promise<DenvoyAds> {
  const folder = await TempFolder.create();
  const child = Child.start(adsProcess(options, folder));
  const wait = {
    withinMs: 20_000,
    detail: () => child.lastWords(),
    signal: exitSignal(child),
  };
  try {
    const addresses = await eventually(() => startupAddresses(child.lines), {
      ...wait,
      what: "ads to log its addresses",
    });
    const ads = new RunningAds(child, folder, addresses);
    if (options.waitReady !== false) {
      await eventually(() => isReady(ads.httpUrl), { ...wait, what: "ads to be ready" });
    }
    return ads;
  } catch (error) {
    await child.stop(0);
    await folder[Symbol.asyncDispose]();
    throw error;
  }
}

/**
 * Returns the addresses from the JSON line that a service logs when it serves, whose fields are
 * `grpc` and `http`; undefined while there is none.
 */
export function startupAddresses(
  lines: readonly string[],
): Addresses | undefined {
  for (const line of lines) {
    const fields = parseJson(line);
    if (typeof fields?.grpc !== "string" || typeof fields.http !== "string") continue;
    return { grpcAddress: fields.grpc, httpAddress: fields.http };
  }
  return undefined;
}

/** Runs ads to its end, for flags and files that it must refuse; returns its exit code and log. */
export async function runDenvoyAds(
  options: DenvoyAdsOptions,
): Promise<{ readonly code: number; readonly output: string }> {
  await using folder = await TempFolder.create();
  await using child = Child.start(adsProcess(options, folder));
  const exit = await child.exited;
  return { code: exit.code, output: child.lines.join("\n") };
}

interface Addresses {
  readonly grpcAddress: string;
  readonly httpAddress: string;
}

class RunningAds implements DenvoyAds {
  readonly child: Child;
  readonly grpcAddress: string;
  readonly httpAddress: string;
  readonly #folder: TempFolder;

  constructor(child: Child, folder: TempFolder, addresses: Addresses) {
    this.child = child;
    this.#folder = folder;
    this.grpcAddress = addresses.grpcAddress;
    this.httpAddress = addresses.httpAddress;
  }

  get httpUrl(): string {
    return `http://${this.httpAddress}`;
  }

  async crash(): Promise<void> {
    this.child.kill("SIGKILL");
    await this.child.exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.child.stop();
    await this.#folder[Symbol.asyncDispose]();
  }
}

function adsProcess(options: DenvoyAdsOptions, folder: TempFolder): ChildOptions {
  const grpcAddress = options.grpcAddress ?? "127.0.0.1:0";
  const httpAddress = options.httpAddress ?? "127.0.0.1:0";
  const dataDir = options.dataDir ?? folder.file("data");
  const { resources } = options;
  const args = serviceCommand("ads", {
    access: {
      addresses: [grpcAddress, httpAddress, ...options.connects ?? []],
      read: [...(resources === undefined ? [] : [resources]), ...options.read ?? []],
      dataDir,
    },
    flags: [
      ...["--grpc-address", grpcAddress, "--http-address", httpAddress],
      ...["--data-dir", dataDir, "--log-format", "json"],
      ...(resources === undefined ? [] : ["--resources", resources]),
      ...(options.flags ?? []),
    ],
  });
  const env = options.env ?? {};
  // In a folder of its own it finds no denvoy.yaml that somebody left in the repository.
  return { name: "ads", command: Deno.execPath(), args, env, cwd: folder.path };
}

async function isReady(httpUrl: string): Promise<boolean> {
  const response = await fetch(`${httpUrl}/readyz`);
  await response.body?.cancel();
  return response.ok;
}

function parseJson(line: string): Readonly<Record<string, unknown>> | undefined {
  if (!line.startsWith("{")) return undefined;
  try {
    return JSON.parse(line) as Readonly<Record<string, unknown>>;
  } catch {
    return undefined;
  }
}
