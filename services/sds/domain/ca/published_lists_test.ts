// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { X509LibraryReader } from "../../adapters/x509_library_reader.ts";
import { readPem } from "../pem.ts";
import type { BuiltInCa } from "./built_in_ca.ts";
import { openTestCa } from "./testing.ts";

const DAY_MS = 86_400_000;

async function published(ca: BuiltInCa) {
  const pem = await ca.publishedLists();
  const blocks = readPem(pem);
  assert.ok(blocks.ok);
  const x509 = new X509LibraryReader();
  const lists = blocks.value.flatMap(({ label, der }) => {
    const list = label === "X509 CRL" ? x509.readCrl(der) : undefined;
    return list === undefined ? [] : [list];
  });
  return {
    pem,
    certificates: blocks.value.filter(({ label }) => label === "CERTIFICATE").length,
    lists: lists.map(({ facts }) => facts),
  };
}

Deno.test("published lists are there while nothing is revoked, with those who sign them", async () => {
  const { ca, clock } = await openTestCa();
  const { pem, certificates, lists } = await published(ca);
  assert.equal(ca.crlPem(), "", "Envoys get none");
  assert.deepEqual([certificates, lists.length], [2, 2]);
  assert.ok(lists.every(({ nextUpdateMs = 0 }) => nextUpdateMs === clock.nowMs() + 8 * DAY_MS));
  clock.advance(3 * DAY_MS);
  assert.equal((await published(ca)).pem, pem, "they are not signed for each who asks");
  clock.advance(2 * DAY_MS);
  const next = await published(ca);
  assert.ok(
    next.lists.every(({ nextUpdateMs = 0 }) => nextUpdateMs === clock.nowMs() + 8 * DAY_MS),
  );
});

Deno.test("published lists are those that Envoys get once something is revoked, and of all roots", async () => {
  const { ca } = await openTestCa();
  await published(ca);
  const { facts } = await ca.issue({ spiffeId: "spiffe://denvoy.local/a" });
  await ca.revoke(facts.serial);
  assert.ok((await published(ca)).pem.endsWith(ca.crlPem()));
  await ca.prepareRoot();
  const { certificates, lists } = await published(ca);
  assert.deepEqual([certificates, lists.length], [4, 4]);
});

Deno.test("published lists follow a new root while nothing is revoked", async () => {
  const { ca } = await openTestCa();
  await published(ca);
  await ca.prepareRoot();
  const { certificates, lists } = await published(ca);
  assert.deepEqual([certificates, lists.length], [4, 4]);
});
