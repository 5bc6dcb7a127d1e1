// SPDX-License-Identifier: Apache-2.0
/**
 * A change on its way: first to the nodes that match a selector, then, on their ACKs, to all, or
 * back on a NACK. A pure state machine: events in, the next state out; whoever owns it applies what
 * the state says and writes it down.
 *
 * ```
 * canary --soak time over and every awaited node ACKed--> promoted
 * canary --a NACK of the new content, timeout (unless it promotes), abort--> reverted
 * ```
 * A node is awaited while it is connected and was sent any of the new content. A node that goes away
 * is no longer awaited; what it ACKed still counts toward `minAcks`. The soak time lets nodes be sent
 * the rest, and lets a late NACK come: no decision to go on falls before it is over. A change that
 * only deletes has nothing to ACK and goes on when it is over.
 * @module
 */
import type { ResourceKey } from "@denvoy/xds";
import { keyText } from "./slot.ts";

/** What must happen before a change goes on. */
export interface RolloutRules {
  /** Nodes that must have ACKed all they were sent; `all` means every awaited one, at least one. */
  readonly minAcks: number | "all";
  /** How long the canary lasts at least, in milliseconds. */
  readonly soakMs: number;
  /** How long the canary may last, in milliseconds. */
  readonly timeoutMs: number;
  /** What happens then. */
  readonly onTimeout: "revert" | "promote";
}

/** When a caller names none: every awaited node, 5 s soak, back after five minutes. */
export const defaultRolloutRules: RolloutRules = {
  minAcks: "all",
  soakMs: 5_000,
  timeoutMs: 300_000,
  onTimeout: "revert",
};

/** New content that is awaited: a key with the version that nodes are to ACK. */
export interface AwaitedVersion {
  /** The resource. */
  readonly key: ResourceKey;
  /** Its new version. */
  readonly version: string;
}

/** How far a node is. */
export interface RolloutNode {
  /** Keys of new content sent and not yet answered. */
  readonly pending: readonly string[];
  /** Keys of new content that it has ACKed. */
  readonly acked: readonly string[];
}

/** Where a rollout stands. */
export type RolloutStatus =
  | { readonly kind: "canary" }
  | { readonly kind: "promoted"; readonly why: string; readonly atMs: number }
  | { readonly kind: "reverted"; readonly why: string; readonly atMs: number };

/** The state machine's state; plain JSON, so that a store can keep it. */
export interface RolloutState {
  /** Where it stands. */
  readonly status: RolloutStatus;
  /** When the canary began, in milliseconds since the epoch. */
  readonly startedAtMs: number;
  /** What must happen. */
  readonly rules: RolloutRules;
  /** New content by `<type URL> <name>`; empty when the change only deletes. */
  readonly awaited: Readonly<Record<string, string>>;
  /** Nodes that were sent new content, by node id. */
  readonly nodes: Readonly<Record<string, RolloutNode>>;
}

/** What can happen to a rollout. Events of a key count only with the awaited version. */
export type RolloutEvent =
  | ({ readonly kind: "sent" | "acked"; readonly node: string } & AwaitedVersion)
  | ({ readonly kind: "nacked"; readonly node: string; readonly why: string } & AwaitedVersion)
  | { readonly kind: "disconnected"; readonly node: string }
  | { readonly kind: "tick" }
  | { readonly kind: "promote" | "abort"; readonly who: string };

/** Returns the state of a rollout that begins now. */
export function startRollout(
  awaited: readonly AwaitedVersion[],
  { rules, nowMs }: { rules: RolloutRules; nowMs: number },
): RolloutState {
  return {
    status: { kind: "canary" },
    startedAtMs: nowMs,
    rules,
    awaited: Object.fromEntries(awaited.map(({ key, version }) => [keyText(key), version])),
    nodes: {},
  };
}

