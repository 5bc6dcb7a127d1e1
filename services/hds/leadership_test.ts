// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { silentLogger } from "@denvoy/base";
import type { HealthControl } from "./health_control.ts";
import type { ApiClusters } from "./api_clusters.ts";
import type { Edges } from "./edges.ts";
import { Leadership } from "./leadership.ts";

const following = { leads: false, verdicts: false, given: false };
const leading = { ...following, leads: true };

/** A leadership whose edges the test sees. */
class Scene {
  readonly words: string[] = [];
  readonly leadership: Leadership;
  failures = 0;
  open = 0;

  constructor() {
    const note = (status: string) => (message = "") => void this.words.push(`${status} ${message}`);
    this.leadership = new Leadership({
      control: { adopt() {} } as unknown as HealthControl,
      apiClusters: { reload() {} } as unknown as ApiClusters,
      health: { ok: note("ok"), degraded: note("degraded"), failed: note("failed") },
      logger: silentLogger,
      open: () => this.#edges(),
    });
  }

  get said(): string | undefined {
    return this.words.at(-1);
  }

  #edges(): Promise<Edges> {
    if (this.failures-- > 0) return Promise.reject(new Error("address in use"));
    this.open++;
    const close = () => Promise.resolve(void this.open--);
    return Promise.resolve({ grpcAddress: "127.0.0.1:1", close });
  }
}

Deno.test("the edges are open while a replica leads, also while Redis is away", async () => {
  const scene = new Scene();
  const { leadership } = scene;
  assert.equal(scene.said, "failed Redis has not answered yet");
  await leadership.take({ ...following, trouble: "refused" });
  assert.equal(scene.said, "failed Redis has not answered yet: refused");
  const steps = [
    [following, 0, "ok another replica leads"],
    [leading, 1, "ok this replica leads"],
    [leading, 1, "ok this replica leads"],
    [{ ...leading, trouble: "x" }, 1, "degraded goes on with what it knows: Redis: x"],
    [following, 0, "ok another replica leads"],
    [leading, 1, "ok this replica leads"],
  ] as const;
  for (const [news, open, said] of steps) {
    await leadership.take(news);
    assert.deepEqual([scene.open, scene.said], [open, said]);
  }
  await leadership.close(0);
  await leadership.take(leading);
  assert.equal(scene.open, 0);
});

Deno.test("edges that cannot be opened are tried again, and readiness says why", async () => {
  const scene = new Scene();
  scene.failures = 2;
  await scene.leadership.take(leading);
  await scene.leadership.take(leading);
  assert.equal(scene.said, "failed cannot lead: address in use");
  assert.equal(scene.leadership.leads, false);
  await scene.leadership.take(leading);
  assert.equal(scene.leadership.leads, true);
  await scene.leadership.take(leading);
  assert.equal(scene.said, "ok this replica leads");
});
