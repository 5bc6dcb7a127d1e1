// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { FakeClock } from "@denvoy/base/testing";
import { Hub } from "./hub.ts";
import { ScriptedClient, testCluster, testListener, testResource, testRoute } from "./testing.ts";
import { TypeUrls } from "./type_url.ts";
import { MemoryView } from "./view.ts";

const { cluster, endpoints, listener, route } = TypeUrls;

for (const mode of ["sotw", "delta"] as const) {
  Deno.test(`Hub serves a whole mesh to a client that starts with nothing (${mode})`, () => {
    const view = new MemoryView();
    view.apply([
      testCluster("blue", "1", "blue-eds"),
      testResource(endpoints, "blue-eds"),
      testListener("http", "1", "local"),
      testRoute("local", "1", ["blue"]),
    ].map((resource) => ({ kind: "put", resource })));
    const hub = new Hub({ clock: new FakeClock() });
    const client = new ScriptedClient(hub.open({ mode, view, node: { id: "envoy" } }));
    client.subscribeAll(cluster);
    client.subscribeAll(listener);
    client.settle();
    assert.deepEqual(client.contents(cluster), { blue: "1" });
    assert.deepEqual(client.contents(endpoints), { "blue-eds": "1" });
    assert.deepEqual(client.contents(listener), { http: "1" });
    assert.deepEqual(client.contents(route), { local: "1" });
  });
}
