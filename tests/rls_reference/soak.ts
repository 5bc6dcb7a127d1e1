// SPDX-License-Identifier: Apache-2.0
/**
 * `deno task soak:rls [--seconds 60] [--seed 1]`: the comparison with envoyproxy/ratelimit over and over
 * with another seed each time. Ends at the first difference, with its seed.
 * @module
 */
import { getRateLimitReference } from "@denvoy/tools/real_parts";
import { parseArgs } from "node:util";
import { progress } from "../../benches/lib/output.ts";
import { runVariant } from "./agreement.ts";
import { variants } from "./variants.ts";

const size = { domains: 25, requests: 60 };

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      seconds: { type: "string", default: "60" },
      seed: { type: "string", default: "1" },
    },
  });
  const [seconds, first] = [Number(values.seconds), Number(values.seed)];
  if (!(seconds > 0) || !Number.isInteger(first)) {
    throw new Error("cannot run as --seconds must be > 0 and --seed a whole number");
  }
  const reference = await getRateLimitReference();
  if (reference.kind === "unavailable") throw new Error(`no reference here: ${reference.reason}`);
  const endMs = performance.now() + 1000 * seconds;
  for (let seed = first; seed === first || performance.now() < endMs; seed++) {
    for (const variant of variants) {
      progress(`seed ${seed}: ${variant.title}`);
      await runVariant(variant, { program: reference.path, seed, size });
    }
  }
}

if (import.meta.main) await main();
