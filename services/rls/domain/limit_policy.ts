// SPDX-License-Identifier: Apache-2.0
/**
 * Reads `rate_limit`: that of envoyproxy/ratelimit, and what goes beyond it (`algorithm`, `burst`,
 * `unit_multiplier`, `on_store_failure`, `100 per 15 minutes` in one line, and a list of limits that
 * count together).
 * @module
 */
import {
  type FieldReader,
  isPlainMap,
  type MapAt,
  type Path,
  type PlainValue,
  valueOf,
} from "@denvoy/proto";
import type { Algorithm } from "./counter_store.ts";
import {
  type CountedLimit,
  failurePolicies,
  type Limit,
  type LimitUnit,
  windowName,
} from "./limit_rule.ts";
import { unitSeconds } from "./window.ts";

/** Keys of `rate_limit`. */
export const policyKeys: readonly string[] = [
  ...["unit", "requests_per_unit", "unlimited", "name", "replaces"],
  ...["unit_multiplier", "algorithm", "burst", "on_store_failure"],
];

const policyKeySet: ReadonlySet<string> = new Set(policyKeys);

/** Key of one item of `replaces`. */
export const replaceKeys: readonly string[] = ["name"];

/** The longest window: ten years of 365 days. */
const MAX_WINDOW_SECONDS = 10 * unitSeconds.year;
const MAX_REQUESTS = 2 ** 32 - 1;
/** Limits of one rule. */
const MAX_WINDOWS = 10;

const units = Object.keys(unitSeconds) as readonly LimitUnit[];
const algorithms = ["fixed_window", "sliding_window", "token_bucket", "concurrency"] as const;

/** Returns the limit of a rule; undefined without one or when something is wrong, which is noted. */
export function readPolicy(
  reader: FieldReader,
  rule: MapAt,
  { elsewhere }: { readonly elsewhere: ReadonlySet<string> },
): Limit | undefined {
  const value = valueOf(rule, "rate_limit");
  const path = [...rule.path, "rate_limit"];
  if (value === undefined) return undefined;
  if (!Array.isArray(value)) return readOne(reader, { value, path, elsewhere });
  return readSeveral(reader, { values: value, path, elsewhere });
}

/** A list: its limits count together, so that each must be a counted one with a counter of its own. */
function readSeveral(
  reader: FieldReader,
  { values, path, elsewhere }: {
    readonly values: readonly PlainValue[];
    readonly path: Path;
    readonly elsewhere: ReadonlySet<string>;
  },
): CountedLimit | undefined {
  if (values.length === 0 || values.length > MAX_WINDOWS) {
    reader.error(path, `must have 1 to ${MAX_WINDOWS} limits: has ${values.length}`);
    return undefined;
  }
  const limits: CountedLimit[] = [];
  for (const [index, value] of values.entries()) {
    const at = [...path, index];
    const limit = readOne(reader, { value, path: at, elsewhere });
    if (limit?.kind === "unlimited") {
      reader.error(at, "must not be `unlimited` beside other limits");
    }
    if (limit?.kind !== "counted") continue;
    const clash = clashOf(limits, limit);
    if (clash !== undefined) reader.error(at, clash);
    limits.push(values.length === 1 ? limit : { ...limit, keySuffix: `${limit.windowSeconds}s_` });
  }
  const [first, ...also] = limits;
  if (first === undefined || limits.length < values.length) return undefined;
  return also.length === 0 ? first : { ...first, also };
}

function clashOf(others: readonly CountedLimit[], limit: CountedLimit): string | undefined {
  const own = windowName(limit);
  for (const other of others) {
    const isSame = other.windowSeconds === limit.windowSeconds &&
      other.algorithm.kind === limit.algorithm.kind;
    if (isSame) return `must differ from the others in window or algorithm: is ${quote(own)} again`;
    if (windowName(other) === own) {
      return `must have a \`name\`, as another limit of the rule is called ${quote(own)}, too`;
    }
    const replaced = [other, limit].find(({ replaces }) =>
      replaces.includes(other.name) || replaces.includes(limit.name)
    );
    if (replaced !== undefined) return "must not replace another limit of its own rule";
  }
  return undefined;
}

function readOne(
  reader: FieldReader,
  { value, path, elsewhere }: {
    readonly value: PlainValue;
    readonly path: Path;
    readonly elsewhere: ReadonlySet<string>;
  },
): Limit | undefined {
  if (typeof value === "string") return readShorthand(reader, { text: value, path });
  if (!isPlainMap(value)) {
    reader.error(path, "must be a map, or a text such as `100 per 15 minutes`");
    return undefined;
  }
  const at = { map: value, path };
  reader.keys(at, policyKeys, { elsewhere });
  const name = reader.text(at, "name") ?? "";
  const replaces = readReplaces(reader, at, { name });
  if (!reader.flag(at, "unlimited")) return readCounted(reader, at, { name, replaces });
  if (reader.text(at, "unit")) reader.error(path, "must not have both `unit` and `unlimited`");
  return { kind: "unlimited", name, replaces };
}

