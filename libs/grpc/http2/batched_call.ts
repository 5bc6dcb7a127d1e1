// SPDX-License-Identifier: Apache-2.0
/**
 * Unary calls of one method that arrived in one read, answered by one call of its batch handler.
 * @module
 */
import { StatusCode, StatusError } from "@denvoy/base";
import type { BatchHandler, MethodImplementation } from "../port.ts";
import type { AcceptedHead, CallSurroundings } from "./server_call.ts";
import type { Stream } from "./stream.ts";
import { UnaryCall } from "./unary_call.ts";

/** A unary call that waits for the others of its read. */
export class BatchedCall extends UnaryCall {
  readonly #batch: CallBatch;

  /** Joins `batch` when its request is there. */
  constructor(stream: Stream, head: AcceptedHead, batch: CallBatch) {
    super(stream, head, batch.surroundings);
    this.#batch = batch;
  }

  /** See {@linkcode UnaryCall}. */
  protected override run(request: unknown): void {
    this.#batch.add(request, this);
  }
}

/** The calls of one method on one connection that wait for the end of the read. */
export class CallBatch {
  /** What the calls share. */
  readonly surroundings: CallSurroundings;
  readonly #handler: BatchHandler<unknown, unknown> | undefined;
  #requests: unknown[] = [];
  #calls: BatchedCall[] = [];

  /** `method` has a batch handler. */
  constructor(method: MethodImplementation, surroundings: CallSurroundings) {
    this.#handler = method.batch;
    this.surroundings = surroundings;
  }

  /** Adds a call. */
  add(request: unknown, call: BatchedCall): void {
    this.#requests.push(request);
    this.#calls.push(call);
  }

  /** Answers all calls that were added. */
  run(): void {
    if (this.#calls.length === 0) return;
    const alive = this.#calls.every((call) => !call.over);
    const calls = alive ? this.#calls : this.#calls.filter((call) => !call.over);
    const requests = alive
      ? this.#requests
      : this.#requests.filter((_, at) => this.#calls[at]?.over === false);
    this.#requests = [];
    this.#calls = [];
    if (calls.length === 0) return;
    try {
      settle(calls, this.#handler?.(requests, calls) ?? []);
    } catch (error) {
      for (const call of calls) call.fail(error);
    }
  }
}

function settle(calls: readonly BatchedCall[], results: readonly unknown[]): void {
  for (const [at, call] of calls.entries()) {
    try {
      if (at >= results.length) {
        throw new StatusError(StatusCode.INTERNAL, "batch handler returned too few results");
      }
      const result = results[at];
      if (result instanceof StatusError) call.fail(result);
      else call.settle(result);
    } catch (error) {
      call.fail(error);
    }
  }
}