/** Returns the state after `event`; the same object when nothing changed. Settled states stay. */
export function stepRollout(
  state: RolloutState,
  { event, nowMs }: { event: RolloutEvent; nowMs: number },
): RolloutState {
  if (state.status.kind !== "canary") return state;
  switch (event.kind) {
    case "promote":
      return settle(state, { kind: "promoted", why: `promoted by ${event.who}`, atMs: nowMs });
    case "abort":
      return settle(state, { kind: "reverted", why: `aborted by ${event.who}`, atMs: nowMs });
    case "tick":
      return stepTick(state, nowMs);
    case "disconnected":
      return stepDisconnected(state, { node: event.node, nowMs });
    case "sent":
    case "acked":
    case "nacked":
      return stepDelivery(state, { event, nowMs });
  }
}

type DeliveryEvent = Extract<RolloutEvent, { readonly version: string }>;

function stepDelivery(
  state: RolloutState,
  { event, nowMs }: { event: DeliveryEvent; nowMs: number },
): RolloutState {
  const key = keyText(event.key);
  if (state.awaited[key] !== event.version) return state;
  if (event.kind === "nacked") {
    const why = `${event.node} rejected ${event.key.name}: ${event.why}`;
    return settle(state, { kind: "reverted", why, atMs: nowMs });
  }
  const node = nodeOf(state, event.node);
  if (node === undefined) return state;
  const list = event.kind === "sent" ? node.pending : node.acked;
  if (list.includes(key)) return state;
  const others = node.pending.filter((other) => other !== key);
  const next: RolloutNode = event.kind === "sent"
    ? { pending: [...others, key], acked: node.acked.filter((other) => other !== key) }
    : { pending: others, acked: [...node.acked, key] };
  return decide({ ...state, nodes: { ...state.nodes, [event.node]: next } }, nowMs);
}

/** Nodes whose answers are kept; ids come from clients, who could make up any number of them. */
const MAX_NODES = 10_000;

function nodeOf({ nodes }: RolloutState, id: string): RolloutNode | undefined {
  if (Object.hasOwn(nodes, id)) return nodes[id];
  return Object.keys(nodes).length < MAX_NODES ? { pending: [], acked: [] } : undefined;
}

function stepDisconnected(
  state: RolloutState,
  { node, nowMs }: { node: string; nowMs: number },
): RolloutState {
  const known = Object.hasOwn(state.nodes, node) ? state.nodes[node] : undefined;
  if (known === undefined || known.pending.length === 0) return state;
  const { [node]: _gone, ...others } = state.nodes;
  const nodes = known.acked.length > 0 ? { ...others, [node]: { pending: [], acked: [] } } : others;
  return decide({ ...state, nodes }, nowMs);
}

function stepTick(state: RolloutState, nowMs: number): RolloutState {
  const decided = decide(state, nowMs);
  if (decided !== state || nowMs - state.startedAtMs < state.rules.timeoutMs) return decided;
  const why = `no decision within ${state.rules.timeoutMs / 1000} s`;
  const kind = state.rules.onTimeout === "promote" ? "promoted" : "reverted";
  return settle(state, { kind, why, atMs: nowMs });
}

/** Goes on once the soak time is over and enough nodes have answered all that they were sent. */
function decide(state: RolloutState, nowMs: number): RolloutState {
  if (nowMs - state.startedAtMs < state.rules.soakMs) return state;
  const nodes = Object.values(state.nodes);
  const done = nodes.filter(({ pending, acked }) => pending.length === 0 && acked.length > 0);
  if (!isEnough(state, { done: done.length, pending: nodes.some((n) => n.pending.length > 0) })) {
    return state;
  }
  const why = `accepted by ${done.length} ${done.length === 1 ? "node" : "nodes"}`;
  return settle(state, { kind: "promoted", why, atMs: nowMs });
}

function isEnough(
  { awaited, rules }: RolloutState,
  { done, pending }: { done: number; pending: boolean },
): boolean {
  if (Object.keys(awaited).length === 0) return true;
  return rules.minAcks === "all" ? done > 0 && !pending : done >= rules.minAcks;
}

function settle(state: RolloutState, status: RolloutStatus): RolloutState {
  return { ...state, status };
}
