// SPDX-License-Identifier: Apache-2.0
/**
 * What was counted of one series of a node.
 * @module
 */
import type { Distribution } from "./distribution.ts";

/** Totals of one series of a node; `ended` is what earlier processes had of a histogram. */
export type SeriesTotals =
  | { readonly kind: "scalar"; readonly last: number; readonly before: number }
  | Distribution & { readonly kind: "distribution" | "ended" };
