// SPDX-License-Identifier: Apache-2.0
/**
 * All endpoints and what is thought of them. Reports, assignments and time come in; changes of
 * verdicts come out. Work is done for what differs only.
 * @module
 */
import { assertNever } from "@denvoy/base";
import type { Assignment } from "./assignment.ts";
import type { CheckedCluster } from "./checked_cluster.ts";
import { ClusterRecord } from "./cluster_record.ts";
import {
  type AdminOrder,
  EndpointRecord,
  type HealthChange,
  type StoredVerdict,
} from "./endpoint_record.ts";
import { type Health, isFailing, isPassing } from "./health.ts";
import { Opinions } from "./opinions.ts";
import { ProberReport, type ReportedHealth } from "./prober_report.ts";
import { type Finding, tally, type Vote } from "./tally.ts";
import { mayEvict, mayReturn, recentEvictions } from "./verdict_rules.ts";
import { silenceMs, type VerdictSettings } from "./verdict_settings.ts";

/** What is known of a prober. */
export interface ProberState {
  /** Whether it was heard of within three intervals. */
  readonly isFresh: boolean;
  /** Whether it fails everything. */
  readonly isDoubted: boolean;
  /** When it was last heard of, in milliseconds since the epoch. */
  readonly lastMs: number;
  /** How many endpoints it is to check. */
  readonly endpoints: number;
}

/** Within this time, in milliseconds, Envoys are told of a change: fleets are, in one go. */
const TOLD_MS = 2000;

interface ProberRecord {
  readonly opinions: Opinions<EndpointRecord>;
  readonly endpoints: Set<EndpointRecord>;
  wasDoubted: boolean;
}

/** All endpoints and their verdicts. */
export class HealthTable {
  readonly #settings: VerdictSettings;
  readonly #clusters = new Map<string, ClusterRecord>();
  /** Clusters by the names under which Envoys report them. */
  #byReported: ReadonlyMap<string, ClusterRecord> = new Map();
  readonly #probers = new Map<string, ProberRecord>();
  /** Endpoints whose verdict waits for time to pass or others to come back. */
  readonly #waiting = new Set<EndpointRecord>();
  #changes: HealthChange[] = [];

  /** Nothing is known yet. */
  constructor(settings: VerdictSettings) {
    this.#settings = settings;
  }

  /** All endpoints, cluster by cluster. */
  *endpoints(cluster?: string): Generator<EndpointRecord> {
    const wanted = cluster === undefined ? this.#clusters.values() : [this.#clusters.get(cluster)];
    for (const record of wanted) if (record !== undefined) yield* record.endpoints();
  }

  /** Returns an endpoint. */
  get(cluster: string, address: string): EndpointRecord | undefined {
    return this.#clusters.get(cluster)?.get(address);
  }

  /** Returns the changes since the last call, in order. */
  takeChanges(): readonly HealthChange[] {
    const changes = this.#changes;
    this.#changes = [];
    return changes;
  }

