// SPDX-License-Identifier: Apache-2.0
/**
 * One stream of a hub: feeds events to the state machine and carries out its effects, except for the
 * response, which goes to whoever pulls.
 * @module
 */
import type { Bytes, Clock, StatusError, Timer } from "@denvoy/base";
import type {
  DeltaDiscoveryRequest,
  DiscoveryNode,
  DiscoveryRequest,
} from "./discovery_request.ts";
import type { TypeUrl } from "./resource.ts";
import { createStream, step } from "./stream.ts";
import type {
  AcceptedEffect,
  RejectedEffect,
  RespondEffect,
  StreamEffect,
} from "./stream_events.ts";
import type { StreamOptions } from "./stream_options.ts";
import type { StreamState } from "./stream_state.ts";
import { snapshotStream, type StreamSnapshot } from "./stream_snapshot.ts";
import { WILDCARD } from "./subscription.ts";
import type { ResourceView } from "./view.ts";

/** What a stream needs of its hub. */
export interface StreamOwner {
  /** Where time and timers come from. */
  readonly clock: Clock;
  /** Changes of these names concern the stream. */
  watch(stream: HubStream, typeUrl: TypeUrl, names: readonly string[]): void;
  /** Changes of these names do not concern it any more. */
  unwatch(stream: HubStream, typeUrl: TypeUrl, names: readonly string[]): void;
  /** A response is on its way. */
  sent(stream: HubStream, response: RespondEffect): void;
  /** The node accepted resources. */
  accepted(stream: HubStream, accepted: AcceptedEffect): void;
  /** The node rejected a response. */
  rejected(stream: HubStream, rejected: RejectedEffect): void;
  /** The stream ended. */
  closed(stream: HubStream): void;
}

/** Names of one type that a stream watches. */
export interface Watch {
  /** The type. */
  readonly typeUrl: TypeUrl;
  /** Names, globs and the wildcard. */
  readonly names: readonly string[];
}

/** A stream as its transport and the hub see it. */
export class HubStream {
  /** Number of the stream within its hub, from 1. */
  readonly id: number;
  /** The state machine; read-only for others. */
  readonly state: StreamState;
  readonly #owner: StreamOwner;
  #timer: Timer | undefined;
  #error: StatusError | undefined;
  #onWake: (() => void) | undefined;
  #isEnding = false;

  /** Made by `Hub.open`. */
  constructor(owner: StreamOwner, options: StreamOptions & { readonly id: number }) {
    this.#owner = owner;
    this.id = options.id;
    this.state = createStream(options);
  }

  /** The node of the first request. */
  get node(): DiscoveryNode | undefined {
    return this.state.node;
  }

  /** What the node sees. */
  get view(): ResourceView {
    return this.state.view;
  }

  /** Why the stream has to end, if it has to. */
  get error(): StatusError | undefined {
    return this.#error;
  }

  /** Whether the call is to be ended, in good order, once nothing is left to pull. */
  get isEnding(): boolean {
    return this.#isEnding;
  }

  /** Asks whoever pulls to end the call once nothing is left to pull. */
  end(): void {
    this.#isEnding = true;
    this.wake();
  }

  /** Takes a request of the client. Pull afterwards. */
  request(request: DiscoveryRequest | DeltaDiscoveryRequest): void {
    const nowMs = this.#owner.clock.monotonicMs();
    for (const effect of step(this.state, { kind: "request", request, nowMs })) {
      this.#carryOut(effect);
    }
  }

  /** Ends the call with a status at once, e.g. as its node lost the right to it. */
  fail(error: StatusError): void {
    this.#error ??= error;
    this.wake();
  }

  /**
   * Returns the next response, for a transport that takes one now, or `undefined` if there is none;
   * then pull again after `onWake`.
   */
  pull(): Bytes | undefined {
    const nowMs = this.#owner.clock.monotonicMs();
    let bytes: Bytes | undefined;
    for (const effect of step(this.state, { kind: "writable", nowMs })) {
      if (effect.kind === "respond") bytes = effect.bytes;
      this.#carryOut(effect);
    }
    return bytes;
  }

  /** Sets what is called when `pull` may have something again; it must not pull within the call. */
  onWake(callback: () => void): void {
    this.#onWake = callback;
  }

  /** Calls what `onWake` set. */
  wake(): void {
    this.#onWake?.();
  }

  /** Returns what the node asked for, has, was sent and rejected. */
  snapshot(): StreamSnapshot {
    return snapshotStream(this.state);
  }

  /** Returns all that is watched. */
  watches(): readonly Watch[] {
    return this.state.types.map(({ typeUrl, subscription }) => ({
      typeUrl,
      names: subscription.wildcard ? [...subscription.names, WILDCARD] : [...subscription.names],
    }));
  }

  /** Ends the stream; nothing is sent or remembered any more. Closing twice does nothing. */
  close(): void {
    this.state.closed = true;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#onWake = undefined;
    this.#owner.closed(this);
  }

  #carryOut(effect: StreamEffect): void {
    switch (effect.kind) {
      case "respond":
        return this.#owner.sent(this, effect);
      case "watch":
        return this.#owner.watch(this, effect.typeUrl, effect.names);
      case "unwatch":
        return this.#owner.unwatch(this, effect.typeUrl, effect.names);
      case "accepted":
        return this.#owner.accepted(this, effect);
      case "rejected":
        return this.#owner.rejected(this, effect);
      case "wakeAt":
        return this.#wakeAt(effect.atMs);
      case "close":
        this.#error = effect.error;
    }
  }

  #wakeAt(atMs: number): void {
    const { clock } = this.#owner;
    this.#timer?.cancel();
    this.#timer = clock.after(Math.max(0, atMs - clock.monotonicMs()), () => {
      step(this.state, { kind: "tick", nowMs: clock.monotonicMs() });
      this.wake();
    });
  }
}
