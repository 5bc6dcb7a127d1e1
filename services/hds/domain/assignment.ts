// SPDX-License-Identifier: Apache-2.0
/**
 * Which Envoy checks which endpoint. Endpoints that the same Envoys may check form a group; within
 * it rendezvous hashing decides, with a bound on the load of each Envoy and a preference for those
 * that check the endpoint already: loads differ by a few at most, and when an Envoy leaves little
 * moves but what it checked.
 * @module
 */
import type { CheckedCluster, CheckedEndpoint, Locality } from "./checked_cluster.ts";
import { AssignmentGroup, type GroupTarget } from "./assignment_group.ts";
import { hashText } from "./hashing.ts";
import { canCheck, type Prober } from "./prober.ts";

/** How endpoints are given to Envoys: its own to each, to those near by, or to any. */
export const assignmentModes = ["self", "locality", "spread"] as const;

/** See {@linkcode assignmentModes}. */
export type AssignmentMode = typeof assignmentModes[number];

/** How endpoints are given to Envoys. */
export interface AssignmentPolicy {
  /** To whom. */
  readonly mode: AssignmentMode;
  /** How many Envoys check an endpoint, where there are so many. */
  readonly probers: number;
  /** How many endpoints an Envoy checks at most. */
  readonly maxPerProber: number;
}

/** What an assignment is made of. */
export interface AssignmentInput {
  /** What is checked; endpoints whose name is not resolved are left out. */
  readonly clusters: Iterable<CheckedCluster>;
  /** Who checks. */
  readonly probers: readonly Prober[];
  /** How. */
  readonly policy: AssignmentPolicy;
  /** What was assigned before, which is kept as far as it can be. */
  readonly previous?: Assignment;
}

/** Addresses by cluster. */
export type AssignedClusters = ReadonlyMap<string, ReadonlySet<string>>;

/** Who checks what. */
export interface Assignment {
  /** What each Envoy checks, by its name. */
  readonly byProber: ReadonlyMap<string, AssignedClusters>;
  /** Names of those who check an endpoint, by {@linkcode targetKey}. */
  readonly byTarget: ReadonlyMap<string, readonly string[]>;
  /** Endpoints that fewer Envoys check than should. */
  readonly short: number;
}

/** Nobody checks anything. */
export const noAssignment: Assignment = { byProber: new Map(), byTarget: new Map(), short: 0 };

/** Returns the key of an endpoint among all. */
export function targetKey(cluster: string, address: string): string {
  return `${cluster}\n${address}`;
}

interface Target extends GroupTarget {
  readonly cluster: string;
  readonly address: string;
}

/** Returns who checks what from now on. */
export function assign(input: AssignmentInput): Assignment {
  const { probers, policy, previous = noAssignment } = input;
  const groups = groupTargets(input);
  const room = new Map(probers.map(({ name }) => [name, policy.maxPerProber]));
  const byTarget = new Map<string, readonly string[]>();
  const byProber = new Map<string, Map<string, Set<string>>>(
    probers.map(({ name }) => [name, new Map()]),
  );
  let short = 0;
  for (const { eligible, targets } of groups.values()) {
    const wanted = policy.mode === "self" ? eligible.length : policy.probers;
    const group = new AssignmentGroup({ eligible, targets, wanted, room });
    group.distribute(previous.byTarget);
    for (const target of targets) {
      const names = group.probersOf(target);
      byTarget.set(target.key, names);
      if (names.length < Math.max(1, Math.min(wanted, eligible.length))) short++;
      for (const name of names) addTarget(byProber.get(name), target);
    }
  }
  return { byProber, byTarget, short };
}

interface Group {
  readonly eligible: readonly string[];
  readonly targets: Target[];
}

function groupTargets({ clusters, probers, policy }: AssignmentInput): Map<string, Group> {
  const groups = new Map<string, Group>();
  const choose = new EligibleProbers(probers, policy.mode);
  for (const cluster of clusters) {
    for (const endpoint of cluster.endpoints) {
      if (endpoint.ip === undefined) continue;
      const { id, eligible } = choose.of(cluster, endpoint);
      const group = groups.get(id) ?? { eligible, targets: [] };
      groups.set(id, group);
      const key = targetKey(cluster.name, endpoint.address);
      const { address } = endpoint;
      group.targets.push({ key, hash: hashText(key), cluster: cluster.name, address });
    }
  }
  return groups;
}

/** Finds the Envoys that may check an endpoint; the same ones for many, so that they are kept. */
class EligibleProbers {
  readonly #probers: readonly Prober[];
  readonly #mode: AssignmentMode;
  readonly #found = new Map<string, { id: string; eligible: readonly string[] }>();

  constructor(probers: readonly Prober[], mode: AssignmentMode) {
    this.#probers = probers.toSorted((a, b) => a.name < b.name ? -1 : 1);
    this.#mode = mode;
  }

  of(
    cluster: CheckedCluster,
    endpoint: CheckedEndpoint,
  ): { readonly id: string; readonly eligible: readonly string[] } {
    const key = `${[...cluster.needs].join()}\n${this.#place(endpoint)}`;
    let found = this.#found.get(key);
    if (found === undefined) {
      const capable = this.#probers.filter((prober) => canCheck(prober, cluster));
      const eligible = this.#choose(capable, endpoint).map(({ name }) => name);
      found = { id: eligible.join("\n"), eligible };
      this.#found.set(key, found);
    }
    return found;
  }

  /** What of an endpoint decides. */
  #place({ locality: { region, zone, subZone }, node, ip }: CheckedEndpoint): string {
    if (this.#mode === "spread") return "";
    return this.#mode === "self" ? `${node}\n${ip}` : `${region}\n${zone}\n${subZone}`;
  }

  #choose(probers: readonly Prober[], endpoint: CheckedEndpoint): readonly Prober[] {
    switch (this.#mode) {
      case "spread":
        return probers;
      case "self":
        return probers.filter((prober) => isOwn(prober, endpoint));
      case "locality":
        return nearest(probers, endpoint.locality);
    }
  }
}

function isOwn({ nodeId, addresses }: Prober, { node, ip = "" }: CheckedEndpoint): boolean {
  return node === "" ? addresses.has(ip) : nodeId === node;
}

/** Those in the same place, as narrow as there is anybody: rather from afar than not at all. */
function nearest(
  probers: readonly Prober[],
  { region, zone, subZone }: Locality,
): readonly Prober[] {
  const inRegion = probers.filter(({ locality }) => locality.region === region);
  const inZone = inRegion.filter(({ locality }) => locality.zone === zone);
  const inSubZone = inZone.filter(({ locality }) => locality.subZone === subZone);
  return [inSubZone, inZone, inRegion].find(({ length }) => length > 0) ?? probers;
}

function addTarget(
  clusters: Map<string, Set<string>> | undefined,
  { cluster, address }: Target,
): void {
  const addresses = clusters?.get(cluster);
  if (addresses === undefined) clusters?.set(cluster, new Set([address]));
  else addresses.add(address);
}
