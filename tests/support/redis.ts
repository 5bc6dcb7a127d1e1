// SPDX-License-Identifier: Apache-2.0
/**
 * A real Redis for one test, empty, on a free port, with nothing kept on disk.
 * @module
 */
import { Child } from "@denvoy/tools/child";
import { getRedis } from "@denvoy/tools/real_parts";
import { exitSignal } from "./envoy.ts";
import { eventually } from "./eventually.ts";
import { freePort } from "./ports.ts";

/** A running Redis. Disposing it stops it. */
export interface Redis extends AsyncDisposable {
  /** Its port on 127.0.0.1. */
  readonly port: number;
  /** The process, with its log; kill it to see what its users do then. */
  readonly child: Child;
}

/** How to start Redis. */
export interface RedisOptions {
  /** Its port; give the one of a killed process to restart it. @default a free one */
  readonly port?: number;
  /** More arguments, e.g. `["--requirepass", "secret"]`. */
  readonly args?: readonly string[];
}

/** Starts a Redis and returns when it answers. */
export async function startRedis(options: RedisOptions = {}): Promise<Redis> {
  const port = options.port ?? freePort();
  const args = ["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"];
  const command = await getRedis();
  const child = Child.start({ name: "redis", command, args: [...args, ...options.args ?? []] });
  try {
    await eventually(() => answers(port), {
      what: `Redis to answer on port ${port}`,
      detail: () => child.lastWords(),
      signal: exitSignal(child),
    });
  } catch (error) {
    await child.stop(0);
    throw error;
  }
  return {
    port,
    child,
    [Symbol.asyncDispose]: async () => {
      await child.stop();
    },
  };
}

async function answers(port: number): Promise<boolean> {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  await connection.write(new TextEncoder().encode("PING\r\n"));
  const buffer = new Uint8Array(64);
  const length = await connection.read(buffer);
  const answer = new TextDecoder().decode(buffer.subarray(0, length ?? 0));
  // With a password set it answers an error, but it answers.
  return answer.startsWith("+PONG") || answer.startsWith("-NOAUTH");
}
