// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { type Init, messageCodec } from "@denvoy/proto";
import { seededRandom } from "../domain/algorithms/testing.ts";
import { hitRequestOf, type RateLimitRequest } from "./request_message.ts";
import { RequestReader } from "./request_reader.ts";

const codec = messageCodec("envoy.service.ratelimit.v3.RateLimitRequest");

type Request = Init<RateLimitRequest>;

function request(parts: Partial<Request> = {}): Request {
  const descriptors = [{ entries: [{ key: "path", value: "/a" }] }];
  return { domain: "shop", descriptors, ...parts };
}

function one(...entries: readonly { readonly key?: string; readonly value?: string }[]): Request {
  return request({ descriptors: [{ entries }] });
}

const simple: Readonly<Record<string, Request>> = {
  "a descriptor": request(),
  "several descriptors and entries": request({
    descriptors: [
      { entries: [{ key: "a", value: "1" }, { key: "b", value: "2" }, { key: "a" }] },
      { entries: [{ key: "generic_key", value: "x".repeat(130) }] },
    ],
  }),
  "no domain": request({ domain: "" }),
  "no descriptors": request({ descriptors: [] }),
  "an empty value and an empty key": one({ key: "a", value: "" }, { value: "b" }, {}),
  "hits": request({ hitsAddend: 127 }),
  "long texts": one({ key: "k".repeat(100), value: "v".repeat(10_000) }),
};

const others: Readonly<Record<string, Request>> = {
  "no entries": request({ descriptors: [{ entries: [] }] }),
  "more than ASCII": one({ key: "a", value: "größe" }),
  "a key of more than ASCII": one({ key: "ключ", value: "v" }),
  "a limit": request({ descriptors: [{ entries: [{ key: "a" }], limit: { unit: 2 } }] }),
  "hits of a descriptor": request({
    descriptors: [{ entries: [{ key: "a" }], hitsAddend: { value: 2 } }],
  }),
  "negative hits": request({ descriptors: [{ entries: [{ key: "a" }], isNegativeHits: true }] }),
  "many hits": request({ hitsAddend: 128 }),
  "a very long text": one({ key: "a", value: "v".repeat(20_000) }),
};

Deno.test("RequestReader reads simple requests as their codec does", async (t) => {
  const reader = new RequestReader();
  for (const [name, message] of Object.entries(simple)) {
    await t.step(name, () => {
      const bytes = codec.encode(message);
      // Texts that are known by now are read as before.
      for (let n = 0; n < 2; n++) {
        assert.deepEqual(reader.read(bytes), hitRequestOf(codec.decode(bytes)));
      }
    });
  }
});

Deno.test("RequestReader leaves everything else to the codec", async (t) => {
  const reader = new RequestReader();
  for (const [name, message] of Object.entries(others)) {
    await t.step(name, () => assert.equal(reader.read(codec.encode(message)), undefined));
  }
});

Deno.test("RequestReader keeps texts apart that share a place among those it knows", () => {
  const reader = new RequestReader();
  for (const key of ["a_1", "a-1", "b_0", "a_1", "aa1", "", "a"]) {
    const bytes = codec.encode(one({ key, value: key }));
    assert.deepEqual(reader.read(bytes), hitRequestOf(codec.decode(bytes)));
  }
});

Deno.test("RequestReader never reads a broken message otherwise than its codec", () => {
  const random = seededRandom(11);
  const reader = new RequestReader();
  const whole = [...Object.values(simple), ...Object.values(others)].map((each) =>
    codec.encode(each)
  )
    .filter(({ byteLength }) => byteLength < 500);
  for (let n = 0; n < 20_000; n++) {
    const bytes = (whole[random(whole.length)] ?? new Uint8Array()).slice();
    for (let flips = random(3); flips >= 0; flips--) bytes[random(bytes.length)] = random(256);
    const cut = random(4) === 0 ? bytes.subarray(0, random(bytes.length + 1)) : bytes;
    const read = reader.read(cut);
    if (read !== undefined) assert.deepEqual(read, hitRequestOf(codec.decode(cut)));
  }
});
