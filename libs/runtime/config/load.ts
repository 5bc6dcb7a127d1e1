// SPDX-License-Identifier: Apache-2.0
/**
 * Decides which place wins for each field (flag, environment, file, default), checks the values, and
 * returns the configuration or everything that is wrong with it.
 * @module
 */
import { hasErrors, type Problem } from "@denvoy/base";
import { type Given, readEnv, readFlags } from "./given.ts";
import { type ConfigFile, readYaml } from "./given_yaml.ts";
import { renderHelp } from "./help.ts";
import type { ConfigOf, Fields, NamedField, Schema } from "./schema.ts";

/** Where a configuration comes from; {@linkcode systemConfigInput} gives that of the process. */
export interface ConfigInput {
  /** Command-line arguments without the program. */
  readonly args: readonly string[];
  /** Environment variables. */
  readonly env: Readonly<Record<string, string>>;
  /** What the user calls variables that `env` has under another name; problems name that. */
  readonly envOrigins?: Readonly<Record<string, string>>;
  /** What is wrong with variables that `env` has no place for. @default nothing */
  readonly envProblems?: readonly Problem[];
  /** Returns the text of a file, undefined if there is none; throws if it cannot be read. */
  readFile(path: string): string | undefined;
  /** What `--version` prints. @default "0.0.0" */
  readonly version?: string;
  /** How the program is called, for `--help`. @default "denvoy serve <service>" */
  readonly program?: string;
}

/** What loading ended in. */
export type ConfigOutcome<C> =
  | {
    /** A complete configuration. */
    readonly kind: "config";
    /** The frozen values. */
    readonly config: C;
    /** Where each value came from, by key: `default`, a flag, a variable, or `file:line`. */
    readonly origins: ReadonlyMap<string, string>;
  }
  | { readonly kind: "help" | "version"; readonly text: string }
  | { readonly kind: "invalid"; readonly problems: readonly Problem[] };

/** Loads the configuration of a service. Never throws; reports every problem, not only the first. */
export function loadConfig<F extends Fields>(
  schema: Schema<F>,
  input: ConfigInput,
): ConfigOutcome<ConfigOf<Schema<F>>> {
  const flags = readFlags(schema, input.args);
  if (flags.help) return { kind: "help", text: renderHelp(schema, input) };
  if (flags.version) return { kind: "version", text: input.version ?? "0.0.0" };
  const env = readEnv(schema, input.env, input.envOrigins);
  const file = findFile(input, flags.configPath);
  const yaml = file.file === undefined
    ? { given: new Map<string, Given>(), problems: file.problems }
    : readYaml(schema, file.file);
  const places = [flags.given, env.given, yaml.given];
  const problems = [
    ...flags.problems,
    ...input.envProblems ?? [],
    ...env.problems,
    ...yaml.problems,
  ];
  const resolved = resolveFields(schema.fields, places, problems);
  if (hasErrors(problems)) return { kind: "invalid", problems };
  // The values were made field by field from the schema that also makes the type.
  const config = Object.freeze(resolved.values) as ConfigOf<Schema<F>>;
  return { kind: "config", config, origins: resolved.origins };
}

/** Returns the values as a user would write them, by YAML key; secrets are redacted. */
export function dumpConfig<F extends Fields>(
  schema: Schema<F>,
  config: ConfigOf<Schema<F>>,
): Readonly<Record<string, string>> {
  const values = config as Readonly<Record<string, unknown>>;
  return Object.fromEntries(schema.fields.map(({ key, yamlKey, field }) => {
    const value = values[key];
    if (field.secret && value !== undefined) return [yamlKey, "[redacted]"];
    return [yamlKey, value === undefined ? "" : field.format(value)];
  }));
}

interface Resolved {
  readonly values: Record<string, unknown>;
  readonly origins: ReadonlyMap<string, string>;
}

function resolveFields(
  fields: readonly NamedField[],
  places: readonly ReadonlyMap<string, Given>[],
  problems: Problem[],
): Resolved {
  const values: Record<string, unknown> = {};
  const origins = new Map<string, string>();
  for (const named of fields) {
    const found = places.map((place) => place.get(named.key)).filter((given) =>
      given !== undefined
    );
    // A bad value is reported even where a better place overrides it: it is a mistake all the same.
    const checked = found.map((given) => checkGiven(named, given, problems));
    const [first] = found;
    values[named.key] = first === undefined ? fallback(named, problems) : checked[0];
    origins.set(named.key, first === undefined ? "default" : placeText(first.place));
  }
  return { values, origins };
}

function checkGiven(named: NamedField, given: Given, problems: Problem[]): unknown {
  const { field } = named;
  const outcome = field.parse(given.texts);
  if (outcome.ok) return outcome.value;
  const shown = field.secret ? "[redacted]" : JSON.stringify(given.texts.join(",").slice(0, 200));
  problems.push({
    severity: "error",
    message: `cannot set ${named.flag} as it must be ${field.rule}: value is ${shown}`,
    ...given.place,
  });
  return undefined;
}

function fallback(named: NamedField, problems: Problem[]): unknown {
  const { field } = named;
  if (field.defaultTexts.length > 0) {
    const outcome = field.parse(field.defaultTexts);
    if (outcome.ok) return outcome.value;
  }
  if (field.required) {
    const message = `cannot start as a value is required: give it as --${named.flag}, ` +
      `${named.env} or ${named.yamlKey} in denvoy.yaml`;
    problems.push({ severity: "error", path: named.flag, message });
  }
  return field.absent;
}

function findFile(
  input: ConfigInput,
  flagPath: string | undefined,
): { readonly file?: ConfigFile; readonly problems: readonly Problem[] } {
  const named = flagPath ?? (input.env.DENVOY_CONFIG || undefined);
  const path = named ?? "denvoy.yaml";
  try {
    const text = input.readFile(path);
    if (text !== undefined) return { file: { path, text }, problems: [] };
    if (named === undefined) return { problems: [] };
    const message = "cannot read configuration as the file must exist";
    return { problems: [{ severity: "error", file: path, message }] };
  } catch (error) {
    // Without --config a start must not depend on the right to look for ./denvoy.yaml.
    if (named === undefined && error instanceof Deno.errors.NotCapable) return { problems: [] };
    const why = error instanceof Error ? error.message : String(error);
    const message = `cannot read configuration: ${why}`;
    return { problems: [{ severity: "error", file: path, message }] };
  }
}

function placeText(place: Given["place"]): string {
  return place.file === undefined ? place.path ?? "" : `${place.file}:${place.line ?? 1}`;
}
