// SPDX-License-Identifier: Apache-2.0
/**
 * Shares the resources part of responses: when many streams are to be sent the same resources, they
 * are joined once, and each response adds only its own small tail.
 * @module
 */
import { joinBytes } from "@denvoy/base";
import {
  type Fingerprint,
  fingerprintOf,
  type Rendering,
  resourcePrefix,
} from "./encoded_resource.ts";
import type { Resource } from "./resource.ts";

/** The resources of a response, encoded. Immutable and shared. */
export class ResponseBody {
  /** What is in it, in the order of the bytes. */
  readonly resources: readonly Resource[];
  /** The `resources` fields of the response. */
  readonly chunks: readonly Uint8Array[];
  /** Sum of the fingerprints of `resources`. */
  readonly fingerprint: Fingerprint;
  #byName: ReadonlyMap<string, Resource> | undefined;

  /** Made by {@linkcode ResponseBodyCache}. */
  constructor(resources: readonly Resource[], options: {
    readonly chunks: readonly Uint8Array[];
    readonly fingerprint: Fingerprint;
  }) {
    this.resources = resources;
    this.chunks = options.chunks;
    this.fingerprint = options.fingerprint;
  }

  /** The resources by name; made once, shared by all streams that hold exactly these. */
  get byName(): ReadonlyMap<string, Resource> {
    return this.#byName ??= new Map(this.resources.map((resource) => [resource.name, resource]));
  }
}

interface RecentBody {
  readonly body: ResponseBody;
  readonly variant: number;
  usedMs: number;
}

/** Bounds of a {@linkcode ResponseBodyCache}. */
export interface ResponseBodyCacheOptions {
  /** How many bodies made for a list of names are kept. @default 8 */
  readonly maxRecent?: number;
  /** For how long such a body is kept after its last use. @default 10 s */
  readonly maxIdleMs?: number;
}

/** An empty body. */
export const EMPTY_BODY: ResponseBody = new ResponseBody([], {
  chunks: [],
  fingerprint: { low: 0, high: 0 },
});

/**
 * Finds or makes bodies. A list that is the same array as before costs nothing, a single resource
 * one look-up, any other list a comparison by content; the order of equal lists does not matter.
 */
export class ResponseBodyCache {
  readonly #maxRecent: number;
  readonly #maxIdleMs: number;
  readonly #lists = new WeakMap<readonly Resource[], (ResponseBody | undefined)[]>();
  readonly #singles = new WeakMap<Resource, (ResponseBody | undefined)[]>();
  #recent: RecentBody[] = [];

  /** Makes an empty cache. */
  constructor(options: ResponseBodyCacheOptions = {}) {
    this.#maxRecent = options.maxRecent ?? 8;
    this.#maxIdleMs = options.maxIdleMs ?? 10_000;
  }

  /** Bodies that {@linkcode sweep} has to look at. */
  get recentCount(): number {
    return this.#recent.length;
  }

  /**
   * Returns the body of a list that its owner keeps, such as all resources of a type: it lives as
   * long as the array. Nobody may change the array afterwards.
   */
  ofList(resources: readonly Resource[], rendering: Rendering): ResponseBody {
    const variant = variantOf(resources, rendering);
    return slot(this.#lists, resources)[variant] ??= encodeBody(resources, rendering);
  }

  /** Returns the body of resources picked for a response. */
  ofSelection(
    resources: readonly Resource[],
    options: Rendering & { readonly nowMs: number },
  ): ResponseBody {
    const [only] = resources;
    if (only === undefined) return EMPTY_BODY;
    const variant = variantOf(resources, options);
    if (resources.length > 1) return this.#shared(resources, { ...options, variant });
    return slot(this.#singles, only)[variant] ??= encodeBody(resources, options);
  }

  /** Drops bodies that no stream has used for a while. */
  sweep(nowMs: number): void {
    this.#recent = this.#recent.filter(({ usedMs }) => nowMs - usedMs < this.#maxIdleMs);
  }

  #shared(
    resources: readonly Resource[],
    options: Rendering & { readonly nowMs: number; readonly variant: number },
  ): ResponseBody {
    const fingerprint = sumOf(resources);
    for (const recent of this.#recent) {
      if (recent.variant !== options.variant) continue;
      if (!isSameSet(recent.body, { resources, fingerprint })) continue;
      recent.usedMs = options.nowMs;
      return recent.body;
    }
    this.sweep(options.nowMs);
    this.#recent.sort((a, b) => b.usedMs - a.usedMs).splice(this.#maxRecent - 1);
    const body = encodeBody(resources, options, fingerprint);
    this.#recent.push({ body, variant: options.variant, usedMs: options.nowMs });
    return body;
  }
}

function slot<K extends WeakKey, V>(map: WeakMap<K, (V | undefined)[]>, key: K): (V | undefined)[] {
  const found = map.get(key);
  if (found !== undefined) return found;
  const made: (V | undefined)[] = [];
  map.set(key, made);
  return made;
}

/** Without a TTL among the resources both kinds of client get the same bytes. */
function variantOf(resources: readonly Resource[], rendering: Rendering): number {
  const ttl = rendering.ttl && resources.some((resource) => resource.ttlMs !== undefined);
  return (rendering.mode === "delta" ? 2 : 0) + (ttl ? 1 : 0);
}

function isSameSet(body: ResponseBody, other: {
  readonly resources: readonly Resource[];
  readonly fingerprint: Fingerprint;
}): boolean {
  if (body.fingerprint.low !== other.fingerprint.low) return false;
  if (body.fingerprint.high !== other.fingerprint.high) return false;
  if (body.resources.length !== other.resources.length) return false;
  const { byName } = body;
  return other.resources.every((resource) => byName.get(resource.name) === resource);
}

/** Returns the sum of the fingerprints of resources: independent of their order. */
export function sumOf(resources: Iterable<Resource>): Fingerprint {
  let low = 0;
  let high = 0;
  for (const resource of resources) {
    const fingerprint = fingerprintOf(resource);
    low = low + fingerprint.low | 0;
    high = high + fingerprint.high | 0;
  }
  return { low, high };
}

/**
 * One resource stays in two chunks, so that its value is not copied; more are joined, because a
 * transport would have to touch each chunk again for each stream.
 */
function encodeBody(
  resources: readonly Resource[],
  rendering: Rendering,
  fingerprint: Fingerprint = sumOf(resources),
): ResponseBody {
  const chunks: Uint8Array[] = [];
  for (const resource of resources) {
    chunks.push(resourcePrefix(resource, rendering), resource.value);
  }
  if (chunks.length <= 2) return new ResponseBody(resources, { chunks, fingerprint });
  return new ResponseBody(resources, { chunks: [joinBytes(chunks)], fingerprint });
}
