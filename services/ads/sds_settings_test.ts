// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { RecordingLogger } from "@denvoy/base/testing";
import { Readiness, systemClock } from "@denvoy/runtime";
import { SdsHealth } from "./sds_health.ts";
import { checkSdsSettings, type SdsSettings } from "./sds_settings.ts";

const good: SdsSettings = { sds: ["sds:18010"], sdsCert: "c", sdsKey: "k", clientCa: "ca" };

Deno.test("checkSdsSettings() refuses what sds could not believe, and says all of it", () => {
  const cases: [Partial<SdsSettings>, readonly RegExp[]][] = [
    [{}, []],
    [{ sds: [], sdsCert: undefined, clientCa: undefined }, []],
    [{ clientCa: undefined }, [/--sds needs --client-ca/]],
    [{ sdsKey: undefined }, [/--sds needs --sds-cert and --sds-key/]],
    [{ sds: ["sds", "ok:1"], sdsCert: undefined }, [/must be "host:port".*is "sds"/, /--sds-cert/]],
  ];
  for (const [change, wanted] of cases) {
    const check = () => checkSdsSettings({ ...good, ...change });
    if (wanted.length === 0) check();
    for (const words of wanted) assert.throws(check, words);
  }
});

Deno.test("SdsHealth sums up streams, and never makes ads unready", () => {
  const readiness = new Readiness(systemClock);
  const logger = new RecordingLogger();
  const health = new SdsHealth(readiness.component("sds"), logger);
  const said = () => {
    const { status, message } = readiness.report().components.sds ?? {};
    return `${status}: ${message}`;
  };
  assert.equal(said(), "ok: asked for 0 streams");
  const [a, b] = [health.join(), health.join()];
  a.report("connection refused");
  assert.match(said(), /^degraded: 1 of 2 streams have no connection .*: connection refused$/);
  assert.equal(readiness.report().ready, true);
  b.report(undefined);
  a.report(undefined);
  assert.equal(said(), "ok: asked for 2 streams");
  a.report("again");
  a.leave();
  assert.equal(said(), "ok: asked for 1 streams");
  assert.deepEqual(logger.lines.map(({ level, fields }) => [level, fields.detail]), [
    ["warn", "connection refused"],
    ["info", undefined],
    ["warn", "again"],
  ]);
});
