// SPDX-License-Identifier: Apache-2.0
/**
 * The schema of `sds.db` as a list of steps. A step that was released is never changed. Keys are sealed
 * before they come here.
 * @module
 */

/** The n-th script brings schema n-1 to n. */
export const migrations: readonly string[] = [
  `
  CREATE TABLE ca (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    trust_domain TEXT NOT NULL,
    sequence INTEGER NOT NULL
  );
  CREATE TABLE authorities (
    id TEXT PRIMARY KEY,
    position INTEGER NOT NULL,
    state TEXT NOT NULL,
    prepared_at_ms INTEGER NOT NULL,
    activated_at_ms INTEGER,
    root_der BLOB NOT NULL,
    sealed_root_key BLOB
  ) WITHOUT ROWID;
  CREATE TABLE signers (
    authority_id TEXT NOT NULL,
    position INTEGER NOT NULL,
    id TEXT NOT NULL,
    der BLOB NOT NULL,
    between_ders BLOB NOT NULL,
    sealed_key BLOB NOT NULL,
    PRIMARY KEY (authority_id, position)
  ) WITHOUT ROWID;
  CREATE TABLE issued (
    serial TEXT NOT NULL UNIQUE,
    names TEXT NOT NULL,
    not_before_ms INTEGER NOT NULL,
    not_after_ms INTEGER NOT NULL,
    authority_id TEXT NOT NULL,
    signer_id TEXT NOT NULL,
    revoked_at_ms INTEGER,
    reason TEXT
  );
  CREATE INDEX issued_end ON issued (authority_id, not_after_ms);
  CREATE INDEX issued_not_after ON issued (not_after_ms);
  CREATE INDEX issued_revoked ON issued (revoked_at_ms) WHERE revoked_at_ms IS NOT NULL;
  CREATE TABLE sealed_values (
    name TEXT PRIMARY KEY,
    value BLOB NOT NULL
  ) WITHOUT ROWID;
  `,
];
