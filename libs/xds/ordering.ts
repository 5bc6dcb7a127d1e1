// SPDX-License-Identifier: Apache-2.0
/**
 * Make before break on an aggregated stream: what has to wait for what, by the references between
 * resources (xds_protocol "Eventual consistency considerations"). Says only that something waits;
 * how long at most is the planner's business.
 * @module
 */
import type { Resource, ResourceKey, TypeUrl } from "./resource.ts";
import type { DirtyReason, StreamState, TypeState } from "./stream_state.ts";
import { isVersionOnly, resolve } from "./target.ts";
import { TypeUrls } from "./type_url.ts";

/** Start of a wait that no time ends: for as long as the client keeps what needs the resource. */
export const NO_END = Infinity;

/** Routes are not warmed: they, and what leads to them, follow the clusters that they name. */
const FOLLOW_CLUSTERS: ReadonlySet<TypeUrl> = new Set([
  TypeUrls.listener,
  TypeUrls.scopedRoute,
  TypeUrls.route,
  TypeUrls.virtualHost,
]);

/** Types whose resources may still name a resource of the type when it is removed. */
const REFERRERS: ReadonlyMap<TypeUrl, readonly TypeUrl[]> = new Map<TypeUrl, readonly TypeUrl[]>([
  [TypeUrls.cluster, [...FOLLOW_CLUSTERS]],
  [TypeUrls.endpoints, [TypeUrls.cluster, ...FOLLOW_CLUSTERS]],
  [TypeUrls.lbEndpoint, [TypeUrls.endpoints]],
  [TypeUrls.secret, [TypeUrls.cluster, TypeUrls.listener]],
  [TypeUrls.extensionConfig, [TypeUrls.listener]],
  [TypeUrls.scopedRoute, [TypeUrls.listener]],
  [TypeUrls.route, [TypeUrls.listener, TypeUrls.scopedRoute]],
  [TypeUrls.virtualHost, [TypeUrls.route]],
]);

/** Types that a client asks for before a removal on a new stream may go out. */
const ASKED_BEFORE_REMOVAL: ReadonlyMap<TypeUrl, readonly TypeUrl[]> = new Map<
  TypeUrl,
  readonly TypeUrl[]
>([
  [TypeUrls.cluster, [TypeUrls.listener, TypeUrls.route]],
  [TypeUrls.endpoints, [TypeUrls.cluster]],
  [TypeUrls.route, [TypeUrls.listener]],
]);

/** A resource of the first type stays warming until one of the second type arrives. */
const WARMED_BY: ReadonlyMap<TypeUrl, TypeUrl> = new Map<TypeUrl, TypeUrl>([
  [TypeUrls.cluster, TypeUrls.endpoints],
  [TypeUrls.listener, TypeUrls.route],
]);

/** Tells whether resources of this type may have to wait before they are added or changed. */
export function mayWait(typeUrl: TypeUrl): boolean {
  return FOLLOW_CLUSTERS.has(typeUrl);
}

/** What one planning pass needs to know of other types, computed when first asked for. */
export class Ordering {
  readonly #stream: StreamState;
  #overtaking: ReadonlySet<string> | undefined;

  /** Valid until the stream changes. */
  constructor(stream: StreamState) {
    this.#stream = stream;
  }

  /** Tells whether a new or changed resource has to wait for something of another type. */
  additionWaits(
    type: TypeState,
    { resource, reason }: { readonly resource: Resource; readonly reason: DirtyReason },
  ): boolean {
    if (type.typeUrl === TypeUrls.endpoints) {
      return reason === "changed" && this.#overtakesCluster(type, resource.name);
    }
    if (!FOLLOW_CLUSTERS.has(type.typeUrl) || resource.references.length === 0) return false;
    const clusters = this.#stream.type(TypeUrls.cluster);
    if (clusters === undefined) return false;
    return resource.references.some((key) =>
      key.typeUrl === TypeUrls.cluster && this.#isClusterMissing(clusters, key.name)
    );
  }

  /**
   * Remembers endpoints that were waited for in vain because the client did not ask for them: it
   * takes them from elsewhere, and nothing waits for them again.
   */
  giveUp(resource: Resource): void {
    const clusters = this.#stream.type(TypeUrls.cluster);
    const endpoints = this.#stream.type(TypeUrls.endpoints);
    for (const { name } of resource.references) {
      for (const key of clusters?.known.get(name)?.references ?? []) {
        if (key.typeUrl !== TypeUrls.endpoints) continue;
        if (!endpoints?.subscription.wants(key.name)) this.#stream.neverAsked.add(key.name);
      }
    }
  }

