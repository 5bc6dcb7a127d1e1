// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { frameMessage, RawPeer } from "@denvoy/grpc/testing";
import { startDenvoyAds } from "../support/mod.ts";
import { assertUnharmed, memoryIsBelow, residentMib, streamsAreDown } from "./ads_health.ts";
import { HonestClient } from "./honest_client.ts";
import {
  attackRaw,
  DELTA_PATH,
  floods,
  randomBytes,
  rawAttacks,
  refused,
  sendInsteadOfPreface,
  sendPaced,
} from "./raw_attacks.ts";

/** What no HTTP/2 client sends first. */
const greetings: Readonly<Record<string, Uint8Array>> = {
  "an HTTP/1 request": new TextEncoder().encode("GET /v1/nodes HTTP/1.1\r\nHost: a\r\n\r\n"),
  "a TLS hello": new Uint8Array([22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3, ...randomBytes(500, 1)]),
  "random bytes": randomBytes(100_000, 2),
  "nothing but zeros": new Uint8Array(100_000),
};

for (const transport of ["native", "grpc-js"]) {
  Deno.test(`${transport}: garbage on the gRPC port harms nobody else`, async (t) => {
    await using ads = await startDenvoyAds({ flags: ["--grpc-server", transport] });
    await using honest = await HonestClient.connect(ads);
    const { grpcAddress } = ads;
    for (const [what, bytes] of Object.entries(greetings)) {
      await t.step(what, () => honest.askDuring(() => sendInsteadOfPreface(grpcAddress, bytes)));
    }
    for (const [what, attack] of Object.entries(rawAttacks)) {
      await t.step(what, () => honest.askDuring(() => attackRaw(grpcAddress, attack)));
    }
    await streamsAreDown(ads, 1);
    assertUnharmed(ads);
  });

  Deno.test(`${transport}: a message of 100 MB is refused before it has arrived`, async () => {
    await using ads = await startDenvoyAds({ flags: ["--grpc-server", transport] });
    await using honest = await HonestClient.connect(ads);
    const before = await residentMib(ads);
    await honest.askDuring(async () => {
      await using peer = await RawPeer.connect(ads.grpcAddress);
      const streamId = await peer.open(DELTA_PATH);
      const message = frameMessage(new Uint8Array(100 * 2 ** 20));
      const sent = await sendPaced(peer, streamId, message);
      await refused(peer, streamId, "100 MB");
      assert.ok(sent < 2 ** 20, `the server must refuse at once: it took ${sent} bytes`);
    });
    await memoryIsBelow(ads, before + 64);
    assertUnharmed(ads);
  });
}

Deno.test("native: floods on one connection end that connection and harm nobody else", async (t) => {
  await using ads = await startDenvoyAds();
  await using honest = await HonestClient.connect(ads);
  const before = await residentMib(ads);
  for (const [what, flood] of Object.entries(floods)) {
    await t.step(what, () => honest.askDuring(() => attackRaw(ads.grpcAddress, flood)));
  }
  await streamsAreDown(ads, 1);
  await memoryIsBelow(ads, before + 100);
  assertUnharmed(ads);
});
