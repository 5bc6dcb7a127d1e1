// SPDX-License-Identifier: Apache-2.0
/**
 * The schema of `ads.db` as a list of steps. A step that was released is never changed.
 * @module
 */

/** The n-th script brings schema n-1 to n. */
export const migrations: readonly string[] = [
  `
  CREATE TABLE contents (
    version TEXT PRIMARY KEY,
    type_url TEXT NOT NULL,
    ttl_ms INTEGER,
    value BLOB NOT NULL,
    refs TEXT NOT NULL
  );
  CREATE TABLE entries (
    layer TEXT NOT NULL,
    type_url TEXT NOT NULL,
    name TEXT NOT NULL,
    selector_key TEXT NOT NULL,
    selector TEXT NOT NULL,
    version TEXT,
    who TEXT,
    at_ms INTEGER,
    file_version TEXT,
    revision INTEGER,
    PRIMARY KEY (layer, type_url, name, selector_key)
  );
  CREATE INDEX entries_version ON entries (version);
  CREATE TABLE served (
    type_url TEXT NOT NULL,
    name TEXT NOT NULL,
    selector_key TEXT NOT NULL,
    selector TEXT NOT NULL,
    version TEXT,
    owner TEXT NOT NULL,
    PRIMARY KEY (type_url, name, selector_key)
  );
  CREATE INDEX served_version ON served (version);
  CREATE TABLE revisions (
    id INTEGER PRIMARY KEY,
    at_ms INTEGER NOT NULL,
    who TEXT NOT NULL,
    source TEXT NOT NULL,
    summary TEXT NOT NULL,
    change_count INTEGER NOT NULL
  );
  CREATE TABLE changes (
    revision INTEGER NOT NULL,
    position INTEGER NOT NULL,
    type_url TEXT NOT NULL,
    name TEXT NOT NULL,
    selector TEXT NOT NULL,
    before_version TEXT,
    before_owner TEXT,
    after_version TEXT,
    after_owner TEXT,
    PRIMARY KEY (revision, position)
  ) WITHOUT ROWID;
  CREATE INDEX changes_key ON changes (type_url, name);
  CREATE INDEX changes_before ON changes (before_version);
  CREATE INDEX changes_after ON changes (after_version);
  CREATE TABLE registrations (
    cluster TEXT NOT NULL,
    id TEXT NOT NULL,
    spec TEXT NOT NULL,
    PRIMARY KEY (cluster, id)
  ) WITHOUT ROWID;
  CREATE TABLE rollouts (
    id TEXT PRIMARY KEY,
    position INTEGER NOT NULL,
    record TEXT NOT NULL
  );
  CREATE INDEX rollouts_position ON rollouts (position);
  `,
  `
  CREATE TABLE settings (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
  ) WITHOUT ROWID;
  `,
];
