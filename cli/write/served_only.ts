// SPDX-License-Identifier: Apache-2.0
/**
 * Finds what is served and not in a set of files.
 * @module
 */
import { parseNodeSelector, type ResourceDraft } from "@denvoy/ads";
import type { AdsClient } from "../api/ads_client.ts";
import type { ChangeAnswer, ResourceAnswer } from "../api/answers.ts";
import { readAllResources } from "../api/resource_pages.ts";

/** Returns it as removals. Endpoints that registered themselves are of no file and left out. */
export async function servedOnly(
  client: AdsClient,
  drafts: readonly ResourceDraft[],
): Promise<readonly ChangeAnswer[]> {
  const inFiles = new Set(
    drafts.map(({ resource, selector }) =>
      [resource.typeUrl, resource.name, selector.key].join("\n")
    ),
  );
  const { resources } = await readAllResources(client, {});
  return resources.filter(isWritten).filter((resource) => {
    const { typeUrl, name } = resource;
    return !inFiles.has([typeUrl, name, selectorKey(resource)].join("\n"));
  }).map(({ type, name, nodes }) => ({
    type,
    name,
    what: "removed",
    ...(nodes !== undefined && { nodes }),
  }));
}

function isWritten({ owner, hidden }: ResourceAnswer): boolean {
  return owner !== "registrations" && owner !== "rollout" && hidden !== true;
}

function selectorKey({ nodes }: ResourceAnswer): string {
  if (nodes === undefined) return "";
  const parsed = parseNodeSelector(nodes);
  return parsed.ok ? parsed.value.key : JSON.stringify(nodes);
}
