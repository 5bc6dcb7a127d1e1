// SPDX-License-Identifier: Apache-2.0
/**
 * A real Envoy for one test: started on free ports, asked through its admin API, always stopped.
 * @module
 */
import { join } from "node:path";
import { Child } from "@denvoy/tools/child";
import { getEnvoy } from "@denvoy/tools/real_parts";
import type { Bootstrap } from "./bootstrap.ts";
import { EnvoyAdmin } from "./envoy_admin.ts";
import { eventually } from "./eventually.ts";
import { TempFolder } from "./temp_folder.ts";

/** How to start an Envoy. */
export interface EnvoyOptions {
  /** Its whole configuration; see `bootstrap()`. */
  readonly bootstrap: Bootstrap;
  /** More arguments, e.g. `["--component-log-level", "config:debug"]`. */
  readonly args?: readonly string[];
  /** Its log level. @default "info" */
  readonly logLevel?: "trace" | "debug" | "info" | "warning" | "error";
  /** Worker threads. @default 1 */
  readonly concurrency?: number;
}

/** A running Envoy. Disposing it stops it. */
export interface Envoy extends AsyncDisposable {
  /** Its admin API. */
  readonly admin: EnvoyAdmin;
  /** The process, with its log. */
  readonly child: Child;
}

/**
 * Starts an Envoy and returns when its admin API answers (its listeners may still be on their way:
 * see `admin.ready()`). Throws with the end of its log when it exits instead.
 */
export async function startEnvoy(options: EnvoyOptions): Promise<Envoy> {
  const command = await getEnvoy();
  const folder = await TempFolder.create({ "envoy.json": JSON.stringify(options.bootstrap) });
  const addressFile = folder.file("admin-address");
  const child = Child.start({ name: "envoy", command, args: envoyArgs(folder, options) });
  try {
    const address = await eventually(() => adminAddress(child, addressFile), {
      what: "the admin API of Envoy",
      withinMs: 30_000,
      detail: () => child.lastWords(),
      signal: exitSignal(child),
    });
    return new RunningEnvoy(child, new EnvoyAdmin(`http://${address}`, child), folder);
  } catch (error) {
    await child.stop(0);
    await folder[Symbol.asyncDispose]();
    throw error;
  }
}

/** What Envoy says of a bootstrap without running it: `ok` when it would start. */
export async function validateBootstrap(
  configuration: Bootstrap,
): Promise<{ readonly ok: boolean; readonly output: string }> {
  await using folder = await TempFolder.create({ "envoy.json": JSON.stringify(configuration) });
  const args = ["--mode", "validate", "-c", folder.file("envoy.json")];
  await using child = Child.start({ name: "envoy", command: await getEnvoy(), args });
  const exit = await child.exited;
  return { ok: exit.code === 0, output: child.lastWords() };
}

class RunningEnvoy implements Envoy {
  readonly child: Child;
  readonly admin: EnvoyAdmin;
  readonly #folder: TempFolder;

  constructor(child: Child, admin: EnvoyAdmin, folder: TempFolder) {
    this.child = child;
    this.admin = admin;
    this.#folder = folder;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.child.stop();
    await this.#folder[Symbol.asyncDispose]();
  }
}

function envoyArgs(folder: TempFolder, options: EnvoyOptions): readonly string[] {
  return [
    ...["-c", folder.file("envoy.json")],
    ...["--admin-address-path", join(folder.path, "admin-address")],
    // Several Envoys run side by side; none of them is ever replaced by another in place.
    "--disable-hot-restart",
    ...["--concurrency", String(options.concurrency ?? 1)],
    ...["--log-level", options.logLevel ?? "info"],
    // Waits of seconds make a test slow, and nothing hangs on the connections of one.
    ...["--drain-time-s", "1", "--parent-shutdown-time-s", "2"],
    ...(options.args ?? []),
  ];
}

async function adminAddress(child: Child, file: string): Promise<string | undefined> {
  if (child.exit !== undefined) throw exitError(child);
  const address = await Deno.readTextFile(file).catch(() => "");
  if (address === "") return undefined;
  const response = await fetch(`http://${address}/server_info`);
  await response.body?.cancel();
  return response.ok ? address : undefined;
}

/** Fires when the program ends, so that nobody waits for what cannot come any more. */
export function exitSignal(child: Child): AbortSignal {
  const controller = new AbortController();
  void child.exited.then(() => controller.abort(exitError(child)));
  return controller.signal;
}

function exitError(child: Child): Error {
  const { code, signal } = child.exit ?? { code: undefined, signal: undefined };
  const how = signal === undefined ? `exit code ${code}` : `signal ${signal}`;
  return new Error(`${child.name} ended with ${how}:\n${child.lastWords()}`);
}
