// SPDX-License-Identifier: Apache-2.0
/**
 * Turns the settings, as people write them, into those of the domain.
 * @module
 */
import { ProblemError } from "@denvoy/base";
import type { HdsConfig } from "./config.ts";
import type { AssignmentPolicy } from "./domain/assignment.ts";
import type { DefaultCheck } from "./domain/health_check.ts";
import { type EnvoyFact, envoyFacts } from "./domain/tls_rules.ts";
import type { VerdictSettings } from "./domain/verdict_settings.ts";

/** Returns how endpoints are given to Envoys. */
export function assignmentPolicy(
  { assignment, probers, maxEndpoints }: HdsConfig,
): AssignmentPolicy {
  return { mode: assignment, probers, maxPerProber: maxEndpoints };
}

/** Returns how verdicts are reached. */
export function verdictSettings(config: HdsConfig): VerdictSettings {
  const { agreement, rise, fall, reportIntervalMs, assignment } = config;
  const { panicThreshold, flapLimit, flapWindowMs, flapHoldMs } = config;
  return {
    agreement,
    rise,
    fall,
    reportIntervalMs,
    // All that an Envoy checks of its own may well fail together.
    doubtFrom: assignment === "self" ? 0 : config.doubtFrom,
    keepShare: panicThreshold / 100,
    flapLimit,
    flapWindowMs,
    flapHoldMs,
  };
}

/** Returns the check of clusters that have none. @throws ProblemError */
export function defaultCheckOf(config: HdsConfig): DefaultCheck {
  const times = {
    intervalMs: config.defaultIntervalMs,
    timeoutMs: config.defaultTimeoutMs,
    rise: config.defaultRise,
    fall: config.defaultFall,
  };
  const { defaultCheck } = config;
  if (defaultCheck === "none" || defaultCheck === "tcp" || defaultCheck === "grpc") {
    return { ...times, kind: defaultCheck, path: "" };
  }
  if (defaultCheck.startsWith("http:/")) {
    return { ...times, kind: "http", path: defaultCheck.slice("http:".length) };
  }
  const message = `--default-check must be "none", "tcp", "grpc" or "http:/path": current value ` +
    `is "${defaultCheck}"`;
  throw usageError(message);
}

/** Returns what all Envoys are known to have. @throws ProblemError */
export function envoyFactsOf(
  { envoysHave }: Pick<HdsConfig, "envoysHave">,
): ReadonlySet<EnvoyFact> {
  const facts = envoysHave.map((word) => {
    const fact = envoyFacts.find((one) => one === word);
    if (fact !== undefined) return fact;
    const rule = `--envoys-have must be one of ${envoyFacts.join(", ")}`;
    throw usageError(`${rule}: current value is "${word}"`);
  });
  return new Set(facts);
}

function usageError(message: string): ProblemError {
  return new ProblemError([{ severity: "error", message }]);
}
