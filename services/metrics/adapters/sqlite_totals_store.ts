// SPDX-License-Identifier: Apache-2.0
/**
 * Totals in a SQLite file. Names and labels are rows of their own, as all nodes share them; the
 * values of a node are one blob, so that a save costs one row a node.
 * @module
 */
import type { Label } from "../domain/label.ts";
import type { NodeInfo } from "../domain/node_info.ts";
import type { NodeMetrics } from "../domain/node_metrics.ts";
import type { Series, SeriesKind } from "../domain/series.ts";
import type { NodeTotals, SeriesName, TotalsStore } from "../domain/totals.ts";
import { decodeTotals, encodeTotals } from "./totals_numbers.ts";
import { type Row, SqliteDatabase } from "@denvoy/runtime";

const migrations = [
  `CREATE TABLE series (
    id INTEGER PRIMARY KEY, kind TEXT NOT NULL, name TEXT NOT NULL, labels TEXT NOT NULL,
    UNIQUE (kind, name, labels)
  );
  CREATE TABLE nodes (
    id TEXT NOT NULL, cluster TEXT NOT NULL, info TEXT NOT NULL, start_ms REAL, since_ms REAL NOT NULL,
    seen_ms REAL NOT NULL, totals BLOB NOT NULL, PRIMARY KEY (id, cluster)
  ) WITHOUT ROWID;`,
];

/** Totals in a file that this process owns. */
export class SqliteTotalsStore implements TotalsStore {
  readonly #database: SqliteDatabase;
  readonly #ids = new WeakMap<Series, number>();

  /** Opens or creates the file. @throws StatusError as SqliteDatabase does */
  constructor(path: string) {
    this.#database = new SqliteDatabase(path, migrations);
  }

  /** See {@linkcode TotalsStore.save}. */
  save(nodes: readonly NodeMetrics[]): void {
    if (nodes.length === 0) return;
    this.#database.transaction(() => nodes.forEach((node) => this.#saveNode(node)));
  }

  /** See {@linkcode TotalsStore.load}. */
  *load(): Generator<NodeTotals> {
    const names = new Map<number, SeriesName>();
    for (const row of this.#database.all("SELECT id, kind, name, labels FROM series")) {
      names.set(Number(row.id), seriesNameOf(row));
    }
    const used = new Set<number>();
    // Row by row would keep the statement busy while others write.
    for (const row of this.#database.all("SELECT * FROM nodes")) {
      yield {
        info: JSON.parse(String(row.info)) as NodeInfo,
        startMs: row.start_ms === null ? undefined : Number(row.start_ms),
        sinceMs: Number(row.since_ms),
        seenMs: Number(row.seen_ms),
        series: decodeTotals(numbersOf(row.totals as Uint8Array), { names, used }),
      };
    }
    this.#forgetSeries([...names.keys()].filter((id) => !used.has(id)));
  }

  /** See {@linkcode TotalsStore.keep}. */
  keep(nodes: Iterable<NodeMetrics>): void {
    const kept = new Set([...nodes].map(({ info }) => JSON.stringify([info.id, info.cluster])));
    const rows = this.#database.all("SELECT id, cluster FROM nodes");
    const gone = rows.filter(({ id, cluster }) => !kept.has(JSON.stringify([id, cluster])));
    if (gone.length === 0) return;
    this.#database.transaction(() => {
      for (const { id, cluster } of gone) {
        this.#database.run("DELETE FROM nodes WHERE id = ? AND cluster = ?", [
          String(id),
          String(cluster),
        ]);
      }
    });
  }

  /** See {@linkcode TotalsStore.close}. */
  close(): void {
    this.#database.close();
  }

  /** Names that no node has any more; nobody knows their ids yet when totals are loaded. */
  #forgetSeries(ids: readonly number[]): void {
    if (ids.length === 0) return;
    this.#database.transaction(() => {
      for (const id of ids) this.#database.run("DELETE FROM series WHERE id = ?", [id]);
    });
  }

  #saveNode(node: NodeMetrics): void {
    const { info, startMs, sinceMs, seenMs } = node;
    this.#database.run(
      "INSERT OR REPLACE INTO nodes (id, cluster, info, start_ms, since_ms, seen_ms, totals) " +
        "VALUES (?, ?, ?, ?, ?, ?, ?)",
      [
        ...[info.id, info.cluster, JSON.stringify(info), startMs ?? null, sinceMs, seenMs],
        new Uint8Array(Float64Array.from(encodeTotals(node, (one) => this.#idOf(one))).buffer),
      ],
    );
  }

  #idOf(series: Series): number {
    const known = this.#ids.get(series);
    if (known !== undefined) return known;
    const labels = JSON.stringify(series.labels.map(({ name, value }) => [name, value]));
    const values = [series.kind, series.name, labels];
    this.#database.run(
      "INSERT INTO series (kind, name, labels) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
      values,
    );
    const row = this.#database.first(
      "SELECT id FROM series WHERE kind = ? AND name = ? AND labels = ?",
      values,
    );
    const id = Number(row?.id);
    this.#ids.set(series, id);
    return id;
  }
}

function seriesNameOf(row: Row): SeriesName {
  const labels = JSON.parse(String(row.labels)) as readonly (readonly [string, string])[];
  return {
    kind: row.kind as SeriesKind,
    name: String(row.name),
    labels: labels.map(([name, value]): Label => ({ name, value })),
  };
}

function numbersOf(blob: Uint8Array): Float64Array {
  return new Float64Array(blob.slice().buffer, 0, Math.floor(blob.length / 8));
}
