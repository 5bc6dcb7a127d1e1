// SPDX-License-Identifier: Apache-2.0
/**
 * Moves bytes between a transport and a connection: one read at a time, all that is ready in one
 * write, and no reading while the peer does not take what is written.
 * @module
 */
import type { Logger, StatusError } from "@denvoy/base";
import { CallAcceptor } from "./call_acceptor.ts";
import type { Routes } from "./call_head.ts";
import { Connection } from "./connection.ts";
import { type ErrorCode, ErrorCode as Code } from "./error_code.ts";
import { Lifetime, type LifetimeLimits } from "./lifetime.ts";
import type { ConnectionLimits } from "./limits.ts";
import { type CallSurroundings, ServerCall } from "./server_call.ts";
import type { Transport } from "./transport.ts";

/** Output beyond this stops reading until the peer has taken some. */
const BACKED_UP_BYTES = 131_072;

/** How long a peer may take to read why its connection ended. */
const LINGER_MS = 500;

/** What a driver is made of. */
export interface DriverOptions {
  /** The bytes. */
  readonly transport: Transport;
  /** What answers. */
  readonly routes: Routes;
  /** What all calls share. */
  readonly surroundings: CallSurroundings;
  /** Bounds on the protocol. */
  readonly limits: ConnectionLimits;
  /** Bounds on time. */
  readonly lifetime: LifetimeLimits;
  /** Where faults are logged. */
  readonly logger: Logger;
}

/** See the module. */
export class ConnectionDriver {
  readonly #options: DriverOptions;
  readonly #connection: Connection;
  readonly #acceptor: CallAcceptor;
  readonly #lifetime: Lifetime;
  #writing = false;
  #busy = false;
  #flushAsked = false;
  #closed = false;
  #resume: (() => void) | undefined = undefined;
  #linger: ReturnType<typeof setTimeout> | undefined = undefined;

  /** Nothing happens before `run`. */
  constructor(options: DriverOptions) {
    const nowMs = performance.now();
    this.#options = options;
    this.#acceptor = new CallAcceptor(options.routes, options.surroundings);
    this.#lifetime = new Lifetime(options.lifetime, nowMs);
    this.#connection = new Connection({
      acceptor: this.#acceptor,
      limits: options.limits,
      wake: () => this.#wake(),
      nowMs,
    });
  }

  /** Serves until the connection is closed; never rejects. Returns why it ended. */
  async run(): Promise<NonNullable<Connection["end"]>> {
    this.#flush();
    try {
      await this.#readAll();
      this.#connection.lost("closed by peer");
    } catch (error) {
      this.#options.logger.debug("connection failed", { error });
      this.#connection.lost("connection lost");
    }
    this.#closed = true;
    clearTimeout(this.#linger);
    this.#options.transport.close();
    return this.#connection.end ?? { code: Code.NO_ERROR, reason: "closed" };
  }

  /** Looks after limits of time, and frees the buffers of who is silent; called now and then. */
  tick(nowMs: number): void {
    const connection = this.#connection;
    if (!this.#busy && !this.#writing) connection.output.release();
    this.#busy = false;
    const action = this.#lifetime.check(nowMs, connection);
    switch (action.kind) {
      case "none":
        return;
      case "ping":
        return connection.ping();
      case "drain":
        return connection.drain();
      case "finish-drain":
        return connection.finishDrain();
      case "end":
        return connection.fail(action.code, action.reason);
      case "cut":
        connection.lost(action.reason);
        return this.#options.transport.close();
    }
  }

  /** Stops new streams and lets those under way end. */
  drain(): void {
    this.#lifetime.drainStarted(performance.now());
    this.#connection.drain();
  }

  /** Ends the calls that are still under way with `status`, and then the connection, for `reason`. */
  abortCalls(status: StatusError, reason = "server is shutting down"): void {
    for (const consumer of this.#connection.consumers()) {
      if (consumer instanceof ServerCall) consumer.abort(status);
    }
    this.#connection.finishDrain();
    this.fail(Code.NO_ERROR, reason);
  }

  /** Ends the connection, telling the peer why. */
  fail(code: ErrorCode, reason: string): void {
    this.#connection.fail(code, reason);
  }

  /** Lets go of the connection at once. */
  cut(): void {
    this.#connection.lost("cut");
    this.#options.transport.close();
  }

  async #readAll(): Promise<void> {
    for (;;) {
      if (this.#connection.output.length > BACKED_UP_BYTES) await this.#whenTaken();
      const chunk = await this.#options.transport.read();
      if (chunk === undefined) return;
      if (this.#connection.end === undefined) this.#receive(chunk);
    }
  }

  #receive(chunk: Uint8Array): void {
    const nowMs = performance.now();
    this.#lifetime.received(nowMs);
    try {
      this.#connection.receive(chunk, nowMs);
      this.#acceptor.endRead();
    } catch (error) {
      // No input leads here: it would be a fault of ours, and must not reach other connections.
      this.#options.logger.error("connection state machine failed", { error });
      this.#connection.fail(Code.INTERNAL_ERROR, "internal error");
    }
    this.#flush();
  }

  /** Output came up outside of a read: lets what else is ready join it. */
  #wake(): void {
    if (this.#flushAsked || this.#writing) return;
    this.#flushAsked = true;
    queueMicrotask(() => {
      this.#flushAsked = false;
      this.#flush();
    });
  }

  #flush(): void {
    if (this.#writing) return;
    const { output } = this.#connection;
    this.#connection.flushed();
    if (output.length === 0) return this.#afterWrites();
    this.#write(output.take());
  }

  async #write(octets: Uint8Array): Promise<void> {
    this.#writing = true;
    this.#busy = true;
    this.#connection.setWriting(true);
    this.#lifetime.writeStarted(performance.now());
    try {
      await this.#options.transport.write(octets);
      this.#connection.output.giveBack(octets);
    } catch {
      this.#connection.lost("connection lost");
      this.#options.transport.close();
    }
    this.#writing = false;
    this.#lifetime.writeEnded();
    this.#connection.setWriting(false);
    this.#resume?.();
    this.#flush();
  }

  #whenTaken(): Promise<void> {
    return new Promise((resolve) => {
      this.#resume = () => {
        this.#resume = undefined;
        resolve();
      };
    });
  }

  /** All is written: if that was the last of it, the peer gets a moment to read it. */
  #afterWrites(): void {
    if (this.#connection.end === undefined || this.#linger !== undefined || this.#closed) return;
    this.#linger = setTimeout(() => this.#options.transport.close(), LINGER_MS);
    this.#options.transport.closeWrite();
  }
}
