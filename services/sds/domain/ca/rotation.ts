// SPDX-License-Identifier: Apache-2.0
/**
 * When the next step of a root rotation is due. A rotation has three steps, and during all of it every
 * certificate in use is trusted by everyone:
 *
 * 1. prepare: the next root enters the bundle and signs nothing yet;
 * 2. activate: it signs; the root before it stays in the bundle;
 * 3. retire: the root before it leaves the bundle, once its last leaf has ended.
 * @module
 */
import type { AuthorityState } from "../certificate_authority.ts";
import type { CaSettings } from "./ca_settings.ts";

/** What the rules look at in an authority. */
export interface RotationView {
  /** Its identifier. */
  readonly id: string;
  /** Where it stands. */
  readonly state: AuthorityState;
  /** Whether its root's key is elsewhere: then only its owner can replace it. */
  readonly outside: boolean;
  /** When it entered the bundle. */
  readonly preparedAtMs: number;
  /** End of the root. */
  readonly rootNotAfterMs: number;
  /** Start of the certificate that signs leaves. */
  readonly signerNotBeforeMs: number;
  /** End of it. */
  readonly signerNotAfterMs: number;
  /** The latest end of a leaf that was issued under it; 0 without any. */
  readonly lastLeafNotAfterMs: number;
}

/** What is due. */
export type RotationStep =
  | { readonly kind: "prepare" }
  | { readonly kind: "activate"; readonly id: string }
  | { readonly kind: "retire"; readonly id: string }
  | { readonly kind: "renew-signer"; readonly id: string };

const DAY_MS = 86_400_000;
/** A root is followed by the next one at half of its life, but not earlier than this before its end. */
const MAX_PREPARE_MS = 30 * DAY_MS;
/** It stops signing at a sixth of its life, but not earlier than this before its end. */
const MAX_ACTIVATE_MS = 7 * DAY_MS;

/** Returns the step that is due, the most urgent first; undefined when none is. */
export function dueRotationStep(
  authorities: readonly RotationView[],
  { nowMs, settings }: { readonly nowMs: number; readonly settings: CaSettings },
): RotationStep | undefined {
  const active = authorities.find((authority) => authority.state === "active");
  const prepared = authorities.find((authority) => authority.state === "prepared");
  if (active === undefined) return undefined;
  if (prepared !== undefined && isUnwanted(prepared, settings)) {
    return { kind: "retire", id: prepared.id };
  }
  if (prepared !== undefined && mayFollow(prepared, { active, nowMs, settings })) {
    return { kind: "activate", id: prepared.id };
  }
  if (prepared === undefined && needsSuccessor(active, { nowMs, settings })) {
    return { kind: "prepare" };
  }
  const done = authorities.find((authority) =>
    authority.state === "retiring" && nowMs >= retirementMs(authority)
  );
  if (done !== undefined) return { kind: "retire", id: done.id };
  return signerIsOld(active, { nowMs, settings })
    ? { kind: "renew-signer", id: active.id }
    : undefined;
}

/** Returns how long before a root's end the next one is prepared. */
export function prepareWindowMs({ rootLifetimeMs }: CaSettings): number {
  return Math.min(rootLifetimeMs / 2, MAX_PREPARE_MS);
}

/** Returns how long before a root's end the next one begins to sign. */
export function activateWindowMs({ rootLifetimeMs }: CaSettings): number {
  return Math.min(rootLifetimeMs / 6, MAX_ACTIVATE_MS);
}

/** Returns when an authority that signs no more may leave the bundle. */
export function retirementMs(authority: RotationView): number {
  return Math.min(authority.rootNotAfterMs, authority.lastLeafNotAfterMs);
}

interface Succession {
  readonly active: RotationView;
  readonly nowMs: number;
  readonly settings: CaSettings;
}

/** What came from outside and never signed is of no use once nothing from outside is configured. */
function isUnwanted(authority: RotationView, settings: CaSettings): boolean {
  return authority.outside && settings.outside !== true;
}

/** The owner of an outside CA replaces it, by other files; or it is left for a root of our own. */
function needsSuccessor(
  active: RotationView,
  { nowMs, settings }: { readonly nowMs: number; readonly settings: CaSettings },
): boolean {
  if (active.outside || settings.outside === true) return isUnwanted(active, settings);
  return active.rootNotAfterMs - nowMs <= prepareWindowMs(settings);
}

/** A root that has ended is worth nothing: its successor does not wait for the overlap. */
function mayFollow(prepared: RotationView, { active, nowMs, settings }: Succession): boolean {
  const leftMs = active.rootNotAfterMs - nowMs;
  if (leftMs <= 0) return true;
  const known = nowMs - prepared.preparedAtMs >= settings.overlapMs;
  const wanted = prepared.outside || active.outside || leftMs <= activateWindowMs(settings);
  return known && wanted;
}

/**
 * Tells whether who signs leaves is to be replaced: in the second half of its life, unless it ends with
 * its root, as a new one would too.
 */
export function signerIsOld(
  active: RotationView,
  { nowMs, settings }: { readonly nowMs: number; readonly settings: CaSettings },
): boolean {
  if (active.outside) return false;
  const life = active.signerNotAfterMs - active.signerNotBeforeMs;
  const old = nowMs >= active.signerNotBeforeMs + life / 2;
  const next = Math.min(nowMs + settings.signerLifetimeMs, active.rootNotAfterMs);
  return old && next - active.signerNotAfterMs > settings.signerLifetimeMs / 10;
}
