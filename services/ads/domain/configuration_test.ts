// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { StatusCode, StatusError } from "@denvoy/base";
import { FakeClock } from "@denvoy/base/testing";
import type { Resource } from "@denvoy/xds";
import type { SlotEdit } from "./catalog.ts";
import { type Configuration, openConfiguration } from "./configuration.ts";
import type { ChangeOutcome, Expectation } from "./configuration_writer.ts";
import { MemoryStore } from "./memory_store.ts";
import { CLUSTER, ROUTE_CONFIGURATION } from "./resource_types.ts";
import { defaultRolloutRules } from "./rollout.ts";
import { testNode, testSelector, textOf, textResource } from "./testing.ts";

interface Harness {
  readonly clock: FakeClock;
  readonly store: MemoryStore;
  readonly config: Configuration;
}

function open(store = new MemoryStore(), clock = new FakeClock()): Harness {
  return { clock, store, config: openConfiguration({ clock, store }) };
}

function started(store?: MemoryStore, clock?: FakeClock): Harness {
  const harness = open(store, clock);
  harness.config.files.replace([], "start");
  return harness;
}

function api(name: string, text?: string, selector = ""): SlotEdit {
  const resource = text === undefined ? undefined : textResource(name, { text });
  return {
    key: { typeUrl: CLUSTER, name },
    selector: testSelector(selector),
    layer: "api",
    entry: resource && { resource, who: "me", atMs: 0 },
  };
}

function file(name: string, text?: string): SlotEdit {
  const resource = text === undefined ? undefined : textResource(name, { text });
  return {
    key: { typeUrl: CLUSTER, name },
    selector: testSelector(""),
    layer: "files",
    entry: resource && { resource, place: { file: "a.yaml", line: 1 } },
  };
}

function route(name: string, cluster: string): SlotEdit {
  const resource = textResource(name, {
    typeUrl: ROUTE_CONFIGURATION,
    references: [{ typeUrl: CLUSTER, name: cluster }],
  });
  const key = { typeUrl: ROUTE_CONFIGURATION, name };
  return { key, selector: testSelector(""), layer: "api", entry: { resource, who: "me", atMs: 0 } };
}

function write(
  { config, clock }: Harness,
  edits: readonly SlotEdit[],
  options: {
    dryRun?: boolean;
    policy?: "strict" | "refuse" | "warn";
    expectations?: readonly Expectation[];
  } = {},
): ChangeOutcome {
  const { dryRun = false, policy = "refuse", expectations = [] } = options;
  const request = {
    source: "api" as const,
    who: "me",
    summary: "test",
    edits,
    policy,
    expectations,
  };
  return config.writer.apply(request, { nowMs: clock.nowMs(), dryRun });
}

function served({ config }: Harness, name: string, node = "edge"): string | undefined {
  return textOf(config.views.peek(testNode(node)).get(CLUSTER, name));
}

Deno.test("ConfigurationWriter.apply() makes a revision of what made a difference", () => {
  const harness = started();
  const outcome = write(harness, [api("a", "1")]);
  assert.equal(outcome.kind, "applied");
  assert.equal(write(harness, [api("a", "1")]).kind, "unchanged");
  write(harness, [api("a")]);
  const heads = harness.store.heads({ limit: 10 });
  assert.deepEqual(heads.map(({ id, who, changeCount }) => [id, who, changeCount]), [
    [2, "me", 1],
    [1, "me", 1],
  ]);
  assert.equal(harness.store.revision(2)?.changes[0]?.after, undefined);
});

Deno.test("ConfigurationWriter.apply() as a dry run changes nothing", () => {
  const harness = started();
  let told = 0;
  harness.config.publisher.listen(() => told++);
  const outcome = write(harness, [api("a", "1")], { dryRun: true });
  assert.equal(outcome.kind, "planned");
  assert.equal(outcome.kind === "planned" && outcome.changes.length, 1);
  assert.equal(served(harness, "a"), undefined);
  assert.equal(harness.config.writer.revision, 0);
  assert.equal(told, 0);
});

