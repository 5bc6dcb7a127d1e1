// SPDX-License-Identifier: Apache-2.0
/**
 * Follows the files of an outside CA: its owner renews the intermediate, and moves to another root.
 * @module
 */
import { ReloadedFiles, type Runtime } from "@denvoy/runtime";
import { loadOutsideCa, type OutsideCaFiles } from "./adapters/configured_files.ts";
import { modeProblem } from "./adapters/private_files.ts";
import type { BuiltInCa } from "./domain/ca/built_in_ca.ts";

/**
 * Has the CA take in what the files hold, now and whenever they change. What cannot be used leaves what
 * was used before, and is told as `outside_ca` in readiness. Rejects with ProblemError at the start.
 */
export async function followOutsideCa(
  ca: Pick<BuiltInCa, "adoptOutside">,
  { files, runtime }: {
    readonly files: OutsideCaFiles;
    readonly runtime: Pick<Runtime, "clock" | "logger" | "readiness">;
  },
): Promise<AsyncDisposable> {
  const { chain, key, roots } = files;
  return await ReloadedFiles.load({
    what: "outside CA",
    paths: [chain, key, ...(roots === undefined ? [] : [roots])],
    read: async () => {
      const adopted = await ca.adoptOutside(await loadOutsideCa(files));
      // Mounted secrets are often like that, so that it is told and not refused.
      const problem = await modeProblem(key, { strict: false });
      if (problem !== undefined) runtime.logger.warn("key of outside CA is open", { key, problem });
      return adopted;
    },
    logger: runtime.logger,
    health: runtime.readiness.component("outside_ca"),
    clock: runtime.clock,
  });
}
