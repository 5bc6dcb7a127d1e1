// SPDX-License-Identifier: Apache-2.0
/**
 * One report of a prober on its way into the prober's opinions. What it says of several checks of an
 * endpoint is put together: all must pass.
 * @module
 */
import type { ClusterRecord } from "./cluster_record.ts";
import type { EndpointRecord } from "./endpoint_record.ts";
import { type Health, isFailing, isPassing } from "./health.ts";
import type { Opinions } from "./opinions.ts";

/** What a report says of one endpoint. */
export interface ReportedHealth {
  /** The cluster's name; empty in the flat list of a report, where it is any that the Envoy checks. */
  readonly cluster: string;
  /** `ip:port` as Envoy reports it. */
  readonly probed: string;
  /** What the Envoy says. */
  readonly health: Health;
}

/** Who reports. */
export interface ReportingProber {
  /** What it thinks. */
  readonly opinions: Opinions<EndpointRecord>;
  /** What it is to check. */
  readonly endpoints: ReadonlySet<EndpointRecord>;
}

/** One report. */
export class ProberReport {
  readonly #prober: ReportingProber;
  readonly #several = new Map<EndpointRecord, Health>();

  /** It says nothing yet. */
  constructor(prober: ReportingProber) {
    this.#prober = prober;
  }

  /** It says this. What a prober says of what it was not told to check is passed over. */
  say(
    cluster: ClusterRecord | undefined,
    { probed, health }: Omit<ReportedHealth, "cluster">,
  ): void {
    const record = cluster?.probed(probed);
    if (cluster === undefined || record === undefined) return;
    if (!this.#prober.endpoints.has(record)) return;
    if (cluster.reportedNames.length === 1) this.#prober.opinions.say(record, health);
    else this.#several.set(record, worse(this.#several.get(record) ?? health, health));
  }

  /** It is over: what several clusters say of one endpoint counts together. */
  end(): void {
    for (const [record, health] of this.#several) this.#prober.opinions.say(record, health);
  }
}

function worse(a: Health, b: Health): Health {
  if (isFailing(a)) return a;
  return isFailing(b) || isPassing(a) ? b : a;
}
