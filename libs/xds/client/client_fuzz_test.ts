// SPDX-License-Identifier: Apache-2.0
/** Whatever a server sends, a client neither throws nor grows, and answers each response once. */
import assert from "node:assert/strict";
import { messageCodec } from "@denvoy/proto";
import type { ProtocolMode } from "../encoded_resource.ts";
import { TestMesh } from "../test_mesh.ts";
import { TypeUrls } from "../type_url.ts";
import type { ReceivedResponse } from "./received.ts";
import { TestClient, wireResource } from "./test_client.ts";
import { bytesField, textField } from "./wire_reader.ts";

const { cluster, endpoints, runtime } = TypeUrls;
const WRAPPER = "type.googleapis.com/envoy.service.discovery.v3.Resource";
const wrapper = messageCodec("envoy.service.discovery.v3.Resource");

/** Numbers from a seed (mulberry32). */
class Dice {
  #state: number;
  constructor(seed: number) {
    this.#state = seed;
  }
  below(limit: number): number {
    this.#state = this.#state + 0x6d2b79f5 | 0;
    let mixed = Math.imul(this.#state ^ this.#state >>> 15, 1 | this.#state);
    mixed = mixed + Math.imul(mixed ^ mixed >>> 7, 61 | mixed) ^ mixed;
    return ((mixed ^ mixed >>> 14) >>> 0) % limit;
  }
  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T;
  }
  bytes(atMost: number): Uint8Array {
    return Uint8Array.from({ length: this.below(atMost) }, () => this.below(256));
  }
}

const NAMES = ["a", "b", "*", "x/*", "", "resources[0]", "__proto__", "constructor", "\n", "a: b"];
const TYPES = [cluster, endpoints, runtime, WRAPPER, "", "nonsense"];

function anyOf(dice: Dice): object | null {
  const { value } = wireResource(cluster, dice.pick(NAMES), `${dice.below(5)}`);
  const wrapped = wrapper.encode({
    name: dice.pick(NAMES),
    resource: { typeUrl: dice.pick(TYPES), value },
  });
  const bytes = dice.pick([value, wrapped, dice.bytes(40), value.subarray(0, dice.below(9))]);
  return dice.pick([{ typeUrl: dice.pick(TYPES), value: bytes }, { typeUrl: cluster, value }, {}]);
}

function responseOf(dice: Dice, mode: ProtocolMode, nonce: string): ReceivedResponse {
  const list = <T>(make: () => T) => Array.from({ length: dice.below(6) }, make);
  const name = () => dice.pick(NAMES);
  const errors = list(() => ({ resourceName: dice.pick([{ name: name() }, null]) }));
  const common = { typeUrl: dice.pick(TYPES), nonce, resourceErrors: dice.pick([errors, null]) };
  if (mode === "sotw") {
    return { ...common, versionInfo: name(), resources: list(() => anyOf(dice) ?? {}) };
  }
  return {
    ...common,
    systemVersionInfo: name(),
    resources: list(() => ({
      name: dice.pick([name(), null]),
      version: dice.pick([name(), undefined]),
      resource: dice.pick([anyOf(dice), null]),
    })),
    removedResources: dice.pick([list(name), undefined]),
    removedResourceNames: dice.pick([list(() => ({ name: name() })), null]),
  };
}

for (const mode of ["delta", "sotw"] as const) {
  Deno.test(`a client stands whatever a server sends (${mode})`, () => {
    for (let seed = 1; seed <= 40; seed++) {
      const dice = new Dice(seed);
      const client = new TestClient(new TestMesh(), { mode, maxResources: 4 });
      client.subscribe(cluster, "*").subscribe(endpoints, "a", "x/*").start();
      while (client.send());
      for (let round = 0; round < 50; round++) {
        const nonce = `${seed}.${round}`;
        const response = responseOf(dice, mode, nonce);
        client.respond(response);
        const before = client.requests.length;
        while (client.send());
        const isKnown = response.typeUrl === cluster || response.typeUrl === endpoints;
        const answers = client.requests.slice(before).map((request) => request.responseNonce);
        assert.deepEqual(answers, isKnown ? [nonce] : [], `seed ${seed}`);
        const sizes = [...client.state.types.values()].map(({ accepted }) => accepted.size);
        assert.ok(Math.max(...sizes) <= 4, `seed ${seed}: ${sizes}`);
      }
    }
  });
}

Deno.test("textField() and bytesField() read any bytes to an end", () => {
  const dice = new Dice(7);
  for (let round = 0; round < 20_000; round++) {
    const bytes = dice.bytes(30);
    const field = dice.below(5);
    const text = textField(bytes, field);
    assert.ok(text === undefined || bytesField(bytes, field) !== undefined);
  }
  assert.equal(textField(new Uint8Array([10, 255, 255, 255, 255, 15, 65]), 1), undefined);
  assert.equal(textField(new Uint8Array([10, 1, 65, 10, 1, 66]), 1), "B");
});
