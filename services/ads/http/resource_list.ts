// SPDX-License-Identifier: Apache-2.0
/**
 * Lists resources page by page, in an order that does not depend on how they came.
 * @module
 */
import { invalid } from "@denvoy/runtime";
import type { TypeUrl } from "@denvoy/xds";
import type { Catalog } from "../domain/catalog.ts";
import { type KeyState, settled, type Slot } from "../domain/slot.ts";
import { typeOf } from "./api_parts.ts";
import { type Json, pluralOf, slotJson } from "./resource_json.ts";

/** What to list. */
export interface ListQuery {
  /** Word or URL of a type. */
  readonly type: string | undefined;
  /** Name with `*`. */
  readonly name: string | undefined;
  /** Layer that decides. */
  readonly owner: string | undefined;
  /** Page size. */
  readonly limit: number;
  /** `next` of the page before. */
  readonly after: string | undefined;
}

/** Returns one page. */
export function listResources(catalog: Catalog, query: ListQuery): Json {
  const { limit } = query;
  const resources: Json[] = [];
  for (const state of statesAfter(catalog, query)) {
    // A name is never split over two pages, so that the next one can begin after it.
    if (resources.length >= limit) {
      return { resources, next: resources.length > 0 ? lastOf(resources) : undefined };
    }
    resources.push(...slotsOf(state, query).map((slot) => slotJson(state, slot)));
    if (state.slots.length === 0 && query.owner === undefined) resources.push(overlayJson(state));
  }
  return { resources };
}

function* statesAfter(catalog: Catalog, query: ListQuery): Generator<KeyState> {
  const typeUrls = query.type === undefined ? catalog.typeUrls() : [typeOf(query.type).typeUrl];
  const pattern = query.name === undefined ? undefined : globPattern(query.name);
  const after = query.after === undefined ? undefined : readCursor(query.after);
  for (const typeUrl of typeUrls.toSorted(byPlural)) {
    if (after !== undefined && byPlural(typeUrl, after.typeUrl) < 0) continue;
    const from = after?.typeUrl === typeUrl ? after.name : undefined;
    const states = [...catalog.states(typeUrl)].filter(({ name }) =>
      (from === undefined || name > from) && (pattern === undefined || pattern.test(name))
    );
    yield* states.sort((a, b) => a.name < b.name ? -1 : 1);
  }
}

function slotsOf(state: KeyState, { owner }: ListQuery): readonly Slot[] {
  return state.slots.filter((slot) =>
    owner === undefined || (settled(slot)?.owner ?? "rollout") === owner
  );
}

function overlayJson({ typeUrl, name, overlay }: KeyState): Json {
  const registeredEndpoints = overlay?.endpoints.length ?? 0;
  return { type: pluralOf(typeUrl), typeUrl, name, owner: "registrations", registeredEndpoints };
}

function byPlural(a: TypeUrl, b: TypeUrl): number {
  const [left, right] = [pluralOf(a), pluralOf(b)];
  return left < right ? -1 : left > right ? 1 : 0;
}

function globPattern(glob: string): RegExp {
  const parts = glob.split("*").map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${parts.join(".*")}$`, "s");
}

function lastOf(resources: readonly Json[]): string {
  const { typeUrl, name } = resources.at(-1) ?? {};
  return `${typeUrl} ${name}`;
}

function readCursor(cursor: string): { typeUrl: TypeUrl; name: string } {
  const space = cursor.indexOf(" ");
  if (space < 0) {
    invalid("after", `must be "next" of the page before: current value is "${cursor}"`);
  }
  return { typeUrl: cursor.slice(0, space), name: cursor.slice(space + 1) };
}
