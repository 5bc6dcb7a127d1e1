// SPDX-License-Identifier: Apache-2.0
/**
 * `deno run services/rls/main.ts`: the rls service alone.
 * @module
 */
import { runService } from "@denvoy/runtime";
import { rlsEnvironment } from "./adapters/process_environment.ts";
import { rls } from "./app.ts";

await runService(rls, { input: rlsEnvironment() });
