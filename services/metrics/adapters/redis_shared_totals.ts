// SPDX-License-Identifier: Apache-2.0
/**
 * Totals that replicas share in Redis. A node is one hash; the names of its series are written again
 * only when they have changed, so that what is written every few seconds is a list of numbers.
 * @module
 */
import type { Clock } from "@denvoy/base";
import { askRedis, type RedisLink } from "@denvoy/redis";
import type { NodeInfo } from "../domain/node_info.ts";
import type { NodeMetrics } from "../domain/node_metrics.ts";
import type { Series, SeriesKind } from "../domain/series.ts";
import type {
  Beat,
  ClaimKind,
  ClaimOutcome,
  NodeRecord,
  SaveOptions,
  SaveOutcome,
  SharedTotals,
} from "../domain/shared_totals.ts";
import type { NodeTotals, SeriesName } from "../domain/totals.ts";
import {
  beatScript,
  claimScript,
  giveScript,
  leaveScript,
  saveScript,
} from "./redis_totals_scripts.ts";
import { decodeTotals, encodeTotals } from "./totals_numbers.ts";

/** What a store works with. */
export interface RedisSharedTotalsOptions {
  /** The connection; it is closed with the store. */
  readonly link: RedisLink;
  /** Names this replica among all; no spaces. */
  readonly replica: string;
  /** Comes before the name of every key. */
  readonly keyPrefix: string;
  /** A replica that has said nothing for this long has nothing any more (ms). */
  readonly leaseMs: number;
  /** A node of which nothing was written for this long is forgotten (ms). */
  readonly forgetMs: number;
  /** Timers. */
  readonly clock: Clock;
}

type About = Pick<NodeTotals, "info" | "sinceMs" | "seenMs"> & { readonly startMs?: number };
type NameList = readonly (readonly [SeriesKind, string, readonly (readonly [string, string])[]])[];

/** How long owners have to write their nodes again to a Redis that has lost its data. */
const REFILL_MS = 5_000;

/** See {@linkcode SharedTotals}. */
export class RedisSharedTotals implements SharedTotals {
  readonly #options: RedisSharedTotalsOptions;
  readonly #lists = new WeakMap<NodeMetrics, readonly Series[]>();
  /** Lists whose names Redis has. */
  readonly #written = new WeakSet<readonly Series[]>();
  readonly #commonKeys: readonly string[];
  /** Of a Redis that has lost its data it is another one; empty before it is known. */
  #epoch = "";
  /** Until when owners write again what was lost. */
  #refilledMs = 0;

  /** Begins to connect. */
  constructor(options: RedisSharedTotalsOptions) {
    this.#options = options;
    this.#commonKeys = ["replicas", "wanted", "epoch"].map((name) => this.#key(name));
  }

