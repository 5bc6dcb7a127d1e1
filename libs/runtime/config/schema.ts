// SPDX-License-Identifier: Apache-2.0
/**
 * The configuration schema of a service: its own fields and those that all services share, with the
 * name of each in flags, environment and YAML. Parsing, help and reference are made from it.
 * @module
 */
import type { Field } from "./field.ts";
import { type SharedFields, sharedFields, type SharedPorts } from "./shared_fields.ts";

/** Fields by their key in the configuration object. */
export type Fields = Readonly<Record<string, Field<unknown>>>;

/** The values of fields. */
export type ValuesOf<F extends Fields> = {
  readonly [K in keyof F]: F[K] extends Field<infer T> ? T : never;
};

/** The configuration object of a schema: frozen, complete, with the shared fields. */
export type ConfigOf<S> = S extends Schema<infer F> ? ValuesOf<F & SharedFields> : never;

/** The values that every service has. */
export type SharedConfig = ValuesOf<SharedFields>;

/** A field with its names. */
export interface NamedField {
  /** Key in the configuration object, e.g. `shutdownGraceMs`. */
  readonly key: string;
  /** Flag without dashes, e.g. `shutdown-grace`. */
  readonly flag: string;
  /** Environment variable, e.g. `DENVOY_ADS_SHUTDOWN_GRACE`. */
  readonly env: string;
  /** Key in the section of `denvoy.yaml`, e.g. `shutdown_grace`. */
  readonly yamlKey: string;
  /** Whether all services have it. */
  readonly group: "service" | "shared";
  /** What it takes. */
  readonly field: Field<unknown>;
}

/** What {@linkcode defineConfig} takes. */
export interface SchemaOptions<F extends Fields> {
  /** Name of the service, e.g. `ads`: section in `denvoy.yaml`, part of the environment names. */
  readonly service: string;
  /** What the service is, as one sentence. */
  readonly summary: string;
  /** Default ports (DESIGN: ads 18000 and 18001, and so on); they listen on 127.0.0.1. */
  readonly ports: SharedPorts;
  /** Fields of this service alone. */
  readonly fields: F;
}

/** The configuration schema of a service. Made by {@linkcode defineConfig}. */
export interface Schema<F extends Fields = Fields> {
  /** Name of the service. */
  readonly service: string;
  /** What the service is. */
  readonly summary: string;
  /** Prefix of environment variables, e.g. `DENVOY_ADS_`. */
  readonly envPrefix: string;
  /** The fields of the service alone, which give the configuration its type. */
  readonly own: F;
  /** All fields, the service's first, in the order they were declared. */
  readonly fields: readonly NamedField[];
}

/**
 * Returns the schema of a service.
 *
 * @throws {TypeError} if two fields share a name or a default breaks its own rule: a mistake in code.
 */
export function defineConfig<const F extends Fields>(options: SchemaOptions<F>): Schema<F> {
  const { service, summary, ports, fields } = options;
  const envPrefix = `DENVOY_${snake(service).toUpperCase()}_`;
  const named = [
    ...nameFields(fields, { envPrefix, group: "service" }),
    ...nameFields(sharedFields(service, ports), { envPrefix, group: "shared" }),
  ];
  assertSound(named);
  return Object.freeze({ service, summary, envPrefix, own: fields, fields: named });
}

function nameFields(
  fields: Fields,
  options: { readonly envPrefix: string; readonly group: "service" | "shared" },
): readonly NamedField[] {
  return Object.entries(fields).map(([key, field]) => {
    const flag = field.flag ?? kebab(key.replace(/(Ms|Bytes)$/, ""));
    const env = options.envPrefix + snake(flag).toUpperCase();
    return { key, flag, env, yamlKey: snake(flag), group: options.group, field };
  });
}

function assertSound(fields: readonly NamedField[]): void {
  const seen = new Set<string>(["config", "help", "version"]);
  for (const { key, flag, field } of fields) {
    if (seen.has(flag)) throw new TypeError(`Cannot define flag as each needs its own: "${flag}"`);
    if (fields.filter((other) => other.key === key).length > 1) {
      throw new TypeError(`Cannot define field as each needs its own key: "${key}"`);
    }
    seen.add(flag);
    if (field.defaultTexts.length > 0 && !field.parse(field.defaultTexts).ok) {
      throw new TypeError(
        `Cannot define "${key}" as its default must be ${field.rule}: ${field.defaultTexts}`,
      );
    }
  }
}

function kebab(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

function snake(flag: string): string {
  return flag.replaceAll("-", "_");
}