Deno.test("ConfigurationWriter.apply() refuses to break references, by policy", async (t) => {
  const missing = route("r", "gone");
  const cases = [
    ["strict", "refused"],
    ["refuse", "refused"],
    ["warn", "applied"],
  ] as const;
  for (const [policy, kind] of cases) {
    await t.step(`${policy}: a route to nowhere`, () => {
      const harness = started();
      const outcome = write(harness, [missing], { policy });
      assert.equal(outcome.kind, kind);
      assert.match(
        outcome.problems[0]?.message ?? "",
        /route config "r" references cluster "gone"/,
      );
      const both = write(harness, [missing, api("gone", "1")], { policy });
      assert.equal(both.kind, "applied");
      const removal = write(harness, [api("gone")], { policy });
      assert.equal(removal.kind, kind);
      assert.match(removal.problems[0]?.message ?? "", /would no longer exist/);
    });
  }
  await t.step("what was broken before is not held against a change", () => {
    const harness = started();
    write(harness, [missing], { policy: "warn" });
    assert.deepEqual(write(harness, [api("x", "1")]).problems, []);
  });
  await t.step("ties of selectors are refused", () => {
    const outcome = write(started(), [api("a", "1", "id=e*"), api("a", "2", "id=*e")]);
    assert.equal(outcome.kind, "refused");
    assert.match(outcome.problems[0]?.message ?? "", /set a "priority"/);
  });
});

Deno.test("ConfigurationWriter.apply() keeps to what the caller expects", async (t) => {
  const version = textResource("a", { text: "1" }).version;
  const cases: readonly (readonly [string, Expectation["version"], boolean, string])[] = [
    ["the same version", version, true, "applied"],
    ["another version", "0000", true, "conflict"],
    ["anything, and there is something", { kind: "any" }, true, "applied"],
    ["anything, and there is nothing", { kind: "any" }, false, "conflict"],
    ["nothing, and there is nothing", { kind: "none" }, false, "applied"],
    ["nothing, and there is something", { kind: "none" }, true, "conflict"],
  ];
  for (const [name, expected, exists, kind] of cases) {
    await t.step(name, () => {
      const harness = started();
      if (exists) write(harness, [api("a", "1")]);
      const { key, selector } = api("a");
      const expectations = [{ key, selector, version: expected }];
      assert.equal(write(harness, [api("a", "2")], { expectations }).kind, kind);
    });
  }
});

Deno.test("ConfigurationWriter.apply() takes a change back that cannot be written down", () => {
  const harness = started();
  write(harness, [api("a", "1")]);
  const { commit } = harness.store;
  harness.store.commit = () => {
    throw new StatusError(StatusCode.UNAVAILABLE, "disk full");
  };
  assert.throws(() => write(harness, [api("a", "2")]), /disk full/);
  assert.equal(served(harness, "a"), "1");
  harness.store.commit = commit;
  assert.equal(write(harness, [api("a", "2")]).kind, "applied");
});

