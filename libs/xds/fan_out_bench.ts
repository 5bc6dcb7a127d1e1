// SPDX-License-Identifier: Apache-2.0
/**
 * What a change costs for each stream that wants it, and what a stream costs in memory: 1,000
 * streams in one process, each with a wildcard of 1,000 clusters and 1,000 names of endpoints.
 * `deno bench --v8-flags=--expose-gc libs/xds/fan_out_bench.ts`
 */
import { FakeClock } from "@denvoy/base/testing";
import { Hub } from "./hub.ts";
import type { HubStream } from "./hub_stream.ts";
import type { Resource } from "./resource.ts";
import { TypeUrls } from "./type_url.ts";
import { MemoryView } from "./view.ts";

const STREAMS = 1000;
const CLUSTERS = 1000;
const ENDPOINTS_BYTES = 2600;
const { cluster, endpoints } = TypeUrls;
const NAMES = Array.from({ length: CLUSTERS }, (_, number) => `cluster-${number}`);

function endpointsOf(name: string, version: string): Resource {
  const value = new Uint8Array(ENDPOINTS_BYTES);
  return { typeUrl: endpoints, name, version, value, references: [] };
}

function clusterOf(name: string, version: string): Resource {
  const references = [{ typeUrl: endpoints, name }];
  return { typeUrl: cluster, name, version, value: new Uint8Array(300), references };
}

class Fleet {
  readonly view = new MemoryView();
  readonly streams: readonly HubStream[];
  readonly #mode: "sotw" | "delta";
  readonly #hub = new Hub({
    clock: new FakeClock(),
    observer: {
      onSent: (stream, { typeUrl, nonce }) => this.#sent.set(stream, { typeUrl, nonce }),
    },
  });
  readonly #sent = new Map<HubStream, { typeUrl: string; nonce: string }>();
  #version = 0;

  constructor(mode: "sotw" | "delta") {
    this.#mode = mode;
    this.#put(NAMES.flatMap((name) => [clusterOf(name, "0"), endpointsOf(name, "0")]));
    this.streams = Array.from({ length: STREAMS }, () => this.#start());
  }

  changeEndpoints(): void {
    const version = `${++this.#version}`;
    this.#put([endpointsOf(`cluster-${this.#version % CLUSTERS}`, version)]);
    this.#deliver();
  }

  changeCluster(): void {
    const version = `${++this.#version}`;
    this.#put([clusterOf(`cluster-${this.#version % CLUSTERS}`, version)]);
    this.#deliver();
  }

  #put(resources: readonly Resource[]): void {
    const changes = resources.map((resource) => ({ kind: "put", resource }) as const);
    this.#hub.changed(this.view, this.view.apply(changes));
  }

  #start(): HubStream {
    const stream = this.#hub.open({ mode: this.#mode, view: this.view });
    stream.request({ typeUrl: cluster });
    this.#drain(stream);
    // A decoder makes new strings for each request.
    const names = NAMES.map((name) => `${name} `.trimEnd());
    if (this.#mode === "delta") {
      stream.request({ typeUrl: endpoints, resourceNamesSubscribe: names });
    } else stream.request({ typeUrl: endpoints, resourceNames: names });
    this.#drain(stream);
    return stream;
  }

  #deliver(): void {
    for (const stream of this.streams) this.#drain(stream);
  }

  #drain(stream: HubStream): void {
    while (stream.pull() !== undefined) {
      const { typeUrl = "", nonce: responseNonce = "" } = this.#sent.get(stream) ?? {};
      const resourceNames = this.#mode === "sotw" && typeUrl === endpoints ? NAMES : [];
      stream.request({ typeUrl, responseNonce, resourceNames });
    }
  }
}

const fleets = new Map<string, Fleet>();

function fleet(mode: "sotw" | "delta"): Fleet {
  const known = fleets.get(mode);
  if (known !== undefined) return known;
  const made = new Fleet(mode);
  fleets.set(mode, made);
  return made;
}

for (const mode of ["delta", "sotw"] as const) {
  Deno.bench(`${mode}: one endpoint change to 1,000 streams and their ACKs`, { n: 20 }, (bench) => {
    const streams = fleet(mode);
    bench.start();
    streams.changeEndpoints();
    bench.end();
  });
  Deno.bench(`${mode}: one cluster change to 1,000 streams and their ACKs`, { n: 20 }, (bench) => {
    const streams = fleet(mode);
    bench.start();
    streams.changeCluster();
    bench.end();
  });
}
