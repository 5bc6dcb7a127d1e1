// SPDX-License-Identifier: Apache-2.0
/**
 * Reads clusters as people write them: Cluster and ClusterLoadAssignment resources in the shape of a
 * DiscoveryResponse, as in the files that ads and Envoy itself read. Resources of other types are
 * passed over, so that one folder can serve both.
 * @module
 */
import { hasErrors, type Problem } from "@denvoy/base";
import {
  formatPath,
  listAt,
  messageCodec,
  parseDocuments,
  type ParseOptions,
  type Path,
  type PlainItem,
  type PlainMap,
  type PlainValue,
  readMessage,
  type SourceDocument,
  typeUrlOf,
  validate,
} from "@denvoy/proto";
import type { Cluster, ClusterLoadAssignment } from "@denvoy/proto/messages";
import type { CheckedCluster } from "./checked_cluster.ts";
import {
  type ClusterProblem,
  type ClusterReadOptions,
  decodeCluster,
  readCluster,
  serviceOf,
} from "./cluster_reader.ts";

/** Type URL of clusters. */
export const CLUSTER = typeUrlOf("envoy.config.cluster.v3.Cluster");
/** Type URL of load assignments. */
export const LOAD_ASSIGNMENT = typeUrlOf("envoy.config.endpoint.v3.ClusterLoadAssignment");

/** The clusters of some texts. */
export interface ClusterSet {
  /** By name; those without errors. */
  readonly clusters: ReadonlyMap<string, CheckedCluster>;
  /** All errors and warnings. */
  readonly problems: readonly Problem[];
}

interface Placed<T> {
  readonly message: T;
  readonly source: SourceDocument;
  readonly path: Path;
}

interface Found {
  readonly clusters: Placed<Cluster>[];
  readonly assignments: Placed<ClusterLoadAssignment>[];
  readonly problems: Problem[];
}

const assignmentCodec = messageCodec("envoy.config.endpoint.v3.ClusterLoadAssignment");

/** Reads the texts of files by path, all together: endpoints may be in another file. */
export function readClusterTexts(
  texts: ReadonlyMap<string, string>,
  options: ClusterReadOptions,
): ClusterSet {
  const found: Found = { clusters: [], assignments: [], problems: [] };
  for (const [file, text] of texts) {
    const { documents, problems } = parseDocuments(text, { file });
    found.problems.push(...problems);
    for (const source of documents) readDocument(source, found);
  }
  return checkedClusters(found, options);
}

/** Reads one Cluster, with its `@type` or without, e.g. from the body of a request. */
export function readClusterText(
  text: string,
  options: ClusterReadOptions & Pick<ParseOptions, "format">,
): ClusterSet {
  const found: Found = { clusters: [], assignments: [], problems: [] };
  const { documents, problems } = parseDocuments(text, options);
  found.problems.push(...problems);
  const [source] = documents;
  if (source === undefined || documents.length > 1) {
    found.problems.push({ severity: "error", message: "must be one Cluster" });
  } else readItem(source, { item: { value: source.value, path: [] }, typeUrl: CLUSTER, found });
  return checkedClusters(found, options);
}

function readDocument(source: SourceDocument, found: Found): void {
  const { value } = source;
  if (!isMap(value)) {
    found.problems.push(problemAt(source, [], "must be a map with resources"));
    return;
  }
  const items = listAt(value, "resources");
  if (items === undefined) readItem(source, { item: { value, path: [] }, found });
  else for (const item of items) readItem(source, { item, found });
}

function readItem(
  source: SourceDocument,
  { item: { value, path }, typeUrl, found }: {
    readonly item: PlainItem;
    /** Type of an item that does not say its own. */
    readonly typeUrl?: string;
    readonly found: Found;
  },
): void {
  const said = isMap(value) ? value["@type"] : undefined;
  const type = said ?? typeUrl;
  if (type === undefined) {
    found.problems.push(problemAt(source, path, "needs an @type that says which resource it is"));
  }
  if (type !== CLUSTER && type !== LOAD_ASSIGNMENT) return;
  const bare = said === undefined && typeUrl !== undefined ? { typeUrl } : {};
  const read = readMessage({ value, path, source, ...bare });
  const broken = read.message === undefined ? [] : validate(read.message, { source, path });
  found.problems.push(...read.problems, ...broken);
  if (read.message === undefined || hasErrors(broken)) return;
  const bytes = read.message.toBinary();
  if (type === CLUSTER) found.clusters.push({ message: decodeCluster(bytes), source, path });
  else found.assignments.push({ message: assignmentCodec.decode(bytes), source, path });
}

function checkedClusters(found: Found, options: ClusterReadOptions): ClusterSet {
  const assignments = new Map(
    found.assignments.map(({ message }) => [message.clusterName, message]),
  );
  const clusters = new Map<string, CheckedCluster>();
  const problems = [...found.problems];
  for (const { message, source, path } of found.clusters) {
    const assignment = assignments.get(serviceOf(message));
    const read = readCluster(message, { ...options, ...(assignment && { assignment }) });
    if (read.kind === "refused") {
      problems.push(...placed(read.problems, { source, path, severity: "error" }));
    }
    if (read.kind !== "checked") continue;
    problems.push(...placed(read.warnings, { source, path, severity: "warning" }));
    if (clusters.has(message.name)) {
      const rule = "a cluster must be there once, as Envoy drops the second without a word";
      problems.push(problemAt(source, path, `${rule}: current value is "${message.name}"`));
    }
    clusters.set(message.name, read.cluster);
  }
  return { clusters, problems };
}

function placed(
  problems: readonly ClusterProblem[],
  { source, path, severity }: Pick<Placed<unknown>, "source" | "path"> & {
    readonly severity: Problem["severity"];
  },
): readonly Problem[] {
  return problems.map((problem) => ({
    ...problemAt(source, [...path, ...problem.path], problem.message),
    severity,
  }));
}

function problemAt(source: SourceDocument, path: Path, ...[message]: [string]): Problem {
  const { file } = source;
  return {
    severity: "error",
    message,
    ...(file !== undefined && { file }),
    ...source.place(path),
    ...(path.length > 0 && { path: formatPath(path) }),
  };
}

function isMap(value: PlainValue): value is PlainMap {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
