// SPDX-License-Identifier: Apache-2.0
/**
 * The process's own arguments, environment and files as input of a configuration. The only place
 * that reads them.
 * @module
 */
import type { ConfigInput } from "./load.ts";
import type { Schema } from "./schema.ts";

/** Returns the input of this process for a service; some of it can be replaced. */
export function systemConfigInput(
  schema: Schema,
  overrides: Partial<ConfigInput> = {},
): ConfigInput {
  return {
    args: overrides.args ?? Deno.args,
    env: overrides.env ?? readEnvironment(schema),
    ...(overrides.envOrigins !== undefined && { envOrigins: overrides.envOrigins }),
    ...(overrides.envProblems !== undefined && { envProblems: overrides.envProblems }),
    readFile: overrides.readFile ?? readTextFile,
    ...(overrides.version !== undefined && { version: overrides.version }),
    ...(overrides.program !== undefined && { program: overrides.program }),
  };
}

/** Returns the text of a file, undefined when there is none. */
export function readTextFile(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/**
 * All variables, or, where permission covers only some (`--allow-env=DENVOY_ADS_*` cannot list),
 * those that the schema knows; a misspelt one then goes unnoticed.
 */
function readEnvironment(schema: Schema): Readonly<Record<string, string>> {
  try {
    return Deno.env.toObject();
  } catch {
    const names = [...schema.fields.map((field) => field.env), "DENVOY_CONFIG"];
    const known = names.map((name) => [name, readVariable(name)] as const);
    return Object.fromEntries(known.filter((pair): pair is readonly [string, string] => {
      return pair[1] !== undefined;
    }));
  }
}

function readVariable(name: string): string | undefined {
  try {
    return Deno.env.get(name);
  } catch {
    return undefined;
  }
}
