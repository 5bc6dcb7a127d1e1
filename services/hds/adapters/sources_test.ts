// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { join } from "node:path";
import { ProblemError, silentLogger } from "@denvoy/base";
import { FakeClock } from "@denvoy/base/testing";
import { systemClock } from "@denvoy/runtime";
import type { ClusterReadOptions } from "../domain/cluster_reader.ts";
import { ClusterFileSource, type ClusterSourceState } from "./cluster_file_source.ts";
import { NameResolver } from "./name_resolver.ts";

const read: ClusterReadOptions = {
  source: "files",
  moreExtensions: [],
  envoyFacts: new Set(),
  defaultCheck: { kind: "tcp", path: "", intervalMs: 1000, timeoutMs: 500, rise: 1, fall: 1 },
};

function text(...names: readonly string[]): string {
  const type = "type.googleapis.com/envoy.config.cluster.v3.Cluster";
  return JSON.stringify({ resources: names.map((name) => ({ "@type": type, name })) });
}

Deno.test("ClusterFileSource follows its folder, and keeps the last good state", async () => {
  const folder = await Deno.makeTempDir();
  const file = join(folder, "clusters.yaml");
  await Deno.writeTextFile(file, text("one"));
  let names: readonly string[] = [];
  const states: ClusterSourceState[] = [];
  const until = async (condition: () => boolean) => {
    for (let tries = 0; tries < 2000 && !condition(); tries++) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    assert.ok(condition());
  };
  await using source = new ClusterFileSource({
    ...{ path: folder, read, logger: silentLogger, clock: systemClock },
    onClusters: (clusters) => names = [...clusters.keys()],
    onState: (state) => states.push(state),
  });
  await source.load({ allowInvalid: false });
  assert.deepEqual(names, ["one"]);
  await Deno.writeTextFile(file, "resources: [");
  await until(() => states.at(-1)?.kind === "failed");
  assert.deepEqual(names, ["one"]);
  await Deno.remove(file);
  await until(() => states.length > 2);
  assert.deepEqual(names, ["one"], "files that are gone are not believed");
  await Deno.writeTextFile(file, text("one", "two"));
  await until(() => names.length === 2);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("ClusterFileSource does not start with errors unless it may", async () => {
  const folder = await Deno.makeTempDir();
  const options = {
    ...{ path: folder, read, logger: silentLogger, clock: systemClock },
    ...{ onClusters: () => {}, onState: () => {} },
  };
  await assert.rejects(new ClusterFileSource(options).load({ allowInvalid: false }), ProblemError);
  await using allowed = new ClusterFileSource(options);
  await allowed.load({ allowInvalid: true });
  await Deno.remove(folder, { recursive: true });
});

Deno.test("NameResolver keeps an address while it is there, and the last one when nobody knows", async () => {
  const clock = new FakeClock();
  let answers: readonly string[] | undefined = ["10.0.0.2", "10.0.0.1"];
  const told: (readonly (readonly [string, string])[])[] = [];
  await using resolver = new NameResolver({
    names: () => new Set(["web"]),
    onNames: (names) => told.push([...names]),
    refreshMs: 1000,
    clock,
    logger: silentLogger,
    lookup: () => answers ? Promise.resolve(answers) : Promise.reject(new Error("no such name")),
  });
  await resolver.refresh();
  answers = ["10.0.0.1", "10.0.0.2"];
  await resolver.refresh();
  answers = undefined;
  await resolver.refresh();
  assert.deepEqual([...resolver.failed], ["web"]);
  answers = ["2001:DB8::1"];
  await resolver.refresh();
  assert.deepEqual(told, [[["web", "10.0.0.2"]], [["web", "2001:db8::1"]]]);
  assert.deepEqual([...resolver.failed], []);
});