Deno.test("ConfigurationWriter.rollback() serves again what was served", async (t) => {
  await t.step("API entries are rewritten, files pinned until they change", () => {
    const harness = open();
    const { config, clock } = harness;
    config.files.replace([file("f", "F1")], "start"); // revision 1
    write(harness, [api("a", "A1")]); // 2
    config.files.change([file("f", "F2")], "edit"); // 3
    write(harness, [api("a", "A2"), api("b", "B")]); // 4
    const options = { who: "ops", nowMs: clock.nowMs() };
    const planned = config.writer.rollback(2, { ...options, dryRun: true });
    assert.equal(planned.kind === "planned" && planned.changes.length, 3);
    assert.equal(config.writer.rollback(2, options).kind, "applied");
    assert.deepEqual(["f", "a", "b"].map((name) => served(harness, name)), ["F1", "A1", undefined]);
    assert.equal(config.writer.rollback(4, options).kind, "applied");
    assert.deepEqual(["f", "a", "b"].map((name) => served(harness, name)), ["F2", "A2", "B"]);
    config.writer.rollback(1, options);
    assert.deepEqual(["f", "a", "b"].map((n) => served(harness, n)), ["F1", undefined, undefined]);
    config.files.change([file("f", "F2"), file("g", "G")], "same content of f");
    assert.equal(served(harness, "f"), "F1");
    config.files.change([file("f", "F3")], "new content of f");
    assert.equal(served(harness, "f"), "F3");
  });
  await t.step("a file that came later is hidden, one that went is back", () => {
    const harness = open();
    const { config, clock } = harness;
    config.files.replace([file("old", "O")], "start");
    config.files.change([file("old"), file("new", "N")], "swap");
    config.writer.rollback(1, { who: "ops", nowMs: clock.nowMs() });
    assert.equal(served(harness, "old"), "O");
    assert.equal(served(harness, "new"), undefined);
  });
  await t.step("a write ends a pin", () => {
    const harness = open();
    harness.config.files.replace([file("f", "F1")], "start");
    harness.config.files.change([file("f", "F2")], "edit");
    harness.config.writer.rollback(1, { who: "ops", nowMs: 0 });
    write(harness, [api("f", "A")]);
    assert.equal(served(harness, "f"), "A");
    write(harness, [api("f")]);
    assert.equal(served(harness, "f"), "F2");
  });
  await t.step("not beyond what is kept", () => {
    const harness = started(new MemoryStore(3));
    for (let index = 1; index <= 5; index++) write(harness, [api("a", `${index}`)]);
    const roll = (to: number) => harness.config.writer.rollback(to, { who: "ops", nowMs: 0 });
    assert.match(roll(1).problems[0]?.message ?? "", /only 2 to 5 are kept/);
    assert.equal(roll(2).kind, "applied");
    assert.equal(served(harness, "a"), "2");
  });
});

Deno.test("ConfigurationWriter.differences() compares revisions in both directions", () => {
  const harness = started();
  write(harness, [api("a", "1")]);
  write(harness, [api("a", "2"), api("b", "1")]);
  write(harness, [api("a", "3"), api("b")]);
  const names = (from: number, to: number) =>
    harness.config.writer.differences(from, to)?.map(({ key, before, after }) =>
      `${key.name} ${before ? "old" : "none"} ${after ? "new" : "none"}`
    );
  assert.deepEqual(names(0, 3), ["a none new"]);
  assert.deepEqual(names(1, 3), ["a old new"]);
  assert.deepEqual(names(1, 2), ["a old new", "b none new"]);
  assert.deepEqual(names(2, 1), ["a old new", "b old none"]);
  assert.deepEqual(names(2, 2), []);
  assert.equal(names(0, 9), undefined);
});

Deno.test("FileLayer continues where the last run ended", async (t) => {
  const store = new MemoryStore();
  const first = open(store);
  first.config.files.replace([file("f", "F1"), file("g", "G")], "start");
  write(first, [api("a", "A")]);
  await t.step("nothing has changed: no revision", () => {
    const again = open(store);
    assert.equal(
      again.config.files.replace([file("f", "F1"), file("g", "G")], "").kind,
      "unchanged",
    );
    assert.equal(served(again, "a"), "A");
    assert.equal(again.config.writer.revision, 2);
  });
  await t.step("files cannot be read: the last content is served", () => {
    const again = open(store);
    again.config.files.keepLast();
    assert.deepEqual([served(again, "f"), served(again, "g")], ["F1", "G"]);
    assert.equal(again.config.files.replace([file("f", "F1")], "mended").kind, "applied");
    assert.equal(served(again, "g"), undefined);
    again.config.files.change([file("g", "G")], "back");
  });
  await t.step("files have changed: one revision tells what", () => {
    const again = open(store);
    const outcome = again.config.files.replace([file("f", "F2")], "");
    assert.equal(outcome.kind, "applied");
    const changes = outcome.kind === "applied" ? outcome.revision.changes : [];
    assert.deepEqual(changes.map(({ key }) => key.name).sort(), ["f", "g"]);
    again.config.writer.rollback(outcome.kind === "applied" ? outcome.revision.id - 1 : 0, {
      who: "ops",
      nowMs: 0,
    });
    assert.deepEqual([served(again, "f"), served(again, "g")], ["F1", "G"]);
  });
  await t.step("a pin survives, and ends when the file has changed meanwhile", () => {
    const same = open(store);
    same.config.files.replace([file("f", "F2")], "");
    assert.equal(served(same, "f"), "F1");
    const changed = open(store);
    changed.config.files.replace([file("f", "F3")], "");
    assert.equal(served(changed, "f"), "F3");
  });
});

