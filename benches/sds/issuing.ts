// SPDX-License-Identifier: Apache-2.0
/**
 * How many certificates the CA issues in a second, each side held on one core.
 * @module
 */
import { isWanted } from "../lib/command_line.ts";
import type { Comparison, Figure } from "../lib/comparison.ts";
import { orderOfPair } from "../lib/comparison.ts";
import { buildGoProgram } from "../lib/go.ts";
import { JsonProcess } from "../lib/json_process.ts";
import { print, progress } from "../lib/output.ts";
import { readProcessUsage } from "../lib/process_usage.ts";

/** Name of our side. */
export const denvoyName = "denvoy";

/** What is issued. */
export interface Issuing {
  /** Its name, e.g. `p256`. */
  readonly name: string;
  /** Kind of key of the leaves; the CA's own are P-256. */
  readonly keyType: "ec-p256" | "rsa-2048";
  /** How many certificates. */
  readonly count: number;
  /** How often each side does it. */
  readonly pairs: number;
}

interface Side {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
}

const WARM_UP = 10;

/** Runs one scenario on both sides and records its figures. */
export async function compareIssuing(
  issuing: Issuing,
  { comparison, wanted }: { readonly comparison: Comparison; readonly wanted: string | undefined },
): Promise<void> {
  const dataDir = await Deno.makeTempDir({ prefix: "denvoy-bench-" });
  try {
    const sides = (await findSides(dataDir)).filter(({ name }) => isWanted(name, wanted));
    for (let pair = 0; pair < issuing.pairs; pair++) {
      for (const side of orderOfPair(sides, pair)) {
        progress(`${issuing.name}, pair ${pair + 1} of ${issuing.pairs}: ${side.name}`);
        const { ms, cpuMs } = await run(side, issuing);
        const measured = { side: side.name, pair };
        const perSecond = issuing.count / ms * 1000;
        comparison.record(throughput(issuing), { ...measured, value: perSecond });
        // Keys in advance are made within the same process, before the clock starts.
        if (issuing.keyType !== "rsa-2048") {
          comparison.record(cpu(issuing), { ...measured, value: cpuMs });
        }
      }
    }
  } finally {
    await Deno.remove(dataDir, { recursive: true });
  }
}

function throughput({ name }: Issuing): Figure {
  const title = "certificates issued on one core";
  return { name: `sds.issue.${name}.throughput`, title, unit: "per second", better: "more" };
}

function cpu({ name, count }: Issuing): Figure {
  const title = `CPU for ${count} of them, with their keys`;
  return { name: `sds.issue.${name}.cpu`, title, unit: "ms", better: "less" };
}

async function findSides(dataDir: string): Promise<readonly Side[]> {
  const program = `${import.meta.dirname}/issue_program.ts`;
  const config = `${import.meta.dirname}/../../deno.json`;
  const args = ["run", "-q", "--frozen", "--allow-all", "--config", config, program, dataDir];
  const denvoy = { name: denvoyName, command: Deno.execPath(), args };
  const peer = await buildGoProgram(`${import.meta.dirname}/peer`);
  if (peer.kind === "built") {
    return [denvoy, { name: "go crypto/x509", command: peer.path, args: [] }];
  }
  print(`No Go, so Denvoy is measured alone: ${peer.reason}`);
  return [denvoy];
}

async function run(
  side: Side,
  { keyType, count }: Issuing,
): Promise<{ ms: number; cpuMs: number }> {
  // One core for all threads of a side: WebCrypto works on threads of its own.
  const pinned = { command: "taskset", args: ["-c", "0", side.command, ...side.args] };
  await using process = JsonProcess.start(side.name, pinned);
  await process.ask({ keyType, count: WARM_UP });
  const before = await readProcessUsage(process.pid);
  const { ms } = readAnswer(await process.ask({ keyType, count }));
  const after = await readProcessUsage(process.pid);
  return { ms, cpuMs: (after.cpuSeconds - before.cpuSeconds) * 1000 };
}

function readAnswer(answer: unknown): { readonly ms: number } {
  if (typeof answer === "object" && answer !== null && "ms" in answer) {
    return { ms: Number(answer.ms) };
  }
  throw new Error(`cannot read answer as it must have "ms": is ${JSON.stringify(answer)}`);
}
