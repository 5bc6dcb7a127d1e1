// SPDX-License-Identifier: Apache-2.0
/**
 * Reads flags and environment into texts per field, before any of them is checked.
 * @module
 */
import { didYouMean, type Problem } from "@denvoy/base";
import type { NamedField, Schema } from "./schema.ts";

/** The texts that one place gave for a field, and where that place is. */
export interface Given {
  /** The texts; one unless the field is a list or map. */
  readonly texts: readonly string[];
  /** Where they stand, for problems: `path` and, for YAML, file and line. */
  readonly place: Pick<Problem, "file" | "line" | "column" | "path">;
}

/** What one place gave, by field key, and what was wrong with it. */
export interface GivenFields {
  /** Texts by field key. */
  readonly given: ReadonlyMap<string, Given>;
  /** Unknown names, missing values, positional arguments. */
  readonly problems: readonly Problem[];
}

/** What flags gave: fields, and the flags that are not fields. */
export interface GivenFlags extends GivenFields {
  /** `--help` or `-h` was given. */
  readonly help: boolean;
  /** `--version` was given. */
  readonly version: boolean;
  /** The value of `--config`. */
  readonly configPath: string | undefined;
}

interface FlagToken {
  readonly name: string;
  readonly value: string | undefined;
}

/** Reads command-line arguments: `--flag value`, `--flag=value`, `--switch`, `--no-switch`. */
export function readFlags(schema: Schema, args: readonly string[]): GivenFlags {
  const reader = new FlagReader(schema);
  const rest = [...args];
  while (rest.length > 0) reader.take(rest.shift() ?? "", rest);
  return reader.result();
}

class FlagReader {
  readonly #schema: Schema;
  readonly #given = new Map<string, Given>();
  readonly #problems: Problem[] = [];
  #help = false;
  #version = false;
  #configPath: string | undefined;

  constructor(schema: Schema) {
    this.#schema = schema;
  }

  take(argument: string, rest: string[]): void {
    if (argument === "--help" || argument === "-h") this.#help = true;
    else if (argument === "--version") this.#version = true;
    else if (!argument.startsWith("--") || argument === "--") {
      this.#problem(argument, "cannot use argument as only flags are taken");
    } else this.#takeFlag(splitFlag(argument), rest);
  }

  result(): GivenFlags {
    return {
      given: this.#given,
      problems: this.#problems,
      help: this.#help,
      version: this.#version,
      configPath: this.#configPath,
    };
  }

  #takeFlag(token: FlagToken, rest: string[]): void {
    if (token.name === "config") {
      this.#configPath = this.#value(token, rest) ?? this.#configPath;
      return;
    }
    const named = this.#schema.fields.find((field) => field.flag === token.name);
    if (named !== undefined) return this.#takeField(named, token, rest);
    const negated = this.#schema.fields.find((field) =>
      field.field.shape === "switch" && `no-${field.flag}` === token.name
    );
    if (negated !== undefined && token.value === undefined) return this.#set(negated, "false");
    this.#unknown(token.name);
    // The value of a misspelt flag is not a mistake of its own.
    if (token.value === undefined && rest[0]?.startsWith("-") === false) rest.shift();
  }

  #takeField(named: NamedField, token: FlagToken, rest: string[]): void {
    if (named.field.shape === "switch") return this.#set(named, token.value ?? "true");
    const value = this.#value(token, rest);
    if (named.field.noFlag) this.#refuse(named);
    else if (value !== undefined) this.#set(named, value);
  }

  #value(token: FlagToken, rest: string[]): string | undefined {
    if (token.value !== undefined) return token.value;
    if (rest[0] !== undefined && !rest[0].startsWith("--")) return rest.shift();
    this.#problem(`--${token.name}`, "cannot use flag as it needs a value");
    return undefined;
  }

  #set(named: NamedField, text: string): void {
    const before = this.#given.get(named.key)?.texts;
    const repeatable = named.field.shape === "list" || named.field.shape === "map";
    if (before !== undefined && !repeatable) {
      this.#problem(`--${named.flag}`, "cannot use flag as it must be given once");
    }
    const texts = repeatable ? [...before ?? [], text] : [text];
    this.#given.set(named.key, { texts, place: { path: `--${named.flag}` } });
  }

  #refuse({ flag, env, yamlKey }: NamedField): void {
    const message = "cannot use flag as every process of the machine can read command lines";
    this.#problem(`--${flag}`, message, `give it as ${env}, or as ${yamlKey} in the YAML file`);
  }

  #unknown(name: string): void {
    const names = [...this.#schema.fields.map((field) => field.flag), "config", "help", "version"];
    const hint = didYouMean(name, names)?.replace('"', '"--');
    this.#problem(`--${name}`, "cannot use flag as it is unknown", hint);
  }

  #problem(path: string, message: string, hint?: string): void {
    this.#problems.push({ severity: "error", path, message, ...(hint && { hint }) });
  }
}

/** Reads the environment; `origins` are other names for problems. Variables that Kubernetes and Docker set for a service are passed over. */
export function readEnv(
  schema: Schema,
  env: Readonly<Record<string, string>>,
  origins: Readonly<Record<string, string>> = {},
): GivenFields {
  const given = new Map<string, Given>();
  const problems: Problem[] = [];
  const names = schema.fields.map((field) => field.env);
  for (const [name, text] of Object.entries(env)) {
    if (!name.startsWith(schema.envPrefix)) continue;
    const named = schema.fields.find((field) => field.env === name);
    if (named !== undefined) {
      const place = { path: origins[name] ?? name };
      given.set(named.key, { texts: splitEnv(named, text), place });
    } else if (!isServiceLink(name.slice(schema.envPrefix.length))) {
      const hint = didYouMean(name, names);
      const message = "cannot use environment variable as it is unknown";
      problems.push({ severity: "error", path: name, message, ...(hint && { hint }) });
    }
  }
  return { given, problems };
}

function splitFlag(argument: string): FlagToken {
  const [, name = "", value] = /^--([^=]*)(?:=(.*))?$/s.exec(argument) ?? [];
  return { name, value };
}

function splitEnv(named: NamedField, text: string): readonly string[] {
  const { shape } = named.field;
  if (shape !== "list" && shape !== "map") return [text];
  return text.split(",").map((part) => part.trim()).filter((part) => part !== "");
}

/**
 * A Kubernetes Service named `denvoy-ads` puts `DENVOY_ADS_SERVICE_HOST`, `DENVOY_ADS_PORT` and
 * `DENVOY_ADS_PORT_18000_TCP_ADDR` into each pod beside it; Docker links do likewise.
 */
function isServiceLink(rest: string): boolean {
  return /^(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|NAME|PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)$/
    .test(rest);
}
