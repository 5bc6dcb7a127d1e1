// SPDX-License-Identifier: Apache-2.0
/**
 * What is known of an Envoy that probes: who it is, where it runs and what it can check.
 * @module
 */
import {
  type Capability,
  Capability_Protocol,
  type Node,
  type Value,
} from "@denvoy/proto/messages";
import type { CheckedCluster, Locality, Need } from "./checked_cluster.ts";
import { extensionNeed } from "./health_check.ts";
import { canonicalIp } from "./ip_address.ts";

/** An Envoy that probes. */
export interface Prober {
  /** Its name: the id of its node, with `#2` and so on while others use the same one. */
  readonly name: string;
  /** Id of its node. */
  readonly nodeId: string;
  /** Cluster of its node. */
  readonly nodeCluster: string;
  /** Where it runs. */
  readonly locality: Locality;
  /** IP addresses that are its own: of its connection, and `denvoy.addresses` in its metadata. */
  readonly addresses: ReadonlySet<string>;
  /** What it can do. */
  readonly can: ReadonlySet<Need>;
  /** Whether it said which extensions it has; one that did not is sent what every Envoy has. */
  readonly listsExtensions: boolean;
}

/** What an Envoy says when its stream begins. */
export interface ProberHello {
  /** The name that it is given. */
  readonly name: string;
  /** Its node. */
  readonly node: Node | undefined;
  /** What it can check. */
  readonly capability: Capability | undefined;
  /** Where it calls from: `ip:port`, `[ip6]:port` or `unix:…`. */
  readonly peerAddress: string;
}

/** Categories of extensions that health checks use. */
const CATEGORIES = /^envoy\.(health_checkers|transport_sockets\.upstream|tls\..*)$/;

const REDIS_CHECKER = "envoy.extensions.health_checkers.redis.v3.Redis";

/** Returns what is known of an Envoy. Keeps nothing of its node, which has some 60 KB. */
export function readProber({ name, node, capability, peerAddress }: ProberHello): Prober {
  const extensions = node?.extensions ?? [];
  const can = new Set<Need>(protocolsOf(capability));
  for (const { category, typeUrls, disabled } of extensions) {
    if (disabled || !CATEGORIES.test(category)) continue;
    for (const type of typeUrls) can.add(extensionNeed(type));
  }
  const { region, zone, subZone } = node?.locality ?? {};
  return {
    name,
    nodeId: bounded(node?.id),
    nodeCluster: bounded(node?.cluster),
    locality: { region: bounded(region), zone: bounded(zone), subZone: bounded(subZone) },
    addresses: new Set([...peerIp(peerAddress), ...ownAddresses(node)]),
    can,
    listsExtensions: extensions.length > 0,
  };
}

/** Longest name and most addresses that are kept of a node. */
const MAX_NAME = 256;
const MAX_ADDRESSES = 64;

/** Returns a name of a node, cut where it is longer than anybody needs. */
export function bounded(name: string | undefined): string {
  return (name ?? "").slice(0, MAX_NAME);
}

/** Tells whether an Envoy can check a cluster; one that cannot might end itself. */
export function canCheck(prober: Prober, { needs }: Pick<CheckedCluster, "needs">): boolean {
  for (const need of needs) {
    if (prober.can.has(need)) continue;
    if (prober.listsExtensions || !everyEnvoyHas(need)) return false;
  }
  return true;
}

/** What an Envoy that does not list its extensions is trusted with: transport sockets, not checkers. */
function everyEnvoyHas(need: Need): boolean {
  return need.startsWith(extensionNeed("")) && !need.includes(".health_checkers.");
}

function protocolsOf(capability: Capability | undefined): readonly Need[] {
  const names: Readonly<Record<number, Need>> = {
    [Capability_Protocol.HTTP]: "HTTP",
    [Capability_Protocol.TCP]: "TCP",
    [Capability_Protocol.REDIS]: extensionNeed(REDIS_CHECKER),
  };
  return (capability?.healthCheckProtocols ?? []).map((protocol) => names[protocol] ?? "");
}

function peerIp(peerAddress: string): readonly string[] {
  const host = /^\[(.*)\]:\d+$/.exec(peerAddress)?.[1] ?? peerAddress.split(":")[0] ?? "";
  const ip = canonicalIp(host);
  return ip === undefined ? [] : [ip];
}

function ownAddresses(node: Node | undefined): readonly string[] {
  const value: Value | undefined = node?.metadata?.fields.denvoy?.structValue?.fields.addresses;
  const texts = value?.listValue?.values.map(({ stringValue }) => stringValue ?? "") ??
    (value?.stringValue ?? "").split(",");
  return texts.slice(0, MAX_ADDRESSES).map((text) => canonicalIp(text.trim())).filter((ip) =>
    ip !== undefined
  );
}
