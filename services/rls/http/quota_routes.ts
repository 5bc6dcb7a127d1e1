// SPDX-License-Identifier: Apache-2.0
/**
 * `/v1/quotas`: which limits are shared, by which Envoys, what each wants and has.
 * @module
 */
import type { Clock } from "@denvoy/base";
import { type AnyRoute, json, type JsonSchema, route } from "@denvoy/runtime";
import type { QuotaAssignment } from "../domain/quota_assignment.ts";
import type { QuotaBook } from "../domain/quota_book.ts";
import type { QuotaStream } from "../domain/quota_stream.ts";
import { type BucketView, type QuotaView, quotaViews } from "../domain/quota_view.ts";
import { limitJson } from "./rule_json.ts";

/** What the route works with. */
export interface QuotaRouteParts {
  /** All quotas. */
  readonly book: QuotaBook;
  /** Turns moments into dates. */
  readonly clock: Clock;
}

type Json = Readonly<Record<string, unknown>>;

const DEFAULT_BUCKETS = 1000;

const number: JsonSchema = { type: "number" };
const bucketSchema: JsonSchema = {
  type: "object",
  required: ["node", "address", "bucket"],
  properties: {
    node: { type: "string" },
    address: { type: "string" },
    bucket: { type: "object", additionalProperties: { type: "string" } },
    demand_per_second: number,
    assigned_per_second: number,
    assignment: { type: "object" },
    expires_at: { type: "string", format: "date-time" },
  },
};
const quotaSchema: JsonSchema = {
  type: "object",
  required: ["domain", "rule", "buckets"],
  properties: {
    domain: { type: "string" },
    rule: { type: "string" },
    limit: { type: "object" },
    limit_per_second: number,
    part: number,
    held_per_second: number,
    demand_per_second: number,
    bucket_count: { type: "integer" },
    buckets: { type: "array", items: bucketSchema },
  },
};

/** Returns the routes. */
export function quotaRoutes(parts: QuotaRouteParts): readonly AnyRoute[] {
  return [route({
    method: "GET",
    path: "/v1/quotas",
    summary: "The limits that are shared out to Envoys, with what each wants and has",
    description: "What Envoys are told over RateLimitQuotaService. Rates are requests a second. " +
      "`part` is the part of the limit that this replica shares out, `held_per_second` what may be in " +
      "use of it, also by Envoys whose stream is lost, until their lease ends.",
    tag: "limits",
    query: {
      domain: { type: "string", doc: "Only the limits of this domain." },
      max: { type: "integer", min: 0, default: DEFAULT_BUCKETS, doc: "Most buckets to show." },
    },
    responses: {
      200: {
        doc: "The limits and the streams.",
        schema: {
          type: "object",
          required: ["quotas", "streams"],
          properties: {
            quotas: { type: "array", items: quotaSchema },
            streams: { type: "array", items: { type: "object" } },
          },
        },
      },
    },
    handle: ({ query: { domain, max } }) =>
      json(quotaListing(parts, { max, ...domain !== undefined && { domain } })),
  })];
}

/** Returns the limits of one domain, or all, with at most `max` buckets. */
export function quotaListing(
  parts: QuotaRouteParts,
  { domain, max = DEFAULT_BUCKETS }: { readonly domain?: string; readonly max?: number },
): Json {
  return new QuotaListing(parts, max).render(domain);
}

/** One answer, which shows a bounded number of buckets. */
class QuotaListing {
  readonly #parts: QuotaRouteParts;
  readonly #nowMs: number;
  #left: number;

  constructor(parts: QuotaRouteParts, max: number) {
    this.#parts = parts;
    this.#nowMs = parts.clock.monotonicMs();
    this.#left = max;
  }

  render(domain: string | undefined): Json {
    const { book } = this.#parts;
    const streams = [...book.streams].filter((stream) =>
      domain === undefined || stream.domain === domain
    );
    return {
      quotas: quotaViews(book, domain).map((view) => this.#quota(view)),
      streams: streams.slice(0, DEFAULT_BUCKETS).map((stream) => this.#stream(stream)),
    };
  }

  #quota({ match, capacity, part, heldUnits, buckets }: QuotaView): Json {
    const shown = buckets.slice(0, this.#left);
    this.#left -= shown.length;
    return {
      domain: match.rule.domain,
      rule: match.metricKey,
      limit: match.rule.limit === undefined ? undefined : limitJson(match.rule.limit),
      shadow_mode: match.rule.shadowMode,
      ...(capacity !== undefined && {
        limit_per_second: capacity.units / capacity.seconds,
        part,
        held_per_second: heldUnits / capacity.seconds,
      }),
      demand_per_second: buckets.reduce(
        (sum, { holder }) => sum + (holder.demandPerSecond ?? 0),
        0,
      ),
      bucket_count: buckets.length,
      buckets: shown.map((view) => this.#bucket(view)),
    };
  }

  #bucket({ stream: { client }, holder, assignedPerSecond }: BucketView): Json {
    const { bucket, told, expiresMs, demandPerSecond } = holder;
    return {
      node: client.name,
      address: client.address,
      bucket: Object.fromEntries(bucket.entries.map(({ key, value }) => [key, value])),
      demand_per_second: demandPerSecond,
      assigned_per_second: assignedPerSecond,
      assignment: told && assignmentJson(told),
      expires_at: expiresMs === undefined ? undefined : this.#date(expiresMs),
    };
  }

  #stream({ client, domain, openedMs, holders }: QuotaStream): Json {
    const { name, address } = client;
    return {
      node: name,
      address,
      domain,
      buckets: holders.size,
      since: this.#date(openedMs),
    };
  }

  #date(ms: number): string {
    return new Date(this.#parts.clock.nowMs() - this.#nowMs + ms).toISOString();
  }
}

function assignmentJson(assignment: QuotaAssignment): Json {
  const kind = assignment.kind.replaceAll("-", "_");
  switch (assignment.kind) {
    case "token-bucket": {
      const { maxTokens, tokensPerFill, fillSeconds } = assignment;
      return {
        kind,
        max_tokens: maxTokens,
        tokens_per_fill: tokensPerFill,
        fill_interval: `${fillSeconds}s`,
      };
    }
    case "requests-per-time-unit":
      return { kind, requests: assignment.requests, unit: assignment.unit };
    default:
      return { kind };
  }
}
