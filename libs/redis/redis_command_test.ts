// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { type ScriptCall, ScriptCommand } from "./redis_command.ts";

/** The protocol, written the plain way. */
function resp(parts: readonly (string | number)[]): string {
  const shown = parts.map((part) => {
    const octets = new TextEncoder().encode(String(part)).byteLength;
    return `$${octets}\r\n${part}\r\n`;
  });
  return `*${parts.length}\r\n${shown.join("")}`;
}

const rows: Readonly<Record<string, ScriptCall>> = {
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

Deno.test("ScriptCommand keeps its bytes while others are made", () => {
  const first = new ScriptCommand({ command: "eval", script: "s" }, { keys: ["a"], args: [1] });
  const second = new ScriptCommand({ command: "eval", script: "s" }, { keys: ["b"], args: [2] });
  assert.equal(first.toWritable().toString(), resp(["eval", "s", 1, "a", 1]));
  assert.equal(second.toWritable().toString(), resp(["eval", "s", 1, "b", 2]));
});
