// SPDX-License-Identifier: Apache-2.0
/**
 * One node in full: who it is, and each resource with the version that it has and Envoy's words where
 * it rejected one.
 * @module
 */
import { statusCodeName } from "@denvoy/base";
import type { NodeAnswer, NodeResourceAnswer, StreamAnswer } from "../api/answers.ts";
import { age } from "../output/age.ts";
import { type Cell, table } from "../output/columns.ts";
import { shortVersion } from "../output/short_version.ts";
import { statusCell, type ViewOptions } from "./nodes_view.ts";

/** Returns the lines. */
export function nodeView(
  node: NodeAnswer<readonly NodeResourceAnswer[]>,
  options: ViewOptions,
): readonly string[] {
  const { styles } = options;
  const facts: readonly (readonly [string, string])[] = [
    ["Node", styles.bold(node.id)],
    ["Cluster", node.cluster || "-"],
    ["Locality", localityText(node)],
    ["Metadata", metadataText(node.metadata)],
    ["Selectors", node.selectors.join("; ") || "none"],
    ["Program", node.userAgent || "-"],
    ["Status", paint(statusCell(node.status.toUpperCase(), styles))],
  ];
  return [
    ...facts.map(([name, value]) => `${name.padEnd(11)}${value}`),
    ...node.streams.flatMap((stream) => streamView(stream, options)),
  ];
}

function streamView(
  stream: StreamAnswer<readonly NodeResourceAnswer[]>,
  options: ViewOptions,
): readonly string[] {
  const { styles, nowMs } = options;
  const since = age(stream.since, nowMs);
  const head = `${stream.mode} stream from ${stream.address}, connected for ${since}`;
  const resources = stream.types.flatMap(({ type, resources }) =>
    resources.map((resource) => ({ type, resource }))
  );
  const rows = resources.map(({ type, resource }): readonly Cell[] => [
    type,
    resource.name,
    statusCell(statusText(resource), styles),
    shortVersion(resource.acceptedVersion),
    shortVersion(resource.version),
  ]);
  const rejected = resources.filter(({ resource }) => resource.rejection !== undefined);
  const lines = rows.length === 0
    ? ["nothing asked for yet"]
    : table(["TYPE", "NAME", "STATUS", "HAS", "SERVED"], rows);
  return ["", head, ...lines, ...rejected.flatMap((each) => rejectionView(each, options))];
}

function rejectionView(
  { type, resource }: { readonly type: string; readonly resource: NodeResourceAnswer },
  { styles, nowMs }: ViewOptions,
): readonly string[] {
  const { rejection } = resource;
  if (rejection === undefined) return [];
  const { code, message, at, version } = rejection;
  return [
    "",
    `${styles.red("rejected")} ${type}/${resource.name} version ${shortVersion(version)} ` +
    `${age(at, nowMs)} ago, ${statusCodeName(code)}:`,
    ...message.trimEnd().split("\n").map((line) => `  ${line}`),
  ];
}

function statusText({ status, clientStatus }: NodeResourceAnswer): string {
  if (clientStatus === "does-not-exist") return "MISSING";
  return status.replace("-", " ").toUpperCase();
}

function localityText({ locality }: Pick<NodeAnswer, "locality">): string {
  const { region = "", zone = "", subZone = "" } = locality ?? {};
  const parts = [region, zone, subZone];
  return parts.every((part) => part === "") ? "none" : parts.map((part) => part || "-").join(" / ");
}

function metadataText(metadata: NodeAnswer["metadata"] = {}): string {
  const pairs = Object.entries(metadata).map(([key, value]) =>
    `${key}=${typeof value === "string" ? value : JSON.stringify(value)}`
  );
  return pairs.join(" ") || "none";
}

function paint(cell: Cell): string {
  return typeof cell === "string" ? cell : cell.paint(cell.text);
}
