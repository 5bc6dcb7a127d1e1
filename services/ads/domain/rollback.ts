// SPDX-License-Identifier: Apache-2.0
/**
 * What must be written so that slots serve again what they served at an earlier revision: API entries
 * are rewritten, and over what files say a pin is set that lasts until the file's content changes.
 * @module
 */
import { err, ok, type Problem, type Result } from "@denvoy/base";
import type { Resource } from "@denvoy/xds";
import type { Catalog, SlotEdit } from "./catalog.ts";
import { describeKey } from "./resource_types.ts";
import type { SlotAt } from "./revision.ts";
import type { PinEntry } from "./slot.ts";

/** What a rollback is made of. */
export interface RollbackPlan {
  /** What each slot is to serve; slots that are not named stay as they are. */
  readonly targets: Iterable<SlotAt>;
  /** Returns the content that has this version. */
  readonly content: (version: string, name: string) => Resource | undefined;
  /** The revision that is gone back to. */
  readonly revision: number;
  /** Who goes back. */
  readonly who: string;
  /** When, in milliseconds since the epoch. */
  readonly nowMs: number;
}

/** Returns the edits, or which contents are no longer kept. */
export function rollbackEdits(
  catalog: Catalog,
  plan: RollbackPlan,
): Result<readonly SlotEdit[], readonly Problem[]> {
  const edits: SlotEdit[] = [];
  const problems: Problem[] = [];
  for (const target of plan.targets) {
    const version = target.content?.version;
    const resource = version === undefined ? undefined : plan.content(version, target.key.name);
    if (version !== undefined && resource === undefined) {
      const message = `${describeKey(target.key)} cannot go back to version ${version} as that ` +
        "content is no longer kept";
      problems.push({ severity: "error", message });
    } else edits.push(...slotEdits(catalog, { target, resource, plan }));
  }
  return problems.length > 0 ? err(problems) : ok(edits);
}

function slotEdits(
  catalog: Catalog,
  { target, resource, plan }: {
    target: SlotAt;
    resource: Resource | undefined;
    plan: RollbackPlan;
  },
): readonly SlotEdit[] {
  const { key, selector } = target;
  const file = catalog.state(key)?.slot(selector)?.files?.resource;
  const edit = { key, selector };
  const noApi: SlotEdit = { ...edit, layer: "api", entry: undefined };
  const noPin: SlotEdit = { ...edit, layer: "pin", entry: undefined };
  if (file?.version === resource?.version) return [noApi, noPin];
  if (resource !== undefined && target.content?.owner === "api") {
    const entry = { resource, who: plan.who, atMs: plan.nowMs };
    return [{ ...edit, layer: "api", entry }, noPin];
  }
  const pin: PinEntry = {
    revision: plan.revision,
    ...(resource ? { resource } : {}),
    ...(file ? { fileVersion: file.version } : {}),
  };
  return [noApi, { ...edit, layer: "pin", entry: pin }];
}