function rollout(harness: Harness, edits: readonly SlotEdit[]): string {
  const request = {
    source: "api" as const,
    who: "me",
    summary: "new",
    edits,
    policy: "refuse" as const,
  };
  const outcome = harness.config.rolloutControl.start(request, {
    audience: testSelector("id=edge"),
    rules: defaultRolloutRules,
  });
  assert.equal(outcome.kind, "started");
  return outcome.kind === "started" ? outcome.rollout.id : "";
}

function deliver(harness: Harness, kind: "sent" | "acked" | "nacked", resource: Resource): void {
  harness.config.rolloutControl.delivered({ kind, node: "edge", resources: [resource], why: "no" });
}

Deno.test("FileLayer lets what went between two runs linger for those who were not told", () => {
  const { config, store, clock } = open();
  config.files.replace([file("kept", "1"), file("gone", "1")], "start");
  const next = open(store, clock);
  next.config.files.replace([file("kept", "1")], "start");
  const lingering = () =>
    next.config.views.peek(testNode("n")).lingering(CLUSTER).map(({ name }) => name);
  assert.deepEqual(lingering(), ["gone"]);
  clock.advance(11 * 60_000);
  next.config.tick();
  assert.deepEqual(lingering(), []);
});

Deno.test("RolloutControl shows a change to its audience, then to all or none", async (t) => {
  const resource = textResource("a", { text: "2" });
  await t.step("on ACK", () => {
    const harness = started();
    write(harness, [api("a", "1")]);
    rollout(harness, [api("a", "2")]);
    assert.deepEqual([served(harness, "a"), served(harness, "a", "core")], ["2", "1"]);
    deliver(harness, "sent", resource);
    deliver(harness, "acked", resource);
    harness.clock.advance(6000);
    harness.config.tick();
    assert.deepEqual([served(harness, "a"), served(harness, "a", "core")], ["2", "2"]);
    assert.equal(harness.store.revision(2)?.source, "rollout");
    assert.equal(harness.config.rollouts.list()[0]?.revision, 2);
    assert.deepEqual(harness.config.catalog.selectors(), []);
  });
  await t.step("on NACK", () => {
    const harness = started();
    write(harness, [api("a", "1")]);
    const id = rollout(harness, [api("a", "2")]);
    deliver(harness, "nacked", resource);
    assert.deepEqual([served(harness, "a"), served(harness, "a", "core")], ["1", "1"]);
    assert.equal(harness.config.rollouts.get(id)?.state.status.kind, "reverted");
    assert.equal(harness.config.writer.revision, 1);
  });
  await t.step("a deletion, by hand", () => {
    const harness = started();
    write(harness, [api("a", "1")]);
    const id = rollout(harness, [api("a")]);
    assert.deepEqual([served(harness, "a"), served(harness, "a", "core")], [undefined, "1"]);
    assert.equal(write(harness, [api("a", "3")]).kind, "busy");
    harness.config.rolloutControl.decide(id, { kind: "promote", who: "ops" });
    assert.equal(served(harness, "a", "core"), undefined);
    const again = () => harness.config.rolloutControl.decide(id, { kind: "abort", who: "ops" });
    assert.throws(again, /is promoted already/);
  });
  await t.step("across a restart", () => {
    const harness = started();
    write(harness, [api("a", "1")]);
    const id = rollout(harness, [api("a", "2")]);
    const again = started(harness.store, harness.clock);
    assert.deepEqual([served(again, "a"), served(again, "a", "core")], ["2", "1"]);
    harness.clock.advance(defaultRolloutRules.timeoutMs);
    again.config.tick();
    assert.deepEqual([served(again, "a"), served(again, "a", "core")], ["1", "1"]);
    assert.equal(started(harness.store).config.rollouts.get(id)?.state.status.kind, "reverted");
  });
});
