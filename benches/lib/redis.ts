// SPDX-License-Identifier: Apache-2.0
/**
 * A real Redis for one measurement, empty, with nothing kept on disk.
 * @module
 */
import { Child } from "@denvoy/tools/child";
import { freePort } from "@denvoy/tools/ports";
import { getRedis } from "@denvoy/tools/real_parts";

/** A running Redis. Disposing it stops it. */
export interface BenchRedis extends AsyncDisposable {
  /** `host:port`. */
  readonly address: string;
  /** Its process. */
  readonly pid: number;
}

const withinMs = 20_000;
const pollMs = 5;

/** Starts a Redis on a free port of loopback; throws with its words when it does not listen. */
export async function startRedis(): Promise<BenchRedis> {
  const port = freePort();
  const child = Child.start({
    name: "redis",
    command: await getRedis(),
    args: [
      ...["--port", String(port), "--bind", "127.0.0.1"],
      ...["--save", "", "--appendonly", "no"],
    ],
  });
  const deadline = performance.now() + withinMs;
  while (!await listens(port)) {
    if (child.exit !== undefined || performance.now() > deadline) {
      await child.stop(0);
      throw new Error(`redis does not listen\n${child.lastWords()}`);
    }
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
  return {
    address: `127.0.0.1:${port}`,
    pid: child.pid,
    [Symbol.asyncDispose]: async () => {
      await child.stop();
    },
  };
}

async function listens(port: number): Promise<boolean> {
  try {
    using _connection = await Deno.connect({ hostname: "127.0.0.1", port });
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.ConnectionRefused) return false;
    throw error;
  }
}
