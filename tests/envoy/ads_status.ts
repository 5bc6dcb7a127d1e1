// SPDX-License-Identifier: Apache-2.0
/**
 * What ads says of its nodes, by each way that it says it.
 * @module
 */
import { type DenvoyAds } from "../support/mod.ts";

/** One resource of a node in `/v1/nodes/{id}`. */
export interface ResourceStatus {
  /** Its name. */
  readonly name: string;
  /** `synced`, `not-sent`, `stale` or `error`. */
  readonly status: string;
  /** The version that is served. */
  readonly version?: string;
  /** The version that the node has. */
  readonly acceptedVersion?: string;
  /** What the node said against it. */
  readonly rejection?: { readonly version: string; readonly message: string };
}

/** A node in `/v1/nodes/{id}`. */
export interface NodeStatus {
  /** Its id. */
  readonly id: string;
  /** `synced`, `stale` or `error`. */
  readonly status: string;
  /** The selectors that it matches. */
  readonly selectors: readonly string[];
  /** Its streams. */
  readonly streams: readonly {
    readonly mode: string;
    readonly identities: readonly string[];
    readonly types: readonly {
      readonly type: string;
      readonly resources: readonly ResourceStatus[];
    }[];
  }[];
}

/** Returns a node; undefined when it is not connected. */
export async function nodeStatus(
  ads: DenvoyAds,
  id = "test-node",
): Promise<NodeStatus | undefined> {
  const response = await fetch(`${ads.httpUrl}/v1/nodes/${encodeURIComponent(id)}`);
  if (response.ok) return await response.json() as NodeStatus;
  await response.body?.cancel();
  return undefined;
}

/** Returns a resource of a node, by the plural of its type; undefined when it has none. */
export async function resourceStatus(
  ads: DenvoyAds,
  { type, name, node }: { readonly type: string; readonly name: string; readonly node?: string },
): Promise<ResourceStatus | undefined> {
  const status = await nodeStatus(ads, node);
  const resources = status?.streams.flatMap((stream) =>
    stream.types.filter((each) => each.type === type).flatMap((each) => each.resources)
  );
  return resources?.find((resource) => resource.name === name);
}

/** Returns the sum of the samples of a metric whose labels hold all of `labels`. */
export async function metric(
  ads: DenvoyAds,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): Promise<number> {
  const text = await (await fetch(`${ads.httpUrl}/metrics`)).text();
  const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
  let sum = 0;
  for (const line of text.split("\n")) {
    const [, sample = "", value = ""] = /^(\w+(?:\{.*\})?) (\S+)$/.exec(line) ?? [];
    if (sample.split("{")[0] !== name) continue;
    if (wanted.every((label) => sample.includes(label))) sum += Number(value);
  }
  return sum;
}

/** One resource of a node as CSDS tells it. */
export interface ClientResource {
  /** Its type URL. */
  readonly typeUrl: string;
  /** Its name. */
  readonly name: string;
  /** `ACKED`, `NACKED`, `REQUESTED` or `DOES_NOT_EXIST`. */
  readonly clientStatus?: string;
  /** `SYNCED`, `ERROR`, … */
  readonly configStatus?: string;
  /** The rejection. */
  readonly errorState?: { readonly details: string };
}

/** Returns what CSDS, asked over REST, says of all nodes. */
export async function clientStatus(ads: DenvoyAds): Promise<readonly ClientResource[]> {
  const response = await fetch(`${ads.httpUrl}/v3/discovery:client_status`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: "{}",
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`client status must be 200: ${response.status} ${text}`);
  const body = JSON.parse(text) as {
    readonly config?: readonly { readonly generic_xds_configs?: readonly CsdsConfig[] }[];
  };
  return (body.config ?? []).flatMap(({ generic_xds_configs }) => generic_xds_configs ?? [])
    .map((config) => ({
      typeUrl: config.type_url,
      name: config.name,
      ...(config.client_status && { clientStatus: config.client_status }),
      ...(config.config_status && { configStatus: config.config_status }),
      ...(config.error_state && { errorState: config.error_state }),
    }));
}

interface CsdsConfig {
  readonly type_url: string;
  readonly name: string;
  readonly client_status?: string;
  readonly config_status?: string;
  readonly error_state?: { readonly details: string };
}
