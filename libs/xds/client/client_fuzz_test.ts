// SPDX-License-Identifier: Apache-2.0
/** Whatever a server sends, a client neither throws nor grows, and answers each response once. */
import assert from "node:assert/strict";
import { Chance } from "@denvoy/base/testing";
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

const NAMES = ["a", "b", "*", "x/*", "", "resources[0]", "__proto__", "constructor", "\n", "a: b"];
const TYPES = [cluster, endpoints, runtime, WRAPPER, "", "nonsense"];

function anyOf(chance: Chance): object | null {
  const { value } = wireResource(cluster, chance.pick(NAMES), `${chance.below(5)}`);
  const wrapped = wrapper.encode({
    name: chance.pick(NAMES),
    resource: { typeUrl: chance.pick(TYPES), value },
  });
  const bytes = chance.pick([value, wrapped, chance.bytes(40), value.subarray(0, chance.below(9))]);
  return chance.pick([
    { typeUrl: chance.pick(TYPES), value: bytes },
    { typeUrl: cluster, value },
    {},
  ]);
}

function responseOf(chance: Chance, mode: ProtocolMode, nonce: string): ReceivedResponse {
  const list = <T>(make: () => T) => Array.from({ length: chance.below(6) }, make);
  const name = () => chance.pick(NAMES);
  const errors = list(() => ({ resourceName: chance.pick([{ name: name() }, null]) }));
  const common = {
    typeUrl: chance.pick(TYPES),
    nonce,
    resourceErrors: chance.pick([errors, null]),
  };
  if (mode === "sotw") {
    return { ...common, versionInfo: name(), resources: list(() => anyOf(chance) ?? {}) };
  }
  return {
    ...common,
    systemVersionInfo: name(),
    resources: list(() => ({
      name: chance.pick([name(), null]),
      version: chance.pick([name(), undefined]),
      resource: chance.pick([anyOf(chance), null]),
    })),
    removedResources: chance.pick([list(name), undefined]),
    removedResourceNames: chance.pick([list(() => ({ name: name() })), null]),
  };
}

for (const mode of ["delta", "sotw"] as const) {
  Deno.test(`a client stands whatever a server sends (${mode})`, () => {
    for (let seed = 1; seed <= 40; seed++) {
      const chance = new Chance(seed);
      const client = new TestClient(new TestMesh(), { mode, maxResources: 4 });
      client.subscribe(cluster, "*").subscribe(endpoints, "a", "x/*").start();
      while (client.send());
      for (let round = 0; round < 50; round++) {
        const nonce = `${seed}.${round}`;
        const response = responseOf(chance, mode, nonce);
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
  const chance = new Chance(7);
  for (let round = 0; round < 20_000; round++) {
    const bytes = chance.bytes(30);
    const field = chance.below(5);
    const text = textField(bytes, field);
    assert.ok(text === undefined || bytesField(bytes, field) !== undefined);
  }
  assert.equal(textField(new Uint8Array([10, 255, 255, 255, 255, 15, 65]), 1), undefined);
  assert.equal(textField(new Uint8Array([10, 1, 65, 10, 1, 66]), 1), "B");
});
