// SPDX-License-Identifier: Apache-2.0
/**
 * The CA's memory in SQLite.
 * @module
 */
import { type Row, SqliteDatabase } from "@denvoy/runtime";
import type {
  AuthorityState,
  Revocation,
  RevocationReason,
} from "../domain/certificate_authority.ts";
import {
  type AuthorityRecord,
  type CaState,
  type CaStore,
  isSameSealed,
  type IssuedQuery,
  overtaken,
  type SealedChange,
  type SignerRecord,
  type StoredCertificate,
} from "../domain/ca/ca_store.ts";
import { derSequence } from "../domain/ca/der.ts";
import { expectDerTag, readDer } from "@denvoy/base";
import { migrations } from "./ca_schema.ts";

/** Remembers in a file that has one owner. */
export class SqliteCaStore implements CaStore {
  readonly #database: SqliteDatabase;
  /** Of this process only: nobody else has the file. */
  #revision = 0;

  /** Opens or creates the file. @throws StatusError as {@linkcode SqliteDatabase} does. */
  constructor(path: string) {
    this.#database = new SqliteDatabase(path, migrations);
  }

  /** There is nothing that is not in the file. */
  catchUp(): void {}

  /** See {@linkcode CaStore.load}. */
  load(): CaState | undefined {
    const ca = this.#database.first("SELECT trust_domain, sequence FROM ca");
    if (ca === undefined) return undefined;
    const rows = this.#database.all("SELECT * FROM authorities ORDER BY position");
    const authorities = rows.map((row) => this.#authority(row));
    return {
      revision: this.#revision,
      trustDomain: String(ca.trust_domain),
      sequence: Number(ca.sequence),
      authorities,
    };
  }

  /** See {@linkcode CaStore.save}. */
  save(state: CaState): void {
    if (state.revision !== this.#revision + 1) throw overtaken();
    this.#database.transaction(() => {
      const values = [state.trustDomain, state.sequence];
      this.#database.run("INSERT OR REPLACE INTO ca VALUES (1, ?, ?)", values);
      this.#database.run("DELETE FROM authorities");
      this.#database.run("DELETE FROM signers");
      for (const [position, authority] of state.authorities.entries()) {
        this.#insertAuthority(authority, position);
      }
    });
    this.#revision = state.revision;
  }

