// SPDX-License-Identifier: Apache-2.0
/**
 * Golden signals as tables.
 * @module
 */
import type {
  EdgeAnswer,
  RouteAnswer,
  ServiceAnswer,
  SignalsAnswer,
} from "../api/signal_answers.ts";
import { type Cell, table } from "../output/columns.ts";
import type { Styles } from "../output/styles.ts";
import type { ViewOptions } from "./nodes_view.ts";

/** Below this share of success a line is a warning, below the second an error. */
const WARNING_RATE = 0.999;
const ERROR_RATE = 0.95;
const HEAD = ["RPS", "SUCCESS", "P50", "P90", "P99"];
const NONE = "no request was logged in the last minute";

/** Returns the table of services. */
export function servicesView(
  services: readonly ServiceAnswer[],
  { styles }: ViewOptions,
): readonly string[] {
  if (services.length === 0) return [NONE];
  const rows = services.map((one) => [nameOf(one.service), ...signalCells(one, styles)]);
  return table(["SERVICE", ...HEAD], rows);
}

/** Returns the table of edges. */
export function edgesView(
  edges: readonly EdgeAnswer[],
  { styles }: ViewOptions,
): readonly string[] {
  if (edges.length === 0) return [NONE];
  const rows = edges.map((one) => [
    nameOf(one.source),
    nameOf(one.destination),
    ...signalCells(one, styles),
  ]);
  return table(["FROM", "TO", ...HEAD], rows);
}

/** Returns the table of routes. */
export function routesView(
  routes: readonly RouteAnswer[],
  { styles }: ViewOptions,
): readonly string[] {
  if (routes.length === 0) return [NONE];
  const rows = routes.map((one) => [
    ...[nameOf(one.source), one.route, nameOf(one.destination)],
    ...signalCells(one, styles),
  ]);
  return table(["FROM", "ROUTE", "TO", ...HEAD], rows);
}

/** A request that no cluster was found for has no destination. */
function nameOf(name: string): string {
  return name === "" ? "-" : name;
}

function signalCells(signals: SignalsAnswer, styles: Styles): readonly Cell[] {
  return [
    signals.requests_per_second.toFixed(1),
    successCell(signals.success_rate, styles),
    ...[signals.p50_ms, signals.p90_ms, signals.p99_ms].map(milliseconds),
  ];
}

function successCell(rate: number | undefined, styles: Styles): Cell {
  if (rate === undefined) return "-";
  const text = `${(Math.floor(rate * 10_000) / 100).toFixed(2)}%`;
  if (rate < ERROR_RATE) return { text, paint: (shown) => styles.red(shown) };
  return rate < WARNING_RATE ? { text, paint: (shown) => styles.yellow(shown) } : text;
}

function milliseconds(value: number | undefined): string {
  if (value === undefined) return "-";
  return value < 100 ? `${value.toFixed(1)}ms` : `${Math.round(value)}ms`;
}
