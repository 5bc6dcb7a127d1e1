// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { messageCodec } from "@denvoy/proto";
import type { Resource } from "@denvoy/xds";
import { Catalog } from "./catalog.ts";
import { contentVersion } from "@denvoy/xds";
import { NodeViews } from "./node_views.ts";
import type { EndpointHealth, Registration } from "./registration.ts";
import { Registrations } from "./registrations.ts";
import { LOAD_ASSIGNMENT } from "./resource_types.ts";
import { testNode, testSelector } from "./testing.ts";

const codec = messageCodec("envoy.config.endpoint.v3.ClusterLoadAssignment");

function endpoint(id: string, fields: Partial<Registration> = {}): Registration {
  return {
    cluster: "c",
    id,
    address: "10.0.0.1",
    port: Number(id.replace(/\D/g, "")) || 1,
    hostname: "",
    weight: 1,
    locality: { region: "", zone: "", subZone: "" },
    priority: 0,
    metadata: {},
    health: "healthy",
    ttlMs: 30_000,
    ...fields,
  };
}

function zone(name: string) {
  return { region: "", zone: name, subZone: "" };
}

type Static = Parameters<typeof codec.encode>[0];

function staticResource(message: Static): Resource {
  const value = codec.encode({ clusterName: "c", ...message });
  const version = contentVersion({ typeUrl: LOAD_ASSIGNMENT, value });
  return { typeUrl: LOAD_ASSIGNMENT, name: "c", value, version, references: [] };
}

function staticEndpoint(port: number, healthStatus = 0) {
  const socketAddress = { address: "10.0.0.1", portValue: port };
  return { endpoint: { address: { socketAddress } }, healthStatus };
}

class World {
  readonly registrations = new Registrations();
  readonly #catalog = new Catalog();
  readonly #views = new NodeViews(this.#catalog);
  #nowMs = 0;

  static(message: Static): void {
    const resource = staticResource(message);
    const entry = { resource, place: { file: "a" } };
    this.#catalog.apply([{ key: resource, selector: testSelector(""), layer: "files", entry }]);
  }

  put(spec: Registration, nowMs = 0): void {
    this.#catalog.apply(this.registrations.put(spec, nowMs).edits);
  }

  health(health: EndpointHealth, port: number, nowMs = 0): number {
    const verdict = { cluster: "c", address: "10.0.0.1", port, health, ttlMs: 60_000 };
    const { edits } = this.registrations.setHealth([verdict], nowMs);
    this.#catalog.apply(edits);
    return edits.length;
  }

  remove(id: string): void {
    this.#catalog.apply(this.registrations.remove("c", id)?.edits ?? []);
  }

