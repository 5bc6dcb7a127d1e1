// SPDX-License-Identifier: Apache-2.0
/**
 * Keeps the configuration in `ads.db`: what the API wrote, pins, revisions with all contents that
 * they name, registrations and rollouts. Contents are kept once, by version, as long as something
 * names them.
 * @module
 */
import type { Resource } from "@denvoy/xds";
import type { SlotEdit } from "../domain/catalog.ts";
import type { Registration } from "../domain/registration.ts";
import type { Revision, RevisionChange, RevisionHead, SlotAt } from "../domain/revision.ts";
import type { RolloutRecord } from "../domain/rollouts.ts";
import type { SlotRef } from "../domain/slot.ts";
import type {
  CommitResult,
  ConfigurationStore,
  RevisionQuery,
  StoreBatch,
  StoredConfiguration,
} from "../domain/store.ts";
import { type Row, SqliteDatabase } from "@denvoy/runtime";
import { contentFields, contentOf, registrationOf, slotContentOf } from "./sqlite_rows.ts";
import { migrations } from "./sqlite_schema.ts";
import { rolloutOf, rolloutText, selectorOf, selectorText } from "./stored_texts.ts";

const FILES_FROM = "SELECT value FROM settings WHERE name = 'files_from'";
const PUT_FILES_FROM = "INSERT OR REPLACE INTO settings (name, value) VALUES ('files_from', ?)";

/** A store in a SQLite file. */
export class SqliteStore implements ConfigurationStore {
  readonly #database: SqliteDatabase;
  readonly #keepRevisions: number;

  /**
   * Opens or creates the file; only one process may have it open.
   * @throws StatusError when it cannot be used, saying why.
   */
  constructor(path: string, { keepRevisions = 100 }: { keepRevisions?: number } = {}) {
    this.#database = new SqliteDatabase(path, migrations);
    this.#keepRevisions = keepRevisions;
  }

