// SPDX-License-Identifier: Apache-2.0
/**
 * Query parameters as routes declare them; what handlers get and what the OpenAPI document says both
 * follow from that.
 * @module
 */

/** One query parameter. Parameters that a route does not declare are refused. */
export interface QueryParameter {
  /** `boolean` without a value is true; `strings` may be repeated; `duration` is such as `90s`. */
  readonly type: "string" | "strings" | "integer" | "boolean" | "duration";
  /** What it does. */
  readonly doc: string;
  /** The words it may be; for `string` and `strings`. */
  readonly words?: readonly string[];
  /** The least that it may be; for `integer`. */
  readonly min?: number;
  /** The most that it may be; for `integer`. */
  readonly max?: number;
  /** What it is when it is absent; for `integer`. */
  readonly default?: number;
}

/** The query parameters of a route by name. */
export type QueryParameters = Readonly<Record<string, QueryParameter>>;

/** Values of query parameters; an absent boolean is false, an absent list empty. */
export type QueryValues<Q extends QueryParameters> = {
  readonly [K in keyof Q]: QueryValue<Q[K]>;
};

/** Value of a query parameter. A duration is in milliseconds. */
export type QueryValue<P extends QueryParameter> = P["type"] extends "boolean" ? boolean
  : P["type"] extends "strings" ? readonly WordOf<P>[]
  : P["type"] extends "integer" ? P extends { readonly default: number } ? number
    : number | undefined
  : P["type"] extends "duration" ? number | undefined
  : WordOf<P> | undefined;

type WordOf<P extends QueryParameter> = P extends
  { readonly words: readonly (infer W extends string)[] } ? W : string;
