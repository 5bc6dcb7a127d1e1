// SPDX-License-Identifier: Apache-2.0
/**
 * What the parts of one connection share.
 * @module
 */
import { ConnectionError, ErrorCode } from "./error_code.ts";
import { FloodGuard, type FloodKind } from "./flood_guard.ts";
import type { ConnectionLimits } from "./limits.ts";
import { OutputBuffer } from "./output_buffer.ts";
import { defaultPeerSettings, type PeerSettings } from "./settings.ts";

/** See the module. */
export class ConnectionState {
  /** Bounds on the peer. */
  readonly limits: ConnectionLimits;
  /** What is to be written next. */
  readonly output: OutputBuffer = new OutputBuffer();
  /** What the peer has asked for. */
  readonly peer: PeerSettings = defaultPeerSettings();
  /** The present moment, in ms of a clock that never goes back. */
  nowMs: number;
  /** Whether data went either way since the last ping. */
  workedSincePing = false;
  /** Whether bytes are being taken: then the owner looks after the output itself. */
  receiving = false;
  readonly #flood: FloodGuard;
  readonly #wake: () => void;
  #woken = false;

  /** `wake` is called when output came up outside of a read, once until `flushed`. */
  constructor(limits: ConnectionLimits, nowMs: number, { wake }: { readonly wake: () => void }) {
    this.limits = limits;
    this.nowMs = nowMs;
    this.#flood = new FloodGuard(limits.floodRates, nowMs);
    this.#wake = wake;
  }

  /** Counts what costs the peer nothing. @throws ConnectionError ENHANCE_YOUR_CALM */
  count(kind: FloodKind): void {
    this.#flood.count(kind, this.nowMs);
  }

  /** Output has come up. */
  touch(): void {
    if (this.receiving || this.#woken) return;
    this.#woken = true;
    this.#wake();
  }

  /** Output has been taken. */
  flushed(): void {
    this.#woken = false;
  }

  /** Answers to control frames must not pile up for a peer that does not read. @throws ConnectionError */
  boundOutput(): void {
    if (this.output.length <= this.limits.maxOutputBytes) return;
    throw new ConnectionError(ErrorCode.ENHANCE_YOUR_CALM, "answers are not read");
  }
}
