// SPDX-License-Identifier: Apache-2.0
/**
 * What stands in which table of the shared log, and what a batch does to the tables. Contents are kept
 * once, by version, as long as an entry or a revision names them.
 * @module
 */
import type { LogCommit, LogSnapshot, TableChange } from "@denvoy/redis";
import type { Resource } from "@denvoy/xds";
import type { SlotEdit } from "../domain/catalog.ts";
import type { HealthVerdict, Registration } from "../domain/registration.ts";
import type { SharedState } from "../domain/replication.ts";
import type { Revision, SlotAt } from "../domain/revision.ts";
import type { RolloutRecord } from "../domain/rollouts.ts";
import { slotText } from "../domain/slot.ts";
import type { StoreBatch } from "../domain/store.ts";
import {
  contentOf,
  contentText,
  entryField,
  type EntryHead,
  entryHead,
  entryOf,
  entryText,
  revisionOf,
  revisionText,
  rolloutOfTexts,
  rolloutPlanText,
  rolloutStateText,
  servedOf,
  servedText,
  withRolloutState,
} from "./redis_texts.ts";

/** Names of the tables. */
export const tableNames = [
  "entries",
  "contents",
  "served",
  "revisions",
  "registrations",
  "verdicts",
  "rollouts",
  "rollout_states",
] as const;

type TableName = typeof tableNames[number];
type Fields = ReadonlyMap<string, string>;

/** What the replica has, which tells what of the tables can go. */
export interface KnownHistory {
  /** The oldest revision that is kept; 0 when there is none. */
  oldestRevision(): number;
  /** A content that is kept. */
  content(version: string, name: string): Resource | undefined;
  /** A rollout that is kept. */
  rollout(id: string): RolloutRecord | undefined;
}

/** Said in a commit besides what stands in tables. */
interface Note {
  readonly expired?: true;
  readonly renewed?: readonly (readonly [cluster: string, id: string])[];
}

/** Entries of one commit are told apart by numbers below. */
const ORDERS_IN_COMMIT = 1_000_000;

/** What is in Redis, as far as one must know it to write. */
export class RedisTables {
  readonly #known: KnownHistory;
  readonly #contents = new Set<string>();
  readonly #revisions = new Set<number>();
  readonly #rollouts = new Set<string>();
  readonly #entries = new Map<string, EntryHead>();

  /** Empty. */
  constructor(known: KnownHistory) {
    this.#known = known;
  }

  /** Returns the commit that writes a batch, the `order`-th of all. */
  encode(batch: StoreBatch, order: number): LogCommit {
    const tables = new TableWriter();
    for (const [n, edit] of batch.edits?.entries() ?? []) {
      putEntry(tables, edit, order * ORDERS_IN_COMMIT + n);
    }
    for (const resource of batch.contents ?? []) putContent(tables, resource);
    if (batch.revision !== undefined) {
      putRevision(tables, batch.revision);
      this.#prune(tables);
    }
    for (const record of batch.rollouts ?? []) this.#putRollout(tables, { record, order });
    for (const spec of batch.deregistered ?? []) {
      tables.remove("registrations", endpointField(spec));
    }
    for (const spec of batch.registered ?? []) {
      tables.put("registrations", endpointField(spec), JSON.stringify(spec));
    }
    for (const verdict of batch.verdicts ?? []) putVerdict(tables, verdict);
    return { tables: tables.changes(), ...noteOf(batch) };
  }

  /** Returns the tables of all that there is. */
  encodeAll(state: SharedState): LogCommit["tables"] {
    const tables = new TableWriter();
    for (const [order, edit] of state.edits.entries()) putEntry(tables, edit, order);
    for (const resource of state.contents) putContent(tables, resource);
    for (const revision of state.revisions) putRevision(tables, revision);
    for (const slot of state.served) tables.put("served", slotText(slot), servedText(slot));
    for (const spec of state.registrations) {
      tables.put("registrations", endpointField(spec), JSON.stringify(spec));
    }
    for (const verdict of state.verdicts) putVerdict(tables, verdict);
    for (const [order, record] of state.rollouts.entries()) {
      putWholeRollout(tables, { record, order });
    }
    return tables.changes();
  }

