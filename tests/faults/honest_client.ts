// SPDX-License-Identifier: Apache-2.0
/**
 * The client that must not notice: it keeps one stream open beside whatever others do, and measures
 * how long it waits for answers.
 * @module
 */
import assert from "node:assert/strict";
import { connectGrpc, type GrpcClient } from "@denvoy/grpc";
import type { DenvoyAds } from "../support/mod.ts";
import { type DeltaStream, testNode, XdsStream } from "./xds_stream.ts";

const CLUSTER = "type.googleapis.com/envoy.config.cluster.v3.Cluster";

/**
 * The longest that an honest client waits for an answer beside an attack. Large because the
 * attacker, which works as hard as its victim, runs in the same process as the honest client.
 */
export const PATIENCE_MS = 5_000;

/** A client with a long-lived stream. Disposing it closes its connection. */
export class HonestClient implements AsyncDisposable {
  readonly #client: GrpcClient;
  readonly #stream: DeltaStream;
  readonly #latencies: number[] = [];
  #asked = 0;

  private constructor(client: GrpcClient, stream: DeltaStream) {
    this.#client = client;
    this.#stream = stream;
  }

  /** Connects, and asks for a first name. */
  static async connect(ads: DenvoyAds): Promise<HonestClient> {
    const client = connectGrpc({ address: ads.grpcAddress });
    const honest = new HonestClient(client, XdsStream.delta(client));
    await honest.ask(20_000);
    return honest;
  }

  /** The longest that it has waited so far, in milliseconds, without the first time. */
  get worstMs(): number {
    return Math.max(0, ...this.#latencies.slice(1));
  }

  /** Asks for one more name on its stream and takes the answer. */
  async ask(withinMs = PATIENCE_MS): Promise<void> {
    const stream = this.#stream;
    const index = stream.responses.length;
    const startMs = performance.now();
    const name = `honest-${this.#asked++}`;
    stream.send({
      node: testNode,
      typeUrl: CLUSTER,
      resourceNamesSubscribe: [name],
      resourceNamesUnsubscribe: this.#asked > 1 ? [`honest-${this.#asked - 2}`] : [],
    });
    const { nonce, removedResources } = await stream.response(index, withinMs + 5_000);
    this.#latencies.push(performance.now() - startMs);
    assert.deepEqual(removedResources, [name]);
    stream.send({ typeUrl: CLUSTER, responseNonce: nonce });
    const waited = this.#latencies.at(-1) ?? 0;
    assert.ok(waited < withinMs, `an honest client must not wait ${Math.round(waited)} ms`);
  }

  /** Asks over and over while `attack` goes on, and once after it. */
  async askDuring(attack: () => Promise<unknown>): Promise<void> {
    let over = false;
    const attacking = attack();
    // Its failure is thrown below; here it only ends the asking.
    attacking.catch(() => {}).finally(() => over = true);
    try {
      while (!over) {
        await this.ask();
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    } finally {
      await attacking;
    }
    await this.ask();
  }

  /** Closes the connection. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stream[Symbol.asyncDispose]();
    await this.#client.close();
  }
}
