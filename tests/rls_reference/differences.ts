// SPDX-License-Identifier: Apache-2.0
/**
 * Where Denvoy does not do as the pinned reference does, and is not meant to. Each is taken out of both
 * answers here, or not asked for at all:
 *
 * - A limit override without a unit ends the reference's process: no request has one.
 * - The reference answers every error with UNKNOWN and words of its own: that there is one is compared.
 * - Quota mode: in the pinned version a limit in quota mode that is over answers OK and has no
 *   `duration_until_reset`; in later ones, and here, it answers OVER_LIMIT, and the request is over
 *   when all its limits in quota mode are.
 * - `quotaModeEnabled` and `quotaModeViolations` in dynamic metadata are of the pinned version alone.
 * - A limit override in dynamic metadata is protobuf's text, whose spaces Go changes at random; the
 *   pinned version has no name for weeks in it.
 * - The reference sends EXPIRE with every hit, Denvoy with the first of a window: times to live agree up
 *   to the age of the counter. Where limits of two units share a counter, since their windows began
 *   together, it lives as long as the last hit says in the reference, and as long as the longer one here.
 * - Statistics have a name for each value of an override in the reference, and one for all here: they are
 *   compared without overrides. And where counters stop when a limit is over the reference counts units
 *   as within their limits that were not counted: there they are not compared.
 * - A counter that is only asked for begins at 0 in the reference, and not always in Denvoy.
 * - The local cache of the reference goes by the key alone: a limit override answers for a rule's limit
 *   that has the same key. With a local cache there are no overrides and no keys that collide. And it
 *   remembers until the window ends, Denvoy asks again after a second: counters in Redis differ then.
 * - `/json` refuses a content type that no client sends by accident, such as text/plain.
 * - `*` within a value, `metadata` and negative hits are newer than the pinned version.
 * @module
 */
import type { Answer } from "./answer.ts";

/** What is left to compare of an answer. */
export interface Comparison {
  /** Both services were asked in the same second. */
  readonly sameSecond: boolean;
}

interface Status {
  readonly code?: unknown;
  readonly durationUntilReset?: unknown;
}

interface Metadata {
  readonly quotaModeViolations?: readonly number[];
  readonly quotaModeEnabled?: boolean;
  readonly descriptors?: readonly { readonly limit?: string }[];
}

interface Fields {
  readonly overallCode?: unknown;
  readonly status?: unknown;
  readonly statuses?: readonly Status[];
  readonly responseHeadersToAdd?: readonly { readonly key: string; readonly value: string }[];
  readonly dynamicMetadata?: Metadata;
}

/** Returns both answers without what is known to differ. */
export function comparable(
  { denvoy, reference }: { readonly denvoy: Answer; readonly reference: Answer },
  comparison: Comparison,
): { readonly denvoy: unknown; readonly reference: unknown } {
  const violated = violations(reference);
  const cut = (answer: Answer) => withoutDifferences(answer, { violated, ...comparison });
  return { denvoy: cut(denvoy), reference: cut(reference) };
}

function violations(reference: Answer): ReadonlySet<number> {
  if (reference.kind === "refused") return new Set();
  return new Set((reference.fields as Fields).dynamicMetadata?.quotaModeViolations ?? []);
}

interface Cut extends Comparison {
  /** Descriptors whose limit in quota mode is over. */
  readonly violated: ReadonlySet<number>;
}

function withoutDifferences(answer: Answer, { violated, sameSecond }: Cut): unknown {
  if (answer.kind === "refused") return { kind: "refused" };
  const { overallCode, status, statuses = [], ...rest } = answer.fields as Fields;
  return {
    ...rest,
    ...(violated.size === 0 && { overallCode, status }),
    statuses: statuses.map((one, index) => {
      const { code: _code, durationUntilReset: _reset, ...others } = one;
      if (violated.has(index)) return others;
      return sameSecond ? one : { ...others, code: one.code };
    }),
    responseHeadersToAdd: rest.responseHeadersToAdd?.slice(0, sameSecond ? 3 : 2),
    dynamicMetadata: rest.dynamicMetadata && metadataOf(rest.dynamicMetadata),
  };
}

function metadataOf(metadata: Metadata): unknown {
  const { quotaModeViolations: _violations, quotaModeEnabled: _enabled, ...rest } = metadata;
  return {
    ...rest,
    descriptors: rest.descriptors?.map((descriptor) =>
      descriptor.limit === undefined
        ? descriptor
        : { ...descriptor, limit: descriptor.limit.replace(/\s+/g, " ").replace(/:7$/, ":WEEK") }
    ),
  };
}
