// SPDX-License-Identifier: Apache-2.0
/**
 * Which nodes this replica has, of those that share totals: it takes a node whose newest stream it has,
 * gives away what another asks for, and writes down what it counts. While the store is away it goes on
 * alone, and puts things together when that is back.
 * @module
 */
import type { Clock, Logger } from "@denvoy/base";
import type { ComponentHealth } from "@denvoy/runtime";
import type { Fleet } from "./domain/fleet.ts";
import type { NodeInfo } from "./domain/node_info.ts";
import type { NodeMetrics } from "./domain/node_metrics.ts";
import type { ClaimKind, ClaimOutcome, NodeRecord, SharedTotals } from "./domain/shared_totals.ts";
import { takeOverTotals } from "./domain/totals.ts";
import type { NodeClaims } from "./handlers/node_claims.ts";
import { repeat } from "./repeat.ts";

/** What they work with. */
export interface SharedNodesOptions {
  /** The nodes of this replica. */
  readonly fleet: Fleet;
  /** What replicas share; closed with this. */
  readonly store: SharedTotals;
  /** How often each node is written (ms). */
  readonly saveMs: number;
  /** Time. */
  readonly clock: Clock;
  /** Told how the store is. */
  readonly health: ComponentHealth;
  /** Is told of each node that came or went. */
  readonly onMove: (direction: "taken" | "given" | "lost") => void;
  /** Is told of each node that was written. */
  readonly onSave: () => void;
  /** Where it is logged when nodes come and go, and when the store does. */
  readonly logger: Logger;
}

const BEAT_MS = 250;
/** How often it is asked whether an owner has given a node away, and after how long it is taken. */
const POLL_MS = 50;
const PATIENCE_MS = 10_000;
/** How long a store that is away, or not connected yet, is waited for before a node is counted alone. */
const AWAY_MS = 3_000;
/** Requests to the store under way at once at most. */
const AT_ONCE = 16;

/** See the module. */
export class SharedNodes implements NodeClaims, AsyncDisposable {
  readonly #options: SharedNodesOptions;
  /** Open streams by id of their node. */
  readonly #streams = new Map<string, number>();
  readonly #claiming = new Map<string, Promise<boolean>>();
  /** Nodes that nobody could be asked about. */
  readonly #alone = new Set<string>();
  /** What was given away and is not written yet. */
  readonly #leaving = new Map<string, NodeRecord>();
  /** When others were last found to have the node of an open stream. */
  readonly #refusedMs = new Map<string, number>();
  #savedMs = new WeakMap<NodeMetrics, number>();
  #closed = false;
  readonly #beats: AsyncDisposable;
  #trouble: string | undefined = "not asked yet";

  /** Begins to say that this replica is there. */
  constructor(options: SharedNodesOptions) {
    this.#options = options;
    options.health.degraded("Redis has not answered yet");
    this.#beats = repeat(options, { everyMs: BEAT_MS, work: () => this.#round() });
  }

  /** See {@linkcode NodeClaims.opened}. */
  async opened(info: NodeInfo): Promise<void> {
    this.#streams.set(info.id, (this.#streams.get(info.id) ?? 0) + 1);
    this.#saveSoon(info.id);
    await this.#claim(info, "newest");
  }

