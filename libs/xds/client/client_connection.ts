// SPDX-License-Identifier: Apache-2.0
/**
 * Which server is spoken to when, and in which variant: servers in turn, waits that grow while none
 * of them answers, SotW where a server has only that.
 * @module
 */
import { StatusCode } from "@denvoy/base";
import type { ClientEffect, ClientEvent } from "./client_events.ts";
import { backoffMs } from "./client_options.ts";
import type { ClientState } from "./client_state.ts";

type Disconnected = Extract<ClientEvent, { kind: "disconnected" }>;

/** Begins an attempt. */
export function connect(state: ClientState, nowMs: number): readonly ClientEffect[] {
  state.retryAtMs = Infinity;
  state.enter("connecting", nowMs);
  return [{ kind: "connect", server: state.server, mode: state.mode }];
}

/** Takes a stream that accepts requests: each type is asked for anew. */
export function open(state: ClientState): void {
  state.stream++;
  state.isOpen = true;
  state.hasSaidNode = false;
  state.responses = 0;
  for (const type of state.types.values()) type.leaveStream();
}

/** Takes a response as proof that the server works. */
export function hear(state: ClientState, nowMs: number): void {
  state.enter("connected", nowMs);
  state.responses++;
  state.failures = 0;
  state.hasFlipped = false;
}

/**
 * Decides when to try which server next. A stream that had responses is looked for again where it
 * was; a server that did not answer is passed over, at once while there are others that have not
 * been tried since.
 */
export function disconnect(state: ClientState, event: Disconnected): readonly ClientEffect[] {
  const { code, message, nowMs } = event;
  for (const type of state.types.values()) type.leaveStream();
  const hadResponses = state.isOpen && state.responses > 0;
  state.isOpen = false;
  state.failure = { code, message, atMs: nowMs };
  if (flipsMode(state, code)) return connect(state, nowMs);
  if (!hadResponses) passOn(state);
  const isOtherLeft = state.failures % state.servers !== 0;
  state.enter("waiting", nowMs);
  state.retryAtMs = isOtherLeft ? nowMs : nowMs + waitMs(state, event.random);
  return isOtherLeft ? connect(state, nowMs) : [];
}

function passOn(state: ClientState): void {
  state.failures++;
  state.server = (state.server + 1) % state.servers;
  state.hasFlipped = false;
}

function waitMs({ tuning, failures, servers }: ClientState, random: number): number {
  const rounds = Math.max(0, failures / servers - 1);
  return backoffMs(tuning.backoff, { failures: rounds, random });
}

/** A server that does not know the RPC is tried with the other variant, once. */
function flipsMode(state: ClientState, code: number): boolean {
  if (code !== StatusCode.UNIMPLEMENTED || state.tuning.mode !== "auto") return false;
  if (state.hasFlipped) return false;
  state.hasFlipped = true;
  state.modes[state.server] = state.mode === "delta" ? "sotw" : "delta";
  return true;
}
