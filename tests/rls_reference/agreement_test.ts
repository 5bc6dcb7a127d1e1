// SPDX-License-Identifier: Apache-2.0
/**
 * Denvoy and envoyproxy/ratelimit are given the same limits, settings and requests, and must answer
 * the same and leave the same in Redis. What is meant to differ is in differences.ts.
 */
import { getRateLimitReference } from "@denvoy/tools/real_parts";
import { runVariant } from "./agreement.ts";
import { variants } from "./variants.ts";

const reference = await getRateLimitReference();
const skipped = reference.kind === "built" ? "" : ` (skipped: ${reference.reason})`;

for (const variant of variants) {
  Deno.test({
    name: `Denvoy agrees with envoyproxy/ratelimit: ${variant.title}${skipped}`,
    ignore: reference.kind !== "built",
    async fn() {
      if (reference.kind !== "built") return;
      const size = { domains: 10, requests: 25 };
      await runVariant(variant, { program: reference.path, seed: 1, size });
    },
  });
}
