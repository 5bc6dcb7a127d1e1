// SPDX-License-Identifier: Apache-2.0
/**
 * The query parameters and headers that every change takes: dry run, rollout, expected version.
 * @module
 */
import {
  type ApiRequest,
  invalid,
  type QueryParameters,
  type QueryValues,
  whoOf,
} from "@denvoy/runtime";
import type { SlotEdit } from "../domain/catalog.ts";
import type { ChangeOutcome, Expectation } from "../domain/configuration_writer.ts";
import { defaultRolloutRules, type RolloutRules } from "../domain/rollout.ts";
import type { RolloutOutcome } from "../domain/rollout_control.ts";
import type { SlotRef } from "../domain/slot.ts";
import { type ApiParts, selectorOf } from "./api_parts.ts";

/** Query parameters of every change. */
export const changeQuery = {
  dryRun: { type: "boolean", doc: "Changes nothing; answers what would change, with differences." },
  summary: { type: "string", doc: "One line for the history." },
  dangling: {
    type: "string",
    words: ["strict", "refuse", "warn"],
    doc: "What broken references do, in place of the server's setting: `strict` refuses each, " +
      "`refuse` lets a cluster come before its endpoints, `warn` lets all pass.",
  },
  rollout: {
    type: "string",
    doc:
      "Nodes that get the change first, e.g. `id=edge-1` or `cluster=front,metadata.stage=test`.",
  },
  minAcks: {
    type: "string",
    doc: "Nodes that must accept before the others get it: a number, or `all` (the default).",
  },
  soak: { type: "duration", doc: "How long only those nodes have it at least, e.g. `5s`." },
  timeout: { type: "duration", doc: "When it is decided without enough ACKs, e.g. `5m`." },
  onTimeout: {
    type: "string",
    words: ["revert", "promote"],
    doc: "How it is decided then. Default `revert`.",
  },
} as const satisfies QueryParameters;

/** Values of {@linkcode changeQuery}. */
export type ChangeQuery = QueryValues<typeof changeQuery>;

/** A change that a request wants. */
export interface WantedChange {
  /** What to write. */
  readonly edits: readonly SlotEdit[];
  /** One line for the history, unless the caller gave one. */
  readonly summary: string;
  /** What must be so beforehand. */
  readonly expectations?: readonly Expectation[];
}

/** Applies, plans or begins to roll out a change, as the request asks. */
export function change(
  parts: ApiParts,
  request: Pick<ApiRequest<unknown, ChangeQuery>, "query" | "principal">,
  wanted: WantedChange,
): ChangeOutcome | RolloutOutcome {
  const { configuration, clock } = parts;
  const { query } = request;
  const { edits, expectations = [] } = wanted;
  const { dryRun, summary = wanted.summary } = query;
  const policy = query.dangling ?? parts.writePolicy;
  const who = whoOf(request);
  const changeRequest = { source: "api", who, summary, edits, policy, expectations } as const;
  if (query.rollout === undefined || dryRun) {
    return configuration.writer.apply(changeRequest, { nowMs: clock.nowMs(), dryRun });
  }
  const audience = selectorOf(query.rollout);
  if (audience.clauses.length === 0) invalid("rollout", "must name nodes, e.g. id=edge-1");
  return configuration.rolloutControl.start(changeRequest, { audience, rules: rulesOf(query) });
}

/** Returns what `If-Match` and `If-None-Match` ask of a slot. */
export function expectationsOf(
  headers: ApiRequest["headers"],
  slot: SlotRef,
): readonly Expectation[] {
  const expectations: Expectation[] = [];
  const match = headers.get("if-match")?.trim();
  if (match !== undefined) {
    const version = match === "*" ? { kind: "any" } as const : tagOf(match);
    expectations.push({ ...slot, version });
  }
  const noneMatch = headers.get("if-none-match")?.trim();
  if (noneMatch !== undefined) {
    if (noneMatch !== "*") invalid("If-None-Match", `must be *: current value is ${noneMatch}`);
    expectations.push({ ...slot, version: { kind: "none" } });
  }
  return expectations;
}

function tagOf(header: string): string {
  const found = /^"([^"]*)"$/.exec(header)?.[1];
  return found ??
    invalid("If-Match", `must be one tag in quotes, or *: current value is ${header}`);
}

function rulesOf(query: ChangeQuery): RolloutRules {
  return {
    minAcks: minAcksOf(query.minAcks),
    soakMs: query.soak ?? defaultRolloutRules.soakMs,
    timeoutMs: query.timeout ?? defaultRolloutRules.timeoutMs,
    onTimeout: query.onTimeout ?? "revert",
  };
}

function minAcksOf(text: string | undefined): number | "all" {
  if (text === undefined || text === "all") return "all";
  if (/^[1-9]\d{0,5}$/.test(text)) return Number(text);
  return invalid("minAcks", `must be all or a number from 1: current value is ${text}`);
}
