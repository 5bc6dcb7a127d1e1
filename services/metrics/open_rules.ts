// SPDX-License-Identifier: Apache-2.0
/**
 * Follows the file of cardinality rules: what cannot be used leaves the last good rules in force.
 * @module
 */
import { ProblemError } from "@denvoy/base";
import { ReloadedFiles, type Runtime } from "@denvoy/runtime";
import { CardinalityRules } from "./domain/cardinality_rules.ts";
import { readRuleFile } from "./domain/rule_file.ts";

/**
 * Reads `--rules` and goes on following it.
 * @throws ProblemError when the file cannot be used at the start
 */
export async function followRules(
  path: string,
  { logger, clock, metrics, readiness }: Runtime,
): Promise<ReloadedFiles<CardinalityRules>> {
  const failures = metrics.counter("rule_reload_failures_total", {
    help: "Changed rule files that could not be used, so that the last good rules stayed.",
  });
  return await ReloadedFiles.load({
    what: "cardinality rules",
    paths: [path],
    read: async () => checkedRules(await readText(path), path),
    logger,
    clock,
    health: readiness.component("rules"),
    failures: failures.with(),
  });
}

async function readText(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    const message = `cannot be read: ${why}`;
    throw new ProblemError([{ severity: "error", file: path, message }]);
  }
}

function checkedRules(text: string, path: string): CardinalityRules {
  const { rules, problems } = readRuleFile(text, path);
  if (rules === undefined) throw new ProblemError(problems);
  return rules;
}
