// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { FakeClock, RecordingLogger } from "@denvoy/base/testing";
import type { ReferenceStat } from "../domain/reference_stats.ts";
import { StatsdExporter, type StatsdExporterOptions } from "./statsd_exporter.ts";

/** An exporter of one counter, whose time goes on when the test says so. */
class World {
  readonly clock = new FakeClock();
  readonly logger = new RecordingLogger();
  value = 0;

  exporter(options: Pick<StatsdExporterOptions, "address" | "protocol">): StatsdExporter {
    const stats = (): readonly ReferenceStat[] => [
      { name: "a.hits", kind: "counter", value: this.value },
    ];
    const rest = { format: "statsd", tags: {}, intervalMs: 1_000 } as const;
    return new StatsdExporter({
      ...{ ...options, ...rest, stats, clock: this.clock, logger: this.logger },
    });
  }
}

/** Returns all that comes on the next connection. */
async function nextText(listener: Deno.TcpListener): Promise<string> {
  const connection = await listener.accept();
  return await new Response(connection.readable).text();
}

Deno.test("StatsdExporter sends by TCP what grew, what got lost with the next attempt", async () => {
  const world = new World();
  let listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  const exporter = world.exporter({ address: { hostname: "127.0.0.1", port }, protocol: "tcp" });
  world.value = 2;
  const first = nextText(listener);
  world.clock.advance(1_000);
  assert.equal(await first, "a.hits:2|c\n");
  listener.close();

  world.value = 5;
  await exporter.flush();
  assert.deepEqual(world.logger.lines.map(({ level }) => level), ["warn"]);
  listener = Deno.listen({ hostname: "127.0.0.1", port });
  world.value = 6;
  const last = nextText(listener);
  await exporter[Symbol.asyncDispose]();
  assert.equal(await last, "a.hits:4|c\n");
  listener.close();
});

Deno.test("StatsdExporter sends datagrams", async () => {
  const world = new World();
  const socket = createSocket("udp4");
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
  const { port } = socket.address();
  const come = new Promise<string>((resolve) => {
    socket.once("message", (message) => resolve(message.toString()));
  });
  const exporter = world.exporter({ address: { hostname: "127.0.0.1", port }, protocol: "udp" });
  world.value = 3;
  await exporter[Symbol.asyncDispose]();
  assert.equal(await come, "a.hits:3|c\n");
  await new Promise<void>((resolve) => socket.close(() => resolve()));
});
