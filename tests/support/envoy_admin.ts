// SPDX-License-Identifier: Apache-2.0
/**
 * What an Envoy tells about itself through its admin API.
 * @module
 */
import type { Child } from "@denvoy/tools/child";
import { eventually, type EventuallyOptions } from "./eventually.ts";

/** One section of `/config_dump`, by the last part of its `@type` without `ConfigDump`. */
export type ConfigSection =
  | "Bootstrap"
  | "Clusters"
  | "Listeners"
  | "Routes"
  | "ScopedRoutes"
  | "Endpoints"
  | "Secrets"
  | "Ecds";

/** A JSON object. */
// Envoy's dumps are deep and sparse; tests pick from them by path.
export type Json = Readonly<Record<string, unknown>>;

/** One host of a cluster as `/clusters` shows it. */
export interface ClusterHost {
  /** `ip:port`. */
  readonly address: string;
  /** EDS health, e.g. `HEALTHY`; other flags are not shown here. */
  readonly edsHealth: string;
  /** Weight in its locality. */
  readonly weight: number;
}

/** Client of one Envoy's admin API. */
export class EnvoyAdmin {
  /** Its base URL, e.g. `http://127.0.0.1:41234`. */
  readonly url: string;
  readonly #child: Child;

  /** `child` is for the messages of failures. */
  constructor(url: string, child: Child) {
    this.url = url;
    this.#child = child;
  }

  /** Returns the text of a GET; throws unless the status is 200. */
  async get(path: string): Promise<string> {
    const response = await fetch(this.url + path);
    const text = await response.text();
    if (response.status === 200) return text;
    throw new Error(`cannot get ${path} of Envoy as its status must be 200: ${response.status}`);
  }

  /** Returns the JSON of a GET. */
  async getJson(path: string): Promise<Json> {
    return JSON.parse(await this.get(path)) as Json;
  }

  /** Sends a POST, which is what changes something, e.g. `/logging?level=debug`. */
  async post(path: string): Promise<string> {
    const response = await fetch(this.url + path, { method: "POST" });
    return await response.text();
  }

  /** Tells whether Envoy is LIVE: it has its first listeners and clusters. */
  async isReady(): Promise<boolean> {
    const response = await fetch(`${this.url}/ready`);
    return (await response.text()).trim() === "LIVE" && response.status === 200;
  }

  /** Waits until Envoy is LIVE. */
  async ready(withinMs = 20_000): Promise<void> {
    await this.until(() => this.isReady(), { what: "Envoy to be ready", withinMs });
  }

  /** Returns a section of `/config_dump?include_eds`; an empty object when there is none. */
  async configDump(section: ConfigSection): Promise<Json> {
    const dump = await this.getJson("/config_dump?include_eds");
    const configs = dump.configs as readonly Json[];
    const type = `type.googleapis.com/envoy.admin.v3.${section}ConfigDump`;
    return configs.find((config) => config["@type"] === type) ?? {};
  }

  /** Returns the counters and gauges whose names match the regular expression. */
  async stats(filter: string): Promise<ReadonlyMap<string, number>> {
    const query = `?format=json&filter=${encodeURIComponent(filter)}`;
    const { stats } = await this.getJson(`/stats${query}`);
    const numbers = new Map<string, number>();
    for (const stat of stats as readonly { name?: string; value?: number }[]) {
      if (stat.name !== undefined) numbers.set(stat.name, Number(stat.value));
    }
    return numbers;
  }

  /** Returns one counter or gauge; 0 when Envoy does not have it (yet). */
  async stat(name: string): Promise<number> {
    const exact = `^${name.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&")}$`;
    return (await this.stats(exact)).get(name) ?? 0;
  }

  /** Returns the names of all clusters, static ones too. */
  async clusterNames(): Promise<readonly string[]> {
    const statuses = await this.#clusterStatuses();
    return statuses.map((status) => String(status.name)).sort();
  }

  /** Returns the hosts of a cluster; undefined when there is no such cluster. */
  async hosts(cluster: string): Promise<readonly ClusterHost[] | undefined> {
    const status = (await this.#clusterStatuses()).find((other) => other.name === cluster);
    const hosts = status?.host_statuses as readonly HostStatus[] | undefined;
    return status === undefined ? undefined : (hosts ?? []).map(clusterHost);
  }

  /** Returns the names of the listeners that are active. */
  async listenerNames(): Promise<readonly string[]> {
    const { listener_statuses } = await this.getJson("/listeners?format=json");
    const statuses = (listener_statuses ?? []) as readonly { name: string }[];
    return statuses.map((status) => status.name).sort();
  }

  /** Waits for a condition; a failure shows the end of Envoy's log. */
  async until<T>(
    condition: () => T | Promise<T>,
    options: EventuallyOptions,
  ): Promise<Exclude<T, undefined | false | void>> {
    return await eventually(condition, { detail: () => this.#child.lastWords(), ...options });
  }

  async #clusterStatuses(): Promise<readonly Json[]> {
    const { cluster_statuses } = await this.getJson("/clusters?format=json");
    return (cluster_statuses ?? []) as readonly Json[];
  }
}

interface HostStatus {
  readonly address?: {
    readonly socket_address?: { readonly address: string; readonly port_value: number };
    readonly pipe?: { readonly path: string };
  };
  readonly health_status?: { readonly eds_health_status?: string };
  readonly weight?: number;
}

function clusterHost(status: HostStatus): ClusterHost {
  const socket = status.address?.socket_address;
  const address = socket === undefined
    ? status.address?.pipe?.path ?? "unknown"
    : `${socket.address}:${socket.port_value}`;
  return {
    address,
    edsHealth: status.health_status?.eds_health_status ?? "UNKNOWN",
    weight: status.weight ?? 1,
  };
}
