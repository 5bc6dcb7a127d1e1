// SPDX-License-Identifier: Apache-2.0
/**
 * How a client is, in words, for `/readyz`: a server that is away is no failure once it was there.
 * @module
 */
import type { ComponentHealth } from "@denvoy/runtime";
import type { XdsStreamReport } from "./xds_client_options.ts";

/** Rejections that are shown; the log has all. */
const SHOWN = 10;

/** Tells a component of the streams of a client. */
export function reportHealth(health: ComponentHealth, streams: readonly XdsStreamReport[]): void {
  const away = streams.filter(({ phase }) => phase !== "connected").map(awayText);
  const rejected = streams.flatMap(rejectedTexts);
  const shown = rejected.length > SHOWN
    ? [...rejected.slice(0, SHOWN), `and ${rejected.length - SHOWN} more`]
    : rejected;
  const problems = [...away, ...shown];
  if (problems.length === 0) {
    return health.ok(`connected to ${streams.map(({ address }) => address).join(", ")}`);
  }
  const message = problems.join("\n");
  const hasNothing = streams.some(({ phase, types }) =>
    phase !== "connected" && types.some(({ synced }) => !synced)
  );
  if (hasNothing) return health.failed(message);
  health.degraded(`${message}\nthe last good content counts`);
}

function awayText({ address, failure }: XdsStreamReport): string {
  return `no connection to ${address}${failure === undefined ? "" : `: ${failure.message}`}`;
}

function rejectedTexts({ types }: XdsStreamReport): readonly string[] {
  return types.flatMap(({ rejected }) =>
    rejected.map(({ name, message }) => `rejected ${name}: ${message}`)
  );
}
