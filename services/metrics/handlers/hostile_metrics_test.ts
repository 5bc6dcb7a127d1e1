// SPDX-License-Identifier: Apache-2.0
// What no Envoy sends: it may cost its stream, never the process or anybody else's series.
import assert from "node:assert/strict";
import { Chance } from "@denvoy/base/testing";
import { messageCodec } from "@denvoy/proto";
import { TestFleet, type TestFlush } from "../testing.ts";

const codec = messageCodec("envoy.service.metrics.v3.StreamMetricsMessage");

const cases: Readonly<Record<string, readonly [flush: TestFlush, reason: string]>> = {
  "a negative counter": [{ counters: { c: -1 } }, "invalid_value"],
  "an infinite counter": [{ counters: { c: Infinity } }, "invalid_value"],
  "a counter that is no number": [{ counters: { c: NaN } }, "invalid_value"],
  "an infinite gauge": [{ gauges: { g: -Infinity } }, "invalid_value"],
  "counts of buckets that fall": [
    { histograms: { h: { count: 5, sum: 1, buckets: [[1, 4], [2, 3]] } } },
    "invalid_value",
  ],
  "bounds that fall": [
    { histograms: { h: { count: 5, sum: 1, buckets: [[2, 1], [1, 3]] } } },
    "invalid_value",
  ],
  "more in a bucket than in all": [
    { histograms: { h: { count: 2, sum: 1, buckets: [[1, 3]] } } },
    "invalid_value",
  ],
  "a sum that is no number": [
    { histograms: { h: { count: 2, sum: NaN, buckets: [] } } },
    "invalid_value",
  ],
  "a negative sum": [
    { histograms: { h: { count: 2, sum: -1, buckets: [] } } },
    "invalid_value",
  ],
  "ten thousand buckets": [{
    histograms: {
      h: { count: 9, sum: 1, buckets: Array.from({ length: 10_000 }, (_, at) => [at, 0]) },
    },
  }, "invalid_value"],
  "a name of a megabyte": [{ counters: { ["x".repeat(1 << 20)]: 1 } }, "too_long"],
  "a type that does not exist": [
    { families: [{ name: "x", type: 999 as 0, metric: [{ counter: { value: 1 } }] }] },
    "unsupported_type",
  ],
  "a counter that is a histogram": [
    { families: [{ name: "x", type: 0, metric: [{ histogram: { sampleCount: 1, bucket: [] } }] }] },
    "unsupported_type",
  ],
  "a histogram of histograms": [
    { families: [{ name: "x", type: 5, metric: [{ histogram: { bucket: [] } }] }] },
    "unsupported_type",
  ],
  "no value": [{ families: [{ name: "x", type: 0, metric: [{}] }] }, "unsupported_type"],
};

for (const [name, [flush, reason]] of Object.entries(cases)) {
  Deno.test(`${name} is cut as ${reason}`, () => {
    const test = new TestFleet();
    test.flush("a", { counters: { good: 1 } });
    test.flush("a", { ...flush, counters: { ...flush.counters, good: 2 } });
    const cuts = Object.entries(test.fleet.node("a")?.cuts ?? {}).filter(([, count]) => count > 0);
    assert.deepEqual(cuts, [[reason, 1]]);
    assert.equal(test.text().split("\n").filter((line) => /^[^#]/.test(line)).length, 1);
    assert.match(test.text(), /^envoy_good\{.*\} 2$/m);
  });
}

Deno.test("a name whose type changes keeps the first one", () => {
  const test = new TestFleet();
  test.flush("a", { counters: { x: 1 } });
  test.flush("b", { gauges: { x: 5 } });
  assert.match(test.text(), /^# TYPE envoy_x counter\nenvoy_x\{.*\} 1\n$/);
  assert.equal(test.fleet.node("b")?.cuts.type_conflict, 1);
});

Deno.test("names that differ only in what Prometheus cannot write are shown as one", () => {
  const test = new TestFleet();
  test.flush("a", { counters: { "a.b": 1, "a-b": 2 } });
  const lines = test.text().split("\n").filter((line) => line.startsWith("envoy_a_b{"));
  assert.deepEqual(lines.map((line) => line.split(" ").at(-1)), ["3"]);
});

Deno.test("any number of families costs what the bounds allow", () => {
  const test = new TestFleet({ maxSeriesPerNode: 100 });
  test.flush("a", { counters: { good: 1 } });
  for (let batch = 0; batch < 10; batch++) {
    const names = Array.from({ length: 20_000 }, (_, at) => [`x${batch}.y${at}`, 1]);
    test.flush("a", { counters: Object.fromEntries(names) });
  }
  assert.equal(test.fleet.seriesCount, 100);
  assert.equal(test.fleet.index.size, 100);
  assert.equal(test.fleet.node("a")?.cuts.node_limit, 200_001 - 100);
});

Deno.test("families of unusual shape are taken: several metrics, labels apart, other fields", () => {
  const test = new TestFleet();
  const label = (value: string) => ({ name: "l", value });
  test.flush("a", {
    families: [{
      name: "x",
      type: 0,
      help: "h",
      unit: "u",
      metric: [
        { label: [label("1")], counter: { value: 1 } },
        { label: [label("2")], counter: { value: 2 } },
      ],
    }],
  });
  assert.equal(test.text().match(/envoy_x\{l="[12]",.*\} [12]\n/g)?.length, 2);
});

Deno.test("bytes of any kind end in an error or in values, and change nothing else", () => {
  const chance = new Chance(11);
  const good = codec.encode({
    envoyMetrics: [
      {
        name: "x",
        type: 0,
        metric: [{ label: [{ name: "l", value: "v" }], counter: { value: 3 } }],
      },
      {
        name: "h",
        type: 4,
        metric: [{ histogram: { sampleCount: 3, sampleSum: 1, bucket: [{ upperBound: 1 }] } }],
      },
    ],
  });
  const test = new TestFleet({ maxSeriesPerNode: 500 });
  test.flush("good", { counters: { good: 1 } });
  test.open("bad");
  for (let round = 0; round < 20_000; round++) {
    const bytes = good.slice(0, 1 + chance.below(good.length));
    for (let change = 0; change < 3; change++) {
      bytes[chance.below(bytes.length)] = chance.below(256);
    }
    try {
      test.take("bad", bytes);
    } catch (error) {
      assert.ok(error instanceof RangeError || (error as Error).name === "DecodeError", `${error}`);
    }
  }
  assert.match(test.text(), /^envoy_good\{envoy_node_id="good",.*\} 1$/m);
});
