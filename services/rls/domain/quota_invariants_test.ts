// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { type SimulatedEnvoy, SimulatedFleet } from "./testing/simulated_fleet.ts";

const LIMIT = 100;
const TTL_SECONDS = 10;

/** What may happen to a fleet between two looks at it. */
type Event = (fleet: SimulatedFleet, envoy: SimulatedEnvoy, random: () => number) => void;

const events: readonly Event[] = [
  (fleet, _, random) => {
    if (fleet.envoys.length < 12) {
      fleet.add(`envoy-${fleet.envoys.length}`, { load: random() * 200 });
    }
  },
  (_, envoy, random) => envoy.load = random() ** 3 * 400,
  (_, envoy) => envoy.load = 0,
  (_, envoy) => envoy.reads = !envoy.reads,
  (fleet, envoy) => fleet.disconnect(envoy),
  (fleet, envoy) => fleet.connect(envoy),
];

for (let seed = 1; seed <= 12; seed++) {
  Deno.test(`quotas never let more pass than the limit, whatever happens (${seed})`, () => {
    const random = generator(seed);
    const fleet = new SimulatedFleet({
      limits: `domain: d\ndescriptors: [{key: k, rate_limit: ${LIMIT} per second}]`,
      settings: { ttlSeconds: TTL_SECONDS, idleMs: 60_000 },
      onStep: () => {
        const rate = fleet.envoys.reduce((sum, envoy) => sum + envoy.rate, 0);
        assert.ok(rate <= LIMIT + 1e-6, `${rate} requests a second at ${fleet.nowMs}`);
      },
    });
    fleet.add("envoy-0", { load: 300 });
    for (let step = 0; step < 150; step++) {
      const envoy = fleet.envoys[Math.floor(random() * fleet.envoys.length)];
      const event = events[Math.floor(random() * events.length)];
      if (envoy !== undefined && event !== undefined) event(fleet, envoy, random);
      fleet.run(Math.ceil(random() * 30) / 10);
    }
    settles(fleet);
  });
}

/** Once all are well for some time, what is wanted is let pass, and the limit is used up. */
function settles(fleet: SimulatedFleet): void {
  for (const envoy of fleet.envoys) {
    envoy.reads = true;
    if (envoy.stream === undefined) fleet.connect(envoy);
    envoy.load = 200;
  }
  fleet.run(3 * TTL_SECONDS);
  const fair = LIMIT / fleet.envoys.length;
  for (const { rate, name } of fleet.envoys) {
    assert.ok(rate > fair * 0.9 && rate < fair * 1.1, `${name} has ${rate} of ${fair}`);
  }
  const [first, ...rest] = fleet.envoys;
  for (const envoy of rest) envoy.load = 0;
  fleet.run(20);
  assert.ok(first === undefined || first.rate > LIMIT * 0.9, `${first?.rate} for the only one`);
}

/** A small generator of numbers from 0 to 1: the same ones in every run. */
function generator(seed: number): () => number {
  let state = seed * 7919;
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return state / 2_147_483_648;
  };
}