  /** See {@linkcode SharedTotals.claim}. */
  async claim(id: string, kind: ClaimKind): Promise<ClaimOutcome> {
    const { replica, forgetMs, clock } = this.#options;
    const isRefilled = Number(clock.nowMs() < this.#refilledMs);
    const args = [replica, id, kind, forgetMs, this.#epoch, isRefilled];
    const answer = await this.#ask(claimScript, [this.#nodeKey(id), ...this.#commonKeys], args);
    const [outcome, about = "", names = "", totals = ""] = answer as readonly string[];
    if (outcome === "asked" || outcome === "refused") return { kind: outcome };
    if (about === "") return { kind: "taken", totals: undefined };
    return { kind: "taken", totals: nodeTotals({ about, names, totals }) };
  }

  /** See {@linkcode SharedTotals.record}. */
  record(node: NodeMetrics): NodeRecord {
    const { info, startMs, sinceMs, seenMs } = node;
    const list: Series[] = [];
    const ids = new Map<Series, number>();
    const totals = encodeTotals(node, (series) => {
      let id = ids.get(series);
      if (id === undefined) {
        id = list.push(series) - 1;
        ids.set(series, id);
      }
      return id;
    });
    const about: About = { info, sinceMs, seenMs, ...(startMs !== undefined && { startMs }) };
    return {
      id: info.id,
      about: JSON.stringify(about),
      series: this.#listOf(node, list),
      totals: JSON.stringify(totals),
    };
  }

  /** See {@linkcode SharedTotals.save}. */
  async save(record: NodeRecord, options: SaveOptions): Promise<SaveOutcome> {
    const { series } = record;
    let outcome = this.#written.has(series) ? await this.#write(record, options) : "names";
    if (outcome === "names") {
      outcome = await this.#write(record, { ...options, names: namesText(series) });
    }
    if (outcome === "kept") this.#written.add(series);
    return outcome === "kept" ? "kept" : "lost";
  }

  /** See {@linkcode SharedTotals.give}. */
  async give(id: string): Promise<void> {
    await this.#ask(giveScript, [this.#nodeKey(id)], [this.#options.replica]);
  }

  /** See {@linkcode SharedTotals.beat}. */
  async beat(): Promise<Beat> {
    const { replica, leaseMs, clock } = this.#options;
    const args = [replica, leaseMs, crypto.randomUUID()];
    const answer = await this.#ask(beatScript, this.#commonKeys, args);
    const [wasGone, wanted, epoch] = answer as readonly [number, readonly string[], string];
    if (this.#epoch !== "" && this.#epoch !== epoch) this.#refilledMs = clock.nowMs() + REFILL_MS;
    this.#epoch = epoch;
    return { wasGone: wasGone === 1, wanted };
  }

  /** See {@linkcode SharedTotals.close}. */
  async close(): Promise<void> {
    const { link, replica } = this.#options;
    await this.#ask(leaveScript, [this.#key("replicas")], [replica]).catch(() => undefined);
    await link.close();
  }

  async #write(
    record: NodeRecord,
    { give, open, names = "" }: SaveOptions & { readonly names?: string },
  ): Promise<string> {
    const { replica, forgetMs } = this.#options;
    const owner = give ? "" : replica;
    const { id, about, totals } = record;
    const args = [replica, owner, Number(open), about, names, totals, forgetMs];
    return String(await this.#ask(saveScript, [this.#nodeKey(id)], args));
  }

  /** Returns the list of last time where it is the same, as it nearly always is. */
  #listOf(node: NodeMetrics, list: readonly Series[]): readonly Series[] {
    const known = this.#lists.get(node);
    const isSame = known?.length === list.length &&
      list.every((series, at) => series === known[at]);
    if (known !== undefined && isSame) return known;
    this.#lists.set(node, list);
    return list;
  }

  #nodeKey(id: string): string {
    return this.#key(`node:${id}`);
  }

  #key(name: string): string {
    return `${this.#options.keyPrefix}{denvoy_metrics}:${name}`;
  }

  async #ask(
    script: string,
    keys: readonly string[],
    args: readonly (string | number)[],
  ): Promise<unknown> {
    const { link, clock } = this.#options;
    const call = [script, keys.length, ...keys, ...args];
    return await askRedis(link, { command: "EVAL", args: call, key: keys[0] ?? "", clock });
  }
}

interface StoredNode {
  readonly about: string;
  readonly names: string;
  readonly totals: string;
}

/** A record that is damaged is as good as none. */
function nodeTotals({ about, names, totals }: StoredNode): NodeTotals | undefined {
  try {
    const { startMs, ...rest } = JSON.parse(about) as About;
    const list = JSON.parse(names) as NameList;
    const numbers = Float64Array.from(JSON.parse(totals) as readonly number[]);
    const byId = new Map(list.map((name, id) => [id, seriesName(name)]));
    const series = [...decodeTotals(numbers, { names: byId, used: new Set() })];
    return { ...rest, info: rest.info satisfies NodeInfo, startMs, series };
  } catch {
    return undefined;
  }
}

function namesText(series: readonly Series[]): string {
  const names: NameList = series.map(({ kind, name, labels }) => [
    kind,
    name,
    labels.map((label) => [label.name, label.value] as const),
  ]);
  return JSON.stringify(names);
}

function seriesName([kind, name, labels]: NameList[number]): SeriesName {
  return { kind, name, labels: labels.map(([label, value]) => ({ name: label, value })) };
}
