// SPDX-License-Identifier: Apache-2.0
/**
 * What every store of the configuration must do; run by the tests of each.
 * @module
 */
import assert from "node:assert/strict";
import type { SlotEdit } from "../domain/catalog.ts";
import type { Registration } from "../domain/registration.ts";
import { CLUSTER, SECRET } from "../domain/resource_types.ts";
import type { Revision } from "../domain/revision.ts";
import { defaultRolloutRules, startRollout } from "../domain/rollout.ts";
import type { RolloutRecord } from "../domain/rollouts.ts";
import type { ConfigurationStore, StoreBatch } from "../domain/store.ts";
import { testSelector, textResource } from "../domain/testing.ts";

/** A store under test. */
export interface StoreUnderTest {
  /** The store; empty, and it keeps three revisions. */
  readonly store: ConfigurationStore;
  /** Writes a batch. */
  readonly commit: (batch: StoreBatch) => Promise<unknown>;
  /** Returns the store as it is after a restart; what is committed then goes there. */
  readonly reopen: () => Promise<ConfigurationStore>;
}

const one = { ...textResource("a", { text: "1" }), references: [{ typeUrl: SECRET, name: "s" }] };
const two = { ...textResource("a", { text: "2" }), ttlMs: 5000 };
const edge = testSelector("id=edge-*,metadata.stage=prod,priority=2");
const key = { typeUrl: CLUSTER, name: "a" };

function revision(id: number, changes: Revision["changes"] = []): Revision {
  return { id, atMs: 1000 + id, who: "me", source: "api", summary: `number ${id}`, changes };
}