function readCounted(
  reader: FieldReader,
  at: MapAt,
  { name, replaces }: { readonly name: string; readonly replaces: readonly string[] },
): CountedLimit | undefined {
  const { path } = at;
  const requestsPerUnit = reader.whole(at, "requests_per_unit", { min: 0, max: MAX_REQUESTS }) ?? 0;
  const unitMultiplier = reader.whole(at, "unit_multiplier", { min: 1, max: MAX_REQUESTS }) ?? 1;
  const algorithm = readAlgorithm(reader, at);
  const onStoreFailure = reader.word(at, "on_store_failure", failurePolicies);
  if (!reader.text(at, "unit")) {
    reader.error(path, "must have a `unit` unless it is `unlimited`");
    return undefined;
  }
  const unit = reader.word(at, "unit", units);
  if (unit === undefined) return undefined;
  return windowed(reader, {
    path,
    limit: { requestsPerUnit, unit, unitMultiplier, name, replaces, algorithm, onStoreFailure },
  });
}

function readAlgorithm(reader: FieldReader, at: MapAt): Algorithm {
  const word = reader.word(at, "algorithm", algorithms) ?? "fixed_window";
  const burst = reader.whole(at, "burst", { min: 1, max: MAX_REQUESTS });
  if (burst !== undefined && word !== "token_bucket") {
    reader.error([...at.path, "burst"], `must go with the algorithm token_bucket: is ${word}`);
  }
  switch (word) {
    case "fixed_window":
      return { kind: "fixed-window" };
    case "sliding_window":
      return { kind: "sliding-window" };
    case "token_bucket":
      return { kind: "token-bucket", ...(burst !== undefined && { burst }) };
    case "concurrency":
      return { kind: "concurrency" };
  }
}

function readReplaces(
  reader: FieldReader,
  at: MapAt,
  { name }: { readonly name: string },
): readonly string[] {
  return reader.maps(at, "replaces").flatMap((item) => {
    reader.keys(item, replaceKeys, { elsewhere: policyKeySet });
    const other = reader.text(item, "name") ?? "";
    const path = [...item.path, "name"];
    if (other === "") reader.error(path, "must name the limit that it replaces");
    else if (other === name) reader.error(path, `must not replace itself: is ${quote(name)}`);
    else return [other];
    return [];
  });
}

/** `100 per minute`, `100 per 15 minutes`, `100/s` are the same in one line. */
function readShorthand(
  reader: FieldReader,
  { text, path }: { readonly text: string; readonly path: Path },
): CountedLimit | undefined {
  const match = /^(\d+)\s*(?:per\s|\/)\s*(?:(\d+)\s*)?([a-z]+?)s?$/i.exec(text.trim());
  const [, requests = "", multiplier = "1", word = ""] = match ?? [];
  const unit = units.find((one) => one === word.toLowerCase());
  const [requestsPerUnit, unitMultiplier] = [Number(requests), Number(multiplier)];
  if (unit === undefined || requestsPerUnit > MAX_REQUESTS || unitMultiplier < 1) {
    const wrong = match === null ? "" : `: ${wrongPart({ requests, multiplier, word })}`;
    reader.error(path, `must be like \`100 per 15 minutes\`: is ${quote(text)}${wrong}`);
    return undefined;
  }
  const algorithm: Algorithm = { kind: "fixed-window" };
  const rest = { name: "", replaces: [], algorithm, onStoreFailure: undefined };
  return windowed(reader, { path, limit: { requestsPerUnit, unit, unitMultiplier, ...rest } });
}

function wrongPart(
  { requests, multiplier, word }: {
    readonly requests: string;
    readonly multiplier: string;
    readonly word: string;
  },
): string {
  if (Number(requests) > MAX_REQUESTS) return `${requests} requests are more than ${MAX_REQUESTS}`;
  if (Number(multiplier) < 1) return "a window must have at least one unit";
  return `${quote(word)} must be one of ${units.join(", ")}`;
}

function windowed(
  reader: FieldReader,
  { path, limit }: {
    readonly path: Path;
    readonly limit: Omit<CountedLimit, "kind" | "windowSeconds">;
  },
): CountedLimit | undefined {
  const windowSeconds = unitSeconds[limit.unit] * limit.unitMultiplier;
  if (windowSeconds <= MAX_WINDOW_SECONDS) return { kind: "counted", ...limit, windowSeconds };
  const message = `must not be longer than ten years: is ${limit.unitMultiplier} ${limit.unit}s`;
  reader.error(path, message);
  return undefined;
}

function quote(text: string): string {
  return JSON.stringify(text.slice(0, 60));
}
