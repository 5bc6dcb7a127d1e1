// SPDX-License-Identifier: Apache-2.0
/**
 * Properties that hold whatever happens in whatever order: random changes, ACKs, NACKs, reconnects
 * and pauses, many times over, each from a seed that a failure names.
 */
import assert from "node:assert/strict";
import { Chance } from "@denvoy/base/testing";
import type { HubStream } from "./hub_stream.ts";
import type { Resource, TypeUrl } from "./resource.ts";
import { type DecodedResource, ScriptedClient } from "./testing.ts";
import { testCluster, testListener, testResource, testRoute } from "./testing.ts";
import { TestMesh } from "./test_mesh.ts";
import { TypeUrls } from "./type_url.ts";

const { cluster, endpoints, listener, route } = TypeUrls;
const WORLD_TYPES = [cluster, endpoints, listener, route];

interface Node {
  stream: HubStream;
  client: ScriptedClient;
  rejected: Set<string>;
  readonly mode: "sotw" | "delta";
  readonly number: number;
}

interface WorldOptions {
  readonly seed: number;
  /** Contents that end in "!" are rejected by all, those that end in "?" by odd nodes. */
  readonly withNacks: boolean;
}

class World {
  readonly mesh: TestMesh;
  readonly chance: Chance;
  readonly nodes: Node[] = [];
  readonly #withNacks: boolean;
  #content = 0;

  constructor({ seed, withNacks }: WorldOptions) {
    this.chance = new Chance(seed);
    this.#withNacks = withNacks;
    this.mesh = new TestMesh([], {
      observer: {
        onSent: (stream, response) => {
          const node = this.nodes.find((each) => each.stream === stream);
          for (const resource of response.resources) {
            assert.ok(!node?.rejected.has(idOf(resource)), `sent again: ${idOf(resource)}`);
          }
        },
        onRejected: (stream, { resources }) => {
          const node = this.nodes.find((each) => each.stream === stream);
          for (const resource of resources) node?.rejected.add(idOf(resource));
        },
      },
    });
  }

  addNode(mode: "sotw" | "delta"): void {
    const number = this.nodes.length;
    const stream = this.mesh.hub.open({ mode, view: this.mesh.view });
    const client = this.#client(stream, number);
    this.nodes.push({ stream, client, rejected: new Set(), mode, number });
    this.#start(client);
  }

  reconnect(node: Node): void {
    node.stream.close();
    const before = node.client;
    node.stream = this.mesh.hub.open({ mode: node.mode, view: this.mesh.view });
    node.rejected = new Set();
    node.client = this.#client(node.stream, node.number, before);
    this.#start(node.client, before);
  }

  /** Changes some of the mesh; whatever a route names exists, before and after. */
  change(): void {
    const { chance, mesh } = this;
    const { view } = mesh;
    const wanted = new Map<string, Resource>();
    for (const typeUrl of WORLD_TYPES) {
      for (const resource of view.list(typeUrl)) wanted.set(idKey(resource), resource);
    }
    const put = (resource: Resource) => wanted.set(idKey(resource), resource);
    for (let count = chance.below(4) + 1; count > 0; count--) this.#mutate(wanted, put);
    repair(wanted);
    const removed = WORLD_TYPES.flatMap((typeUrl) => [...view.list(typeUrl)])
      .filter((resource) => !wanted.has(idKey(resource)));
    mesh.hub.changed(
      view,
      view.apply([
        ...[...wanted.values()].map((resource) => ({ kind: "put", resource }) as const),
        ...removed.map((key) => ({ kind: "delete", key }) as const),
      ]),
    );
  }

  #mutate(wanted: Map<string, Resource>, put: (resource: Resource) => void): void {
    const { chance } = this;
    const number = chance.below(4);
    const content = this.#nextContent();
    switch (chance.below(6)) {
      case 0:
        put(testCluster(`c${number}`, content, chance.happens(0.6) ? `e${number}` : undefined));
        break;
      case 1:
        put(testResource(endpoints, `e${number}`, { content }));
        break;
      case 2:
        put(testRoute(`r${number}`, content, [`c${chance.below(4)}`, `c${chance.below(4)}`]));
        break;
      case 3:
        put(testListener(`l${number}`, content, `r${chance.below(4)}`));
        break;
      default: {
        const keys = [...wanted.keys()];
        wanted.delete(keys[chance.below(keys.length || 1)] ?? "");
      }
    }
  }

  #nextContent(): string {
    const content = `${++this.#content}`;
    if (!this.#withNacks || !this.chance.happens(0.15)) return content;
    return content + (this.chance.happens(0.5) ? "!" : "?");
  }

  #client(stream: HubStream, number: number, resumes?: ScriptedClient): ScriptedClient {
    const rejects = (_: TypeUrl, { content }: DecodedResource) =>
      content?.endsWith("!") || content?.endsWith("?") && number % 2 === 1
        ? "does not like it"
        : undefined;
    return new ScriptedClient(stream, { rejects, ...resumes && { resumes } });
  }

  #start(client: ScriptedClient, before?: ScriptedClient): void {
    client.subscribeAll(cluster);
    for (const typeUrl of [endpoints, route]) {
      const names = [...before?.resources(typeUrl).keys() ?? []];
      if (names.length > 0) client.subscribe(typeUrl, ...names);
    }
    client.subscribeAll(listener);
  }
}