  /** See {@linkcode ConfigurationStore.load}. */
  load(): StoredConfiguration {
    return {
      edits: this.#entries(),
      served: this.#served(),
      registrations: this.#database.all("SELECT spec FROM registrations ORDER BY cluster, id")
        .map(registrationOf),
      rollouts: this.#database.all("SELECT record FROM rollouts ORDER BY position")
        .map(({ record }) => rolloutOf(String(record))),
      lastRevision: this.#number("SELECT max(id) AS value FROM revisions"),
      filesFrom: String(this.#database.first(FILES_FROM)?.value ?? ""),
    };
  }

  /** See {@linkcode ConfigurationStore.commit}. */
  commit(batch: StoreBatch): CommitResult {
    this.#database.transaction(() => {
      for (const resource of batch.contents ?? []) this.#putContent(resource);
      for (const edit of batch.edits ?? []) this.#putEntry(edit);
      for (const rollout of batch.rollouts ?? []) this.#putRollout(rollout);
      for (const registration of batch.deregistered ?? []) this.#deleteRegistration(registration);
      for (const registration of batch.registered ?? []) this.#putRegistration(registration);
      if (batch.revision !== undefined) this.#putRevision(batch.revision);
      if (batch.filesFrom !== undefined) this.#database.run(PUT_FILES_FROM, [batch.filesFrom]);
    });
    return "kept";
  }

  /** See {@linkcode ConfigurationStore.heads}. */
  heads(query: RevisionQuery): readonly (RevisionHead & { readonly changeCount: number })[] {
    const { before = Number.MAX_SAFE_INTEGER, after = 0, key, limit } = query;
    const filter = key === undefined
      ? ""
      : "AND id IN (SELECT revision FROM changes WHERE type_url = ? AND name = ?)";
    const sql = `SELECT * FROM revisions WHERE id < ? AND id > ? ${filter} ` +
      "ORDER BY id DESC LIMIT ?";
    const names = key === undefined ? [] : [key.typeUrl, key.name];
    return this.#database.all(sql, [before, after, ...names, limit]).map((row) => ({
      ...headOf(row),
      changeCount: Number(row.change_count),
    }));
  }

  /** See {@linkcode ConfigurationStore.revision}. */
  revision(id: number): Revision | undefined {
    const row = this.#database.first("SELECT * FROM revisions WHERE id = ?", [id]);
    if (row === undefined) return undefined;
    const sql = "SELECT * FROM changes WHERE revision = ? ORDER BY position";
    return { ...headOf(row), changes: this.#database.all(sql, [id]).map(changeOf) };
  }

  /** See {@linkcode ConfigurationStore.oldestRevision}. */
  oldestRevision(): number {
    return this.#number("SELECT min(id) AS value FROM revisions");
  }

  /** See {@linkcode ConfigurationStore.content}. */
  content(version: string, name: string): Resource | undefined {
    const row = this.#database.first("SELECT * FROM contents WHERE version = ?", [version]);
    return row && contentOf(row, name);
  }

  /** See {@linkcode ConfigurationStore.close}. */
  close(): void {
    this.#database.close();
  }

  #number(sql: string): number {
    return Number(this.#database.first(sql)?.value ?? 0);
  }

  #entries(): readonly SlotEdit[] {
    const sql = "SELECT entries.*, contents.type_url AS content_type, ttl_ms, value, refs " +
      "FROM entries LEFT JOIN contents USING (version) ORDER BY entries.rowid";
    return this.#database.all(sql).map(entryOf);
  }

  #served(): readonly SlotAt[] {
    return this.#database.all("SELECT * FROM served ORDER BY rowid").map((row) => ({
      ...slotRefOf(row),
      content: slotContentOf(row.version, row.owner) ?? { owner: "files" },
    }));
  }

  #putContent(resource: Resource): void {
    const sql = "INSERT INTO contents (version, type_url, ttl_ms, value, refs) " +
      "VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING";
    this.#database.run(sql, contentFields(resource));
  }

  #putEntry(edit: SlotEdit): void {
    if (edit.layer !== "api" && edit.layer !== "pin") return;
    const { key: { typeUrl, name }, selector, layer, entry } = edit;
    const place = [layer, typeUrl, name, selector.key];
    this.#database.run(
      "DELETE FROM entries WHERE layer = ? AND type_url = ? AND name = ? AND selector_key = ?",
      place,
    );
    if (entry === undefined) return;
    if (entry.resource !== undefined) this.#putContent(entry.resource);
    const own = edit.layer === "api" && edit.entry
      ? [edit.entry.who, edit.entry.atMs, null, null]
      : [null, null, ...pinFields(edit)];
    this.#database.run(
      "INSERT INTO entries (layer, type_url, name, selector_key, selector, version, who, at_ms, " +
        "file_version, revision) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      [...place, selectorText(selector), entry.resource?.version ?? null, ...own],
    );
  }

  #putRollout(record: RolloutRecord): void {
    this.#database.run(
      "INSERT INTO rollouts (id, record, position) VALUES (?, ?, " +
        "(SELECT coalesce(max(position), 0) + 1 FROM rollouts)) " +
        "ON CONFLICT (id) DO UPDATE SET record = excluded.record, position = excluded.position",
      [record.id, rolloutText(record)],
    );
    this.#database.run(
      "DELETE FROM rollouts WHERE position <= (SELECT max(position) FROM rollouts) - 1000",
    );
  }

  #putRegistration(spec: Registration): void {
    this.#database.run(
      "INSERT INTO registrations (cluster, id, spec) VALUES (?, ?, ?) " +
        "ON CONFLICT (cluster, id) DO UPDATE SET spec = excluded.spec",
      [spec.cluster, spec.id, JSON.stringify(spec)],
    );
  }

  #deleteRegistration({ cluster, id }: { readonly cluster: string; readonly id: string }): void {
    this.#database.run("DELETE FROM registrations WHERE cluster = ? AND id = ?", [cluster, id]);
  }

  #putRevision({ id, atMs, who, source, summary, changes }: Revision): void {
    this.#database.run(
      "INSERT INTO revisions (id, at_ms, who, source, summary, change_count) " +
        "VALUES (?, ?, ?, ?, ?, ?)",
      [id, atMs, who, source, summary, changes.length],
    );
    for (const [position, change] of changes.entries()) {
      this.#putChange(id, position, change);
      this.#putServed(change);
    }
    this.#prune(id - this.#keepRevisions);
  }

  #putChange(revision: number, position: number, change: RevisionChange): void {
    const { key: { typeUrl, name }, selector, before, after } = change;
    this.#database.run(
      "INSERT INTO changes (revision, position, type_url, name, selector, before_version, " +
        "before_owner, after_version, after_owner) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
      [
        revision,
        position,
        typeUrl,
        name,
        selectorText(selector),
        before?.version ?? null,
        before?.owner ?? null,
        after?.version ?? null,
        after?.owner ?? null,
      ],
    );
  }

  #putServed({ key: { typeUrl, name }, selector, after }: RevisionChange): void {
    const place = [typeUrl, name, selector.key];
    if (after === undefined) {
      const sql = "DELETE FROM served WHERE type_url = ? AND name = ? AND selector_key = ?";
      return this.#database.run(sql, place);
    }
    this.#database.run(
      "INSERT INTO served (type_url, name, selector_key, selector, version, owner) " +
        "VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (type_url, name, selector_key) " +
        "DO UPDATE SET version = excluded.version, owner = excluded.owner",
      [...place, selectorText(selector), after.version ?? null, after.owner],
    );
  }

  /** Forgets revisions up to `last`, and the contents that nothing else names. */
  #prune(last: number): void {
    if (last < this.oldestRevision()) return;
    const sql = "SELECT before_version AS version FROM changes WHERE revision <= ? " +
      "UNION SELECT after_version FROM changes WHERE revision <= ?";
    const versions = this.#database.all(sql, [last, last]);
    this.#database.run("DELETE FROM changes WHERE revision <= ?", [last]);
    this.#database.run("DELETE FROM revisions WHERE id <= ?", [last]);
    for (const { version } of versions) {
      if (typeof version === "string") this.#forgetContent(version);
    }
  }

  #forgetContent(version: string): void {
    this.#database.run(
      "DELETE FROM contents WHERE version = ?1 " +
        "AND NOT EXISTS (SELECT 1 FROM changes WHERE before_version = ?1) " +
        "AND NOT EXISTS (SELECT 1 FROM changes WHERE after_version = ?1) " +
        "AND NOT EXISTS (SELECT 1 FROM served WHERE version = ?1) " +
        "AND NOT EXISTS (SELECT 1 FROM entries WHERE version = ?1)",
      [version],
    );
  }
}

