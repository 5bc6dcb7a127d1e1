// SPDX-License-Identifier: Apache-2.0
/**
 * How the outcome of a change is answered: what was done, or which rule kept it from being done.
 * @module
 */
import { formatProblem, isoTime, type Problem, StatusCode } from "@denvoy/base";
import { type ApiResponse, HttpError, json, type RouteResponse } from "@denvoy/runtime";
import type { ChangeOutcome } from "../domain/configuration_writer.ts";
import type { RevisionChange, RevisionHead } from "../domain/revision.ts";
import type { RolloutOutcome } from "../domain/rollout_control.ts";
import { type ApiParts } from "./api_parts.ts";
import { changeDiff, changeJson, type Json } from "./resource_json.ts";
import { rolloutJson } from "./rollout_json.ts";

/** How many node ids an answer names. */
const MAX_NODES = 100;

/** What changes answer, for the route table. */
export const changeResponses: Readonly<Record<number, RouteResponse>> = {
  200: {
    doc: "Applied, or nothing to change, or (with `dryRun`) what would be.",
    schema: {
      type: "object",
      required: ["result", "changes", "warnings"],
      properties: {
        result: { type: "string", enum: ["applied", "unchanged", "planned"] },
        revision: { type: "object" },
        changes: { type: "array", items: { type: "object" } },
        warnings: { type: "array", items: { type: "object" } },
        nodes: { type: "object" },
      },
    },
  },
  202: { doc: "A rollout has begun.", schema: { type: "object" } },
  400: { doc: "The resources are not valid; `problems` says why and where." },
  409: { doc: "A rollout is changing the same resource." },
  412: { doc: "The version is not what `If-Match` or `If-None-Match` expects." },
  422: { doc: "The change would break a reference or leave open which resource counts." },
};

/** Returns the answer. @throws HttpError for what was not done */
export function outcomeResponse(
  parts: ApiParts,
  outcome: ChangeOutcome | RolloutOutcome,
): ApiResponse {
  switch (outcome.kind) {
    case "refused":
      throw failure(422, StatusCode.FAILED_PRECONDITION, outcome.problems);
    case "conflict":
      throw failure(412, StatusCode.FAILED_PRECONDITION, outcome.problems);
    case "busy":
      throw failure(409, StatusCode.ABORTED, outcome.problems);
    case "applied": {
      const { revision, problems } = outcome;
      const body = { result: "applied", revision: headJson(revision) };
      return json({ ...body, ...changesJson(revision.changes), warnings: problems });
    }
    case "started": {
      const body = { result: "started", rollout: rolloutJson(outcome.rollout) };
      const changes = changesJson(outcome.changes);
      return json({ ...body, ...changes, warnings: outcome.problems }, { status: 202 });
    }
    case "unchanged":
      return json({ result: "unchanged", changes: [], warnings: outcome.problems });
    case "planned":
      return json(plannedJson(parts, outcome));
  }
}

/** Returns the head of a revision. */
export function headJson({ id, atMs, who, source, summary }: RevisionHead): Json {
  return { id, at: isoTime(atMs), who, source, summary };
}

function changesJson(changes: readonly RevisionChange[]): Json {
  return { changes: changes.map(changeJson) };
}

function plannedJson(
  { configuration }: ApiParts,
  outcome: Extract<ChangeOutcome, { readonly kind: "unchanged" | "planned" }>,
): Json {
  const { changes, contents, problems } = outcome;
  const content = (version: string, name: string) =>
    contents.get(version) ?? configuration.store.content(version, name);
  const ids = [...configuration.views.nodesMatching(changes.map(({ selector }) => selector))];
  return {
    result: "planned",
    changes: changes.map((change) => ({
      ...changeJson(change),
      diff: changeDiff(change, content),
    })),
    nodes: { count: ids.length, ids: ids.sort().slice(0, MAX_NODES) },
    warnings: problems,
  };
}

function failure(
  status: number,
  ...[code, problems]: [StatusCode, readonly Problem[]]
): HttpError {
  const errors = problems.filter(({ severity }) => severity === "error");
  const [first] = errors;
  const more = errors.length > 1 ? ` and ${errors.length - 1} more` : "";
  const message = first === undefined ? "refused" : formatProblem(first) + more;
  return new HttpError(status, message, { code, details: problems });
}