  /** Returns the batch that a commit writes; `took` is to follow. */
  decode(commit: LogCommit): StoreBatch {
    const table = (name: TableName) => commit.tables[name] ?? nothing;
    const contents = contentsOf(Object.entries(table("contents").put));
    const [revision] = Object.values(table("revisions").put);
    const { renewed = [], expired = false } = JSON.parse(commit.note ?? "{}") as Note;
    return {
      edits: [
        ...table("entries").remove.flatMap((field) => this.#entries.get(field)?.removal ?? []),
        ...Object.values(table("entries").put).map((text) => entryOf(text, namedOf(contents))[0]),
      ],
      contents: [...contents.values()],
      ...(revision !== undefined && { revision: revisionOf(revision) }),
      rollouts: this.#rolloutsOf(table("rollouts").put, table("rollout_states").put),
      deregistered: table("registrations").remove
        .map((field) => ({ ...endpointOf(field), ...(expired && { expired }) })),
      registered: Object.values(table("registrations").put).map(parse<Registration>),
      verdicts: [
        ...table("verdicts").remove.map(removedVerdict),
        ...Object.values(table("verdicts").put).map(parse<HealthVerdict>),
      ],
      renewed: renewed.map(([cluster, id]) => ({ cluster, id })),
    };
  }

  /** Returns all that there is, and remembers what is in Redis now. */
  decodeAll({ tables }: LogSnapshot): SharedState {
    const table = (name: TableName): Fields => tables.get(name) ?? new Map();
    for (const known of [this.#contents, this.#revisions, this.#rollouts, this.#entries]) {
      known.clear();
    }
    for (const name of tableNames) this.#remember(name, [...table(name)]);
    const contents = contentsOf(table("contents"));
    const states = table("rollout_states");
    return {
      edits: inOrder(
        [...table("entries").values()].map((text) => entryOf(text, namedOf(contents))),
      ),
      contents: [...contents.values()],
      served: [...table("served").values()].map(servedOf),
      revisions: [...table("revisions").values()].map(revisionOf).sort((a, b) => a.id - b.id),
      registrations: [...table("registrations").values()].map(parse<Registration>),
      verdicts: [...table("verdicts").values()].map(parse<HealthVerdict>),
      rollouts: inOrder(
        [...table("rollouts")].map(([id, text]) => rolloutOfTexts(text, states.get(id) ?? "{}")),
      ),
    };
  }

  /** Remembers what is in Redis after a commit. */
  took({ tables }: LogCommit): void {
    for (const name of tableNames) {
      const { put, remove } = tables[name] ?? nothing;
      this.#remember(name, Object.entries(put));
      for (const field of remove) this.#forget(name, field);
    }
  }

  #remember(name: TableName, fields: readonly (readonly [string, string])[]): void {
    for (const [field, text] of fields) {
      if (name === "contents") this.#contents.add(field);
      else if (name === "revisions") this.#revisions.add(Number(field));
      else if (name === "rollouts") this.#rollouts.add(field);
      else if (name === "entries") this.#entries.set(field, entryHead(text));
    }
  }

  #forget(name: TableName, field: string): void {
    if (name === "contents") this.#contents.delete(field);
    else if (name === "revisions") this.#revisions.delete(Number(field));
    else if (name === "rollouts") this.#rollouts.delete(field);
    else if (name === "entries") this.#entries.delete(field);
  }

