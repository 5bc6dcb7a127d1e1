// SPDX-License-Identifier: Apache-2.0
/**
 * What a change of a subscription means for what has to be looked at and watched; the same in SotW
 * and Delta.
 * @module
 */
import { StatusCode, StatusError } from "@denvoy/base";
import type { StreamEffect } from "./stream_events.ts";
import type { StreamState, TypeState } from "./stream_state.ts";
import { globPrefix, type SubscriptionChange, WILDCARD } from "./subscription.ts";

/** Carries out a change of a subscription; the effects keep the index of watches up to date. */
export function applyChange(
  stream: StreamState,
  type: TypeState,
  change: SubscriptionChange,
): readonly StreamEffect[] {
  for (const name of change.asked) ask(stream, type, name);
  if (change.wildcardStarted) type.everything = type.owed = true;
  if (change.dropped.length > 0 || change.wildcardEnded) narrow(stream, type, change);
  if (type.subscription.isEmpty) goQuiet(type);
  const effects: StreamEffect[] = [];
  const watched = change.wildcardStarted ? [...change.asked, WILDCARD] : change.asked;
  const unwatched = change.wildcardEnded ? [...change.dropped, WILDCARD] : change.dropped;
  if (watched.length > 0) effects.push({ kind: "watch", typeUrl: type.typeUrl, names: watched });
  if (unwatched.length > 0) {
    effects.push({ kind: "unwatch", typeUrl: type.typeUrl, names: unwatched });
  }
  return effects;
}

/** Returns what is wrong with the amount that a client asks for. */
export function overLimit(stream: StreamState): StatusError | undefined {
  const { maxNames, maxNameCharacters, maxTypes } = stream.tuning.limits;
  let names = 0;
  let characters = 0;
  for (const { subscription } of stream.types) {
    names += subscription.names.size;
    characters += subscription.characters;
  }
  if (stream.types.length > maxTypes) {
    return exhausted(`types on one stream must be <= ${maxTypes}: ${stream.types.length}`);
  }
  if (names > maxNames) return exhausted(`names on one stream must be <= ${maxNames}: ${names}`);
  if (characters <= maxNameCharacters) return undefined;
  return exhausted(`characters in names must be <= ${maxNameCharacters}: ${characters}`);
}

/** The type's names as a client lists them, without watching: also marks members of collections. */
function ask(stream: StreamState, type: TypeState, name: string): void {
  type.told?.delete(name);
  type.mark(name, "asked");
  const prefix = globPrefix(name);
  if (prefix === undefined) return;
  for (const member of stream.view.withPrefix(type.typeUrl, prefix)) {
    type.mark(member.name, "asked");
  }
}

function narrow(stream: StreamState, type: TypeState, change: SubscriptionChange): void {
  if (type.inFlight !== undefined) type.inFlight.narrowed = true;
  for (const name of change.dropped) drop(stream, type, name);
  const isBroad = change.wildcardEnded ||
    change.dropped.some((name) => globPrefix(name) !== undefined);
  if (!isBroad) return;
  const lost = [...type.known.values()].filter(({ name }) => !type.subscription.wants(name));
  for (const { name } of lost) type.forget(name);
}

/**
 * A name that a wildcard still covers is answered in Delta: the client cannot know whether it is
 * part of the wildcard (xds_protocol "Unsubscribing from Resources").
 */
function drop(stream: StreamState, type: TypeState, name: string): void {
  if (!type.subscription.wants(name)) type.forget(name);
  else if (stream.mode === "delta") type.mark(name, "asked");
}

/**
 * A client ignores, and does not acknowledge, responses of a type that it no longer watches: nothing
 * may wait for that.
 */
function goQuiet(type: TypeState): void {
  type.inFlight = undefined;
  type.dirty.clear();
  type.held = undefined;
  type.suspects = [];
  type.everything = type.owed = false;
}

function exhausted(message: string): StatusError {
  return new StatusError(StatusCode.RESOURCE_EXHAUSTED, `cannot subscribe as ${message}`);
}
