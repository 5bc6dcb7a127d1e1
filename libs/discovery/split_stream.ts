// SPDX-License-Identifier: Apache-2.0
/**
 * Serves one stream from two sides: requests of some types go to another handler than the rest, and
 * the responses of both leave as one stream. Types know nothing of each other in xDS but their order,
 * so that neither the client nor the handlers can tell.
 * @module
 */
import type { Node } from "@denvoy/proto/messages";
import type { StreamRequest } from "./discovery_sessions.ts";

/** Where requests go. */
export interface SplitOptions<B> {
  /** Tells which requests are for {@linkcode beside}. */
  readonly isBeside: (request: StreamRequest) => boolean;
  /** Answers all others; when it ends or fails, so does the stream. */
  readonly main: (requests: AsyncIterable<StreamRequest>) => AsyncIterable<B>;
  /** Called with the first request of its own; when it fails, so does the stream. */
  readonly beside: (requests: AsyncIterable<StreamRequest>) => AsyncIterable<B>;
}

/** Requests that one side may leave unread before the other has to wait for it, too. */
const MAX_WAITING = 256;

/**
 * Returns the responses of both sides, each made when a response is asked for (so that of either side
 * at most one waits). The node, which only the first request of a stream has, is given to both.
 */
export function splitStream<B>(
  requests: AsyncIterable<StreamRequest>,
  options: SplitOptions<B>,
): AsyncIterable<B> {
  return { [Symbol.asyncIterator]: () => new SplitIterator(requests, options) };
}

interface Side<B> {
  readonly requests: RequestQueue;
  readonly responses: AsyncIterator<B>;
  isFetching: boolean;
  outcome:
    | { readonly kind: "result"; readonly result: IteratorResult<B> }
    | { readonly kind: "failure"; readonly error: unknown }
    | undefined;
}

class SplitIterator<B> implements AsyncIterator<B, undefined> {
  readonly #options: SplitOptions<B>;
  readonly #requests: AsyncIterable<StreamRequest>;
  #main: Side<B> | undefined;
  #beside: Side<B> | undefined;
  #node: Node | null | undefined;
  #isOver = false;
  #resume: (() => void) | undefined;

  constructor(requests: AsyncIterable<StreamRequest>, options: SplitOptions<B>) {
    this.#requests = requests;
    this.#options = options;
  }

  async next(): Promise<IteratorResult<B, undefined>> {
    if (this.#main === undefined && !this.#isOver) {
      this.#main = this.#open(this.#options.main);
      void this.#read(this.#main);
    }
    while (!this.#isOver) {
      for (const side of [this.#main, this.#beside]) {
        const value = side && this.#take(side);
        if (value !== undefined) return value;
      }
      if (this.#isDone()) break;
      await new Promise<void>((resolve) => this.#resume = resolve);
    }
    return { done: true, value: undefined };
  }

  async return(): Promise<IteratorResult<B, undefined>> {
    await this.#close();
    return { done: true, value: undefined };
  }

  /** A method, as the compiler would not believe that it changes during a wait. */
  #isDone(): boolean {
    return this.#isOver;
  }

  /** Returns what a side has ready, and has it look for more otherwise. */
  #take(side: Side<B>): IteratorResult<B, undefined> | undefined {
    const { outcome } = side;
    side.outcome = undefined;
    if (outcome === undefined) {
      if (!side.isFetching) this.#fetch(side);
      return undefined;
    }
    if (outcome.kind === "failure") {
      void this.#close();
      throw outcome.error;
    }
    if (!outcome.result.done) return outcome.result;
    if (side === this.#beside) this.#beside = undefined;
    else void this.#close();
    return undefined;
  }

  #fetch(side: Side<B>): void {
    side.isFetching = true;
    const settle = (outcome: Side<B>["outcome"]) => {
      side.isFetching = false;
      side.outcome = outcome;
      this.#wake();
    };
    side.responses.next().then(
      (result) => settle({ kind: "result", result }),
      (error: unknown) => settle({ kind: "failure", error }),
    );
  }

  #open(serve: SplitOptions<B>["main"]): Side<B> {
    const requests = new RequestQueue();
    const responses = serve(requests)[Symbol.asyncIterator]();
    return { requests, responses, isFetching: false, outcome: undefined };
  }

  /** Never rejects: what goes wrong reaches the sides, and by them the reader. */
  async #read(main: Side<B>): Promise<void> {
    try {
      for await (const request of this.#requests) {
        if (this.#isOver) return;
        this.#node ??= request.node;
        const isBeside = this.#options.isBeside(request);
        if (isBeside && this.#beside === undefined) {
          this.#beside = this.#open(this.#options.beside);
          this.#wake();
        }
        const side = isBeside ? this.#beside : main;
        await side?.requests.put(this.#node ? { ...request, node: this.#node } : request);
      }
      main.requests.end();
      this.#beside?.requests.end();
    } catch (error) {
      main.requests.end({ error });
    }
  }

  #wake(): void {
    this.#resume?.();
    this.#resume = undefined;
  }

  async #close(): Promise<void> {
    if (this.#isOver) return;
    this.#isOver = true;
    const sides = [this.#main, this.#beside].filter((side) => side !== undefined);
    for (const { requests } of sides) requests.end();
    this.#wake();
    await Promise.all(sides.map(({ responses }) => responses.return?.()));
  }
}

/** Requests of one side, at the pace of whoever reads them. */
class RequestQueue implements AsyncIterable<StreamRequest> {
  readonly #waiting: StreamRequest[] = [];
  #end: { readonly error?: unknown } | undefined;
  #onArrival: (() => void) | undefined;
  #onRoom: (() => void) | undefined;

  /** Resolves when there is room for more, or nobody reads any more. */
  async put(request: StreamRequest): Promise<void> {
    if (this.#end !== undefined) return;
    this.#waiting.push(request);
    this.#onArrival?.();
    if (this.#waiting.length < MAX_WAITING) return;
    await new Promise<void>((resolve) => this.#onRoom = resolve);
  }

  end(failure: { readonly error?: unknown } = {}): void {
    this.#end ??= failure;
    this.#onArrival?.();
    this.#onRoom?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<StreamRequest> {
    while (true) {
      const next = this.#waiting.shift();
      if (next !== undefined) {
        if (this.#waiting.length < MAX_WAITING) this.#onRoom?.();
        yield next;
      } else if (this.#end === undefined) {
        await new Promise<void>((resolve) => this.#onArrival = resolve);
      } else if ("error" in this.#end) throw this.#end.error;
      else return;
    }
  }
}
