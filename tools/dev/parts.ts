// SPDX-License-Identifier: Apache-2.0
/**
 * How each part of the quick start is run, and when it is up.
 * @module
 */
import { join } from "node:path";
import type { ChildOptions } from "../child.ts";
import { cacheFolder, capture, repositoryRoot } from "../real_parts/mod.ts";
import { serviceCommand, type ServiceName, serviceNames } from "../service_permissions.ts";
import type { StartFlags } from "./flags.ts";
import type { PortName, QuickStart } from "./quickstart.ts";
import type { Screen } from "./screen.ts";
import { needsOf } from "./services.ts";

/** Where the logs of all parts are kept until the next start. */
export function logFolder(): string {
  return join(cacheFolder(), "logs");
}

/** What the functions below need. */
export interface PartContext {
  /** What is run. */
  readonly quickStart: QuickStart;
  /** How it is run. */
  readonly flags: StartFlags;
  /** Where lines are shown. */
  readonly screen: Screen;
}

/** Returns how a service is run: by itself, with its narrow permissions. */
export function servicePart(service: ServiceName, context: PartContext): ChildOptions {
  const { quickStart, flags: { verbose } } = context;
  const dataDir = join(quickStart.dataDir, service);
  const addresses = [quickStart.ports[`${service} gRPC`], quickStart.ports[`${service} HTTP`]]
    .map((port) => `127.0.0.1:${port}`);
  const [grpc = "", http = ""] = addresses;
  const { flags, read = [], peers = [] } = needsOf(service, quickStart);
  const args = serviceCommand(service, {
    access: { addresses: [...addresses, ...peers], read, dataDir },
    flags: [
      ...flags,
      ...["--data-dir", dataDir, "--grpc-address", grpc, "--http-address", http],
      ...["--log-format", "text", "--log-level", verbose ? "debug" : "info"],
    ],
  });
  return denoPart(service, { args, shown: true, context });
}

/** Downloads what services import, so that no start takes time of its own; throws if it cannot. */
export async function fetchDependencies(): Promise<void> {
  const mains = serviceNames.map((name) => join(repositoryRoot, "services", name, "main.ts"));
  const { code, stderr } = await capture(Deno.execPath(), [
    "cache",
    "--quiet",
    "--frozen",
    ...mains,
  ]);
  if (code !== 0) throw new Error(`cannot get what Denvoy imports:\n${stderr.trim()}`);
}

/** Returns how an example backend is run. */
export function backendPart(name: "blue" | "green", context: PartContext): ChildOptions {
  const address = `127.0.0.1:${context.quickStart.ports[name]}`;
  const main = join(repositoryRoot, "examples", "backends", "main.ts");
  const args = ["run", "--quiet", "--no-prompt", `--allow-net=${address}`, main, name, address];
  return denoPart(name, { args, shown: true, context });
}

/** Returns how Envoy is run. */
export function envoyPart(command: string, context: PartContext): ChildOptions {
  const args = ["-c", context.quickStart.bootstrap, "--disable-hot-restart", "--concurrency", "2"];
  const shown = context.flags.verbose;
  return { name: "envoy", command, args, onLine: lineSink("envoy", { shown, context }) };
}

/** How long a part may take until it answers. */
const answersWithinMs = 30_000;

/** Waits until a GET answers 2xx; throws when it never does, or when `signal` ends the wait. */
export async function waitForHttp(target: string, signal: AbortSignal): Promise<void> {
  const deadline = performance.now() + answersWithinMs;
  while (!await answersOk(target)) {
    signal.throwIfAborted();
    if (performance.now() > deadline) throw new Error(lateMessage(target));
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function lateMessage(target: string): string {
  return `cannot finish the start as ${target} must answer in ${answersWithinMs / 1000} s: ` +
    `it does not; the logs are in ${logFolder()}`;
}

/** Returns `http://127.0.0.1:<port>`. */
export function url(quickStart: QuickStart, port: PortName): string {
  return `http://127.0.0.1:${quickStart.ports[port]}`;
}

interface SinkOptions {
  readonly shown: boolean;
  readonly context: PartContext;
}

function denoPart(
  name: string,
  { args, ...options }: SinkOptions & { readonly args: readonly string[] },
): ChildOptions {
  return { name, command: Deno.execPath(), args, onLine: lineSink(name, options) };
}

function lineSink(name: string, { shown, context }: SinkOptions): (line: string) => void {
  const file = join(logFolder(), `${name}.log`);
  Deno.mkdirSync(logFolder(), { recursive: true });
  Deno.writeTextFileSync(file, "");
  return (line) => {
    Deno.writeTextFileSync(file, `${line}\n`, { append: true });
    if (shown) context.screen.log(name, line);
  };
}

async function answersOk(target: string): Promise<boolean> {
  try {
    const response = await fetch(target, { signal: AbortSignal.timeout(2_000) });
    await response.body?.cancel();
    return response.ok;
  } catch {
    return false;
  }
}
