// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { assign, type AssignmentPolicy } from "./assignment.ts";
import type { CheckedCluster } from "./checked_cluster.ts";
import type { AdminState, HealthChange } from "./endpoint_record.ts";
import type { Health } from "./health.ts";
import { HealthTable } from "./health_table.ts";
import { cluster, endpoint, prober, socketMatch } from "./testing.ts";
import type { VerdictSettings } from "./verdict_settings.ts";

const settings: VerdictSettings = {
  agreement: "majority",
  rise: 1,
  fall: 1,
  reportIntervalMs: 1000,
  doubtFrom: 0,
  keepShare: 0,
  flapLimit: 0,
  flapWindowMs: 60_000,
  flapHoldMs: 10_000,
};
const policy: AssignmentPolicy = { mode: "spread", probers: 3, maxPerProber: 1000 };

const words: Readonly<Record<string, Health>> = { h: "HEALTHY", u: "UNHEALTHY", t: "TIMEOUT" };

/** A table with one cluster `web`, where time is moved by reports. */
class Scene {
  readonly table: HealthTable;
  nowMs = 1_000_000;
  readonly #addresses: readonly string[];
  #probers: readonly string[];

  constructor(
    { endpoints = 1, probers = 1, ...more }: Partial<VerdictSettings> & {
      readonly endpoints?: number;
      readonly probers?: number;
    } = {},
  ) {
    this.table = new HealthTable({ ...settings, ...more });
    this.#addresses = Array.from({ length: endpoints }, (_, index) => `10.0.0.1:${index + 1}`);
    this.#probers = Array.from({ length: probers }, (_, index) => `p${index}`);
    this.table.setClusters(new Map([["web", this.#cluster()]]), this.nowMs);
    this.assign(this.#probers);
  }

  assign(probers: readonly string[]): void {
    this.#probers = probers;
    const everybody = probers.map((name) => prober(name));
    const assignment = assign({ clusters: [this.#cluster()], probers: everybody, policy });
    this.table.setAssignment(assignment, this.nowMs);
  }

  /** An interval passes; each prober says a letter for each endpoint, `.` for no report at all. */
  reports(...said: readonly string[]): void {
    this.nowMs += settings.reportIntervalMs;
    for (const [index, letters] of said.entries()) {
      const name = this.#probers[index];
      if (name === undefined || letters === ".") continue;
      const reported = [...letters].map((letter, at) => ({
        cluster: "web",
        probed: this.#addresses[at] ?? "",
        health: words[letter] ?? "UNKNOWN",
      }));
      this.table.report(name, reported, this.nowMs);
    }
    this.table.tick(this.nowMs);
  }

  /** The verdicts, a letter each; `-` for UNKNOWN. */
  get verdicts(): string {
    return [...this.table.endpoints()].map(({ health }) =>
      health === "UNKNOWN" ? "-" : health[0]?.toLowerCase()
    ).join("");
  }

  get reasons(): readonly string[] {
    return [...this.table.endpoints()].map(({ reason }) => reason);
  }

  order(state: AdminState | undefined): void {
    const [first] = this.table.endpoints();
    assert.ok(first);
    const order = state && { state, who: "ops", reason: "", atMs: this.nowMs };
    this.table.setOrder(first, order, this.nowMs);
  }

  changes(): readonly Pick<HealthChange, "before" | "after">[] {
    return this.table.takeChanges().map(({ before, after }) => ({ before, after }));
  }

  #cluster() {
    return cluster("web", this.#addresses);
  }
}

Deno.test("what an Envoy says before it can have probed does not count, a success does", () => {
  const scene = new Scene();
  scene.reports("u");
  assert.equal(scene.verdicts, "-", "first report: initial UNHEALTHY");
  scene.reports("u");
  assert.equal(scene.verdicts, "-", "the probe may have ended after this report was made");
  scene.reports("u");
  assert.equal(scene.verdicts, "u");
  const other = new Scene();
  other.reports("h");
  assert.equal(other.verdicts, "h");
});

Deno.test("an Envoy that restarts says UNHEALTHY of everything at first: nothing is evicted", () => {
  const scene = new Scene();
  scene.reports("h");
  scene.table.beginStream("p0", scene.nowMs);
  scene.reports("u");
  assert.equal(scene.verdicts, "h");
  scene.reports("h");
  assert.equal(scene.verdicts, "h");
  scene.table.beginStream("p0", scene.nowMs);
  for (let count = 0; count < 3; count++) scene.reports("u");
  assert.equal(scene.verdicts, "u", "what goes on is believed");
});

Deno.test("an Envoy that is told of an endpoint otherwise says UNHEALTHY of it at first: nothing is evicted", () => {
  const [tcp] = cluster("x", []).checks;
  assert.ok(tcp);
  const there = { region: "eu", zone: "a", subZone: "" };
  const changes: readonly (readonly [string, CheckedCluster])[] = [
    ["another place", cluster("web", [endpoint("10.0.0.1:1", { locality: there })])],
    [
      "another probe",
      cluster("web", [
        endpoint("10.0.0.1:1", { override: { port: 2, hostname: "", ip: "" } }),
      ]),
    ],
    [
      "other sockets",
      cluster("web", ["10.0.0.1:1"], { transportSocketMatches: [socketMatch("tls")] }),
    ],
    ["one more check", cluster("web", ["10.0.0.1:1"], { checks: [tcp, tcp] })],
  ];
  for (const [name, changed] of changes) {
    const scene = new Scene();
    scene.reports("h");
    scene.reports("h");
    scene.table.setClusters(new Map([["web", changed]]), scene.nowMs);
    scene.reports("u");
    scene.reports("u");
    assert.equal(scene.verdicts, "h", name);
    scene.reports("h");
    for (let count = 0; count < 2; count++) scene.reports("u");
    assert.equal(scene.verdicts, "u", `${name}: what goes on is believed`);
  }
  const same = new Scene();
  same.reports("h");
  same.reports("h");
  same.table.setClusters(new Map([["web", cluster("web", ["10.0.0.1:1"])]]), same.nowMs);
  same.reports("u");
  assert.equal(same.verdicts, "u", "what is as it was is believed at once");
});

Deno.test("verdicts follow a majority of all probers of an endpoint", () => {
  const cases: readonly (readonly [string, readonly string[], string])[] = [
    ["one of three fails", ["h", "h", "u"], "h"],
    ["two of three fail", ["h", "u", "t"], "u"],
    ["all time out", ["t", "t", "t"], "t"],
    ["two are silent", ["u", ".", "."], "h"],
    ["two of four fail", ["u", "u", "h", "h"], "h"],
  ];
  for (const [name, said, wanted] of cases) {
    const scene = new Scene({ probers: said.length });
    scene.reports(...said.map(() => "h"));
    for (let count = 0; count < 6; count++) scene.reports(...said);
    assert.equal(scene.verdicts, wanted, name);
  }
});

Deno.test("silence is unknown, and when all probers vanish the last known stays", () => {
  const scene = new Scene({ endpoints: 2, probers: 2 });
  scene.reports("hh", "hh");
  for (let count = 0; count < 3; count++) scene.reports("hu", "hu");
  assert.equal(scene.verdicts, "hu");
  for (let count = 0; count < 10; count++) scene.reports(".", ".");
  assert.equal(scene.table.proberState("p0")?.isFresh, false);
  assert.equal(scene.verdicts, "hu");
  scene.assign([]);
  assert.equal(scene.verdicts, "hu");
});

Deno.test("rise and fall count reports in a row, also such as say the same again", () => {
  const scene = new Scene({ rise: 2, fall: 3 });
  const step = (letter: string) => {
    scene.reports(letter);
    return scene.verdicts;
  };
  assert.equal([..."hhhuuhuuuhuhh"].map(step).join(""), "-hhhhhhhuuuuh");
  const repeated = new Scene({ fall: 3 });
  for (const letter of "hhu") repeated.reports(letter);
  for (let count = 0; count < 2; count++) {
    repeated.nowMs += 1000;
    repeated.table.repeatReport("p0", repeated.nowMs);
  }
  assert.equal(repeated.verdicts, "u");
});

Deno.test("a share of a cluster stays in, and goes when others come back", () => {
  const scene = new Scene({ endpoints: 4, keepShare: 0.5 });
  scene.reports("hhhh");
  for (let count = 0; count < 4; count++) scene.reports("uuuh");
  assert.equal(scene.verdicts, "uuhh");
  assert.equal(scene.reasons[2], "kept-share");
  scene.reports("huuh");
  assert.equal(scene.verdicts, "huuh");
});

Deno.test("a prober that fails everything is doubted, and what it found on its way there is undone", () => {
  const scene = new Scene({ endpoints: 4, doubtFrom: 3 });
  scene.reports("hhhh");
  scene.reports("hhhh");
  scene.reports("hhhh");
  scene.reports("uuhh");
  assert.equal(scene.verdicts, "uuhh", "two may well fail together");
  scene.reports("uuuu");
  assert.equal(scene.verdicts, "hhhh");
  assert.equal(scene.table.proberState("p0")?.isDoubted, true);
  assert.equal(scene.reasons[0], "doubted");
  scene.reports("uuuh");
  assert.equal(scene.verdicts, "uuuh", "believed again as soon as something passes");
});

Deno.test("what others found as well is not undone", () => {
  const scene = new Scene({ endpoints: 4, probers: 3, doubtFrom: 3 });
  for (let count = 0; count < 4; count++) scene.reports("uhhh", "uhhh", "uhhh");
  assert.equal(scene.verdicts, "uhhh");
  for (let count = 0; count < 4; count++) scene.reports("uuuu", "uhhh", "uhhh");
  assert.equal(scene.verdicts, "uhhh");
});

Deno.test("an endpoint that comes and goes comes back when it has been healthy for a while", () => {
  const scene = new Scene({ flapLimit: 2 });
  for (const letter of "hhhuhu") scene.reports(letter);
  scene.reports("h");
  assert.equal(scene.verdicts, "u");
  assert.equal(scene.reasons[0], "flapping");
  for (let count = 0; count < 9; count++) scene.reports("h");
  assert.equal(scene.verdicts, "u");
  scene.reports("h");
  assert.equal(scene.verdicts, "h");
});

Deno.test("orders of people count whatever is found, and end where findings stand", () => {
  const scene = new Scene();
  scene.reports("h");
  scene.order("draining");
  assert.equal(scene.verdicts, "d");
  for (let count = 0; count < 4; count++) scene.reports("u");
  assert.equal(scene.verdicts, "d");
  scene.order("up");
  assert.equal(scene.verdicts, "h");
  scene.order(undefined);
  assert.equal(scene.verdicts, "u");
  scene.order("down");
  scene.reports("h");
  assert.equal(scene.verdicts, "u");
  scene.order(undefined);
  assert.equal(scene.verdicts, "h");
});

Deno.test("changes are told once, with what was before", () => {
  const scene = new Scene();
  scene.reports("h");
  scene.reports("h");
  assert.deepEqual(scene.changes(), [{ before: "UNKNOWN", after: "HEALTHY" }]);
  for (const letter of "uut") scene.reports(letter);
  assert.deepEqual(scene.changes(), [{ before: "HEALTHY", after: "UNHEALTHY" }]);
});

Deno.test("a restart forgets nothing and tells nothing", () => {
  const scene = new Scene({ endpoints: 2 });
  const [first] = scene.table.endpoints();
  assert.ok(first);
  const { cluster, address } = first;
  scene.table.restore({
    ...{ cluster, address, health: "UNHEALTHY", found: "UNHEALTHY", sinceMs: 5, by: ["p9"] },
  });
  assert.equal(scene.verdicts, "u-");
  assert.equal(scene.reasons[0], "restored");
  assert.deepEqual(scene.changes(), []);
  scene.reports("hh");
  assert.equal(scene.verdicts, "hh");
});

Deno.test("reports by flat list, of strangers and of what is not to be checked do no harm", () => {
  const scene = new Scene({ endpoints: 2 });
  const { table } = scene;
  table.report("nobody", [{ cluster: "web", probed: "10.0.0.1:1", health: "UNHEALTHY" }], 1e6);
  table.report("p0", [
    { cluster: "", probed: "10.0.0.1:1", health: "HEALTHY" },
    { cluster: "", probed: "10.9.9.9:1", health: "HEALTHY" },
    { cluster: "other", probed: "10.0.0.1:2", health: "HEALTHY" },
  ], scene.nowMs);
  assert.equal(scene.verdicts, "h-");
});

Deno.test("of several checks of an endpoint all must pass, each is reported as a cluster of its own", () => {
  const table = new HealthTable(settings);
  const [check] = cluster("x", []).checks;
  assert.ok(check);
  const web = cluster("web", ["10.0.0.1:1"], { checks: [check, check, check] });
  table.setClusters(new Map([["web", web]]), 0);
  table.setAssignment(assign({ clusters: [web], probers: [prober("a")], policy }), 0);
  const names = ["web", "web~check2", "web~check3"];
  let nowMs = 0;
  const verdictAfter = (said: string, { flat = false } = {}) => {
    for (let count = 0; count < 4; count++) {
      nowMs += 1000;
      const reported = [...said].map((letter, index) => ({
        cluster: flat ? "" : names[index] ?? "",
        probed: "10.0.0.1:1",
        health: words[letter] ?? "UNKNOWN" as const,
      }));
      table.report("a", reported, nowMs);
    }
    return table.get("web", "10.0.0.1:1")?.health;
  };
  assert.equal(verdictAfter("hhh"), "HEALTHY");
  assert.equal(verdictAfter("hth"), "TIMEOUT");
  assert.equal(verdictAfter("hhh", { flat: true }), "HEALTHY");
  assert.equal(verdictAfter("hhu", { flat: true }), "UNHEALTHY");
  assert.equal(verdictAfter("hh?"), "UNHEALTHY", "what is unknown decides nothing");
});