const contract: Readonly<Record<string, (under: StoreUnderTest) => void | Promise<void>>> = {
  "is empty at first"({ store }) {
    assert.deepEqual(store.load(), {
      edits: [],
      served: [],
      registrations: [],
      rollouts: [],
      lastRevision: 0,
      filesFrom: "",
    });
    assert.equal(store.oldestRevision(), 0);
    assert.equal(store.revision(1), undefined);
    assert.deepEqual(store.heads({ limit: 10 }), []);
  },

  async "keeps entries of the API and pins, and nothing of files"({ commit, reopen }) {
    const api: SlotEdit = {
      key,
      selector: testSelector(""),
      layer: "api",
      entry: { resource: one, who: "me", atMs: 7 },
    };
    const pins: readonly SlotEdit[] = [
      {
        key,
        selector: edge,
        layer: "pin",
        entry: { resource: two, fileVersion: "f", revision: 3 },
      },
      { key: { ...key, name: "b" }, selector: edge, layer: "pin", entry: { revision: 4 } },
    ];
    const place = { file: "a.yaml", line: 1 };
    const file: SlotEdit = { ...api, layer: "files", entry: { resource: two, place } };
    await commit({ edits: [api, ...pins, file] });
    const again = await reopen();
    assert.deepEqual(again.load().edits, [api, ...pins]);
    await commit({
      edits: pins.map((pin): SlotEdit => ({ ...pin, layer: "pin", entry: undefined })),
    });
    assert.deepEqual(again.load().edits, [api]);
  },

  async "keeps revisions, and what is served after the newest"({ commit, reopen }) {
    const first = revision(1, [
      { key, selector: edge, after: { version: one.version, owner: "api" } },
      { key: { ...key, name: "b" }, selector: edge, after: { version: "x", owner: "files" } },
    ]);
    const second = revision(2, [
      {
        key,
        selector: edge,
        before: { version: one.version, owner: "api" },
        after: { owner: "pin" },
      },
      { key: { ...key, name: "b" }, selector: edge, before: { version: "x", owner: "files" } },
    ]);
    await commit({ revision: first, contents: [one] });
    await commit({ revision: second });
    const again = await reopen();
    assert.deepEqual(again.revision(1), first);
    assert.deepEqual(again.revision(2), second);
    const { lastRevision, served } = again.load();
    assert.equal(lastRevision, 2);
    assert.deepEqual(served, [{ key, selector: edge, content: { owner: "pin" } }]);
    assert.deepEqual(again.content(one.version, "other"), { ...one, name: "other" });
  },

  async "lists revisions newest first, by id and resource"({ store, commit }) {
    const touch = [{ key, selector: edge, after: { version: "v", owner: "api" as const } }];
    await commit({ revision: revision(1, touch) });
    await commit({ revision: revision(2) });
    await commit({ revision: revision(3, touch) });
    const ids = (query: Parameters<ConfigurationStore["heads"]>[0]) =>
      store.heads(query).map(({ id, changeCount }) => `${id}:${changeCount}`);
    assert.deepEqual(ids({ limit: 10 }), ["3:1", "2:0", "1:1"]);
    assert.deepEqual(ids({ limit: 1 }), ["3:1"]);
    assert.deepEqual(ids({ limit: 10, before: 3, after: 1 }), ["2:0"]);
    assert.deepEqual(ids({ limit: 10, key }), ["3:1", "1:1"]);
    assert.deepEqual(ids({ limit: 10, key: { ...key, name: "z" } }), []);
  },

  async "forgets old revisions, and contents that nothing names any more"({ store, commit }) {
    const contents = [1, 2, 3, 4, 5, 6].map((n) => textResource("a", { text: `${n}` }));
    for (const [index, resource] of contents.entries()) {
      const before = contents[index - 1];
      const change = {
        key,
        selector: edge,
        ...(before && { before: { version: before.version, owner: "api" as const } }),
        after: { version: resource.version, owner: "api" as const },
      };
      await commit({ revision: revision(index + 1, [change]), contents: [resource] });
    }
    assert.equal(store.oldestRevision(), 4);
    assert.equal(store.revision(3), undefined);
    const kept = contents.map(({ version }) => store.content(version, "a") !== undefined);
    assert.deepEqual(kept, [false, false, true, true, true, true]);
  },

  async "keeps registrations"({ commit, reopen }) {
    const spec: Registration = {
      cluster: "c",
      id: "e",
      address: "10.0.0.1",
      port: 80,
      hostname: "h",
      weight: 2,
      locality: { region: "r", zone: "z", subZone: "s" },
      priority: 1,
      metadata: { "envoy.lb": { canary: true } },
      health: "draining",
      ttlMs: 1000,
    };
    await commit({ registered: [spec, { ...spec, id: "f" }] });
    await commit({
      registered: [{ ...spec, weight: 3 }],
      deregistered: [{ cluster: "c", id: "f" }],
    });
    assert.deepEqual((await reopen()).load().registrations, [{ ...spec, weight: 3 }]);
  },

  async "keeps rollouts with what they change, the latest last"({ commit, reopen }) {
    const state = startRollout([{ key, version: one.version }], {
      rules: defaultRolloutRules,
      nowMs: 5,
    });
    const edits: readonly SlotEdit[] = [
      { key, selector: edge, layer: "api", entry: { resource: one, who: "me", atMs: 1 } },
      { key: { ...key, name: "b" }, selector: edge, layer: "api", entry: undefined },
    ];
    const record: RolloutRecord = {
      id: "rollout-1",
      who: "me",
      summary: "s",
      audience: edge,
      edits,
      state,
    };
    await commit({ rollouts: [record, { ...record, id: "rollout-2" }] });
    const done = { ...record, revision: 4 };
    await commit({ rollouts: [done] });
    assert.deepEqual((await reopen()).load().rollouts, [{ ...record, id: "rollout-2" }, done]);
  },
};

/** Registers the contract as steps of a test. */
export async function runStoreContract(
  t: Deno.TestContext,
  create: () => Promise<StoreUnderTest & AsyncDisposable>,
): Promise<void> {
  for (const [name, check] of Object.entries(contract)) {
    await t.step(name, async () => {
      await using under = await create();
      await check(under);
    });
  }
}
