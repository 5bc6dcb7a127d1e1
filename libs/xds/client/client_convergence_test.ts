// SPDX-License-Identifier: Apache-2.0
/**
 * Properties of client and server together, whatever happens in whatever order: changes, rejections,
 * cut connections, servers that are down, names that come and go. Each run is from a seed that a
 * failure names.
 */
import assert from "node:assert/strict";
import { Chance } from "@denvoy/base/testing";
import type { ProtocolMode } from "../encoded_resource.ts";
import { TestMesh } from "../test_mesh.ts";
import { TypeUrls } from "../type_url.ts";
import type { ClientMode } from "./client_options.ts";
import { TestClient, wireResource } from "./test_client.ts";

const { cluster, endpoints, runtime } = TypeUrls;
const TYPES = [cluster, endpoints, runtime];
const NAMES = ["a", "b", "c", "d", "e"];
const SERVERS = 3;

/** A server, and a client that the network treats badly. */
class World {
  readonly chance: Chance;
  readonly mesh = new TestMesh();
  readonly client: TestClient;
  readonly #speaks: ProtocolMode[] = ["delta", "sotw"];
  #contents = 0;

  constructor(seed: number, mode: ClientMode) {
    this.chance = new Chance(seed);
    this.client = new TestClient(this.mesh, { mode, servers: SERVERS, speaks: this.#speaks });
    this.client.subscribe(cluster, "*").subscribe(runtime, "*").subscribe(endpoints, "a", "b");
    this.client.start();
  }

  /** Something happens. */
  round(): void {
    const { chance, client } = this;
    const roll = chance.below(100);
    if (roll < 25) this.#change();
    else if (roll < 50) client.send();
    else if (roll < 80) client.receive();
    else if (roll < 86) client.subscribe(endpoints, ...NAMES.filter(() => chance.happens(0.5)));
    else if (roll < 90) this.#toggleServer();
    else if (roll < 92) this.#toggleVariant();
    else if (roll < 95) client.isConnected && client.cut();
    else client.advance(chance.below(3000));
  }

  /** Everything is up again, and there is time. */
  rest(): void {
    this.client.down.clear();
    this.#speaks.splice(0, 2, "delta", "sotw");
    for (let round = 0; round < 10; round++) {
      this.client.advance(31_000);
      this.client.settle();
    }
  }

  #change(): void {
    const { chance, mesh } = this;
    const typeUrl = chance.pick(TYPES);
    const name = chance.pick(NAMES);
    if (chance.happens(0.25)) return mesh.remove(typeUrl, name);
    const content = `${++this.#contents}${chance.happens(0.2) ? "!" : ""}`;
    mesh.put(wireResource(typeUrl, name, content));
  }

  #toggleServer(): void {
    const { down, state } = this.client;
    const server = this.chance.below(SERVERS);
    if (down.delete(server)) return;
    down.add(server);
    if (this.client.isConnected && state.server === server) this.client.cut();
  }

  #toggleVariant(): void {
    if (this.client.state.tuning.mode !== "auto") return;
    this.#speaks.splice(0, 2, this.chance.pick<ProtocolMode>(["delta", "sotw"]));
    if (this.client.isConnected) this.client.cut();
  }
}

function checkNothingBad({ client }: World): void {
  for (const typeUrl of TYPES) {
    for (const [name, content] of Object.entries(client.contents(typeUrl))) {
      assert.doesNotMatch(content, /!$/, `${typeUrl} ${name} was rejected, and is used`);
    }
  }
}

function checkConverged({ mesh, client }: World): void {
  assert.equal(client.state.phase, "connected");
  for (const typeUrl of TYPES) {
    const type = client.state.types.get(typeUrl);
    const has = client.contents(typeUrl);
    for (const { name, version } of mesh.view.list(typeUrl)) {
      const isWanted = type?.subscription.wants(name) ?? false;
      if (!isWanted) assert.equal(has[name], undefined, `${name} is not wanted any more`);
      else if (!version.endsWith("!")) assert.equal(has[name], version, `${typeUrl} ${name}`);
    }
    const isTold = client.state.mode === "delta" || typeUrl === cluster;
    for (const name of Object.keys(has)) {
      if (isTold) assert.ok(mesh.view.get(typeUrl, name), `${typeUrl} ${name} is gone`);
    }
  }
}

function run(seed: number, mode: ClientMode): void {
  const world = new World(seed, mode);
  try {
    for (let round = 0; round < 300; round++) {
      world.round();
      checkNothingBad(world);
    }
    world.rest();
    checkConverged(world);
  } catch (error) {
    throw new Error(`${mode}, seed ${seed}: ${(error as Error).message}`, { cause: error });
  }
}

for (const mode of ["delta", "sotw", "auto"] as const) {
  Deno.test(`a client comes to what the server has, whatever happens between them (${mode})`, () => {
    for (let seed = 1; seed <= 60; seed++) run(seed, mode);
  });
}
