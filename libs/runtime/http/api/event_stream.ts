// SPDX-License-Identifier: Apache-2.0
/**
 * Watches on the wire: Server-Sent Events or newline-delimited JSON, kept alive while nothing
 * happens and ended when the client goes or the server drains.
 * @module
 */
import type { Clock, Timer } from "@denvoy/base";
import type { HttpRequest } from "../server/message.ts";
import type { WatchEvent } from "./response.ts";

/** How events are written. */
export type EventFormat = "sse" | "ndjson";

/** Interval of lines that only keep the connection alive. */
export const KEEP_ALIVE_MS = 15_000;

const encoder = new TextEncoder();

/** Returns the format that the `accept` header asks for; lines of JSON unless it names SSE. */
export function eventFormat(accept: string | undefined): EventFormat {
  return accept?.toLowerCase().includes("text/event-stream") ? "sse" : "ndjson";
}

/** Returns the media type of a format. */
export function eventType(format: EventFormat): string {
  return format === "sse" ? "text/event-stream" : "application/x-ndjson";
}

/** How a watch is written and what ends it. */
export interface EventStreamOptions {
  /** How events are written. */
  readonly format: EventFormat;
  /** Its signals end the watch. */
  readonly request: Pick<HttpRequest, "signal" | "draining">;
  /** Timers of the keep-alive lines. */
  readonly clock: Pick<Clock, "after">;
  /** Told when the events fail; the watch then breaks off, so that the client starts anew. */
  readonly onError: (error: unknown) => void;
}

/**
 * Returns the events as bytes until they, the client or the server end. Ending the iteration ends
 * that of `events`, also before its first step, so that a source that has subscribed can let go.
 */
export function eventBytes(
  events: AsyncIterable<WatchEvent>,
  options: EventStreamOptions,
): AsyncIterable<Uint8Array> {
  const source = events[Symbol.asyncIterator]();
  const bytes = generateBytes(source, options);
  const iterator = {
    next: () => bytes.next(),
    return: () => {
      letGo(source);
      return bytes.return(undefined);
    },
  };
  return { [Symbol.asyncIterator]: () => iterator };
}

async function* generateBytes(
  source: AsyncIterator<WatchEvent>,
  options: EventStreamOptions,
): AsyncGenerator<Uint8Array, undefined> {
  const { format, request, clock } = options;
  const wait = new Wait([request.signal, request.draining], clock);
  // The blank line (or comment) shows the client at once that its watch stands.
  yield encoder.encode(keepAlive(format));
  try {
    let next = source.next();
    for (;;) {
      const outcome = await wait.for(next);
      if (outcome.kind === "over") return;
      if (outcome.kind === "quiet") yield encoder.encode(keepAlive(format));
      else if (outcome.result.done) return;
      else {
        yield encoder.encode(render(outcome.result.value, format));
        next = source.next();
      }
    }
  } catch (error) {
    options.onError(error);
    throw error;
  } finally {
    wait.close();
    letGo(source);
  }
}

/** Not awaited: a source that hangs in `next` would hang here too. */
function letGo(source: AsyncIterator<WatchEvent>): void {
  source.return?.().catch(() => {});
}

type Outcome =
  | { readonly kind: "event"; readonly result: IteratorResult<WatchEvent> }
  | { readonly kind: "over" }
  | { readonly kind: "quiet" };

/** Waits for the next event, the end of the watch or a quiet interval, whichever is first. */
class Wait {
  readonly #signals: readonly AbortSignal[];
  readonly #clock: Pick<Clock, "after">;
  readonly #onAbort = () => this.#settle({ kind: "over" });
  #settle: (outcome: Outcome) => void = () => {};
  #timer: Timer | undefined;

  constructor(signals: readonly AbortSignal[], clock: Pick<Clock, "after">) {
    this.#signals = signals;
    this.#clock = clock;
    for (const signal of signals) signal.addEventListener("abort", this.#onAbort);
  }

  for(next: Promise<IteratorResult<WatchEvent>>): Promise<Outcome> {
    return new Promise<Outcome>((resolve, reject) => {
      this.#settle = resolve;
      if (this.#signals.some((signal) => signal.aborted)) return resolve({ kind: "over" });
      this.#timer = this.#clock.after(KEEP_ALIVE_MS, () => resolve({ kind: "quiet" }));
      next.then((result) => resolve({ kind: "event", result }), reject);
    }).finally(() => this.#timer?.cancel());
  }

  close(): void {
    for (const signal of this.#signals) signal.removeEventListener("abort", this.#onAbort);
    this.#timer?.cancel();
  }
}

function render(event: WatchEvent, format: EventFormat): string {
  if (format === "ndjson") return JSON.stringify(event) + "\n";
  const id = event.id === undefined ? "" : `id: ${oneLine(event.id)}\n`;
  return `event: ${oneLine(event.event)}\n${id}data: ${JSON.stringify(event.data)}\n\n`;
}

function keepAlive(format: EventFormat): string {
  return format === "sse" ? ": keep-alive\n\n" : "\n";
}

function oneLine(text: string): string {
  return text.replace(/[\r\n\0]/g, " ");
}
