// SPDX-License-Identifier: Apache-2.0
/**
 * What every store of the CA does.
 * @module
 */
import assert from "node:assert/strict";
import { StatusCode } from "@denvoy/base";
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

/** What each store does, by what is said of it; each wants an empty one. */
export const caStoreContract: Readonly<Record<string, (store: CaStore) => Promise<void>>> = {
  async "is empty at first"(store) {
    assert.equal(await store.load(), undefined);
    assert.equal(await store.findIssued("1"), undefined);
    assert.equal(await store.lastNotAfterMs("0a"), 0);
    assert.equal(store.readSealed("x"), undefined);
  },
  async "returns the state that was saved last"(store) {
    const state = { revision: 1, trustDomain: "a", sequence: 1, authorities: [outside, authority] };
    await store.save(state);
    assert.deepEqual(await store.load(), state);
    const next = { ...state, revision: 2, sequence: 2, authorities: [authority] };
    await store.save(next);
    assert.deepEqual(await store.load(), next);
  },
  async "refuses a state that does not follow the last"(store) {
    const state = { revision: 1, trustDomain: "a", sequence: 1, authorities: [authority] };
    const saves = async (revision: number) => await store.save({ ...state, revision });
    await saves(1);
    for (const revision of [0, 1, 3]) {
      await assert.rejects(saves(revision), { code: StatusCode.ABORTED });
    }
    await saves(2);
    assert.equal((await store.load())?.revision, 2);
  },
  async "lists what was issued, newest first, until it ends"(store) {
    await store.addIssued(issued("01"));
    await store.addIssued(issued("02", { notAfterMs: 50, names: ["dns"] }));
    await store.addIssued(issued("03", { authorityId: "0d", notAfterMs: 300 }));
    const serials = async (query: Parameters<CaStore["listIssued"]>[0]) =>
      (await store.listIssued(query)).map(({ serial }) => serial);
    assert.deepEqual(await serials({ nowMs: 0, limit: 9 }), ["03", "02", "01"]);
    assert.deepEqual(await serials({ nowMs: 0, limit: 2 }), ["03", "02"]);
    assert.deepEqual(await serials({ nowMs: 50, limit: 9 }), ["03", "01"]);
    assert.deepEqual(await serials({ nowMs: 0, limit: 9, name: "dns" }), ["02"]);
    assert.deepEqual(await serials({ nowMs: 0, limit: 9, name: "dn" }), []);
    assert.deepEqual(await store.findIssued("01"), issued("01"));
    assert.equal(await store.lastNotAfterMs("0a"), 100);
    assert.equal(await store.lastNotAfterMs("0d"), 300);
  },
  async "marks what is revoked, for the first reason, until it ends"(store) {
    await store.addIssued(issued("01"));
    await store.addIssued(issued("02"));
    const revoke = (serial: string, revokedAtMs: number, reason: "superseded" | "unspecified") =>
      store.revoke({ serial, revokedAtMs, reason, notAfterMs: 100 });
    await revoke("02", 5, "superseded");
    await revoke("02", 6, "unspecified");
    await revoke("01", 7, "unspecified");
    await revoke("99", 8, "unspecified");
    const revoked = store.listRevoked(99).map(({ revocation }) => revocation);
    assert.deepEqual(revoked, [
      { serial: "02", revokedAtMs: 5, reason: "superseded", notAfterMs: 100 },
      { serial: "01", revokedAtMs: 7, reason: "unspecified", notAfterMs: 100 },
    ]);
    assert.deepEqual(store.listRevoked(100), []);
    assert.deepEqual(["01", "02", "03", "99"].map((serial) => store.isRevoked(serial)), [
      ...[true, true, false, false],
    ]);
    const found = await store.findIssued("02");
    assert.equal(found?.revocation?.reason, "superseded");
    const listed = await store.listIssued({ nowMs: 0, limit: 1 });
    assert.equal(listed[0]?.revocation?.revokedAtMs, 5);
  },
  async "forgets what has ended"(store) {
    await store.addIssued(issued("01"));
    await store.addIssued(issued("02", { notAfterMs: 200 }));
    assert.equal(await store.forgetEndedBefore(150), 1);
    assert.equal(await store.forgetEndedBefore(150), 0);
    assert.equal(await store.findIssued("01"), undefined);
    assert.equal((await store.findIssued("02"))?.serial, "02");
  },
  async "keeps sealed values by name"(store) {
    await store.writeSealed("x", Uint8Array.of(1));
    await store.writeSealed("y", Uint8Array.of(2));
    await store.writeSealed("x", Uint8Array.of(3));
    assert.deepEqual(store.readSealed("x"), Uint8Array.of(3));
    assert.deepEqual(store.readSealed("y"), Uint8Array.of(2));
  },
  async "replaces a sealed value only if it is what was read"(store) {
    const [one, two, three] = [1, 2, 3].map((byte) => Uint8Array.of(byte));
    assert.ok(one !== undefined && two !== undefined && three !== undefined);
    assert.equal(await store.replaceSealed("x", { from: one, to: two }), false);
    assert.equal(await store.replaceSealed("x", { from: undefined, to: one }), true);
    assert.equal(await store.replaceSealed("x", { from: undefined, to: three }), false);
    assert.equal(await store.replaceSealed("x", { from: one, to: two }), true);
    assert.equal(await store.replaceSealed("x", { from: one, to: three }), false);
    assert.deepEqual(store.readSealed("x"), two);
  },
};

/** Runs the contract on stores that `open` opens, each empty. */
export function testCaStore(name: string, open: () => CaStore & Partial<Disposable>): void {
  for (const [what, run] of Object.entries(caStoreContract)) {
    Deno.test(`${name} ${what}`, async () => {
      const store = open();
      try {
        await run(store);
      } finally {
        store[Symbol.dispose]?.();
      }
    });
  }
}