  /** See {@linkcode NodeClaims.closed}. */
  closed({ id }: NodeInfo): void {
    const left = (this.#streams.get(id) ?? 0) - 1;
    if (left > 0) this.#streams.set(id, left);
    else this.#streams.delete(id);
    this.#refusedMs.delete(id);
    this.#saveSoon(id);
  }

  /** See {@linkcode NodeClaims.again}. A flush of many messages asks once. */
  async again(info: NodeInfo): Promise<boolean> {
    const nowMs = this.#options.clock.nowMs();
    if (nowMs - (this.#refusedMs.get(info.id) ?? -Infinity) < BEAT_MS) return false;
    const isOurs = await this.#claim(info, "idle");
    if (!isOurs) this.#refusedMs.set(info.id, nowMs);
    return isOurs;
  }

  /** Gives all nodes away, and closes the store. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    await this.#beats[Symbol.asyncDispose]();
    const { fleet, store } = this.#options;
    for (const node of [...fleet.nodes()]) this.#leave(node);
    await this.#giveAway().catch((error) => this.#hear(error));
    await store.close();
  }

  /** Others are to know whether we have a stream of the node. */
  #saveSoon(id: string): void {
    const node = this.#options.fleet.node(id);
    if (node !== undefined) this.#savedMs.delete(node);
  }

  /** Resolves with whether the node is ours; one claim of a node at a time. */
  async #claim(info: NodeInfo, kind: ClaimKind): Promise<boolean> {
    const { id } = info;
    while (this.#options.fleet.node(id) === undefined) {
      const other = this.#claiming.get(id);
      if (other === undefined) {
        const own = this.#take(info, kind).finally(() => this.#claiming.delete(id));
        this.#claiming.set(id, own);
        return await own;
      }
      await other;
    }
    return true;
  }

  async #take(info: NodeInfo, kind: ClaimKind): Promise<boolean> {
    const outcome = await this.#ask(info.id, kind);
    if (outcome?.kind === "refused" || this.#closed) return false;
    const { fleet, clock, store, onMove, logger } = this.#options;
    if (outcome === undefined) this.#alone.add(info.id);
    else this.#alone.delete(info.id);
    if (fleet.open(info, clock.nowMs()) === undefined) {
      await store.give(info.id).catch((error) => this.#hear(error));
      return true;
    }
    if (outcome?.kind !== "taken" || outcome.totals === undefined) return true;
    takeOverTotals(fleet, { ...outcome.totals, info });
    onMove("taken");
    logger.info("took over a node with what was counted of it", { node: info.id });
    return true;
  }

  /** Returns what became of a claim, when its owner has given the node away; undefined for nobody knows. */
  async #ask(id: string, kind: ClaimKind): Promise<ClaimOutcome | undefined> {
    const { clock } = this.#options;
    const beginMs = clock.nowMs();
    for (;;) {
      const waitedMs = clock.nowMs() - beginMs;
      const outcome = await this.#tryClaim(id, waitedMs >= PATIENCE_MS ? "force" : kind);
      const isOver = outcome === undefined ? waitedMs >= AWAY_MS : outcome.kind !== "asked";
      if (isOver || this.#closed) return outcome;
      await new Promise<void>((resolve) => clock.after(POLL_MS, resolve));
    }
  }

  async #tryClaim(id: string, kind: ClaimKind): Promise<ClaimOutcome | undefined> {
    try {
      if (this.#leaving.has(id)) await this.#giveAway();
      return await this.#options.store.claim(id, kind);
    } catch (error) {
      this.#hear(error);
      return undefined;
    }
  }

  async #round(): Promise<void> {
    const { store, fleet } = this.#options;
    try {
      const { wasGone, wanted } = await store.beat();
      // Whoever has taken one of our nodes meanwhile is heard of when it is written.
      if (wasGone) this.#savedMs = new WeakMap();
      await inTurn(wanted, (id) => this.#give(id));
      await this.#giveAway();
      for (const id of [...this.#alone]) await this.#rejoin(id);
      await inTurn(this.#due(), (node) => this.#save(node));
      this.#hear(undefined);
    } catch (error) {
      this.#hear(error);
    }
    for (const id of this.#alone) if (fleet.node(id) === undefined) this.#alone.delete(id);
  }

  async #give(id: string): Promise<void> {
    // A claim whose answer was lost: it is ours after all, with what others have counted.
    if (this.#alone.has(id)) await this.#rejoin(id);
    const node = this.#options.fleet.node(id);
    const left = node === undefined ? this.#leaving.get(id) : this.#leave(node);
    if (left !== undefined) await this.#write(id, left);
    else if (!this.#claiming.has(id)) await this.#options.store.give(id);
  }

  /** Shows a node no more; what was counted of it is still to be written. */
  #leave(node: NodeMetrics): NodeRecord {
    const { fleet, store, onMove, logger } = this.#options;
    const record = store.record(node);
    this.#leaving.set(node.info.id, record);
    fleet.handOver(node);
    onMove("given");
    logger.info("gave a node away", { node: node.info.id });
    return record;
  }

  async #giveAway(): Promise<void> {
    await inTurn([...this.#leaving], ([id, record]) => this.#write(id, record));
  }

  async #write(id: string, record: NodeRecord): Promise<void> {
    await this.#options.store.save(record, { give: true, open: false });
    if (this.#leaving.get(id) === record) this.#leaving.delete(id);
  }

  /** Puts what was counted alone together with what the others know. */
  async #rejoin(id: string): Promise<void> {
    const { fleet, store, onMove } = this.#options;
    const node = fleet.node(id);
    if (node === undefined) return;
    const outcome = await store.claim(id, this.#streams.has(id) ? "newest" : "idle");
    if (outcome.kind === "asked") return;
    this.#alone.delete(id);
    if (outcome.kind === "refused") return this.#lose(node);
    if (outcome.totals === undefined) return;
    takeOverTotals(fleet, { ...outcome.totals, info: node.info });
    onMove("taken");
  }

  #due(): readonly NodeMetrics[] {
    const { fleet, clock, saveMs } = this.#options;
    const nowMs = clock.nowMs();
    const due = [...fleet.nodes()].filter((node) => {
      const savedMs = this.#savedMs.get(node) ?? -Infinity;
      return node.seenMs >= savedMs && nowMs - savedMs >= saveMs && !this.#alone.has(node.info.id);
    });
    return due.slice(0, Math.max(AT_ONCE, Math.ceil(due.length * 4 * BEAT_MS / saveMs)));
  }

  async #save(node: NodeMetrics): Promise<void> {
    const { store, clock, fleet, onSave } = this.#options;
    const { id } = node.info;
    if (fleet.node(id) !== node) return;
    const nowMs = clock.nowMs();
    const open = this.#streams.has(id);
    const outcome = await store.save(store.record(node), { give: false, open });
    if (outcome === "lost") return this.#lose(node);
    onSave();
    // A stream that was opened or closed meanwhile is not written yet.
    if (open === this.#streams.has(id)) this.#savedMs.set(node, nowMs);
  }

  #lose(node: NodeMetrics): void {
    const { fleet, onMove, logger } = this.#options;
    if (fleet.node(node.info.id) !== node) return;
    fleet.handOver(node);
    onMove("lost");
    logger.warn("another replica has taken a node", { node: node.info.id });
  }

  #hear(error: unknown): void {
    const trouble = error === undefined ? undefined : messageOf(error);
    if (trouble === this.#trouble) return;
    const { health, logger } = this.#options;
    if (trouble === undefined) {
      health.ok();
      logger.info("shares totals with other replicas");
    } else {
      if (this.#trouble === undefined) logger.warn("cannot share totals", { why: trouble });
      health.degraded(`goes on alone: Redis: ${trouble}`);
    }
    this.#trouble = trouble;
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Does the same with each, some at once. */
async function inTurn<T>(all: readonly T[], work: (one: T) => Promise<void>): Promise<void> {
  const waiting = [...all].reverse();
  const next = async () => {
    for (let one = waiting.pop(); one !== undefined; one = waiting.pop()) await work(one);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, next));
}
