// SPDX-License-Identifier: Apache-2.0
/**
 * `deno run services/metrics/main.ts`: the metrics service alone.
 * @module
 */
import { runService } from "@denvoy/runtime";
import { metrics } from "./app.ts";

await runService(metrics);
