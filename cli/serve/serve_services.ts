// SPDX-License-Identifier: Apache-2.0
/**
 * Divides a command line among services and runs them until a signal comes.
 * @module
 */
import { didYouMean, formatProblem, type Problem, VERSION } from "@denvoy/base";
import {
  renderHelp,
  serveUntilSignal,
  type ServiceHandle,
  splitArgs,
  systemConfigInput,
} from "@denvoy/runtime";
import type { CallContext } from "../command_line/command.ts";
import { Exit } from "../command_line/exit_code.ts";
import { type ServableService, services } from "./services.ts";

/** Serves until a signal comes; returns the exit code. */
export async function serveServices(
  args: readonly string[],
  context: CallContext,
): Promise<number> {
  const { terminal, program } = context;
  const flagsAt = args.findIndex((word) => word.startsWith("-"));
  const names = flagsAt < 0 ? args : args.slice(0, flagsAt);
  const flags = flagsAt < 0 ? [] : args.slice(flagsAt);
  const unknown = names.flatMap(unknownService);
  if (unknown.length > 0) return refuse(unknown, context);
  const chosen = names.length === 0
    ? services
    : services.filter(({ schema }) => names.includes(schema.service));
  if (flags.includes("--help") || flags.includes("-h")) {
    terminal.out(chosen.map(({ schema }) => renderHelp(schema, { program })).join("\n"));
    return Exit.ok;
  }
  const named = names.length > 0;
  const prepared = prepareServices(chosen, { flags, env: terminal.env, named });
  if (prepared.kind === "invalid") return refuse(prepared.problems, context);
  for (const { service, missing } of prepared.leftOut) {
    terminal.error(`note: ${service} is not served, as it has no ${missing}\n`);
  }
  return await serveUntilSignal(prepared.starters);
}

/** A service that is not served as nobody named it and it has nothing to serve. */
interface LeftOut {
  readonly service: string;
  readonly missing: string;
}

type Prepared =
  | {
    readonly kind: "ready";
    readonly starters: readonly (() => Promise<ServiceHandle>)[];
    readonly leftOut: readonly LeftOut[];
  }
  | { readonly kind: "invalid"; readonly problems: readonly Problem[] };

/**
 * Reads the settings of all services, so that everything that is wrong is told at once. What was not
 * `named` and lacks the setting without which it has nothing to serve is left out.
 */
export function prepareServices(
  chosen: readonly ServableService[],
  { flags, env, named }: {
    readonly flags: readonly string[];
    readonly env: Readonly<Record<string, string>>;
    readonly named: boolean;
  },
): Prepared {
  const split = splitArgs(chosen.map(({ schema }) => schema), flags);
  if (!split.ok) return { kind: "invalid", problems: split.error };
  const prepared = chosen.map((service) =>
    service.prepare(systemConfigInput(service.schema, {
      args: split.value.get(service.schema.service) ?? [],
      env,
      version: VERSION,
    }))
  );
  const problems = prepared.flatMap((one) => one.kind === "invalid" ? one.problems : []);
  if (problems.length > 0) return { kind: "invalid", problems };
  const starters: (() => Promise<ServiceHandle>)[] = [];
  const leftOut: LeftOut[] = [];
  for (const [index, one] of prepared.entries()) {
    if (one.kind === "invalid") continue;
    const service = chosen[index]?.schema.service ?? "";
    if (named || one.missing === undefined) starters.push(() => one.start());
    else leftOut.push({ service, missing: one.missing });
  }
  return { kind: "ready", starters, leftOut };
}

function unknownService(name: string): readonly Problem[] {
  const known = services.map(({ schema }) => schema.service);
  if (known.includes(name)) return [];
  const hint = didYouMean(name, known) ?? `expected ${known.join(", ")}`;
  return [{ severity: "error", path: name, message: "cannot serve an unknown service", hint }];
}

function refuse(problems: readonly Problem[], { terminal, program }: CallContext): number {
  for (const problem of problems) terminal.error(`error: ${formatProblem(problem)}\n`);
  terminal.error(`Try: ${program} --help\n`);
  return Exit.usage;
}
