// SPDX-License-Identifier: Apache-2.0
/**
 * What time does to a connection: handshake, keepalive, idleness, age, a peer that does not read.
 * @module
 */
import { ErrorCode } from "./error_code.ts";

/** Bounds in ms. */
export interface LifetimeLimits {
  /** From the connection to the peer's SETTINGS. */
  readonly handshakeTimeoutMs: number;
  /** Without a sign of life before a ping. */
  readonly keepaliveIntervalMs: number;
  /** From the ping to a sign of life. */
  readonly keepaliveTimeoutMs: number;
  /** Without a stream before a drain. */
  readonly maxConnectionIdleMs: number;
  /** From the connection to a drain. */
  readonly maxConnectionAgeMs: number;
  /** From a drain of age to the end. */
  readonly connectionGraceMs: number;
  /** One write. */
  readonly writeTimeoutMs: number;
}

/** What a connection tells of itself. */
export interface Living {
  /** Whether the peer has sent its SETTINGS. */
  readonly established: boolean;
  /** Streams that are not closed. */
  readonly openStreams: number;
  /** Set when the connection is over. */
  readonly end: unknown;
}

/** What is to be done. */
export type LifetimeAction =
  | { readonly kind: "none" | "ping" | "drain" | "finish-drain" }
  | { readonly kind: "end"; readonly code: ErrorCode; readonly reason: string }
  | { readonly kind: "cut"; readonly reason: string };

const NONE: LifetimeAction = { kind: "none" };
const NEVER = Number.POSITIVE_INFINITY;

/** A peer that does not answer the ping of a drain is not waited for any longer than this. */
const DRAIN_PING_MS = 1_000;

/** Keeps the moments of one connection. */
export class Lifetime {
  readonly #limits: LifetimeLimits;
  readonly #openedMs: number;
  #receivedMs: number;
  #pingedMs = NEVER;
  #writeStartedMs = NEVER;
  #idleSinceMs: number;
  #drainedMs = NEVER;
  #drainFinished = false;
  #graceMs: number;

  /** The connection was opened at `nowMs`. */
  constructor(limits: LifetimeLimits, nowMs: number) {
    this.#limits = limits;
    this.#graceMs = limits.connectionGraceMs;
    this.#openedMs = nowMs;
    this.#receivedMs = nowMs;
    this.#idleSinceMs = nowMs;
  }

  /** Something was read. */
  received(nowMs: number): void {
    this.#receivedMs = nowMs;
    this.#pingedMs = NEVER;
  }

  /** A write began. */
  writeStarted(nowMs: number): void {
    this.#writeStartedMs = nowMs;
  }

  /** The write ended. */
  writeEnded(): void {
    this.#writeStartedMs = NEVER;
  }

  /** The connection is drained from outside, which also ends it. */
  drainStarted(nowMs: number): void {
    this.#drainedMs = nowMs;
    this.#graceMs = NEVER;
  }

  /** Says what is to be done now. Called now and then; the bounds are kept that exactly. */
  check(nowMs: number, { established, openStreams, end }: Living): LifetimeAction {
    const limits = this.#limits;
    if (nowMs - this.#writeStartedMs > limits.writeTimeoutMs) {
      return { kind: "cut", reason: "peer does not read" };
    }
    if (end !== undefined) return NONE;
    if (!established) return this.#checkHandshake(nowMs);
    if (openStreams > 0) this.#idleSinceMs = nowMs;
    if (this.#drainedMs !== NEVER) return this.#checkDrain(nowMs);
    const idle = nowMs - this.#idleSinceMs > limits.maxConnectionIdleMs;
    if (idle || nowMs - this.#openedMs > limits.maxConnectionAgeMs) {
      this.#drainedMs = nowMs;
      return { kind: "drain" };
    }
    return this.#checkAlive(nowMs);
  }

  #checkHandshake(nowMs: number): LifetimeAction {
    if (nowMs - this.#openedMs <= this.#limits.handshakeTimeoutMs) return NONE;
    return { kind: "end", code: ErrorCode.SETTINGS_TIMEOUT, reason: "no preface in time" };
  }

  #checkDrain(nowMs: number): LifetimeAction {
    if (nowMs - this.#drainedMs > this.#graceMs) {
      return { kind: "end", code: ErrorCode.NO_ERROR, reason: "connection too old" };
    }
    if (!this.#drainFinished && nowMs - this.#drainedMs > DRAIN_PING_MS) {
      this.#drainFinished = true;
      return { kind: "finish-drain" };
    }
    return this.#checkAlive(nowMs);
  }

  #checkAlive(nowMs: number): LifetimeAction {
    if (this.#pingedMs !== NEVER) {
      if (nowMs - this.#pingedMs <= this.#limits.keepaliveTimeoutMs) return NONE;
      return { kind: "cut", reason: "keepalive timed out" };
    }
    if (nowMs - this.#receivedMs <= this.#limits.keepaliveIntervalMs) return NONE;
    this.#pingedMs = nowMs;
    return { kind: "ping" };
  }
}
