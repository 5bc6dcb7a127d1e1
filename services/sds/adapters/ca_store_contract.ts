// SPDX-License-Identifier: Apache-2.0
/**
 * What every store of the CA does.
 * @module
 */
import assert from "node:assert/strict";
import type { AuthorityRecord, CaStore, StoredCertificate } from "../domain/ca/ca_store.ts";

const authority: AuthorityRecord = {
  id: "0a",
  state: "active",
  preparedAtMs: 1,
  activatedAtMs: 2,
  rootDer: Uint8Array.of(1),
  sealedRootKey: Uint8Array.of(2),
  signers: [
    { id: "0b", der: Uint8Array.of(3), between: [], sealedKey: Uint8Array.of(4) },
    { id: "0c", der: Uint8Array.of(5), between: [], sealedKey: Uint8Array.of(6) },
  ],
};
const outside: AuthorityRecord = {
  id: "0d",
  state: "prepared",
  preparedAtMs: 3,
  rootDer: Uint8Array.of(7),
  signers: [{
    id: "0e",
    der: Uint8Array.of(8),
    between: [Uint8Array.of(0x30, 0), Uint8Array.of(0x04, 1, 5)],
    sealedKey: Uint8Array.of(9),
  }],
};

function issued(serial: string, changes: Partial<StoredCertificate> = {}): StoredCertificate {
  const names = ["spiffe://a/b", 'with "quotes", and commas'];
  return {
    ...{ serial, names, notBeforeMs: 0, notAfterMs: 100, authorityId: "0a", signerId: "0b" },
    ...changes,
  };
}

const contract: Readonly<Record<string, (store: CaStore) => void>> = {
  "is empty at first"(store) {
    assert.equal(store.load(), undefined);
    assert.equal(store.findIssued("1"), undefined);
    assert.equal(store.lastNotAfterMs("0a"), 0);
    assert.equal(store.readSealed("x"), undefined);
  },
  "returns the state that was saved last"(store) {
    const state = { trustDomain: "a", sequence: 1, authorities: [outside, authority] };
    store.save(state);
    assert.deepEqual(store.load(), state);
    const next = { ...state, sequence: 2, authorities: [authority] };
    store.save(next);
    assert.deepEqual(store.load(), next);
  },
  "lists what was issued, newest first, until it ends"(store) {
    store.addIssued(issued("01"));
    store.addIssued(issued("02", { notAfterMs: 50, names: ["dns"] }));
    store.addIssued(issued("03", { authorityId: "0d", notAfterMs: 300 }));
    const serials = (query: Parameters<CaStore["listIssued"]>[0]) =>
      store.listIssued(query).map(({ serial }) => serial);
    assert.deepEqual(serials({ nowMs: 0, limit: 9 }), ["03", "02", "01"]);
    assert.deepEqual(serials({ nowMs: 0, limit: 2 }), ["03", "02"]);
    assert.deepEqual(serials({ nowMs: 50, limit: 9 }), ["03", "01"]);
    assert.deepEqual(serials({ nowMs: 0, limit: 9, name: "dns" }), ["02"]);
    assert.deepEqual(serials({ nowMs: 0, limit: 9, name: "dn" }), []);
    assert.deepEqual(store.findIssued("01"), issued("01"));
    assert.equal(store.lastNotAfterMs("0a"), 100);
    assert.equal(store.lastNotAfterMs("0d"), 300);
  },
  "marks what is revoked, for the first reason, until it ends"(store) {
    store.addIssued(issued("01"));
    store.addIssued(issued("02"));
    const revoke = (serial: string, revokedAtMs: number, reason: "superseded" | "unspecified") =>
      store.revoke({ serial, revokedAtMs, reason, notAfterMs: 100 });
    revoke("02", 5, "superseded");
    revoke("02", 6, "unspecified");
    revoke("01", 7, "unspecified");
    revoke("99", 8, "unspecified");
    const revoked = store.listRevoked(99).map(({ revocation }) => revocation);
    assert.deepEqual(revoked, [
      { serial: "02", revokedAtMs: 5, reason: "superseded", notAfterMs: 100 },
      { serial: "01", revokedAtMs: 7, reason: "unspecified", notAfterMs: 100 },
    ]);
    assert.deepEqual(store.listRevoked(100), []);
  },
  "forgets what has ended"(store) {
    store.addIssued(issued("01"));
    store.addIssued(issued("02", { notAfterMs: 200 }));
    assert.equal(store.forgetEndedBefore(150), 1);
    assert.equal(store.forgetEndedBefore(150), 0);
    assert.equal(store.findIssued("01"), undefined);
    assert.equal(store.findIssued("02")?.serial, "02");
  },
  "keeps sealed values by name"(store) {
    store.writeSealed("x", Uint8Array.of(1));
    store.writeSealed("y", Uint8Array.of(2));
    store.writeSealed("x", Uint8Array.of(3));
    assert.deepEqual(store.readSealed("x"), Uint8Array.of(3));
    assert.deepEqual(store.readSealed("y"), Uint8Array.of(2));
  },
};

/** Runs the contract on stores that `open` opens, each empty. */
export function testCaStore(name: string, open: () => CaStore & Partial<Disposable>): void {
  for (const [what, run] of Object.entries(contract)) {
    Deno.test(`${name} ${what}`, () => {
      const store = open();
      try {
        run(store);
      } finally {
        store[Symbol.dispose]?.();
      }
    });
  }
}
