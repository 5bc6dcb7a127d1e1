// SPDX-License-Identifier: Apache-2.0
/**
 * `deno run services/ads/main.ts`: the ads service alone.
 * @module
 */
import { runService } from "@denvoy/runtime";
import { ads } from "./app.ts";

await runService(ads);
