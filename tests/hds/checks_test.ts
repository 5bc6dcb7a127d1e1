// SPDX-License-Identifier: Apache-2.0
/**
 * Checks other than HTTP, done by a real Envoy.
 * @module
 */
import { startDenvoyHds, TempFolder } from "../support/mod.ts";
import { Ponger } from "./ponger.ts";
import { clusterOf, clustersFile, healthBecomes, type Json, pace, startProber } from "./scene.ts";

const redis: Json = {
  ...pace,
  custom_health_check: {
    name: "envoy.health_checkers.redis",
    typed_config: {
      "@type": "type.googleapis.com/envoy.extensions.health_checkers.redis.v3.Redis",
    },
  },
};
const connects: Json = { ...pace, tcp_health_check: {} };
const pongs: Json = {
  ...pace,
  tcp_health_check: { send: { text: "50494e470d0a" }, receive: [{ text: "2b504f4e47" }] },
};
const says: Json = {
  ...pace,
  tcp_health_check: { send: { text: "00" }, receive: [{ text: "ff" }] },
};

Deno.test("Redis, TCP with send and receive, and several checks that must all pass", async () => {
  await using one = new Ponger();
  await using two = new Ponger();
  await using three = new Ponger();
  await using folder = await TempFolder.create({
    "clusters.json": clustersFile(
      clusterOf("redis", { ports: [one.port], checks: [redis] }),
      clusterOf("both", { ports: [two.port], checks: [connects, pongs] }),
      clusterOf("one-fails", { ports: [three.port], checks: [connects, says] }),
    ),
  });
  const flags = ["--report-interval", "300ms", "--panic-threshold", "0"];
  await using hds = await startDenvoyHds({ clusters: folder.path, flags });
  await using _prober = await startProber("prober", { hds: hds.grpcAddress });
  await healthBecomes(hds.httpUrl, {
    [one.port]: "HEALTHY",
    [two.port]: "HEALTHY",
    [three.port]: "TIMEOUT",
  });
});
