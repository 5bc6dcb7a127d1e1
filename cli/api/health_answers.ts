// SPDX-License-Identifier: Apache-2.0
/**
 * What hds' HTTP API answers, as far as commands read it.
 * @module
 */

/** An endpoint of `GET /v1/health`. */
export interface EndpointHealthAnswer {
  /** Its cluster. */
  readonly cluster: string;
  /** `ip:port`, or `name:port`. */
  readonly address: string;
  /** The verdict. */
  readonly health: string;
  /** What probers found. */
  readonly found: string;
  /** What the verdict rests on. */
  readonly reason: string;
  /** Since when, as ISO time. */
  readonly since: string;
  /** Who checks it, and what they say. */
  readonly probers: readonly { readonly name: string; readonly says: string }[];
}

/** A line of `GET /v1/watch`. */
export interface HealthEvent {
  /** `change`, `added`, `removed`, `endpoint`, `ready` or `overflow`. */
  readonly event: string;
  /** What it is about. */
  readonly data: {
    readonly at?: string;
    readonly cluster?: string;
    readonly address?: string;
    readonly before?: string;
    readonly after?: string;
    readonly reason?: string;
    readonly by?: readonly string[];
  };
}