  /**
   * Tells whether a removal has to wait for what replaces it: `replacement` while something that may
   * name it is unsent or unacknowledged, `rejected` while the client keeps something that does name
   * it because it rejected the successor.
   */
  removalWaits(type: TypeState, name: string): "replacement" | "rejected" | undefined {
    let waits: "replacement" | undefined;
    if (this.#isTooEarly(type, name)) waits = "replacement";
    for (const typeUrl of REFERRERS.get(type.typeUrl) ?? []) {
      const referrers = this.#stream.type(typeUrl);
      if (referrers === undefined) continue;
      if (this.#keepsReference(referrers, { typeUrl: type.typeUrl, name })) return "rejected";
      if (referrers.isPending || referrers.inFlight !== undefined) waits = "replacement";
    }
    return waits;
  }

  /** On a new stream of an old client, removals wait until it asked for what may name them. */
  #isTooEarly(type: TypeState, name: string): boolean {
    const isFromBefore = isVersionOnly(type.known.get(name)) || type.lingering?.has(name);
    if (this.#stream.typeUrl !== undefined || !isFromBefore) return false;
    const awaited = ASKED_BEFORE_REMOVAL.get(type.typeUrl) ?? [];
    return awaited.some((typeUrl) => this.#stream.type(typeUrl) === undefined);
  }

  /** A cluster is there for a route once it was accepted as it is now and its endpoints were sent. */
  #isClusterMissing(clusters: TypeState, name: string): boolean {
    if (!clusters.subscription.wants(name)) return false;
    const cluster = resolve(this.#stream, clusters, name);
    if (cluster === undefined || cluster === "keep") return false;
    if (clusters.known.get(name)?.version !== cluster.version) return true;
    // Removed a moment ago and back: the client is yet to hear of either.
    if (clusters.inFlight?.removed.includes(name)) return true;
    return cluster.references.some((key) =>
      key.typeUrl === TypeUrls.endpoints && this.#areEndpointsMissing(key.name)
    );
  }

  #areEndpointsMissing(name: string): boolean {
    const endpoints = this.#stream.type(TypeUrls.endpoints);
    if (!endpoints?.subscription.wants(name)) return !this.#isNeverAsked(endpoints, name);
    if (endpoints.dirty.get(name) === "asked") return resolvable(this.#stream, endpoints, name);
    if (endpoints.inFlight?.body.byName.has(name)) return false;
    const isGoing = endpoints.inFlight?.removed.includes(name);
    if (endpoints.known.has(name) && !isGoing) return false;
    return resolvable(this.#stream, endpoints, name);
  }

  #isNeverAsked(endpoints: TypeState | undefined, name: string): boolean {
    const { neverAsked } = this.#stream;
    return endpoints === undefined ? neverAsked.size > 0 : neverAsked.has(name);
  }

  /** New endpoints of a cluster that is about to change follow the change. */
  #overtakesCluster(endpoints: TypeState, name: string): boolean {
    return endpoints.known.has(name) && (this.#overtaking ??= this.#unsentClusters()).has(name);
  }

  #unsentClusters(): ReadonlySet<string> {
    const names = new Set<string>();
    const clusters = this.#stream.type(TypeUrls.cluster);
    for (const clusterName of clusters?.dirty.keys() ?? []) {
      if (clusters === undefined || !clusters.known.has(clusterName)) continue;
      const cluster = resolve(this.#stream, clusters, clusterName);
      if (cluster === undefined || cluster === "keep") continue;
      if (clusters.known.get(clusterName)?.version === cluster.version) continue;
      for (const key of cluster.references) names.add(key.name);
    }
    return names;
  }

  /** Tells whether the client keeps a referrer that the view has replaced or removed. */
  #keepsReference(referrers: TypeState, key: ResourceKey): boolean {
    for (const name of referrers.parked?.keys() ?? []) {
      const kept = referrers.known.get(name);
      if (kept === undefined || !refersTo(kept, key)) continue;
      if (resolve(this.#stream, referrers, name) === kept) return true;
    }
    for (const [name, sinceMs] of referrers.held ?? []) {
      const kept = sinceMs === NO_END ? referrers.known.get(name) : undefined;
      if (kept !== undefined && refersTo(kept, key)) return true;
    }
    return false;
  }
}

/**
 * Marks what has to be sent again because something was sent that waits for it: the endpoints of a
 * changed cluster, even unchanged ones, and the route configuration of a changed listener. A resource
 * of which the client rejected another version counts as changed when it is sent.
 */
export function markWarming(stream: StreamState, type: TypeState, sent: readonly Resource[]): void {
  const warmedBy = WARMED_BY.get(type.typeUrl);
  const warming = warmedBy === undefined ? undefined : stream.type(warmedBy);
  if (warming === undefined || warming.subscription.isEmpty) return;
  for (const resource of sent) {
    const isKnown = type.known.get(resource.name)?.version === resource.version;
    if (isKnown && !type.parked?.has(resource.name)) continue;
    for (const key of resource.references) {
      if (key.typeUrl === warmedBy && warming.subscription.wants(key.name)) {
        warming.mark(key.name, "asked");
      }
    }
  }
}

function resolvable(stream: StreamState, type: TypeState, name: string): boolean {
  const target = resolve(stream, type, name);
  return target !== undefined && target !== "keep";
}

function refersTo(resource: Resource, key: ResourceKey): boolean {
  return resource.references.some((reference) =>
    reference.name === key.name && reference.typeUrl === key.typeUrl
  );
}
