// SPDX-License-Identifier: Apache-2.0
/**
 * How soon a probe's result is in EDS: from the report that tells it until a subscriber of ads, as an
 * Envoy is one, has the load assignment with the new health.
 * @module
 */
import { silentLogger } from "@denvoy/base";
import { connectXds } from "@denvoy/discovery";
import { messageCodec } from "@denvoy/proto";
import type { ClusterLoadAssignment } from "@denvoy/proto/messages";
import { systemClock } from "@denvoy/runtime";
import { TypeUrls } from "@denvoy/xds";
import { join } from "node:path";
import { denvoy } from "../ads/sides.ts";
import { median } from "../lib/comparison.ts";
import type { Run } from "./fleet.ts";
import { endpointAddresses, startHds, webResources } from "./hds_server.ts";
import { reportOf, SimulatedEnvoy } from "./simulated_envoy.ts";

const ENDPOINTS = 1000;
const UNHEALTHY = 2;

/** Measures so many changes, one after another. */
export async function runLatency(changes: number, run: Run): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "denvoy-bench-" });
  try {
    await using closing = new AsyncDisposableStack();
    const resources = webResources(endpointAddresses(ENDPOINTS));
    const file = join(folder, "mesh.json");
    await Deno.writeTextFile(file, JSON.stringify({ resources }));
    const ads = closing.use(await denvoy.start({ resources: file, state: join(folder, "ads") }));
    const hds = closing.use(
      await startHds({
        ...{ folder, resources, connects: [ads.httpUrl.replace("http://", "")] },
        flags: ["--ads-url", ads.httpUrl, "--flap-limit", "0"],
      }),
    );
    const eds = closing.use(new Subscriber(ads.grpcAddress));
    const envoy = closing.use(new SimulatedEnvoy("prober", hds.grpcAddress));
    const times = await measure(changes, { envoy, eds });
    run.comparison.record(
      { name: "hds.result_to_eds", title: "report to EDS, median", unit: "ms", better: "less" },
      { side: "denvoy", pair: run.pair, value: median(times) ?? NaN },
    );
    run.comparison.record(
      {
        name: "hds.result_to_eds_max",
        title: "report to EDS, slowest",
        unit: "ms",
        better: "less",
      },
      { side: "denvoy", pair: run.pair, value: Math.max(...times) },
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function measure(
  changes: number,
  { envoy, eds }: { readonly envoy: SimulatedEnvoy; readonly eds: Subscriber },
): Promise<readonly number[]> {
  while (envoy.assigned.length < ENDPOINTS) await pause(20);
  const well = reportOf(envoy.assigned);
  // The first failures count only once a probe can have finished.
  for (let seconds = 0; seconds < 5; seconds++) {
    await envoy.send(well);
    await pause(1000);
  }
  const times: number[] = [];
  for (let change = 0; change < changes; change++) {
    const failing = new Set([change * 7]);
    const address = envoy.assigned[change * 7] ?? "";
    const report = reportOf(envoy.assigned, failing);
    const beginMs = performance.now();
    const arrival = eds.until(address);
    await envoy.send(report);
    times.push(await arrival - beginMs);
    await envoy.send(well);
    await pause(100);
  }
  return times;
}

/** Whoever wants the endpoints of `web`. */
class Subscriber implements AsyncDisposable {
  readonly #client;
  #seen: (assignment: ClusterLoadAssignment) => void = () => {};

  constructor(address: string) {
    this.#client = connectXds({
      servers: [address],
      node: { id: "bench", cluster: "bench" },
      clock: systemClock,
      logger: silentLogger,
    });
    this.#client.subscribe(TypeUrls.endpoints, {
      names: ["web"],
      decode: messageCodec("envoy.config.endpoint.v3.ClusterLoadAssignment").decode,
      changed: ({ resources }) => {
        for (const { message } of resources) this.#seen(message);
      },
    });
  }

  /** Resolves with the moment at which an endpoint is told to be unhealthy. */
  until(wanted: string): Promise<number> {
    return new Promise((resolve) => {
      this.#seen = ({ endpoints }) => {
        const found = endpoints.flatMap(({ lbEndpoints }) => lbEndpoints).find(({ endpoint }) => {
          const socket = endpoint?.address?.socketAddress;
          return `${socket?.address}:${socket?.portValue}` === wanted;
        });
        if (found?.healthStatus === UNHEALTHY) resolve(performance.now());
      };
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client.close();
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
