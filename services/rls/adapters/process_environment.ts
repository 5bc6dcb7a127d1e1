// SPDX-License-Identifier: Apache-2.0
/**
 * The environment of this process, with what envoyproxy/ratelimit's variables mean.
 * @module
 */
import { systemConfigInput } from "@denvoy/runtime";
import { rlsSchema } from "../config.ts";
import { fromReferenceEnvironment, withOwn } from "../reference_environment.ts";
import type { ReferenceEnvironment } from "../reference_reader.ts";

/** Returns our own variables, and the aliases of those that are not set, with what is wrong there. */
export function rlsEnvironment(): ReferenceEnvironment {
  return withOwn(fromReferenceEnvironment(readVariable), systemConfigInput(rlsSchema).env);
}

/** Arguments and memory of this process; of arguments only what can hold no secret. */
export function processFacts(): { readonly args: readonly string[]; readonly memory: unknown } {
  const flags = Deno.args.filter((word) => word.startsWith("-")).map((word) => word.split("=")[0]);
  return { args: flags.map((flag) => flag ?? ""), memory: Deno.memoryUsage() };
}

/** A variable that this process may not read counts as not set. */
export function readVariable(name: string): string | undefined {
  try {
    return Deno.env.get(name);
  } catch {
    return undefined;
  }
}
