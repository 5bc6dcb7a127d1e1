// SPDX-License-Identifier: Apache-2.0
/**
 * What an operator may decide about the CA, and which values make no sense.
 * @module
 */
import type { Problem } from "@denvoy/base";
import type { KeyType } from "../certificate_facts.ts";
import { trustDomainProblem } from "../spiffe_id.ts";

/** Settings of the CA. */
export interface CaSettings {
  /** Trust domain of its SVIDs. */
  readonly trustDomain: string;
  /** Kind of key of roots and intermediates. */
  readonly keyType: KeyType;
  /** Life of a root. */
  readonly rootLifetimeMs: number;
  /** Life of an intermediate; it is replaced at half of it. */
  readonly signerLifetimeMs: number;
  /** Life of a leaf when the request names none. */
  readonly leafLifetimeMs: number;
  /** The longest life of a leaf that may be asked for. */
  readonly maxLeafLifetimeMs: number;
  /** How long a new root is trusted at least before it signs: every Envoy must have heard of it. */
  readonly overlapMs: number;
  /**
   * How long after an authority has stopped signing a leaf may end that was issued under it, by a replica
   * that could not write it down. @default 0, as each is written down before it is handed out
   */
  readonly unwrittenMs?: number;
  /** Whether an outside CA is configured; set by {@linkcode BuiltInCa.open}. @default false */
  readonly outside?: boolean;
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** The settings of a CA that nobody configured. */
export const defaultCaSettings: CaSettings = {
  trustDomain: "denvoy.local",
  keyType: "ec-p256",
  rootLifetimeMs: 365 * DAY_MS,
  signerLifetimeMs: 30 * DAY_MS,
  leafLifetimeMs: DAY_MS,
  maxLeafLifetimeMs: 7 * DAY_MS,
  overlapMs: HOUR_MS,
};

/** Certificates begin this long before they are made, for Envoys whose clock is behind. */
export const backdatingMs = 60_000;

/** Returns what is wrong with the settings. */
export function checkCaSettings(settings: CaSettings): readonly Problem[] {
  const problems: Problem[] = [];
  const refuse = (path: string, rule: string) =>
    problems.push({ severity: "error", path, message: `cannot run CA as ${rule}` });
  const domain = trustDomainProblem(settings.trustDomain);
  if (domain !== undefined) {
    refuse("trust_domain", `${domain}: current value is "${settings.trustDomain}"`);
  }
  for (const [path, long, short] of lifetimes(settings)) {
    if (short > 0 && long >= short) continue;
    refuse(path, `it must be positive and at most the life of its issuer: is ${short} ms`);
  }
  return problems;
}

function lifetimes(settings: CaSettings): readonly (readonly [string, number, number])[] {
  return [
    ["root_lifetime", Infinity, settings.rootLifetimeMs],
    ["signer_lifetime", settings.rootLifetimeMs, settings.signerLifetimeMs],
    ["max_leaf_lifetime", settings.signerLifetimeMs, settings.maxLeafLifetimeMs],
    ["leaf_lifetime", settings.maxLeafLifetimeMs, settings.leafLifetimeMs],
    ["overlap", settings.rootLifetimeMs / 4, settings.overlapMs],
  ];
}
