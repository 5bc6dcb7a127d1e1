// SPDX-License-Identifier: Apache-2.0
/**
 * A sink that is away for a minute and more, by a clock that the test moves: what is decided meanwhile
 * is neither forgotten nor told late, and nobody is asked all the time.
 * @module
 */
import assert from "node:assert/strict";
import { silentLogger } from "@denvoy/base";
import { FakeClock } from "@denvoy/base/testing";
import { Metrics, Readiness } from "@denvoy/runtime";
import type { Health } from "./domain/health.ts";
import { MemoryHealthStore } from "./domain/memory_store.ts";
import { cluster } from "./domain/testing.ts";
import type { PublishedVerdict } from "./domain/verdict_outbox.ts";
import type { FleetSession } from "./fleet.ts";
import { HealthControl } from "./health_control.ts";
import { hdsInstruments } from "./metrics.ts";
import { Publisher, type VerdictSink } from "./publisher.ts";

/** An ads as far as verdicts go: it keeps them in memory, and is away when the test says so. */
class FakeAds implements VerdictSink {
  readonly name = "ads";
  readonly repeatMs = 100_000;
  /** What it would serve, by port. */
  readonly served = new Map<number, Health>();
  isAway = false;
  /** Calls that found it away. */
  missed = 0;
  #start = 1;

  instance(): Promise<string> {
    return this.isAway ? Promise.reject(new Error("refused")) : Promise.resolve(`${this.#start}`);
  }

  publish(verdicts: readonly PublishedVerdict[]): Promise<void> {
    if (this.isAway) {
      this.missed++;
      return Promise.reject(new Error("refused"));
    }
    for (const { port, health } of verdicts) this.served.set(port, health);
    return Promise.resolve();
  }

  /** It has forgotten all that it was told. */
  restart(): void {
    this.#start++;
    this.served.clear();
  }
}

const PORTS = [1, 2, 3, 4, 5, 6];

/** Health control with six endpoints, an Envoy that reports each second, and an ads. */
class World implements AsyncDisposable {
  readonly clock = new FakeClock();
  readonly ads = new FakeAds();
  readonly readiness = new Readiness(this.clock);
  readonly store = new MemoryHealthStore();
  /** What each backend is, by port. */
  readonly backends = new Map<number, Health>(PORTS.map((port) => [port, "HEALTHY"]));
  readonly control: HealthControl;
  readonly #publisher: Publisher;
  readonly #session: FleetSession;

  constructor() {
    const { clock, store } = this;
    this.control = new HealthControl({
      policy: { mode: "spread", probers: 1, maxPerProber: 100 },
      verdicts: {
        ...{ agreement: "majority", rise: 1, fall: 1, reportIntervalMs: 1000, doubtFrom: 0 },
        ...{ keepShare: 0, flapLimit: 0, flapWindowMs: 0, flapHoldMs: 0 },
      },
      sources: ["ads"],
      ...{ store, clock, logger: silentLogger },
    });
    const web = cluster("web", PORTS.map((port) => `10.0.0.1:${port}`));
    this.control.setClusters("ads", new Map([["web", web]]));
    this.#publisher = new Publisher({
      sink: this.ads,
      control: this.control,
      clock,
      logger: silentLogger,
      health: this.readiness.component("ads"),
      instruments: hdsInstruments(new Metrics({ service: "hds", clock })),
    });
    const capability = { healthCheckProtocols: [0, 1] };
    const node = undefined;
    this.#session = this.control.join({ node, capability, peerAddress: "10.9.9.9:1" });
  }

  /** Seconds go by; in each the Envoy reports all backends. */
  async pass(seconds: number, { each = () => {} }: { each?: (second: number) => void } = {}) {
    for (let second = 0; second < seconds; second++) {
      each(second);
      for (let tenth = 0; tenth < 10; tenth++) {
        this.clock.advance(100);
        // What the timers began goes on, until it waits for time again.
        await new Promise((resolve) => setTimeout(resolve, 0));
      }
      const said = [...this.backends];
      const reported = said.map(([port, health]) => ({
        ...{ cluster: "web", probed: `10.0.0.1:${port}`, health },
      }));
      this.control.report(this.#session, reported);
      this.control.tick();
    }
  }

  /** What was decided, by port. */
  get decided(): ReadonlyMap<number, Health> {
    return new Map([...this.control.table.endpoints()].map(({ port, health }) => [port, health]));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#session.end();
    await this.#publisher[Symbol.asyncDispose]();
    this.control[Symbol.dispose]();
  }
}

for (const comesBack of ["as it was", "with nothing"]) {
  Deno.test(`an ads that is away for a minute and comes back ${comesBack} is told what was decided`, async () => {
    await using world = new World();
    const { ads, backends, readiness } = world;
    await world.pass(5);
    backends.set(1, "UNHEALTHY");
    await world.pass(3);
    assert.deepEqual(ads.served, world.decided);
    assert.equal(ads.served.get(1), "UNHEALTHY");

    ads.isAway = true;
    await world.pass(60, {
      each(second) {
        // One heals, one fails, one fails and heals, one goes to and fro all the time.
        if (second === 5) backends.set(1, "HEALTHY").set(2, "UNHEALTHY").set(3, "TIMEOUT");
        if (second === 40) backends.set(3, "HEALTHY");
        backends.set(4, second % 2 === 0 ? "UNHEALTHY" : "HEALTHY");
        if (second === 57) backends.set(5, "TIMEOUT");
      },
    });
    assert.equal(readiness.report().status, "degraded");
    assert.deepEqual([1, 2, 3, 5, 6].map((port) => world.decided.get(port)), [
      ...["HEALTHY", "UNHEALTHY", "HEALTHY", "TIMEOUT", "HEALTHY"],
    ], "it goes on deciding");
    assert.equal(ads.served.get(1), "UNHEALTHY", "ads serves what it knows");
    assert.ok(ads.missed >= 5 && ads.missed <= 15, `${ads.missed} attempts in a minute`);
    assert.equal(world.store.changes({ limit: 100, address: "10.0.0.1:2" }).length, 2);

    if (comesBack === "with nothing") ads.restart();
    ads.isAway = false;
    // It is asked every 2 s, and what waits does not wait for longer than that.
    await world.pass(3);
    assert.deepEqual(ads.served, world.decided);
    assert.equal(readiness.report().status, "ok");

    backends.set(6, "UNHEALTHY");
    await world.pass(3);
    assert.equal(ads.served.get(6), "UNHEALTHY", "and all is as before");
  });
}
