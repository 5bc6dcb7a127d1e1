// SPDX-License-Identifier: Apache-2.0
/**
 * Reads the list of resources, page after page.
 * @module
 */
import type { AdsClient, Query } from "./ads_client.ts";
import type { ResourceAnswer } from "./answers.ts";

/** The whole list. */
export interface ResourceList {
  /** All entries. */
  readonly resources: readonly ResourceAnswer[];
}

const PAGE = 10_000;

/** Returns all resources that `query` selects. */
export async function readAllResources(client: AdsClient, query: Query): Promise<ResourceList> {
  const resources: ResourceAnswer[] = [];
  let after: string | undefined;
  do {
    const page = await client.json<ResourceList & { readonly next?: string }>(
      ["v1", "resources"],
      { query: { ...query, limit: PAGE, after }, key: "resources" },
    );
    resources.push(...page.resources);
    after = page.next;
  } while (after !== undefined);
  return { resources };
}
