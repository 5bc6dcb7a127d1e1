// SPDX-License-Identifier: Apache-2.0
/**
 * Reads files that are to be written to a server, with the same rules and messages as
 * `denvoy check`, and makes the body of the request.
 * @module
 */
import { checkFiles, readResourceFiles, type ResourceDraft, selectorToJson } from "@denvoy/ads";
import { formatProblem, hasErrors, type Problem } from "@denvoy/base";
import { messageFromBinary, toJson } from "@denvoy/proto";
import type { CallContext } from "../command_line/command.ts";
import { CommandError } from "../command_line/exit_code.ts";

/** What files hold. */
export interface ReadResources {
  /** All resources. */
  readonly drafts: readonly ResourceDraft[];
  /** Them as the body of `POST /v1/apply`. */
  readonly body: { readonly text: string; readonly type: string };
}

/**
 * Reads files and folders, `-` for the standard input. References are left to the server, which
 * knows what else there is.
 * @throws {CommandError} when something is wrong with them
 */
export async function readResources(
  paths: readonly string[],
  { terminal }: Pick<CallContext, "terminal">,
): Promise<ReadResources> {
  const read = await readResourceFiles(paths.filter((path) => path !== "-"));
  const texts = new Map(read.texts);
  if (paths.includes("-")) texts.set("(standard input)", await terminal.readInput());
  const checked = checkFiles(texts, "warn");
  const problems = [...read.problems, ...checked.problems].filter(isError);
  if (hasErrors(problems)) throw new CommandError(linesOf(problems));
  const drafts = [...checked.drafts.values()].flat();
  return { drafts, body: bodyOf(drafts) };
}

function isError({ severity }: Problem): boolean {
  return severity === "error";
}

function linesOf(problems: readonly Problem[]): string {
  const count = `${problems.length} ${problems.length === 1 ? "problem" : "problems"}`;
  return [`nothing was sent: ${count}`, ...problems.map((one) => `  ${formatProblem(one)}`)]
    .join("\n");
}

/** One document per selector; JSON when there is one, as that is read faster. */
function bodyOf(drafts: readonly ResourceDraft[]): ReadResources["body"] {
  const groups = Map.groupBy(drafts, ({ selector }) => selector.key);
  const documents = [...groups.values()].map((group) => {
    const nodes = group[0] && selectorToJson(group[0].selector);
    const resources = group.map(wrapped);
    return JSON.stringify({ ...(nodes?.length && { nodes }), resources });
  });
  const [only = '{"resources":[]}'] = documents;
  if (documents.length < 2) return { text: only, type: "application/json" };
  return { text: documents.join("\n---\n"), type: "application/yaml" };
}

/** In a wrapper, so that names and TTLs that are not part of the message go along. */
function wrapped({ resource: { typeUrl, name, value, ttlMs } }: ResourceDraft): unknown {
  return {
    "@type": "type.googleapis.com/envoy.service.discovery.v3.Resource",
    name,
    ...(ttlMs !== undefined && { ttl: `${ttlMs / 1000}s` }),
    resource: toJson(messageFromBinary(typeUrl, value)),
  };
}
