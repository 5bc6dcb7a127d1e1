// SPDX-License-Identifier: Apache-2.0
/**
 * A service for one test: a process of its own, with the permissions that users run it with. What
 * services have in common; what each needs of its own is in denvoy_services.ts.
 * @module
 */
import { Child, type ChildOptions } from "@denvoy/tools/child";
import { serviceCommand, type ServiceName } from "@denvoy/tools/service_permissions";
import { exitSignal } from "./envoy.ts";
import { eventually } from "./eventually.ts";
import { TempFolder } from "./temp_folder.ts";

/** How to start any service. */
export interface ServiceOptions {
  /** Folder for what lasts. @default one that goes with the process */
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
  /** Addresses that it connects to, e.g. of Redis or another service. */
  readonly connects?: readonly string[];
  /** Wait for `/readyz` to answer 200, not just for the ports. @default true for ads, else false */
  readonly waitReady?: boolean;
}

/** What one service needs besides. */
export interface ServiceSetup {
  /** Which it is. */
  readonly name: ServiceName;
  /** Whether it has a `--data-dir`. */
  readonly hasData: boolean;
  /** The flag of the file or folder that it is fed from, and where that is; none if absent. */
  readonly input?: { readonly flag: string; readonly path: string };
  /** Files in its own folder, fed to it by this flag; none if absent. */
  readonly files?: { readonly flag: string; readonly texts: Readonly<Record<string, string>> };
  /** Flags of its own. */
  readonly flags?: readonly string[];
}

/** A running service. Disposing it stops it with SIGTERM. */
export interface DenvoyService extends AsyncDisposable {
  /** `host:port` of its gRPC server. */
  readonly grpcAddress: string;
  /** `host:port` of its HTTP server. */
  readonly httpAddress: string;
  /** `http://` and {@linkcode httpAddress}. */
  readonly httpUrl: string;
  /** The folder in which it runs, with the files that it was given as texts. */
  readonly folder: TempFolder;
  /** The process, with its log. */
  readonly child: Child;
  /** Ends it at once, as a crash would. */
  crash(): Promise<void>;
  /** Calls its HTTP API with JSON; throws unless the answer is 2xx. */
  call(method: string, path: string, body?: unknown): Promise<Readonly<Record<string, unknown>>>;
}

/** Starts a service; throws with the end of its log when it exits or does not serve in 20 seconds. */
export async function startDenvoyService(
  setup: ServiceSetup,
  options: ServiceOptions,
): Promise<DenvoyService> {
  const { name } = setup;
  const folder = await TempFolder.create(setup.files?.texts);
  const child = Child.start(serviceProcess(setup, { ...options, folder }));
  const wait = {
    withinMs: 20_000,
    detail: () => child.lastWords(),
    signal: exitSignal(child),
  };
  try {
    const addresses = await eventually(() => startupAddresses(child.lines), {
      ...wait,
      what: `${name} to log its addresses`,
    });
    const service = new RunningService(child, { folder, addresses });
    if (options.waitReady ?? name === "ads") {
      await eventually(() => isReady(service.httpUrl), { ...wait, what: `${name} to be ready` });
    }
    return service;
  } catch (error) {
    await child.stop(0);
    await folder[Symbol.asyncDispose]();
    throw error;
  }
}

/** Runs a service to its end, for what it must refuse; returns its exit code and log. */
export async function runDenvoyService(
  setup: ServiceSetup,
  options: ServiceOptions,
): Promise<{ readonly code: number; readonly output: string }> {
  await using folder = await TempFolder.create(setup.files?.texts);
  await using child = Child.start(serviceProcess(setup, { ...options, folder }));
  const exit = await child.exited;
  return { code: exit.code, output: child.lines.join("\n") };
}

/**
 * Returns the addresses from the JSON line that a service logs when it serves, whose fields are
 * `grpc` and `http`; undefined while there is none.
 */
export function startupAddresses(lines: readonly string[]): Addresses | undefined {
  for (const line of lines) {
    const fields = parseJson(line);
    if (typeof fields?.grpc !== "string" || typeof fields.http !== "string") continue;
    return { grpcAddress: fields.grpc, httpAddress: fields.http };
  }
  return undefined;
}

type Addresses = Pick<DenvoyService, "grpcAddress" | "httpAddress">;

class RunningService implements DenvoyService {
  readonly child: Child;
  readonly folder: TempFolder;
  readonly grpcAddress: string;
  readonly httpAddress: string;

  constructor(
    child: Child,
    { folder, addresses }: { readonly folder: TempFolder; readonly addresses: Addresses },
  ) {
    this.child = child;
    this.folder = folder;
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

  async call(
    method: string,
    path: string,
    ...[body]: [unknown?]
  ): Promise<Readonly<Record<string, unknown>>> {
    const headers = { "content-type": "application/json" };
    const init = body === undefined ? {} : { headers, body: JSON.stringify(body) };
    const response = await fetch(`${this.httpUrl}${path}`, { method, ...init });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return text === "" ? {} : JSON.parse(text);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.child.stop();
    await this.folder[Symbol.asyncDispose]();
  }
}

function serviceProcess(
  { name, hasData, files, ...setup }: ServiceSetup,
  options: ServiceOptions & { readonly folder: TempFolder },
): ChildOptions {
  const { folder } = options;
  const { grpcAddress = "127.0.0.1:0", httpAddress = "127.0.0.1:0", connects = [] } = options;
  const { read = [], flags = [], env = {} } = options;
  const dataDir = hasData ? options.dataDir ?? folder.file("data") : undefined;
  const input = files === undefined ? setup.input : { flag: files.flag, path: folder.path };
  const args = serviceCommand(name, {
    access: {
      addresses: [grpcAddress, httpAddress, ...connects],
      read: [...(input === undefined ? [] : [input.path]), ...read],
      ...(dataDir !== undefined && { dataDir }),
    },
    flags: [
      ...["--grpc-address", grpcAddress, "--http-address", httpAddress, "--log-format", "json"],
      ...(dataDir === undefined ? [] : ["--data-dir", dataDir]),
      ...(input === undefined ? [] : [input.flag, input.path]),
      ...(setup.flags ?? []),
      ...flags,
    ],
  });
  // In a folder of its own it finds no denvoy.yaml that somebody left in the repository.
  return { name, command: Deno.execPath(), args, env, cwd: folder.path };
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
