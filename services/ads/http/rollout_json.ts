// SPDX-License-Identifier: Apache-2.0
/**
 * How rollouts look in answers.
 * @module
 */
import { isoTime } from "@denvoy/base";
import type { RolloutRecord } from "../domain/rollouts.ts";
import { selectorToJson } from "../domain/selector_parser.ts";
import { type Json, slotRefJson } from "./resource_json.ts";

/** Returns a rollout with where it stands and how far each node is. */
export function rolloutJson(record: RolloutRecord): Json {
  const { id, who, summary, audience, edits, state, revision } = record;
  const { status, startedAtMs, rules, nodes } = state;
  return {
    id,
    status: status.kind,
    ...(status.kind !== "canary" && { why: status.why, decidedAt: isoTime(status.atMs) }),
    who,
    summary,
    startedAt: isoTime(startedAtMs),
    audience: selectorToJson(audience),
    rules: {
      minAcks: rules.minAcks,
      soak: `${rules.soakMs / 1000}s`,
      timeout: `${rules.timeoutMs / 1000}s`,
      onTimeout: rules.onTimeout,
    },
    changes: edits.map((edit) => ({
      ...slotRefJson(edit),
      what: edit.entry === undefined ? "remove" : "put",
    })),
    nodes: Object.entries(nodes).map(([node, { pending, acked }]) => ({
      node,
      pending: pending.map(nameOf),
      acked: acked.map(nameOf),
    })),
    ...(revision !== undefined && { revision }),
  };
}

/** A key's text is its type URL, a space, and its name. */
function nameOf(key: string): string {
  return key.slice(key.indexOf(" ") + 1);
}
