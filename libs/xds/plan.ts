// SPDX-License-Identifier: Apache-2.0
/**
 * Decides what the next response of a type holds: compares what the client is to have with what it
 * has, name by name, and holds back what has to follow something else.
 * @module
 */
import { StatusCode } from "@denvoy/base";
import { dueHeartbeats } from "./heartbeat.ts";
import { mayWait, NO_END, Ordering } from "./ordering.ts";
import type { Resource } from "./resource.ts";
import type { DirtyReason, ResourceError, StreamState, TypeState } from "./stream_state.ts";
import { globPrefix } from "./subscription.ts";
import { resolve } from "./target.ts";

/** The content of a response. */
export interface Plan {
  /** New and changed resources, and those that were asked for. */
  readonly resources: readonly Resource[];
  /** Names of resources that are gone. */
  readonly removed: readonly string[];
  /** Names of virtual hosts that do not exist. */
  readonly emptyAliases: readonly string[];
  /** Names that cannot be served, and why. */
  readonly errors: readonly ResourceError[];
  /** Resources whose TTL is renewed. */
  readonly heartbeats: readonly Resource[];
  /** `resources` is the list of the view itself, which many streams share. */
  readonly isWholeList: boolean;
}

class Draft implements Plan {
  readonly resources: Resource[] = [];
  readonly removed: string[] = [];
  readonly emptyAliases: string[] = [];
  readonly errors: ResourceError[] = [];
  heartbeats: readonly Resource[] = [];
  readonly isWholeList = false;
  /** Told even if nothing else is in it: in SotW a full set answers each new name. */
  answers = false;
  /** Names that wait. */
  held = 0;
  /** Those of them that are new or changed. */
  heldAdditions = 0;
}

interface Pass {
  readonly stream: StreamState;
  readonly type: TypeState;
  readonly nowMs: number;
  readonly ordering: Ordering;
  readonly draft: Draft;
}

/**
 * Returns what to send of a type now, or `undefined` if there is nothing, or nothing that may go
 * already. What the plan covers is no longer dirty.
 */
export function planResponse(
  stream: StreamState,
  type: TypeState,
  nowMs: number,
): Plan | undefined {
  const probe = nextProbe(stream, type);
  if (probe !== undefined) return probe;
  if (type.everything && canSendWholeList(type)) return wholeList(stream, type);
  if (type.everything) markEverything(stream, type);
  const draft = new Draft();
  const pass = { stream, type, nowMs, ordering: new Ordering(stream), draft };
  const left = decideNames(pass);
  // The first answer to a wildcard is what a client starts to serve with: it is sent complete.
  if (type.owed && draft.heldAdditions > 0) return undefined;
  settleDirty(type, draft);
  for (const [name, reason] of left) type.dirty.set(name, reason);
  addHeartbeats(type, draft, nowMs);
  return isWorthSending(type, draft) ? draft : undefined;
}

/** Decides on what is dirty; returns what is left for the next response. */
function decideNames(pass: Pass): Iterable<readonly [string, DirtyReason]> {
  const { stream, type, draft } = pass;
  if (!type.policy.alone) {
    for (const [name, reason] of type.dirty) decideOne(pass, name, reason);
    return [];
  }
  const left: (readonly [string, DirtyReason])[] = [];
  for (const [name, reason] of type.dirty) {
    const isFull = draft.resources.length > 0;
    if (isFull && typeof resolve(stream, type, name) === "object") left.push([name, reason]);
    else decideOne(pass, name, reason);
  }
  return left;
}

function decideOne(pass: Pass, name: string, reason: DirtyReason): void {
  const heldBefore = pass.draft.held;
  decide(pass, name, reason);
  if (pass.draft.held === heldBefore) pass.type.held?.delete(name);
}

/** Takes the next group of suspects that is still what the client is to have. */
function nextProbe(stream: StreamState, type: TypeState): Plan | undefined {
  while (type.suspects.length > 0) {
    const [group = [], ...rest] = type.suspects;
    type.suspects = rest;
    const resources = group.filter(({ name, version }) => {
      const target = type.subscription.wants(name) ? resolve(stream, type, name) : undefined;
      return typeof target === "object" && target.version === version;
    });
    if (resources.length > 0) return Object.assign(new Draft(), { resources });
  }
  return undefined;
}

function canSendWholeList(type: TypeState): boolean {
  return type.subscription.isPureWildcard && type.known.size === 0 && type.dirty.size === 0 &&
    type.parked === undefined && !mayWait(type.typeUrl) && !type.policy.alone;
}

function wholeList(stream: StreamState, type: TypeState): Plan | undefined {
  const resources = stream.verdicts.served(type.typeUrl, stream.view.list(type.typeUrl));
  type.everything = false;
  if (resources.length === 0 && !type.owed) return undefined;
  type.owed = false;
  return { ...new Draft(), resources, isWholeList: true };
}

/** Spells out "everything" as names: all that the client may want and all that it has. */
function markEverything(stream: StreamState, type: TypeState): void {
  type.everything = false;
  const { subscription, typeUrl } = type;
  if (subscription.wildcard) {
    for (const { name } of stream.view.list(typeUrl)) type.mark(name, "changed");
  }
  for (const prefix of subscription.prefixes) {
    for (const { name } of stream.view.withPrefix(typeUrl, prefix)) type.mark(name, "changed");
  }
  for (const name of subscription.names) type.mark(name, "changed");
  for (const { name } of type.known.values()) type.mark(name, "changed");
}