/** Removes what names something that does not exist, listeners first, until nothing does. */
function repair(wanted: Map<string, Resource>): void {
  for (const typeUrl of [cluster, route, listener]) {
    for (const [id, resource] of wanted) {
      if (resource.typeUrl !== typeUrl) continue;
      const isDangling = resource.references.some((key) =>
        key.typeUrl !== endpoints && !wanted.has(idKey(key))
      );
      if (isDangling) wanted.delete(id);
    }
  }
}

function idKey({ typeUrl, name }: { typeUrl: string; name: string }): string {
  return `${typeUrl}|${name}`;
}

function idOf(resource: Resource): string {
  return `${idKey(resource)}|${resource.version}`;
}

function checkOneInFlight({ client }: Node): void {
  const types = client.unanswered.map(({ typeUrl }) => typeUrl);
  assert.equal(new Set(types).size, types.length, `more than one in flight: ${types}`);
}

/** What a client routes by names only clusters that it has. */
function checkReferences({ client, number }: Node): void {
  for (const [name, { references }] of client.resources(route)) {
    for (const key of references) {
      const isKnown = client.resources(cluster).has(key.name);
      assert.ok(isKnown, `node ${number}: route ${name} names ${key.name}, which is missing`);
    }
  }
}

function checkConverged(world: World, node: Node): void {
  const { view, hub } = world.mesh;
  for (const typeUrl of WORLD_TYPES) {
    const type = node.stream.state.type(typeUrl);
    const has = node.client.resources(typeUrl);
    for (const resource of view.list(typeUrl)) {
      if (!type?.subscription.wants(resource.name)) continue;
      if (node.rejected.has(idOf(resource))) continue;
      const expected = hub.verdicts(view).substitute(resource) ?? resource;
      if (node.rejected.has(idOf(expected))) continue;
      assert.equal(has.get(resource.name)?.content, expected.version, `${idKey(resource)}`);
    }
    const isDeletable = node.mode === "delta" || typeUrl === cluster || typeUrl === listener;
    for (const name of has.keys()) {
      // What a rejected change would have replaced stays, with all that it names.
      if (!isDeletable || type?.held?.has(name)) continue;
      assert.ok(view.get(typeUrl, name), `not removed: ${idKey({ typeUrl, name })}`);
    }
  }
}

function play(world: World, options: { rounds: number; withReconnects: boolean }): void {
  const { chance } = world;
  const check = (node: Node) => {
    checkOneInFlight(node);
    if (!options.withReconnects) checkReferences(node);
  };
  for (let round = 0; round < options.rounds; round++) {
    const node = world.nodes[chance.below(world.nodes.length)];
    if (node === undefined) return;
    const roll = chance.below(100);
    if (roll < 20) world.change();
    else if (roll < 60) node.client.receive();
    else if (roll < 95) node.client.answer();
    else if (roll < 97 && options.withReconnects) world.reconnect(node);
    else if (roll < 98 && options.withReconnects) world.mesh.clock.advance(700);
    check(node);
  }
  for (const node of world.nodes) settleStepwise(node, check);
}

function settleStepwise(node: Node, check: (node: Node) => void): void {
  while (node.client.receive() !== undefined || node.client.unanswered.length > 0) {
    node.client.answer();
    check(node);
  }
}

function settleAll(world: World): void {
  for (let round = 0; round < 10; round++) {
    for (const { client } of world.nodes) client.settle();
    world.mesh.clock.advance(5000);
  }
}

function isQuiet(world: World): boolean {
  return world.nodes.every(({ client }) => client.receive() === undefined);
}

function run(options: WorldOptions & { rounds: number; withReconnects: boolean }): void {
  const world = new World(options);
  for (const mode of ["sotw", "delta", "sotw", "delta"] as const) world.addNode(mode);
  try {
    play(world, options);
    settleAll(world);
    assert.ok(isQuiet(world), "something is still being sent");
    for (const node of world.nodes) checkConverged(world, node);
  } catch (error) {
    throw new Error(`seed ${options.seed}: ${(error as Error).message}`, { cause: error });
  }
}

const SEEDS = Array.from({ length: 60 }, (_, seed) => seed + 1);

Deno.test("step() leads to the content of the view, and never to a route without its cluster", () => {
  for (const seed of SEEDS) run({ seed, rounds: 400, withNacks: false, withReconnects: false });
});

Deno.test("step() leads to the content of the view through reconnects and pauses", () => {
  for (const seed of SEEDS) run({ seed, rounds: 400, withNacks: false, withReconnects: true });
});

Deno.test("step() leads to the view minus what was rejected, and never repeats that", () => {
  for (const seed of SEEDS) run({ seed, rounds: 400, withNacks: true, withReconnects: true });
});
