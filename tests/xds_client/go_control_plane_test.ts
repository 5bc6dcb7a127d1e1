// SPDX-License-Identifier: Apache-2.0
/** The client against an ADS server of somebody else, in both variants. */
import assert from "node:assert/strict";
import { silentLogger } from "@denvoy/base";
import { connectXds, type XdsSubscription } from "@denvoy/discovery";
import { messageCodec, type MessageOf } from "@denvoy/proto";
import { systemClock } from "@denvoy/runtime";
import { type ProtocolMode, TypeUrls } from "@denvoy/xds";
import { eventually } from "../support/mod.ts";
import { type CacheForm, startGoControlPlane, whyAbsent } from "./go_control_plane.ts";

type Assignment = MessageOf<"envoy.config.endpoint.v3.ClusterLoadAssignment">;
const { decode } = messageCodec("envoy.config.endpoint.v3.ClusterLoadAssignment");

function assignment(name: string, port: number): object {
  const address = { socketAddress: { address: "127.0.0.1", portValue: port } };
  return {
    "@type": TypeUrls.endpoints,
    clusterName: name,
    endpoints: [{ lbEndpoints: [{ endpoint: { address } }] }],
  };
}

function cluster(name: string): object {
  return {
    "@type": TypeUrls.cluster,
    name,
    type: "EDS",
    edsClusterConfig: { edsConfig: { ads: {}, resourceApiVersion: "V3" } },
  };
}

function portOf(endpoints: XdsSubscription<Assignment>, name: string): number | undefined {
  const [locality] = endpoints.resources.get(name)?.message.endpoints ?? [];
  return locality?.lbEndpoints[0]?.endpoint?.address?.socketAddress?.portValue;
}

/** Ports from here on are not to the taste of the reader. */
const BAD_PORTS = 60_000;

async function readAll(form: CacheForm, mode: ProtocolMode): Promise<void> {
  const resources = [cluster("a"), cluster("b"), assignment("a", 1), assignment("b", 2)];
  const first = await startGoControlPlane({ form, resources });
  await using stack = new AsyncDisposableStack();
  stack.defer(() => first[Symbol.asyncDispose]());
  await using xds = connectXds({
    servers: [first.grpcAddress],
    node: { id: "reader" },
    tuning: { mode, backoff: { initialMs: 50, maxMs: 500, factor: 2 } },
    clock: systemClock,
    logger: silentLogger,
  });
  const endpoints = xds.subscribe(TypeUrls.endpoints, {
    names: [],
    decode,
    accept: ({ resources }) => new Map(resources.flatMap(whyBad)),
  });
  const clusters = xds.subscribe(TypeUrls.cluster, {
    decode: (value) => value.byteLength,
    changed: () => endpoints.setNames([...clusters.resources.keys()]),
  });
  const port = (name: string, wanted: number) =>
    eventually(() => portOf(endpoints, name) === wanted, { what: `${name} on port ${wanted}` });
  await port("a", 1);
  await port("b", 2);
  await first.putEndpoints("a", assignment("a", 11));
  await port("a", 11);
  await first.putEndpoints("b", assignment("b", BAD_PORTS));
  await eventually(() => xds.report()[0]?.types.some(({ nacks }) => nacks > 0), {
    what: "the rejection",
  });
  assert.equal(portOf(endpoints, "b"), 2);
  await first.putEndpoints("b", assignment("b", 22));
  await port("b", 22);

  await first[Symbol.asyncDispose]();
  await eventually(() => xds.report()[0]?.phase !== "connected", { what: "the loss" });
  assert.deepEqual([portOf(endpoints, "a"), portOf(endpoints, "b")], [11, 22]);
  const changed = [cluster("a"), cluster("c"), assignment("a", 111), assignment("c", 3)];
  const { grpcAddress } = first;
  await using _second = await startGoControlPlane({ form, resources: changed, grpcAddress });
  await port("a", 111);
  await port("c", 3);
  await eventually(() => !clusters.resources.has("b"), { what: "b to be gone" });
}

function whyBad(resource: { readonly name: string; readonly message: Assignment }) {
  const bad = resource.message.endpoints.some(({ lbEndpoints }) =>
    lbEndpoints.some(({ endpoint }) =>
      (endpoint?.address?.socketAddress?.portValue ?? 0) >= BAD_PORTS
    )
  );
  return bad ? [[resource.name, "port is too high"] as const] : [];
}

const reason = whyAbsent();
for (const form of ["snapshot", "linear"] as const) {
  for (const mode of ["delta", "sotw"] as const) {
    const title = `the client reads go-control-plane (${form}, ${mode})`;
    Deno.test({
      name: reason === undefined ? title : `${title} (skipped: ${reason})`,
      ignore: reason !== undefined,
      fn: () => readAll(form, mode),
    });
  }
}