  /** Takes over what is checked; returns the endpoints that are new and those that are gone. */
  setClusters(
    clusters: ReadonlyMap<string, CheckedCluster>,
    nowMs: number,
  ): { readonly added: readonly EndpointRecord[]; readonly removed: readonly EndpointRecord[] } {
    const added: EndpointRecord[] = [];
    const removed: EndpointRecord[] = [];
    for (const [name, record] of this.#clusters) {
      if (clusters.has(name)) continue;
      removed.push(...record.endpoints());
      this.#clusters.delete(name);
    }
    for (const [name, cluster] of clusters) {
      const record = this.#clusters.get(name) ?? new ClusterRecord(name);
      this.#clusters.set(name, record);
      const change = record.update(cluster, nowMs);
      added.push(...change.added);
      removed.push(...change.removed);
      for (const renewed of change.renewed) this.#renew(renewed, nowMs);
    }
    for (const record of removed) this.#drop(record);
    this.#byReported = new Map(
      [...this.#clusters.values()].flatMap((record) =>
        record.reportedNames.map((name) => [name, record] as const)
      ),
    );
    return { added, removed };
  }

  /** Takes over who checks what. Probers that are not in it any more are forgotten. */
  setAssignment(assignment: Assignment, nowMs: number): void {
    for (const name of this.#probers.keys()) {
      if (!assignment.byProber.has(name)) this.#probers.delete(name);
    }
    for (const name of assignment.byProber.keys()) this.#prober(name, nowMs);
    for (const record of this.endpoints()) {
      const probers = assignment.byTarget.get(record.key) ?? [];
      if (sameNames(probers, record.probers)) continue;
      for (const name of record.probers) if (!probers.includes(name)) this.#unassign(name, record);
      for (const name of probers) this.#probers.get(name)?.endpoints.add(record);
      record.probers = probers;
      this.#evaluate(record, nowMs);
    }
  }

  /** A prober's stream begins, for the first time or again. */
  beginStream(name: string, nowMs: number): void {
    this.#prober(name, nowMs).opinions.restart();
  }

  /** A prober says how its endpoints are. What it was not told to check is passed over. */
  report(name: string, reported: Iterable<ReportedHealth>, nowMs: number): void {
    const prober = this.#probers.get(name);
    if (prober === undefined) return;
    const wasFresh = prober.opinions.isFresh;
    prober.opinions.begin(nowMs);
    const report = new ProberReport(prober);
    for (const { cluster, probed, health } of reported) {
      if (cluster !== "") report.say(this.#byReported.get(cluster), { probed, health });
      // The flat list of a report does not say of which cluster an endpoint is.
      else for (const any of this.#clusters.values()) report.say(any, { probed, health });
    }
    report.end();
    this.#finishReport(prober, { wasFresh, nowMs });
  }

  /** A prober says the same as in its last report. */
  repeatReport(name: string, nowMs: number): void {
    const prober = this.#probers.get(name);
    if (prober === undefined) return;
    const wasFresh = prober.opinions.isFresh;
    prober.opinions.begin(nowMs);
    this.#finishReport(prober, { wasFresh, nowMs });
  }

  /** Does what time brings: silence, the end of damping. Call it about once in a report interval. */
  tick(nowMs: number): void {
    for (const prober of this.#probers.values()) {
      if (prober.opinions.expire(nowMs)) this.#evaluateAll(prober, nowMs);
    }
    for (const record of [...this.#waiting]) this.#settle(record, nowMs);
  }

  /** Takes an order of people over, or with undefined takes it back. */
  setOrder(record: EndpointRecord, order: AdminOrder | undefined, nowMs: number): void {
    record.order = order;
    this.#settle(record, nowMs);
  }

  /** Takes over what was known before a restart, without telling it as a change. */
  restore(verdict: StoredVerdict): void {
    const cluster = this.#clusters.get(verdict.cluster);
    const record = cluster?.get(verdict.address);
    if (cluster === undefined || record === undefined) return;
    cluster.count(record, () => record.restore(verdict));
  }

  /** Returns what is known of a prober. */
  proberState(name: string): ProberState | undefined {
    const prober = this.#probers.get(name);
    if (prober === undefined) return undefined;
    const { isFresh, isDoubted, lastMs } = prober.opinions;
    return { isFresh, isDoubted, lastMs, endpoints: prober.endpoints.size };
  }

  /** Returns what each prober of an endpoint says, whether it counts or not. */
  opinionsOf(record: EndpointRecord): ReadonlyMap<string, Vote> {
    return new Map(record.probers.map((name) => [
      name,
      this.#probers.get(name)?.opinions.opinionOf(record) ?? "none",
    ]));
  }

  #prober(name: string, nowMs: number): ProberRecord {
    let prober = this.#probers.get(name);
    if (prober === undefined) {
      prober = {
        opinions: new Opinions(this.#settings, nowMs),
        endpoints: new Set(),
        wasDoubted: false,
      };
      this.#probers.set(name, prober);
    }
    return prober;
  }

  #finishReport(
    prober: ProberRecord,
    { wasFresh, nowMs }: { readonly wasFresh: boolean; readonly nowMs: number },
  ): void {
    const changed = prober.opinions.finish();
    const { isDoubted } = prober.opinions;
    if (isDoubted && !prober.wasDoubted) this.#takeBack(prober, nowMs);
    const isOther = isDoubted !== prober.wasDoubted || !wasFresh;
    prober.wasDoubted = isDoubted;
    if (isOther) this.#evaluateAll(prober, nowMs);
    else for (const record of changed) this.#evaluate(record, nowMs);
  }

  /** What a prober found on its way to failing everything was its own fault, too. */
  #takeBack({ endpoints }: ProberRecord, nowMs: number): void {
    for (const record of endpoints) {
      const isRecent = nowMs - record.foundMs <= this.#onsetMs(record);
      const isItsWord = isFailing(record.found) &&
        record.probers.every((name) => !this.#saysFail(name, record));
      if (!isRecent || !isItsWord || isFailing(record.foundBefore)) continue;
      this.#find(record, { found: record.foundBefore, by: [], nowMs });
      record.reason = "doubted";
      this.#settle(record, nowMs);
    }
  }

  /** How long it may take from the first endpoint that a prober cut off fails to its last. */
  #onsetMs({ cluster, firstProbeMs }: EndpointRecord): number {
    const intervalMs = this.#clusters.get(cluster)?.intervalMs ?? 0;
    return 2 * (intervalMs + firstProbeMs) + silenceMs(this.#settings);
  }

  #saysFail(name: string, record: EndpointRecord): boolean {
    const vote = this.#probers.get(name)?.opinions.vote(record) ?? "none";
    return vote === "fail" || vote === "timeout";
  }

  #evaluateAll({ endpoints }: ProberRecord, nowMs: number): void {
    for (const record of endpoints) this.#evaluate(record, nowMs);
  }

  #evaluate(record: EndpointRecord, nowMs: number): void {
    const votes = record.probers.map((name) =>
      this.#probers.get(name)?.opinions.vote(record) ?? "none"
    );
    const finding = tally(votes, this.#settings.agreement);
    if (finding === "keep" || sameFinding(finding, record)) return;
    const by = record.probers.filter((_, index) => agrees(votes[index] ?? "none", finding));
    this.#find(record, { found: finding, by, nowMs });
    this.#settle(record, nowMs);
  }

  #find(
    record: EndpointRecord,
    { found, by, nowMs }: {
      readonly found: Health;
      readonly by: readonly string[];
      readonly nowMs: number;
    },
  ): void {
    record.foundBefore = record.found;
    record.found = found;
    record.foundMs = nowMs;
    record.by = by;
    record.reason = "found";
  }

  /** Makes a verdict of what was found. */
  #settle(record: EndpointRecord, nowMs: number): void {
    this.#waiting.delete(record);
    if (record.order !== undefined) {
      this.#setHealth(record, { health: orderedHealth(record.order), reason: "order", nowMs });
      return;
    }
    const { found, health } = record;
    const cluster = this.#clusters.get(record.cluster);
    const reason = record.reason === "doubted" ? "doubted" : foundReason(record);
    if (isFailing(found) && !isFailing(health) && !mayEvict(cluster, this.#settings)) {
      this.#wait(record, "kept-share");
    } else if (
      isPassing(found) && isFailing(health) && !mayReturn(record, this.#settings, nowMs)
    ) {
      this.#wait(record, "flapping");
    } else this.#setHealth(record, { health: found, reason, nowMs });
  }

  #wait(record: EndpointRecord, reason: "kept-share" | "flapping"): void {
    record.reason = reason;
    this.#waiting.add(record);
  }

  #setHealth(
    record: EndpointRecord,
    { health, reason, nowMs }: Pick<HealthChange, "reason"> & {
      readonly health: Health;
      readonly nowMs: number;
    },
  ): void {
    record.reason = reason;
    const before = record.health;
    if (before === health) return;
    this.#clusters.get(record.cluster)?.count(record, () => record.health = health);
    record.sinceMs = nowMs;
    if (isFailing(health) && reason === "found") {
      record.evictions = [...recentEvictions(record, this.#settings, nowMs), nowMs];
    }
    const by = record.order === undefined ? record.by : [record.order.who];
    const { cluster, address } = record;
    this.#changes.push({ cluster, address, before, after: health, reason, by, atMs: nowMs });
  }

  /** Its Envoys will say UNHEALTHY until they have probed what they are yet to be told. */
  #renew(record: EndpointRecord, nowMs: number): void {
    for (const name of record.probers) {
      this.#probers.get(name)?.opinions.renew(record, nowMs + TOLD_MS);
    }
  }

  #unassign(name: string, record: EndpointRecord): void {
    const prober = this.#probers.get(name);
    prober?.endpoints.delete(record);
    prober?.opinions.forget(record);
  }

  #drop(record: EndpointRecord): void {
    for (const name of record.probers) this.#unassign(name, record);
    this.#waiting.delete(record);
  }
}

function foundReason({ found, reason }: EndpointRecord): "found" | "restored" | "not-probed" {
  if (reason === "restored") return "restored";
  return found === "UNKNOWN" ? "not-probed" : "found";
}

function orderedHealth({ state }: AdminOrder): Health {
  switch (state) {
    case "up":
      return "HEALTHY";
    case "down":
      return "UNHEALTHY";
    case "draining":
      return "DRAINING";
    default:
      return assertNever(state);
  }
}

/** TIMEOUT and UNHEALTHY take an endpoint out alike: between them nothing changes. */
function sameFinding(finding: Exclude<Finding, "keep">, { found }: EndpointRecord): boolean {
  return isFailing(finding) ? isFailing(found) : finding === found;
}

function agrees(vote: Vote, finding: Finding): boolean {
  return finding === "HEALTHY" ? vote === "pass" : vote === "fail" || vote === "timeout";
}

function sameNames(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((name, index) => name === b[index]);
}
