// SPDX-License-Identifier: Apache-2.0
/**
 * Runs sds as a process.
 * @module
 */
import { runService } from "@denvoy/runtime";
import { sds } from "./app.ts";

await runService(sds);
