// SPDX-License-Identifier: Apache-2.0
/**
 * `deno task gen:reference`: writes the pages in docs/reference that are made from tables in the
 * code. A test fails when they are not up to date.
 * @module
 */
import { dirname, join } from "node:path";
import { adsSchema } from "@denvoy/ads";
import { denvoy, renderCommandReference } from "@denvoy/cli";
import { hdsSchema } from "@denvoy/hds";
import { metricsSchema } from "@denvoy/metrics";
import { rlsSchema } from "@denvoy/rls";
import { renderReference } from "@denvoy/runtime";
import { sdsSchema } from "@denvoy/sds";
import { repositoryRoot } from "./real_parts/cache.ts";

/** Returns the pages: text by path in the repository. */
export function referencePages(): ReadonlyMap<string, string> {
  return new Map([
    ["docs/reference/config-ads.md", marked(renderReference(adsSchema))],
    ["docs/reference/config-sds.md", marked(renderReference(sdsSchema))],
    ["docs/reference/config-hds.md", marked(renderReference(hdsSchema))],
    ["docs/reference/config-rls.md", marked(renderReference(rlsSchema))],
    ["docs/reference/config-metrics.md", marked(renderReference(metricsSchema))],
    ["docs/reference/commands.md", marked(renderCommandReference(denvoy))],
  ]);
}

/** Returns the paths of pages that are not as {@linkcode referencePages} has them. */
export async function outdatedPages(): Promise<readonly string[]> {
  const outdated: string[] = [];
  for (const [path, text] of referencePages()) {
    const written = await Deno.readTextFile(join(repositoryRoot, path)).catch(() => undefined);
    if (written !== text) outdated.push(path);
  }
  return outdated;
}

function marked(page: string): string {
  return `<!-- Made by \`deno task gen:reference\`: change the tables in the code, not this. -->\n\n` +
    page;
}

async function writePages(): Promise<void> {
  for (const [path, text] of referencePages()) {
    const file = join(repositoryRoot, path);
    await Deno.mkdir(dirname(file), { recursive: true });
    await Deno.writeTextFile(file, text);
  }
}

if (import.meta.main) await writePages();
