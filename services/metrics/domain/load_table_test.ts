// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import type { ClusterLoad, EndpointLoad } from "./load_report.ts";
import { LoadTable } from "./load_table.ts";
import { weightsOf } from "./load_weights.ts";

function endpoint(address: string, succeeded: number, cpu?: number): EndpointLoad {
  const metrics = cpu === undefined ? [] : [{ name: "cpu_utilization", sum: cpu * 10, count: 10 }];
  return { address, issued: succeeded + 1, succeeded, failed: 1, inProgress: 2, metrics };
}

function report(endpoints: readonly EndpointLoad[], intervalMs = 10_000): ClusterLoad {
  const metrics = endpoints.flatMap((one) => one.metrics);
  const sum = (of: (one: EndpointLoad) => number) =>
    endpoints.reduce((all, one) => all + of(one), 0);
  const locality = {
    locality: "r/z/",
    priority: 0,
    issued: sum((one) => one.issued),
    succeeded: sum((one) => one.succeeded),
    failed: sum((one) => one.failed),
    inProgress: sum((one) => one.inProgress),
    ...{ metrics, endpoints },
  };
  return { cluster: "shop", service: "shop-eds", intervalMs, dropped: 5, localities: [locality] };
}

Deno.test("LoadTable sums what Envoys report, as rates and means", () => {
  const table = new LoadTable(100);
  table.report("a", [report([endpoint("1.1.1.1:80", 99, 0.5), endpoint("1.1.1.2:80", 49)])], 0);
  table.report("b", [report([endpoint("1.1.1.1:80", 49, 0.7)], 5_000)], 0);
  const [view] = table.clusters(1_000);
  assert.deepEqual([view?.service, view?.clusters, view?.nodes], ["shop-eds", ["shop"], [
    "a",
    "b",
  ]]);
  assert.deepEqual([view?.issuedPerSecond, view?.droppedPerSecond], [25, 1.5]);
  const [first, second] = view?.localities[0]?.endpoints ?? [];
  assert.equal(first?.issuedPerSecond, 20);
  assert.equal(first?.inProgress, 4);
  assert.deepEqual(first?.metrics, { cpu_utilization: 0.6 });
  assert.deepEqual([second?.address, second?.metrics], ["1.1.1.2:80", {}]);
});

Deno.test("LoadTable forgets reports that are older than three of their intervals", () => {
  const table = new LoadTable(100);
  table.report("a", [report([endpoint("1.1.1.1:80", 9)])], 0);
  table.tick(29_999);
  assert.equal(table.clusters(29_999).length, 1);
  assert.equal(table.clusters(30_000).length, 0);
  table.tick(30_000);
  table.report(
    "b",
    [report(Array.from({ length: 98 }, (_, at) => endpoint(`1.1.1.${at}:1`, 1)))],
    0,
  );
  assert.deepEqual([table.clusters(1).length, table.cut], [1, 0], "its room is free again");
});

Deno.test("LoadTable keeps no more than it may, and counts the rest", () => {
  const table = new LoadTable(5);
  table.report("a", [report([endpoint("1.1.1.1:80", 9), endpoint("1.1.1.2:80", 9)])], 0);
  table.report("b", [report([endpoint("1.1.1.1:80", 9)])], 0);
  assert.deepEqual([table.clusters(1)[0]?.nodes, table.cut], [["a"], 1]);
  table.report("a", [report([endpoint("1.1.1.1:80", 9), endpoint("1.1.1.3:80", 9)])], 0);
  assert.equal(table.cut, 1, "a report that takes the place of another needs no room");
});

const weights: Readonly<
  Record<string, readonly [endpoints: readonly EndpointLoad[], wanted: readonly number[]]>
> = {
  "follow capacity": [[endpoint("a", 100, 0.5), endpoint("b", 100, 0.25)], [67, 133]],
  "are equal for equal load": [[endpoint("a", 10, 0.5), endpoint("b", 100, 5)], [100, 100]],
  "of who says nothing are the mean": [
    [endpoint("a", 100, 0.5), endpoint("b", 100, 0.25), endpoint("c", 100)],
    [67, 133, 100],
  ],
  "of who serves nothing are the mean": [
    [endpoint("a", 100, 0.5), endpoint("b", 100, 0.25), endpoint("c", 0, 0.9)],
    [67, 133, 100],
  ],
  "are bounded": [[endpoint("a", 1000, 0.01), endpoint("b", 1, 0.9)], [200, 20]],
  "are not said where one alone speaks": [[endpoint("a", 100, 0.5), endpoint("b", 100)], []],
};

for (const [name, [endpoints, wanted]] of Object.entries(weights)) {
  Deno.test(`weights ${name}`, () => {
    const table = new LoadTable(100);
    table.report("node", [report(endpoints)], 0);
    const [view] = table.clusters(1);
    assert.ok(view);
    assert.deepEqual(weightsOf(view).map(({ weight }) => weight), wanted);
  });
}
