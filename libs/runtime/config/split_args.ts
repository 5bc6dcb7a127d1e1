// SPDX-License-Identifier: Apache-2.0
/**
 * Splits one command line among several services that run in one process: `--<service>.<flag>` is
 * for that service, a bare flag for every service that has it.
 * @module
 */
import { didYouMean, err, ok, type Problem, type Result } from "@denvoy/base";
import type { NamedField, Schema } from "./schema.ts";

/** Arguments by name of the service. */
export type ServiceArgs = ReadonlyMap<string, readonly string[]>;

/**
 * Returns the arguments of each service. A bare flag whose default differs between the services, such
 * as an address, must name its service when there are several.
 */
export function splitArgs(
  schemas: readonly Schema[],
  args: readonly string[],
): Result<ServiceArgs, readonly Problem[]> {
  const splitter = new Splitter(schemas);
  const rest = [...args];
  while (rest.length > 0) splitter.take(rest.shift() ?? "", rest);
  return splitter.problems.length > 0 ? err(splitter.problems) : ok(splitter.args);
}

class Splitter {
  readonly args: ReadonlyMap<string, string[]>;
  readonly problems: Problem[] = [];
  readonly #schemas: readonly Schema[];

  constructor(schemas: readonly Schema[]) {
    this.#schemas = schemas;
    this.args = new Map(schemas.map((schema) => [schema.service, []]));
  }

  take(argument: string, rest: string[]): void {
    const match = /^--(?:([a-z]+)\.)?([^=.]+)(=[\s\S]*)?$/.exec(argument);
    if (match === null) {
      return this.#problem(argument, "cannot use argument as only flags are taken");
    }
    const [, service, flag = "", inline = ""] = match;
    const targets = this.#targets(argument, service, flag);
    // The value of a misspelt flag is not a mistake of its own.
    const skipped = targets.length === 0 && rest[0]?.startsWith("-") === false;
    const takesValue = skipped || this.#takesValue(targets, flag);
    const value = inline === "" && takesValue ? rest.splice(0, 1) : [];
    for (const schema of targets) {
      this.args.get(schema.service)?.push(`--${flag}${inline}`, ...value);
    }
  }

  #targets(argument: string, service: string | undefined, flag: string): readonly Schema[] {
    if (service !== undefined) {
      const named = this.#schemas.filter((schema) => schema.service === service);
      const names = this.#schemas.map((schema) => schema.service);
      if (named.length === 0) {
        this.#problem(
          argument,
          `cannot use flag as its service must be one of ${names.join(", ")}`,
        );
      }
      return named.length === 0
        ? []
        : this.#owners(argument, named, { flag, prefix: `${service}.` });
    }
    if (flag === "config") return this.#schemas;
    const owners = this.#owners(argument, this.#schemas, { flag, prefix: "" });
    if (!sameDefault(owners, flag)) {
      const forms = owners.map((schema) => `--${schema.service}.${flag}`).join(" or ");
      this.#problem(argument, `cannot use flag for several services at once: write ${forms}`);
    }
    return owners;
  }

  /** The schemas that have the flag; that none has it is a problem. */
  #owners(
    argument: string,
    schemas: readonly Schema[],
    { flag, prefix }: { readonly flag: string; readonly prefix: string },
  ): readonly Schema[] {
    const owners = schemas.filter((schema) => fieldOf(schema, flag) !== undefined);
    if (owners.length > 0) return owners;
    const flags = schemas.flatMap((schema) => schema.fields.map((field) => field.flag));
    const hint = didYouMean(flag, flags)?.replace('"', `"--${prefix}`);
    this.#problem(argument, "cannot use flag as it is unknown", hint);
    return [];
  }

  #takesValue(targets: readonly Schema[], flag: string): boolean {
    const [first] = targets;
    if (flag === "config") return true;
    const field = first && fieldOf(first, flag);
    return field !== undefined && field.field.shape !== "switch";
  }

  #problem(path: string, message: string, hint?: string): void {
    const [flag = path] = path.split("=");
    this.problems.push({ severity: "error", path: flag, message, ...(hint && { hint }) });
  }
}

function fieldOf(schema: Schema, flag: string): NamedField | undefined {
  return schema.fields.find((field) =>
    field.flag === flag || (field.field.shape === "switch" && `no-${field.flag}` === flag)
  );
}

function sameDefault(owners: readonly Schema[], flag: string): boolean {
  const defaults = owners.map((schema) => fieldOf(schema, flag)?.field.defaultTexts.join());
  return new Set(defaults).size <= 1;
}
