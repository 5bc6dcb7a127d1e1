// SPDX-License-Identifier: Apache-2.0
/**
 * What is known of one endpoint: what probers find, what people say, and the verdict.
 * @module
 */
import type { Health } from "./health.ts";
import type { Subject } from "./opinions.ts";
import { targetKey } from "./assignment.ts";
import type { CheckedCluster, CheckedEndpoint } from "./checked_cluster.ts";

/** What people say of an endpoint whatever is found: taken out, drained, or kept in. */
export const adminStates = ["down", "draining", "up"] as const;

/** See {@linkcode adminStates}. */
export type AdminState = typeof adminStates[number];

/** An order of people. */
export interface AdminOrder {
  /** What they want. */
  readonly state: AdminState;
  /** Who gave it. */
  readonly who: string;
  /** Why, in their words; empty where they did not say. */
  readonly reason: string;
  /** When, in milliseconds since the epoch. */
  readonly atMs: number;
}

/**
 * Why an endpoint has the health it has: probers found it; an order of people; too few others would
 * be left; it came and went too often; the one prober that said otherwise is doubted; it was known
 * from before a restart; nobody has found anything yet.
 */
export type Reason =
  | "found"
  | "order"
  | "kept-share"
  | "flapping"
  | "doubted"
  | "restored"
  | "not-probed";

/** A verdict as it lasts over a restart. */
export interface StoredVerdict {
  /** The cluster's name. */
  readonly cluster: string;
  /** The endpoint's address. */
  readonly address: string;
  /** The verdict. */
  readonly health: Health;
  /** What probers found. */
  readonly found: Health;
  /** Since when, in milliseconds since the epoch. */
  readonly sinceMs: number;
  /** Who found it. */
  readonly by: readonly string[];
}

/** A change of a verdict. */
export interface HealthChange {
  /** The cluster's name. */
  readonly cluster: string;
  /** The endpoint's address. */
  readonly address: string;
  /** The verdict before. */
  readonly before: Health;
  /** The verdict from now on. */
  readonly after: Health;
  /** Why. */
  readonly reason: Reason;
  /** Who found it: names of probers, or who gave the order. */
  readonly by: readonly string[];
  /** When, in milliseconds since the epoch. */
  readonly atMs: number;
}

/** One endpoint of one cluster. */
export class EndpointRecord implements Subject {
  /** Name of its cluster. */
  readonly cluster: string;
  /** Its address. */
  readonly address: string;
  /** Unique among all endpoints. */
  readonly key: string;
  /** See {@linkcode Subject}. */
  firstProbeMs: number;
  /** As what Envoys are told of it; see description.ts. */
  description = "";
  /** IP address or name as its load assignment has it. */
  readonly host: string;
  /** Its port. */
  readonly port: number;
  /** The load assignment that it is in. */
  service: string;
  /** Names of those who probe it. */
  probers: readonly string[] = [];
  /** What probers found last. */
  found: Health = "UNKNOWN";
  /** What they had found before. */
  foundBefore: Health = "UNKNOWN";
  /** Since when they find it. */
  foundMs: number;
  /** Who found it. */
  by: readonly string[] = [];
  /** What people say. */
  order: AdminOrder | undefined;
  /** The verdict. */
  health: Health = "UNKNOWN";
  /** Why. */
  reason: Reason = "not-probed";
  /** Since when the verdict is what it is. */
  sinceMs: number;
  /** When it was evicted lately. */
  evictions: readonly number[] = [];

  /** Nothing is known of it. */
  constructor(
    { name, service, firstProbeMs }: Pick<CheckedCluster, "name" | "service" | "firstProbeMs">,
    { address, host, port }: Pick<CheckedEndpoint, "address" | "host" | "port">,
    ...[nowMs]: [number]
  ) {
    this.cluster = name;
    this.service = service;
    this.address = address;
    this.host = host;
    this.port = port;
    this.key = targetKey(name, address);
    this.firstProbeMs = firstProbeMs;
    this.foundMs = nowMs;
    this.sinceMs = nowMs;
  }

  /** Takes over what was known before a restart. */
  restore({ health, found, sinceMs, by }: StoredVerdict): void {
    this.health = health;
    this.found = found;
    this.foundBefore = found;
    this.sinceMs = sinceMs;
    this.foundMs = sinceMs;
    this.by = by;
    this.reason = "restored";
  }
}
