// SPDX-License-Identifier: Apache-2.0
/**
 * Checks other than HTTP, done by a real Envoy.
 * @module
 */
import { startDenvoyHds, TempFolder } from "../support/mod.ts";
import { clusterOf, clustersFile, healthBecomes, type Json, pace, startProber } from "./scene.ts";

/** Answers whatever it is sent as Redis answers PING. */
class Ponger implements AsyncDisposable {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #connections = new Set<Deno.Conn>();
  readonly #accepting: Promise<void>;

  constructor() {
    this.#accepting = this.#accept();
  }

  get port(): number {
    return this.#listener.addr.port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    for (const connection of this.#connections) connection.close();
    await this.#accepting;
  }

  async #accept(): Promise<void> {
    const answering: Promise<void>[] = [];
    for await (const connection of this.#listener) answering.push(this.#answer(connection));
    await Promise.all(answering);
  }

  async #answer(connection: Deno.Conn): Promise<void> {
    this.#connections.add(connection);
    const pong = new TextEncoder().encode("+PONG\r\n");
    try {
      while (await connection.read(new Uint8Array(1024)) !== null) await connection.write(pong);
    } catch {
      // Envoy has hung up: the probe is over.
    }
    if (this.#connections.delete(connection)) {
      try {
        connection.close();
      } catch {
        // It was closed with all others.
      }
    }
  }
}

const redis: Json = {
  ...pace,
  custom_health_check: {
    name: "envoy.health_checkers.redis",
    typed_config: {
      "@type": "type.googleapis.com/envoy.extensions.health_checkers.redis.v3.Redis",
    },
  },
};
const connects: Json = { ...pace, tcp_health_check: {} };
const pongs: Json = {
  ...pace,
  tcp_health_check: { send: { text: "50494e470d0a" }, receive: [{ text: "2b504f4e47" }] },
};
const says: Json = {
  ...pace,
  tcp_health_check: { send: { text: "00" }, receive: [{ text: "ff" }] },
};

Deno.test("Redis, TCP with send and receive, and several checks that must all pass", async () => {
  await using one = new Ponger();
  await using two = new Ponger();
  await using three = new Ponger();
  await using folder = await TempFolder.create({
    "clusters.json": clustersFile(
      clusterOf("redis", { ports: [one.port], checks: [redis] }),
      clusterOf("both", { ports: [two.port], checks: [connects, pongs] }),
      clusterOf("one-fails", { ports: [three.port], checks: [connects, says] }),
    ),
  });
  const flags = ["--report-interval", "300ms", "--panic-threshold", "0"];
  await using hds = await startDenvoyHds({ clusters: folder.path, flags });
  await using _prober = await startProber("prober", { hds: hds.grpcAddress });
  await healthBecomes(hds.httpUrl, {
    [one.port]: "HEALTHY",
    [two.port]: "HEALTHY",
    [three.port]: "TIMEOUT",
  });
});
