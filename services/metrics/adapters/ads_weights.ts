// SPDX-License-Identifier: Apache-2.0
/**
 * Offers weights to ads: those of endpoints that are registered there are changed where they differ
 * enough. A change renews the registration, which keeps nobody alive who is not: an endpoint without
 * requests keeps the weight that it was given.
 * @module
 */
import type { EndpointWeight } from "../domain/load_weights.ts";

/** How ads is reached. */
export interface AdsWeightsOptions {
  /** Its HTTP API, e.g. `http://127.0.0.1:18001`. */
  readonly url: string;
  /** Returns the bearer token; undefined where none is needed. */
  readonly token: () => string | undefined;
  /** The longest that a request may take. */
  readonly timeoutMs: number;
}

interface Registered {
  readonly id: string;
  readonly address: string;
  readonly port: number;
  readonly weight: number;
}

/** Weights that differ by less than this part are left as they are, so that EDS keeps still. */
const TOLERANCE = 0.1;

/** A client of ads. */
export class AdsWeights {
  readonly #options: AdsWeightsOptions;

  /** Nothing is sent before {@linkcode offer}. */
  constructor(options: AdsWeightsOptions) {
    this.#options = options;
  }

  /** Offers the weights of one cluster; returns how many were changed. Rejects when ads fails. */
  async offer(service: string, weights: readonly EndpointWeight[]): Promise<number> {
    const wanted = new Map(weights.map(({ address, weight }) => [address, weight]));
    const path = `/v1/clusters/${encodeURIComponent(service)}/endpoints`;
    const { endpoints } = await this.#ask("GET", path) as {
      readonly endpoints: readonly Registered[];
    };
    let changed = 0;
    for (const { id, address, port, weight: before } of endpoints) {
      const host = address.includes(":") ? `[${address}]` : address;
      const weight = wanted.get(`${host}:${port}`);
      if (weight === undefined || Math.abs(weight - before) <= before * TOLERANCE) continue;
      await this.#ask("PATCH", `${path}/${encodeURIComponent(id)}`, { weight });
      changed++;
    }
    return changed;
  }

  async #ask(method: string, path: string, body?: unknown): Promise<unknown> {
    const { url, token, timeoutMs } = this.#options;
    const bearer = token();
    const response = await fetch(new URL(path, url), {
      method,
      headers: {
        ...(bearer !== undefined && { authorization: `Bearer ${bearer}` }),
        ...(body !== undefined && { "content-type": "application/json" }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(timeoutMs),
    });
    const text = await response.text();
    if (response.ok) return JSON.parse(text);
    throw new Error(`ads answers ${method} ${path} with ${response.status}: ${text.slice(0, 200)}`);
  }
}