  /** Sweeps every second up to `nowMs`. */
  expire(nowMs: number): readonly string[] {
    const gone: string[] = [];
    for (; this.#nowMs <= nowMs; this.#nowMs += 1000) {
      const { edits, removed } = this.registrations.expire(this.#nowMs);
      this.#catalog.apply(edits);
      gone.push(...removed.map(({ id }) => id));
    }
    return gone;
  }

  resource(): Resource | undefined {
    return this.#views.peek(testNode("n")).get(LOAD_ASSIGNMENT, "c");
  }

  /** Returns `zone/priority(weight): port*weight:health …` for each locality. */
  seen(): readonly string[] {
    const resource = this.resource();
    if (resource === undefined) return ["none"];
    return codec.decode(resource.value).endpoints.map((group) => {
      const endpoints = group.lbEndpoints.map((item) => {
        const port = item.endpoint?.address?.socketAddress?.portValue;
        return `${port}*${item.loadBalancingWeight?.value ?? "-"}:${item.healthStatus}`;
      });
      const weight = group.loadBalancingWeight?.value ?? "-";
      return `${group.locality?.zone ?? ""}/${group.priority}(${weight}): ${endpoints.join(" ")}`;
    });
  }
}

const cases: readonly (readonly [string, (world: World) => void, readonly string[]])[] = [
  ["nothing", () => {}, ["none"]],
  ["one endpoint", (w) => w.put(endpoint("e1")), ["/0(1): 1*1:1"]],
  ["ordered by id", (w) => (w.put(endpoint("e2")), w.put(endpoint("e1"))), [
    "/0(2): 1*1:1 2*1:1",
  ]],
  [
    "localities and priorities apart",
    (w) => {
      w.put(endpoint("e1", { locality: zone("a"), weight: 3 }));
      w.put(endpoint("e2", { locality: zone("b"), weight: 4 }));
      w.put(endpoint("e3", { locality: zone("a"), priority: 1 }));
    },
    ["a/0(3): 1*3:1", "a/1(1): 3*1:1", "b/0(4): 2*4:1"],
  ],
  [
    "into the static locality, whose weight stays",
    (w) => {
      w.static({
        endpoints: [{
          locality: zone("a"),
          lbEndpoints: [staticEndpoint(9)],
          loadBalancingWeight: { value: 7 },
        }],
      });
      w.put(endpoint("e1", { locality: zone("a") }));
    },
    ["a/0(7): 9*-:0 1*1:1"],
  ],
  [
    "in place of the static endpoint with the same address",
    (w) => {
      w.static({ endpoints: [{ lbEndpoints: [staticEndpoint(9), staticEndpoint(1)] }] });
      w.put(endpoint("e1", { locality: zone("b") }));
    },
    ["/0(-): 9*-:0", "b/0(1): 1*1:1"],
  ],
  [
    "beside a locality whose endpoints come by LEDS",
    (w) => {
      w.static({
        endpoints: [{
          locality: zone("a"),
          ledsClusterLocalityConfig: { ledsCollectionName: "l" },
        }],
      });
      w.put(endpoint("e1", { locality: zone("a") }));
    },
    ["a/0(-): ", "a/0(1): 1*1:1"],
  ],
  [
    "the static ones again when all have left",
    (w) => {
      w.static({ endpoints: [{ lbEndpoints: [staticEndpoint(9)] }] });
      w.put(endpoint("e1"));
      w.remove("e1");
    },
    ["/0(-): 9*-:0"],
  ],
  [
    "replaced by id",
    (w) => (w.put(endpoint("e1")), w.put(endpoint("e1", { port: 5, weight: 9 }))),
    ["/0(9): 5*9:1"],
  ],
  [
    "an address that another id takes over",
    (w) => (w.put(endpoint("e1")), w.put(endpoint("e2", { port: 1 }))),
    ["/0(1): 1*1:1"],
  ],
  [
    "verdicts over own health, of static endpoints too",
    (w) => {
      w.static({ endpoints: [{ lbEndpoints: [staticEndpoint(9)] }] });
      w.put(endpoint("e1"));
      w.health("unhealthy", 9);
      w.health("timeout", 1);
    },
    ["/0(-): 9*-:2 1*1:4"],
  ],
  [
    "but not over draining",
    (w) => {
      w.static({ endpoints: [{ lbEndpoints: [staticEndpoint(9, 3)] }] });
      w.put(endpoint("e1", { health: "draining" }));
      w.health("healthy", 9);
      w.health("healthy", 1);
    },
    ["/0(-): 9*-:3 1*1:3"],
  ],
  [
    "a verdict taken back",
    (w) => (w.put(endpoint("e1")), w.health("unhealthy", 1), w.health("unknown", 1)),
    ["/0(1): 1*1:1"],
  ],
  ["a verdict makes no load assignment", (w) => void w.health("healthy", 1), ["none"]],
];

Deno.test("Registrations join what registers with what is there", async (t) => {
  for (const [name, act, expected] of cases) {
    await t.step(name, () => {
      const world = new World();
      act(world);
      assert.deepEqual(world.seen(), expected);
    });
  }
});

Deno.test("Registrations give equal bytes whatever the order of arrival", () => {
  const [one, two] = [new World(), new World()];
  const specs = Array.from(
    { length: 20 },
    (_, index) =>
      endpoint(`e${index + 1}`, { locality: zone(`z${index % 3}`), priority: index % 2 }),
  );
  for (const spec of specs) one.put(spec);
  for (const spec of specs.toReversed()) two.put(spec);
  assert.equal(one.resource()?.version, two.resource()?.version);
});

Deno.test("Registrations expire without heartbeats", () => {
  const world = new World();
  world.put(endpoint("e1"), 0);
  world.put(endpoint("e2", { ttlMs: 10_000 }), 0);
  assert.deepEqual(world.expire(9_000), []);
  assert.deepEqual(world.expire(10_000), ["e2"]);
  world.registrations.heartbeat("c", "e1", 25_000);
  assert.deepEqual(world.expire(30_000), []);
  assert.deepEqual(world.expire(54_000), []);
  assert.deepEqual(world.seen(), ["/0(1): 1*1:1"]);
  assert.deepEqual(world.expire(55_000), ["e1"]);
  assert.deepEqual(world.seen(), ["none"]);
  assert.equal(world.registrations.size, 0);
  assert.equal(world.registrations.heartbeat("c", "e1", 56_000), undefined);
});

Deno.test("Registrations.restore() gives everybody a full TTL", () => {
  const registrations = new Registrations();
  registrations.restore([endpoint("e1"), endpoint("e2")], 1_000_000);
  for (let nowMs = 1_000_000; nowMs < 1_030_000; nowMs += 1000) {
    assert.deepEqual(registrations.expire(nowMs).removed, []);
  }
  assert.equal(registrations.expire(1_030_000).removed.length, 2);
});

Deno.test("Registrations do not count time in which nobody could be heard", () => {
  const registrations = new Registrations();
  registrations.put(endpoint("e1"), 0);
  registrations.expire(0);
  assert.deepEqual(registrations.expire(600_000).removed, []);
  for (let nowMs = 601_000; nowMs < 630_000; nowMs += 1000) {
    assert.deepEqual(registrations.expire(nowMs).removed, []);
  }
  assert.equal(registrations.expire(630_000).removed.length, 1);
});

Deno.test("Registrations look at what changes its TTL when it is due", () => {
  const world = new World();
  world.put(endpoint("e1", { ttlMs: 60_000 }), 0);
  world.put(endpoint("e2", { ttlMs: 5000 }), 0);
  world.put(endpoint("e1", { ttlMs: 3000 }), 0);
  assert.deepEqual(world.expire(3000), ["e1"]);
  assert.deepEqual(world.expire(5000), ["e2"]);
});

Deno.test("Registrations forget verdicts when they are no longer renewed", () => {
  const world = new World();
  world.put(endpoint("e1", { ttlMs: 1_000_000 }), 0);
  assert.equal(world.health("unhealthy", 1, 0), 1);
  assert.equal(world.health("unhealthy", 1, 30_000), 0, "the same verdict changes nothing");
  world.expire(89_000);
  assert.deepEqual(world.seen(), ["/0(1): 1*1:2"]);
  world.expire(90_000);
  assert.deepEqual(world.seen(), ["/0(1): 1*1:1"]);
});

Deno.test("Registrations.put() changes nothing when an endpoint says the same again", () => {
  const registrations = new Registrations();
  assert.equal(registrations.put(endpoint("e1"), 0).edits.length, 1);
  assert.deepEqual(registrations.put(endpoint("e1"), 20_000), {
    edits: [],
    stored: [],
    removed: [],
  });
  assert.equal(registrations.get("c", "e1")?.expiresAtMs, 50_000);
  assert.equal(registrations.get("c", "e1")?.registeredAtMs, 0);
});

Deno.test("Registrations keep within their limits", () => {
  const registrations = new Registrations({ maxRegistrations: 2, maxVerdicts: 1 });
  registrations.put(endpoint("e1"), 0);
  registrations.put(endpoint("e2"), 0);
  assert.throws(() => registrations.put(endpoint("e3"), 0), /at most 2 are kept/);
  registrations.put(endpoint("e2", { weight: 5 }), 0);
  const verdict = { cluster: "c", address: "a", health: "healthy" as const, ttlMs: 1000 };
  const two = [{ ...verdict, port: 1 }, { ...verdict, port: 2 }];
  assert.throws(() => registrations.setHealth(two, 0), /at most 1 are kept/);
});

Deno.test("Registrations encode metadata as it was said", () => {
  const world = new World();
  const metadata = { "envoy.lb": { s: "x", n: 1.5, b: true, l: [1, "a"], o: { k: null } } };
  world.put(endpoint("e1", { metadata }));
  const group = codec.decode(world.resource()?.value ?? new Uint8Array()).endpoints[0];
  const fields = group?.lbEndpoints[0]?.metadata?.filterMetadata["envoy.lb"]?.fields;
  assert.deepEqual(JSON.parse(JSON.stringify(fields)), {
    s: { stringValue: "x" },
    n: { numberValue: 1.5 },
    b: { boolValue: true },
    l: { listValue: { values: [{ numberValue: 1 }, { stringValue: "a" }] } },
    o: { structValue: { fields: { k: { nullValue: 0 } } } },
  });
});
