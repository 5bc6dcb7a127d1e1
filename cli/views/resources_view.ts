// SPDX-License-Identifier: Apache-2.0
/**
 * Resources as a table: which layer each comes from.
 * @module
 */
import type { ResourceAnswer } from "../api/answers.ts";
import { age } from "../output/age.ts";
import { table } from "../output/columns.ts";
import { shortVersion } from "../output/short_version.ts";
import type { ViewOptions } from "./nodes_view.ts";
import { selectorText } from "./selector_text.ts";

/** Returns the table. */
export function resourcesView(
  resources: readonly ResourceAnswer[],
  options: ViewOptions,
): readonly string[] {
  if (resources.length === 0) return ["nothing of that is served"];
  const rows = resources.map((resource) => [
    resource.type,
    resource.name,
    selectorText(resource.nodes) || "all",
    resource.hidden ? "(hidden)" : shortVersion(resource.version),
    originText(resource, options),
  ]);
  return table(["TYPE", "NAME", "NODES", "VERSION", "FROM"], rows);
}

function originText(resource: ResourceAnswer, { nowMs }: ViewOptions): string {
  const { owner, file, who, at, rollout, pinnedToRevision, registeredEndpoints } = resource;
  const parts = [
    owner === "files" ? file ?? "files" : "",
    owner === "api" ? `api, ${who ?? "-"}, ${age(at, nowMs)} ago` : "",
    owner === "pin" ? `rollback to revision ${pinnedToRevision}` : "",
    rollout === undefined ? "" : rollout,
    registeredEndpoints ? `${registeredEndpoints} registered endpoints` : "",
  ];
  return parts.filter(Boolean).join(" + ") || owner;
}
