// SPDX-License-Identifier: Apache-2.0
/**
 * Labels by which series of different Envoys differ.
 * @module
 */
import type { Label } from "./label.ts";
import type { NodeInfo } from "./node_info.ts";
import { escapeLabelValue, labelName } from "./prometheus_name.ts";

/** A field of a node: `id`, `cluster`, `region`, `zone`, `sub_zone`, `version`, or `metadata.<path>`. */
export type NodeField = string;

/** Fields that need not be named otherwise. */
const fields: Readonly<Record<string, (info: NodeInfo) => string>> = {
  id: ({ id }) => id,
  cluster: ({ cluster }) => cluster,
  region: ({ region }) => region,
  zone: ({ zone }) => zone,
  sub_zone: ({ subZone }) => subZone,
  version: ({ version }) => version,
};

/** Which fields of a node become labels. The id always does. */
export class NodeLabels {
  /** Paths of the metadata that is needed. */
  readonly metadataPaths: readonly string[];
  readonly #fields: readonly NodeField[];

  /** `more` are fields beside id and cluster. */
  constructor(more: readonly NodeField[] = []) {
    this.#fields = [...new Set(["id", "cluster", ...more])];
    this.metadataPaths = this.#fields.filter(isMetadata).map((field) =>
      field.slice(METADATA.length)
    );
  }

  /** Returns what is wrong with a field; undefined when nothing is. */
  static problem(field: NodeField): string | undefined {
    if (isMetadata(field) || Object.hasOwn(fields, field)) return undefined;
    const known = [...Object.keys(fields), "metadata.<path>"].join(", ");
    return `must be one of ${known}: current value is "${field}"`;
  }

  /** The labels of a node, without those that are empty. */
  of(info: NodeInfo): readonly Label[] {
    return this.#fields
      .map((field) => ({ name: `envoy.node_${field}`, value: valueOf(info, field) }))
      .filter(({ name, value }) => value !== "" || name === "envoy.node_id");
  }

  /** The labels in Prometheus text without braces. */
  textOf(info: NodeInfo): string {
    return this.of(info)
      .map(({ name, value }) => `${labelName(name)}="${escapeLabelValue(value)}"`).join(",");
  }
}

/** Returns the label of a sum over the nodes of a cluster. */
export function clusterLabels(cluster: string): string {
  return `envoy_node_cluster="${escapeLabelValue(cluster)}"`;
}

const METADATA = "metadata.";

function isMetadata(field: NodeField): boolean {
  return field.startsWith(METADATA) && field.length > METADATA.length;
}

function valueOf(info: NodeInfo, field: NodeField): string {
  if (isMetadata(field)) return info.metadata[field.slice(METADATA.length)] ?? "";
  return fields[field]?.(info) ?? "";
}