function headOf(row: Row): RevisionHead {
  return {
    id: Number(row.id),
    atMs: Number(row.at_ms),
    who: String(row.who),
    source: row.source as RevisionHead["source"],
    summary: String(row.summary),
  };
}

function changeOf(row: Row): RevisionChange {
  const before = slotContentOf(row.before_version, row.before_owner);
  const after = slotContentOf(row.after_version, row.after_owner);
  return { ...slotRefOf(row), ...(before && { before }), ...(after && { after }) };
}

function slotRefOf(row: Row): SlotRef {
  const key = { typeUrl: String(row.type_url), name: String(row.name) };
  return { key, selector: selectorOf(String(row.selector)) };
}

function entryOf(row: Row): SlotEdit {
  const slot = slotRefOf(row);
  const resource = row.value === null
    ? undefined
    : contentOf({ ...row, type_url: row.content_type }, slot.key.name);
  if (row.layer === "api" && resource !== undefined) {
    const entry = { resource, who: String(row.who), atMs: Number(row.at_ms) };
    return { ...slot, layer: "api", entry };
  }
  const entry = {
    revision: Number(row.revision),
    ...(resource && { resource }),
    ...(typeof row.file_version === "string" && { fileVersion: row.file_version }),
  };
  return { ...slot, layer: "pin", entry };
}

function pinFields(edit: SlotEdit): readonly (string | number | null)[] {
  if (edit.layer !== "pin" || edit.entry === undefined) return [null, null];
  return [edit.entry.fileVersion ?? null, edit.entry.revision];
}