  /** See {@linkcode CaStore.addIssued}. */
  addIssued(record: StoredCertificate): void {
    const names = JSON.stringify(record.names);
    const { serial, notBeforeMs, notAfterMs, authorityId, signerId } = record;
    this.#database.transaction(() =>
      this.#database.run("INSERT INTO issued VALUES (?, ?, ?, ?, ?, ?, NULL, NULL)", [
        ...[serial, names, notBeforeMs, notAfterMs, authorityId, signerId],
      ])
    );
  }

  /** See {@linkcode CaStore.findIssued}. */
  findIssued(serial: string): StoredCertificate | undefined {
    const row = this.#database.first("SELECT * FROM issued WHERE serial = ?", [serial]);
    return row === undefined ? undefined : storedCertificate(row);
  }

  /** See {@linkcode CaStore.listIssued}. */
  listIssued({ nowMs, name, limit }: IssuedQuery): readonly StoredCertificate[] {
    const named = name === undefined
      ? ""
      : "AND EXISTS (SELECT 1 FROM json_each(issued.names) WHERE value = ?)";
    const sql = `SELECT * FROM issued WHERE not_after_ms > ? ${named} ORDER BY rowid DESC LIMIT ?`;
    const values = [nowMs, ...(name === undefined ? [] : [name]), limit];
    return this.#database.all(sql, values).map(storedCertificate);
  }

  /** See {@linkcode CaStore.lastNotAfterMs}. */
  lastNotAfterMs(authorityId: string): number {
    const sql = "SELECT max(not_after_ms) AS last FROM issued WHERE authority_id = ?";
    return Number(this.#database.first(sql, [authorityId])?.last ?? 0);
  }

  /** See {@linkcode CaStore.revoke}. */
  revoke({ serial, revokedAtMs, reason }: Revocation): void {
    const sql = "UPDATE issued SET revoked_at_ms = ?, reason = ? " +
      "WHERE serial = ? AND revoked_at_ms IS NULL";
    this.#database.transaction(() => this.#database.run(sql, [revokedAtMs, reason, serial]));
  }

  /** See {@linkcode CaStore.isRevoked}. */
  isRevoked(serial: string): boolean {
    return this.findIssued(serial)?.revocation !== undefined;
  }

  /** See {@linkcode CaStore.listRevoked}. */
  listRevoked(nowMs: number): readonly StoredCertificate[] {
    const sql = "SELECT * FROM issued WHERE revoked_at_ms IS NOT NULL AND not_after_ms > ? " +
      "ORDER BY revoked_at_ms, rowid";
    return this.#database.all(sql, [nowMs]).map(storedCertificate);
  }

  /** See {@linkcode CaStore.forgetEndedBefore}. */
  forgetEndedBefore(atMs: number): number {
    const sql = "SELECT count(*) AS ended FROM issued WHERE not_after_ms < ?";
    const ended = Number(this.#database.first(sql, [atMs])?.ended ?? 0);
    if (ended === 0) return 0;
    this.#database.transaction(() =>
      this.#database.run("DELETE FROM issued WHERE not_after_ms < ?", [atMs])
    );
    return ended;
  }

  /** See {@linkcode CaStore.readSealed}. */
  readSealed(name: string): Uint8Array | undefined {
    const row = this.#database.first("SELECT value FROM sealed_values WHERE name = ?", [name]);
    return row === undefined ? undefined : bytes(row.value);
  }

  /** See {@linkcode CaStore.writeSealed}. */
  writeSealed(name: string, sealed: Uint8Array): void {
    this.#database.transaction(() =>
      this.#database.run("INSERT OR REPLACE INTO sealed_values VALUES (?, ?)", [name, sealed])
    );
  }

  /** See {@linkcode CaStore.replaceSealed}. */
  replaceSealed(name: string, { from, to }: SealedChange): boolean {
    if (!isSameSealed(this.readSealed(name), from)) return false;
    this.writeSealed(name, to);
    return true;
  }

  /** Nobody else writes here. */
  subscribe(): () => void {
    return () => {};
  }

  /** Closes the file; nothing may be called afterwards. */
  close(): void {
    this.#database.close();
  }

  #insertAuthority(authority: AuthorityRecord, position: number): void {
    const { id, state, preparedAtMs, activatedAtMs, rootDer, sealedRootKey } = authority;
    this.#database.run("INSERT INTO authorities VALUES (?, ?, ?, ?, ?, ?, ?)", [
      ...[id, position, state, preparedAtMs],
      activatedAtMs ?? null,
      rootDer,
      sealedRootKey ?? null,
    ]);
    for (const [index, signer] of authority.signers.entries()) {
      const between = derSequence(...signer.between);
      const values = [id, index, signer.id, signer.der, between, signer.sealedKey];
      this.#database.run("INSERT INTO signers VALUES (?, ?, ?, ?, ?, ?)", values);
    }
  }

  #authority(row: Row): AuthorityRecord {
    const sql = "SELECT * FROM signers WHERE authority_id = ? ORDER BY position";
    const { activated_at_ms: activatedAtMs, sealed_root_key: sealedRootKey } = row;
    return {
      id: String(row.id),
      state: authorityState(row.state),
      preparedAtMs: Number(row.prepared_at_ms),
      rootDer: bytes(row.root_der),
      ...(typeof activatedAtMs === "number" && { activatedAtMs }),
      ...(sealedRootKey instanceof Uint8Array && { sealedRootKey }),
      signers: this.#database.all(sql, [String(row.id)]).map(signerRecord),
    };
  }
}

function signerRecord(row: Row): SignerRecord {
  const [between] = readDer(bytes(row.between_ders));
  return {
    id: String(row.id),
    der: bytes(row.der),
    between: readDer(expectDerTag(between, 0x30)).map(({ raw }) => raw),
    sealedKey: bytes(row.sealed_key),
  };
}

function storedCertificate(row: Row): StoredCertificate {
  const names: unknown = JSON.parse(String(row.names));
  const [serial, notAfterMs] = [String(row.serial), Number(row.not_after_ms)];
  const revocation = {
    serial,
    revokedAtMs: Number(row.revoked_at_ms),
    reason: revocationReason(row.reason),
    notAfterMs,
  };
  return {
    serial,
    names: Array.isArray(names) ? names.map(String) : [],
    notBeforeMs: Number(row.not_before_ms),
    notAfterMs,
    authorityId: String(row.authority_id),
    signerId: String(row.signer_id),
    ...(typeof row.revoked_at_ms === "number" && { revocation }),
  };
}

function bytes(value: unknown): Uint8Array {
  return value instanceof Uint8Array ? value : new Uint8Array();
}

function authorityState(value: unknown): AuthorityState {
  return value === "active" || value === "prepared" ? value : "retiring";
}

const reasons: readonly RevocationReason[] = [
  "keyCompromise",
  "affiliationChanged",
  "superseded",
  "cessationOfOperation",
];

function revocationReason(value: unknown): RevocationReason {
  return reasons.find((reason) => reason === value) ?? "unspecified";
}