  /** Removes what the replica has let go of; what this commit itself makes superfluous goes with a later one. */
  #prune(tables: TableWriter): void {
    const oldest = this.#known.oldestRevision();
    for (const id of this.#revisions) if (id < oldest) tables.remove("revisions", `${id}`);
    const inUse = new Set([...this.#entries.values()].map(({ version }) => version));
    for (const version of this.#contents) {
      if (inUse.has(version) || this.#known.content(version, "") !== undefined) continue;
      if (!tables.has("contents", version)) tables.remove("contents", version);
    }
  }

  #putRollout(
    tables: TableWriter,
    { record, order }: { readonly record: RolloutRecord; readonly order: number },
  ): void {
    if (this.#rollouts.has(record.id)) {
      tables.put("rollout_states", record.id, rolloutStateText(record, order));
      return;
    }
    putWholeRollout(tables, { record, order });
    for (const id of this.#rollouts) {
      if (this.#known.rollout(id) !== undefined) continue;
      tables.remove("rollouts", id);
      tables.remove("rollout_states", id);
    }
  }

  #rolloutsOf(
    plans: TableChange["put"],
    states: TableChange["put"],
  ): readonly RolloutRecord[] {
    return Object.entries(states).flatMap(([id, state]) => {
      const plan = plans[id];
      const known = this.#known.rollout(id);
      if (plan !== undefined) return [rolloutOfTexts(plan, state)[0]];
      return known === undefined ? [] : [withRolloutState(known, state)[0]];
    });
  }
}

const nothing: TableChange = { put: {}, remove: [] };

/** Gathers what a commit does to tables; of two things done to a field the later counts. */
class TableWriter {
  readonly #put = new Map<TableName, Map<string, string>>();
  readonly #remove = new Map<TableName, Set<string>>();

  put(table: TableName, field: string, text: string): void {
    entryIn(this.#put, table, () => new Map<string, string>()).set(field, text);
    this.#remove.get(table)?.delete(field);
  }

  remove(table: TableName, field: string): void {
    entryIn(this.#remove, table, () => new Set<string>()).add(field);
    this.#put.get(table)?.delete(field);
  }

  has(table: TableName, field: string): boolean {
    return this.#put.get(table)?.has(field) ?? false;
  }

  changes(): LogCommit["tables"] {
    const touched = tableNames.filter((name) => this.#put.has(name) || this.#remove.has(name));
    return Object.fromEntries(touched.map((name) => [name, {
      put: Object.fromEntries(this.#put.get(name) ?? []),
      remove: [...this.#remove.get(name) ?? []],
    }]));
  }
}

function entryIn<V>(map: Map<TableName, V>, name: TableName, make: () => V): V {
  const known = map.get(name) ?? make();
  map.set(name, known);
  return known;
}

function putEntry(tables: TableWriter, edit: SlotEdit, order: number): void {
  if (edit.layer === "canary") return;
  const text = entryText(edit, order);
  if (text === undefined) return tables.remove("entries", entryField(edit));
  tables.put("entries", entryField(edit), text);
  if (edit.entry?.resource !== undefined) putContent(tables, edit.entry.resource);
}

function putContent(tables: TableWriter, resource: Resource): void {
  if (tables.has("contents", resource.version)) return;
  tables.put("contents", resource.version, contentText(resource));
}

function putRevision(tables: TableWriter, revision: Revision): void {
  tables.put("revisions", `${revision.id}`, revisionText(revision));
  for (const { key, selector, after } of revision.changes) {
    const slot: SlotAt = { key, selector, ...(after && { content: after }) };
    if (after === undefined) tables.remove("served", slotText(slot));
    else tables.put("served", slotText(slot), servedText(slot));
  }
}

function putWholeRollout(
  tables: TableWriter,
  { record, order }: { readonly record: RolloutRecord; readonly order: number },
): void {
  tables.put("rollouts", record.id, rolloutPlanText(record));
  tables.put("rollout_states", record.id, rolloutStateText(record, order));
}

function putVerdict(tables: TableWriter, verdict: HealthVerdict): void {
  const { cluster, address, port, health } = verdict;
  const field = JSON.stringify([cluster, address, port]);
  if (health === "unknown") tables.remove("verdicts", field);
  else tables.put("verdicts", field, JSON.stringify(verdict));
}

function removedVerdict(field: string): HealthVerdict {
  const [cluster, address, port] = JSON.parse(field) as [string, string, number];
  return { cluster, address, port, health: "unknown", ttlMs: 0 };
}

function endpointField({ cluster, id }: Pick<Registration, "cluster" | "id">): string {
  return JSON.stringify([cluster, id]);
}

function endpointOf(field: string): Pick<Registration, "cluster" | "id"> {
  const [cluster, id] = JSON.parse(field) as [string, string];
  return { cluster, id };
}

function noteOf({ renewed = [], deregistered = [] }: StoreBatch): Pick<LogCommit, "note"> {
  const note: Note = {
    ...(deregistered.some(({ expired }) => expired) && { expired: true }),
    ...(renewed.length > 0 && { renewed: renewed.map(({ cluster, id }) => [cluster, id]) }),
  };
  return Object.keys(note).length === 0 ? {} : { note: JSON.stringify(note) };
}

function contentsOf(texts: Iterable<readonly [string, string]>): ReadonlyMap<string, Resource> {
  return new Map([...texts].map(([version, text]) => [version, contentOf(version, text)]));
}

function namedOf(contents: ReadonlyMap<string, Resource>) {
  return (version: string, name: string): Resource | undefined => {
    const content = contents.get(version);
    return content && { ...content, name };
  };
}

function inOrder<T>(items: readonly (readonly [T, number])[]): readonly T[] {
  return items.toSorted(([, a], [, b]) => a - b).map(([item]) => item);
}

function parse<T>(text: string): T {
  return JSON.parse(text) as T;
}
