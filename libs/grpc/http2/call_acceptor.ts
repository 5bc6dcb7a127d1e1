// SPDX-License-Identifier: Apache-2.0
/**
 * Makes calls out of the requests of one connection, and gathers those that are to be answered
 * together.
 * @module
 */
import type { MethodImplementation } from "../port.ts";
import { BatchedCall, CallBatch } from "./batched_call.ts";
import { type CallHead, readCallHead, REFUSED_HEAD, type Routes } from "./call_head.ts";
import type { RequestAcceptor } from "./stream_table.ts";
import { RefusedRequest } from "./refused_request.ts";
import type { RequestHead } from "./request_head.ts";
import type { AcceptedHead, CallSurroundings, ServerCall } from "./server_call.ts";
import type { Stream, StreamConsumer } from "./stream.ts";
import { StreamingCall } from "./streaming_call.ts";
import { UnaryCall } from "./unary_call.ts";

/** See the module. */
export class CallAcceptor implements RequestAcceptor {
  readonly #routes: Routes;
  readonly #surroundings: CallSurroundings;
  /** Calls of this read with a deadline; most are over before it ends, and need no timer. */
  readonly #opened: ServerCall[] = [];
  readonly #batches = new Map<MethodImplementation, CallBatch>();
  #lastHead: RequestHead | undefined = undefined;
  #lastCallHead: CallHead | undefined = undefined;

  /** Answers with the methods of `routes`. */
  constructor(routes: Routes, surroundings: CallSurroundings) {
    this.#routes = routes;
    this.#surroundings = surroundings;
  }

  /** See {@linkcode RequestAcceptor}. */
  request(stream: Stream, head: RequestHead, last: boolean): StreamConsumer {
    const callHead = this.#callHead(head);
    if (callHead.kind === "refusal") return new RefusedRequest(stream, callHead.refusal);
    const call = this.#open(stream, callHead);
    if (last) call.trailers();
    return call;
  }

  /** See {@linkcode RequestAcceptor}. */
  headTooLarge(stream: Stream): StreamConsumer {
    return new RefusedRequest(stream, REFUSED_HEAD);
  }

  /** Runs the batches that one read has filled, and arms deadlines; called after each read. */
  endRead(): void {
    for (const batch of this.#batches.values()) batch.run();
    if (this.#opened.length === 0) return;
    for (const call of this.#opened) call.armDeadline();
    this.#opened.length = 0;
  }

  #open(stream: Stream, head: AcceptedHead): ServerCall {
    const call = this.#newCall(stream, head);
    if (head.timeoutMs !== undefined) this.#opened.push(call);
    return call;
  }

  #newCall(stream: Stream, head: AcceptedHead): ServerCall {
    const { definition, batch } = head.method;
    if (batch !== undefined) return new BatchedCall(stream, head, this.#batchOf(head.method));
    if (definition.kind === "unary") return new UnaryCall(stream, head, this.#surroundings);
    const call = new StreamingCall(stream, head, this.#surroundings);
    call.start();
    return call;
  }

  /** One head object comes again and again for a client that repeats its calls. */
  #callHead(head: RequestHead): CallHead {
    if (head === this.#lastHead && this.#lastCallHead !== undefined) return this.#lastCallHead;
    const callHead = readCallHead(head, this.#routes);
    this.#lastHead = head;
    this.#lastCallHead = callHead;
    return callHead;
  }

  #batchOf(method: MethodImplementation): CallBatch {
    const present = this.#batches.get(method);
    if (present !== undefined) return present;
    const batch = new CallBatch(method, this.#surroundings);
    this.#batches.set(method, batch);
    return batch;
  }
}