function decide(pass: Pass, name: string, reason: DirtyReason): void {
  const { stream, type } = pass;
  const target = resolve(stream, type, name);
  if (!type.subscription.wants(name)) return release(pass, name, target === undefined);
  if (target === undefined) return decideMissing(pass, name, reason);
  type.told?.delete(name);
  if (target === "keep") return reason === "asked" ? takeBack(pass, name) : undefined;
  if (reason !== "asked" && type.known.get(name)?.version === target.version) return;
  if (pass.ordering.additionWaits(type, { resource: target, reason })) {
    if (!waitedEnough(pass, name)) {
      pass.draft.heldAdditions++;
      return;
    }
    pass.ordering.giveUp(target);
  }
  pass.draft.resources.push(target);
}

/**
 * What a client rejected and surely has no accepted version of is told to be absent, where it has to
 * be told.
 */
function takeBack({ stream, type, draft }: Pass, name: string): void {
  if (!type.policy.restores || type.known.has(name)) return;
  if (stream.mode === "delta") draft.removed.push(name);
  else if (!type.resumed || type.acceptedAtMs !== undefined) draft.answers = true;
}

/** A client may still have what it no longer asks for: it is told only if that is gone. */
function release({ stream, type, draft }: Pass, name: string, isGone: boolean): void {
  const isTold = stream.mode === "delta" && type.policy.removable && type.known.has(name);
  if (isGone && isTold) draft.removed.push(name);
  else type.forget(name);
}

function decideMissing(pass: Pass, name: string, reason: DirtyReason): void {
  const { type, draft } = pass;
  const isKnown = type.known.has(name);
  if (isKnown && removalIsHeld(pass, name)) return;
  // A client may still use one of an earlier stream, when it rejected what it got on this one.
  if (reason === "asked" || type.parked?.has(name)) draft.answers = pass.stream.mode === "sotw";
  const isNamed = type.subscription.lists(name);
  if (!isKnown && reason === "changed" && (!isNamed || type.told?.has(name))) return;
  if (isNamed && isCollection(pass, name)) return;
  if (isNamed) (type.told ??= new Set()).add(name);
  if (isNamed && pass.stream.tuning.resourceErrors) draft.errors.push(whyMissing(pass, name));
  if (pass.stream.mode === "sotw") dropFromSet(pass, name);
  else if (isKnown) type.policy.removable ? draft.removed.push(name) : type.known.delete(name);
  else if (type.policy.missing === "removed-resources") draft.removed.push(name);
  else if (type.policy.missing === "empty-alias") draft.emptyAliases.push(name);
}

/** SotW deletes by leaving out of a full set; of other types it knows no deletion at all. */
function dropFromSet({ type, draft }: Pass, name: string): void {
  if (!type.policy.fullState) type.known.delete(name);
  else if (type.known.has(name)) draft.removed.push(name);
}

function removalIsHeld(pass: Pass, name: string): boolean {
  const waits = pass.ordering.removalWaits(pass.type, name);
  if (waits === undefined) return false;
  if (waits === "replacement") return !waitedEnough(pass, name);
  hold(pass, name, NO_END);
  return true;
}

/** Starts or continues a wait; tells whether it has lasted as long as it may. */
function waitedEnough(pass: Pass, name: string): boolean {
  const since = pass.type.held?.get(name) ?? NO_END;
  if (pass.nowMs - since >= pass.stream.tuning.maxWaitMs) return true;
  hold(pass, name, since === NO_END ? pass.nowMs : since);
  return false;
}

function hold({ type, draft }: Pass, name: string, sinceMs: number): void {
  draft.held++;
  (type.held ??= new Map()).set(name, sinceMs);
}

/** Tells whether a name is a glob collection that has members: only an empty one is missing. */
function isCollection({ stream, type }: Pass, name: string): boolean {
  const prefix = globPrefix(name);
  if (prefix === undefined) return false;
  const [first] = stream.view.withPrefix(type.typeUrl, prefix);
  return first !== undefined;
}

function whyMissing({ stream, type }: Pass, name: string): ResourceError {
  const refusal = stream.view.refusal?.(type.typeUrl, name) ??
    { code: StatusCode.NOT_FOUND, message: "resource does not exist" };
  return { name, code: refusal.code, message: refusal.message };
}

/** What is held stays dirty; everything else was decided. */
function settleDirty(type: TypeState, draft: Draft): void {
  if (draft.held === 0) type.dirty.clear();
  else for (const name of type.dirty.keys()) if (!type.held?.has(name)) type.dirty.delete(name);
}

function addHeartbeats(type: TypeState, draft: Draft, nowMs: number): void {
  const due = dueHeartbeats(type, nowMs);
  if (due.length === 0) return;
  const present = new Set([...draft.resources.map(({ name }) => name), ...draft.removed]);
  const renewed = due.filter(({ name }) => !present.has(name));
  if (type.policy.heartbeat) draft.heartbeats = renewed;
  else draft.resources.push(...renewed);
}

function isWorthSending(type: TypeState, draft: Draft): boolean {
  if (type.owed) {
    type.owed = false;
    return true;
  }
  return draft.resources.length > 0 || draft.removed.length > 0 || draft.errors.length > 0 ||
    draft.emptyAliases.length > 0 || draft.heartbeats.length > 0 ||
    draft.answers && type.policy.fullState;
}
