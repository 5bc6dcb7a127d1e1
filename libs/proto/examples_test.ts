// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { formatProblem } from "@denvoy/base";
import { type AnyMessage, messageFromBinary } from "./message.ts";
import type { PlainValue } from "./plain.ts";
import { readMessage } from "./read.ts";
import { onlyDocument } from "./testing.ts";
import { toJson, toYaml } from "./to_json.ts";
import { validate } from "./validate.ts";

const FOLDER = new URL("./testdata/good/", import.meta.url);
const BOOTSTRAP = "type.googleapis.com/envoy.config.bootstrap.v3.Bootstrap";

/** Configurations that a real Envoy 1.40 accepts with `--mode validate`, to the letter. */
const files = ["edge.yaml", "clusters.yaml", "tcp.yaml"];

function load(file: string): AnyMessage {
  const source = onlyDocument(Deno.readTextFileSync(new URL(file, FOLDER)), file);
  const { message, problems } = readMessage({ typeUrl: BOOTSTRAP, value: source.value, source });
  const errors = problems.filter(({ severity }) => severity === "error");
  assert.deepEqual(errors.map(formatProblem), []);
  assert.ok(message);
  assert.deepEqual(validate(message, { source }).map(formatProblem), []);
  return message;
}

for (const file of files) {
  Deno.test(`${file} loads unchanged, and comes back from bytes and from JSON as it was`, () => {
    const message = load(file);
    const bytes = message.toBinary();
    const decoded = messageFromBinary(BOOTSTRAP, bytes);
    assert.deepEqual(decoded.toBinary(), bytes);
    assert.deepEqual(toJson(decoded), toJson(message));
    const again = readMessage({ value: toJson(message) as PlainValue });
    assert.deepEqual(again.message?.toBinary(), bytes);
  });
}

Deno.test("the same configuration as YAML, with other spellings and another order, has the same bytes", () => {
  const one = load("tcp.yaml");
  const source = onlyDocument(toYaml(one));
  const two = readMessage({ value: source.value, source }).message;
  assert.deepEqual(two?.toBinary(), one.toBinary());
});
