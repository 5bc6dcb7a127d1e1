// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { Child } from "./child.ts";

async function until(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error("waited 10 s");
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

function isRunning(pid: number): boolean {
  try {
    Deno.kill(pid, "SIGCONT");
    return true;
  } catch {
    return false;
  }
}

Deno.test("Child keeps the lines of both streams and the exit code", async () => {
  const script = "echo out; echo err >&2; printf last; exit 3";
  await using child = Child.start({ name: "echo", command: "sh", args: ["-c", script] });
  assert.deepEqual(await child.exited, { code: 3, signal: undefined });
  assert.deepEqual([...child.lines].sort(), ["err", "last", "out"]);
});

Deno.test("Child.start() throws for a program that does not exist", () => {
  const options = { name: "none", command: "denvoy-no-such-program", args: [] };
  assert.throws(() => Child.start(options), Deno.errors.NotFound);
});

Deno.test("Child.stop() after the end does nothing", async () => {
  await using child = Child.start({ name: "true", command: "true", args: [] });
  await child.exited;
  assert.deepEqual(await child.stop(), { code: 0, signal: undefined });
});

Deno.test("Child does not outlive a parent that is killed", async () => {
  const module = import.meta.resolve("./child.ts");
  const script = `import { Child } from ${JSON.stringify(module)};
    const child = Child.start({ name: "sleep", command: "sleep", args: ["60"] });
    console.log(child.pid);
    await child.exited;`;
  const args = ["eval", "--ext=ts", script];
  await using parent = Child.start({ name: "parent", command: Deno.execPath(), args });
  await until(() => parent.lines.length > 0);
  const pid = Number(parent.lines[0]);
  assert.equal(isRunning(pid), true);
  parent.kill("SIGKILL");
  await parent.exited;
  await until(() => !isRunning(pid));
});
