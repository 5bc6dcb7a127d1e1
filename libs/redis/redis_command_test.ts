// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { KeyList } from "./key_list.ts";
import { firstKey, keyCount, type ScriptCall, ScriptCommand } from "./redis_command.ts";

/** The protocol, written the plain way. */
function resp(parts: readonly (string | number)[]): string {
  const shown = parts.map((part) => {
    const octets = new TextEncoder().encode(String(part)).byteLength;
    return `$${octets}\r\n${part}\r\n`;
  });
  return `*${parts.length}\r\n${shown.join("")}`;
}

/** A call whose keys are texts. */
interface TextCall extends ScriptCall {
  readonly keys: readonly string[];
}

const rows: Readonly<Record<string, TextCall>> = {
  "a key": { keys: ["d_k_v_60"], args: [1, 360] },
  "no arguments": { keys: ["k"], args: [] },
  "numbers": { keys: ["k"], args: [0, 9, 10, 99, 100, 12_345, -1, 2 ** 53 - 1, 1.5] },
  "an empty text": { keys: [""], args: [""] },
  "texts of more than ASCII": { keys: ["größe_1", "ключ", "a🙂b", "plain"], args: ["é"] },
  "texts of all lengths": {
    keys: [9, 10, 99, 100, 101, 999, 1_000].map((length) => "x".repeat(length)),
    args: [],
  },
  "more than is kept": { keys: ["x".repeat(2_000_000), "y"], args: [1, 2, "z".repeat(500)] },
  "more than the buffer": {
    keys: Array.from({ length: 5_000 }, (_, n) => `${"long_".repeat(10)}${n}`),
    args: Array.from({ length: 10_000 }, (_, n) => n),
  },
};

Deno.test("ScriptCommand is the call in Redis's protocol", async (t) => {
  for (const [name, call] of Object.entries(rows)) {
    await t.step(name, () => {
      const command = new ScriptCommand({ command: "evalsha", script: "5ha" }, call);
      const expected = resp(["evalsha", "5ha", call.keys.length, ...call.keys, ...call.args]);
      assert.equal(command.toWritable().toString(), expected);
    });
  }
});

Deno.test("ScriptCommand takes lists of keys that are written already", () => {
  const [list, other] = [new KeyList(), new KeyList()];
  for (const name of ["a", "größe"]) {
    list.begin();
    list.text(name);
    list.end();
  }
  const keys = [list, "b", other];
  const command = new ScriptCommand({ command: "evalsha", script: "5ha" }, { keys, args: [7] });
  assert.equal(command.toWritable().toString(), resp(["evalsha", "5ha", 3, "a", "größe", "b", 7]));
  assert.deepEqual([keyCount(keys), firstKey({ keys, args: [] })], [3, "a"]);
  assert.equal(firstKey({ keys: [], args: [] }), undefined);
});

Deno.test("ScriptCommand keeps its bytes while others are made", () => {
  const first = new ScriptCommand({ command: "eval", script: "s" }, { keys: ["a"], args: [1] });
  const second = new ScriptCommand({ command: "eval", script: "s" }, { keys: ["b"], args: [2] });
  assert.equal(first.toWritable().toString(), resp(["eval", "s", 1, "a", 1]));
  assert.equal(second.toWritable().toString(), resp(["eval", "s", 1, "b", 2]));
});
