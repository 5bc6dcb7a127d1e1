// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { join } from "node:path";
import { FakeClock, RecordingLogger } from "@denvoy/base/testing";
import { Readiness } from "@denvoy/runtime";
import { FileLogSink } from "./adapters/file_log_sink.ts";
import { type LoggedLine, LogQueue, type LogSink } from "./log_sink.ts";
import { testNode } from "./testing.ts";

function lineOf(number: number): LoggedLine {
  return { node: testNode("a"), line: { number } };
}

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** A sink that takes its time, or fails, as it is told. */
class SlowSink implements LogSink<LoggedLine> {
  readonly name = "slow";
  readonly written: unknown[] = [];
  readonly gates: (() => void)[] = [];
  failures = 0;

  async write(lines: readonly LoggedLine[]): Promise<void> {
    await new Promise<void>((resolve) => this.gates.push(resolve));
    if (this.failures-- > 0) throw new Error("away");
    this.written.push(...lines.map(({ line }) => line.number));
  }

  async open(): Promise<void> {
    await turns();
    this.gates.shift()?.();
    await turns();
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

async function turns(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await Promise.resolve();
}

function scene(overflow: "wait" | "drop") {
  const sink = new SlowSink();
  const clock = new FakeClock();
  const readiness = new Readiness(clock);
  const counts = { written: 0, dropped: 0 };
  const queue = new LogQueue({
    ...{ sink, maxLines: 3, overflow, clock },
    onLines: (outcome, count) => counts[outcome] += count,
    health: readiness.component("sink"),
    logger: new RecordingLogger(),
  });
  return { sink, clock, counts, queue, readiness };
}

Deno.test("a full queue makes its sender wait until there is room, and loses nothing", async () => {
  const { sink, counts, queue } = scene("wait");
  for (let number = 0; number < 4; number++) queue.add(lineOf(number));
  let hasRoom = false;
  void queue.room()?.then(() => hasRoom = true);
  await turns();
  assert.equal(hasRoom, true, "a batch that is being written makes room");
  for (let number = 4; number < 8; number++) queue.add(lineOf(number));
  const room = queue.room();
  assert.ok(room);
  await sink.open();
  await sink.open();
  await room;
  assert.deepEqual(sink.written, [0, 1, 2, 3, 4, 5, 6, 7]);
  assert.deepEqual(counts, { written: 8, dropped: 0 });
  await queue[Symbol.asyncDispose]();
});

Deno.test("where lines may be dropped nobody waits, and each is counted", async () => {
  const { sink, counts, queue } = scene("drop");
  queue.add(lineOf(0));
  await turns();
  for (let number = 1; number < 8; number++) queue.add(lineOf(number));
  assert.equal(queue.room(), undefined);
  await sink.open();
  await sink.open();
  assert.deepEqual(sink.written, [0, 1, 2, 3]);
  assert.deepEqual(counts, { written: 4, dropped: 4 });
  await queue[Symbol.asyncDispose]();
});

Deno.test("what fails is tried again, five times, then dropped and counted", async () => {
  const { sink, clock, counts, queue, readiness } = scene("wait");
  sink.failures = 2;
  queue.add(lineOf(0));
  for (let attempt = 0; attempt < 3; attempt++) {
    await sink.open();
    clock.advance(5_000);
  }
  assert.deepEqual(counts, { written: 1, dropped: 0 });
  sink.failures = 5;
  queue.add(lineOf(1));
  for (let attempt = 0; attempt < 5; attempt++) {
    await sink.open();
    if (attempt === 0) assert.equal(readiness.report().components.sink?.status, "degraded");
    clock.advance(5_000);
  }
  await turns();
  assert.deepEqual(counts, { written: 1, dropped: 1 });
  await queue[Symbol.asyncDispose]();
});

Deno.test("FileLogSink rotates by size, keeps as many as it should and splits no line", async () => {
  const folder = await Deno.makeTempDir();
  const path = join(folder, "access.log");
  try {
    {
      await using sink = new FileLogSink({ path, maxBytes: 30, keep: 2 });
      for (let number = 10; number < 20; number++) {
        await sink.write([bytesOf(`{"number":${number}}\n`)]);
      }
    }
    await using again = new FileLogSink({ path, maxBytes: 30, keep: 2 });
    await again.write([bytesOf(`{"number":20}\n`)]);
    const text = async (name: string) => await Deno.readTextFile(join(folder, name));
    assert.equal(await text("access.log"), '{"number":20}\n');
    assert.equal(await text("access.log.1"), '{"number":18}\n{"number":19}\n');
    assert.equal(await text("access.log.2"), '{"number":16}\n{"number":17}\n');
    assert.equal([...Deno.readDirSync(folder)].length, 3);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
