// SPDX-License-Identifier: Apache-2.0
/**
 * One run: limits and requests by chance, the same for both, and everything that they answer and leave
 * in Redis must be the same.
 * @module
 */
import assert from "node:assert/strict";
import { eventuallyPasses } from "../support/mod.ts";
import { Chance } from "@denvoy/base/testing";
import { comparable } from "./differences.ts";
import { type LimitFileTraits, randomRules, type RuleFields } from "./limit_files.ts";
import { Pair } from "./pair.ts";
import { assertSameContents } from "./redis_contents.ts";
import { randomRequest } from "./requests.ts";

/** What both are set to. */
export interface Variant extends LimitFileTraits {
  /** What it is about. */
  readonly title: string;
  /** Settings, as the reference names them. */
  readonly env: Readonly<Record<string, string>>;
  /** Requests may go to `/json`. */
  readonly json: boolean;
  /** Windows of one second are in another Redis. */
  readonly perSecond: boolean;
  /** What is left in Redis is compared, too. */
  readonly contents: boolean;
  /** What was counted is compared, too. */
  readonly statistics: boolean;
}

/** How much is compared. */
export interface RunSize {
  /** Domains, each with rules of its own. */
  readonly domains: number;
  /** Requests for each. */
  readonly requests: number;
}

/** A sequence that crossed the end of a window between both services is run again, elsewhere. */
const ATTEMPTS = 4;

interface DomainRun {
  readonly pair: Pair;
  readonly variant: Variant;
  readonly domain: string;
  readonly rules: readonly RuleFields[];
  readonly requests: number;
  readonly seed: number;
}

/** Runs a variant; throws with the seed, the rules and both answers where they differ. */
export async function runVariant(
  variant: Variant,
  { program, seed, size }: {
    readonly program: string;
    readonly seed: number;
    readonly size: RunSize;
  },
): Promise<void> {
  const chance = new Chance(seed);
  const all = chance.some(size.domains, () => randomRules(chance, variant));
  const limits = Object.fromEntries(
    all.flatMap((rules, index) =>
      Array.from({ length: ATTEMPTS }, (_, attempt) => {
        const domain = nameOf(index, attempt);
        return [`${domain}.yaml`, JSON.stringify({ domain, descriptors: rules })];
      })
    ),
  );
  await using pair = await Pair.start({ ...variant, program, limits });
  for (const [index, rules] of all.entries()) {
    const run = { pair, variant, rules, requests: size.requests, seed: seed + index };
    try {
      const attempt = await untilUndisturbed((attempt) =>
        runDomain({ ...run, domain: nameOf(index, attempt) })
      );
      if (variant.statistics) await compareStatistics(pair, nameOf(index, attempt));
    } catch (error) {
      const told = error instanceof Error ? error.message : String(error);
      const about = `${variant.title}, seed ${seed}, domain ${index}: ${JSON.stringify(rules)}`;
      throw new Error(`${told}\n${about}`);
    }
  }
}

function nameOf(index: number, attempt: number): string {
  return `d${index}${"again".repeat(attempt)}`;
}

async function untilUndisturbed(run: (attempt: number) => Promise<boolean>): Promise<number> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) if (await run(attempt)) return attempt;
  throw new Error(`windows ended between both services ${ATTEMPTS} times in a row`);
}

/** Returns false when a window ended just between both services. */
async function runDomain(run: DomainRun): Promise<boolean> {
  const { pair, variant, domain, rules, requests, seed } = run;
  const chance = new Chance(seed);
  const windowMs = variant.seconds ? 1_000 : 60_000;
  for (let n = 0; n < requests; n++) {
    const way = variant.json && chance.happens(0.15) ? "json" : "grpc";
    const request = randomRequest(chance, { ...variant, domain, rules });
    const answers = await pair.ask(request, { way, windowMs });
    const { fromMs, toMs } = answers;
    if (Math.floor(fromMs / windowMs) !== Math.floor(toMs / windowMs)) return false;
    const sameSecond = Math.floor(fromMs / 1000) === Math.floor(toMs / 1000);
    const { denvoy, reference } = comparable(answers, { sameSecond });
    const { denvoy: said } = answers;
    const why = said.kind === "refused" ? `, refused since ${said.why}` : "";
    assertSame(denvoy, reference, `request ${n}, ${way}${why}: ${JSON.stringify(request)}`);
  }
  if (variant.contents) await compareContents(pair);
  return true;
}

function assertSame(denvoy: unknown, reference: unknown, about: string): void {
  try {
    assert.deepEqual(denvoy, reference);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    throw new Error(`Denvoy (+) and the reference (-) differ in ${about}\n${error.message}`);
  }
}

async function compareContents(pair: Pair): Promise<void> {
  const contents = await pair.contents();
  const nowMs = Date.now();
  assertSameContents(contents, { ageSeconds: (nowMs - pair.startMs) / 1000, nowMs });
}

async function compareStatistics(pair: Pair, domain: string): Promise<void> {
  const ofDomain = (all: ReadonlyMap<string, number>) =>
    [...all].filter(([name]) => name.includes(`.${domain}.`)).sort().map((row) => row.join(" "));
  await eventuallyPasses(async () => {
    const { denvoy, reference } = await pair.statistics();
    assert.deepEqual(ofDomain(denvoy), ofDomain(reference));
  }, { what: `Denvoy (+) and the reference (-) to have counted the same of ${domain}` });
}
