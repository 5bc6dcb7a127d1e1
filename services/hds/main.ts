// SPDX-License-Identifier: Apache-2.0
/**
 * `deno run services/hds/main.ts`: the hds service alone.
 * @module
 */
import { runService } from "@denvoy/runtime";
import { hds } from "./app.ts";

await runService(hds);
