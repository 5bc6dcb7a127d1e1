// SPDX-License-Identifier: Apache-2.0
/**
 * Limits from an ADS server: each resource is taken or refused for itself, and the server is told why
 * not. The last good ones count while it is away.
 * @module
 */
import {
  connectXds,
  type XdsClient,
  type XdsClientOptions,
  type XdsUpdate,
} from "@denvoy/discovery";
import { messageCodec, type MessageOf } from "@denvoy/proto";
import type { ComponentHealth } from "@denvoy/runtime";
import { type Absence, TypeUrls } from "@denvoy/xds";
import { readLimitResource } from "../domain/limit_resource.ts";
import type { DomainLimits } from "../domain/limit_rule.ts";

type RateLimitConfig = MessageOf<"ratelimit.config.ratelimit.v3.RateLimitConfig">;

/** What a source works with. */
export interface XdsLimitSourceOptions {
  /** The server, and who asks it; names, health and readers are the source's. */
  readonly client: Omit<XdsClientOptions, "health">;
  /** Takes all resources that are good, by name. */
  readonly onLimits: (accepted: ReadonlyMap<string, DomainLimits>) => void;
  /** Why good resources do not count at the moment, by name. */
  readonly hidden: () => ReadonlyMap<string, string>;
  /** Told how the server and its limits are; `starting` until the server said what it has. */
  readonly health: ComponentHealth;
}

const codec = messageCodec("ratelimit.config.ratelimit.v3.RateLimitConfig");
/** Resources at most, as files. */
const MAX_RESOURCES = 10_000;

/** Limits of an ADS server. Dispose of it to end the connection. */
export class XdsLimitSource implements AsyncDisposable {
  /** The connection, for metrics. */
  readonly client: XdsClient;
  readonly #options: XdsLimitSourceOptions;
  #accepted: ReadonlyMap<string, DomainLimits> = new Map();
  /** What the response that is being judged leads to. */
  #next: ReadonlyMap<string, DomainLimits> = new Map();
  #isKnown = false;
  #connection: { readonly kind: keyof ComponentHealth; readonly message: string } | undefined;

  /** Connects at once. */
  constructor(options: XdsLimitSourceOptions) {
    this.#options = options;
    const { tuning } = options.client;
    this.client = connectXds({
      ...options.client,
      tuning: { ...tuning, maxResources: MAX_RESOURCES },
      health: this.#listenToConnection(),
    });
    this.client.subscribe<RateLimitConfig>(TypeUrls.rateLimitConfig, {
      decode: codec.decode,
      accept: (update) => this.#judge(update),
      changed: () => this.#take(),
      synced: () => this.#take(),
      absent: (absences) => this.#missAll(absences),
    });
  }

  /** Says again how it is, e.g. when files have taken the place of resources. */
  reportHealth(): void {
    const { health, hidden } = this.#options;
    if (this.#connection === undefined) return;
    const { kind, message } = this.#connection;
    if (kind === "failed") return health.failed(message);
    if (!this.#isKnown) return;
    const flaws = [...hidden()].map(([name, why]) => `${name} does not count: ${why}`);
    if (kind === "degraded") return health.degraded([message, ...flaws].join("\n"));
    if (flaws.length > 0) return health.degraded(flaws.join("\n"));
    health.ok(`${this.#accepted.size} resources, ${message}`);
  }

  /** Ends the connection. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.client.close();
  }

  /** Each resource by itself; one that stands in the way of another is no worse for it. */
  #judge({ resources, removed }: XdsUpdate<RateLimitConfig>): ReadonlyMap<string, string> {
    const next = new Map(this.#accepted);
    for (const name of removed) next.delete(name);
    const refused = new Map<string, string>();
    for (const { name, message } of resources) {
      const read = readLimitResource(name, message);
      if (read.ok) next.set(name, read.limits);
      else refused.set(name, read.message);
    }
    this.#next = next;
    return refused;
  }

  #take(): void {
    this.#isKnown = true;
    this.#accepted = this.#next;
    this.#options.onLimits(this.#accepted);
  }

  /** A server that has none may not say so. */
  #missAll(absences: readonly Absence[]): void {
    if (!absences.some(({ name }) => name === "*") || this.#isKnown) return;
    this.#next = new Map();
    this.#take();
    this.reportHealth();
  }

  #listenToConnection(): ComponentHealth {
    const hear = (kind: keyof ComponentHealth) => (message = "") => {
      this.#connection = { kind, message };
      this.reportHealth();
    };
    return { ok: hear("ok"), degraded: hear("degraded"), failed: hear("failed") };
  }
}
