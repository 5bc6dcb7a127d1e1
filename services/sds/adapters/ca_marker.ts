// SPDX-License-Identifier: Apache-2.0
/**
 * Which CA this replica has served, in its data folder: where Redis has lost that one, or has another,
 * a start is refused instead of every workload being given certificates that nobody trusts.
 * @module
 */
import { join } from "node:path";
import { StatusCode, StatusError } from "@denvoy/base";

/** Name of the file. */
const FILE = "redis_ca";

/** The file of one replica; without a data folder nothing is remembered. */
export class CaMarker {
  readonly #path: string | undefined;

  /** Reads nothing yet. */
  constructor(dataDir: string | undefined) {
    this.#path = dataDir && join(dataDir, FILE);
  }

  /** Rejects with StatusError FAILED_PRECONDITION when this is not the CA of before; undefined is none. */
  async check(caId: string | undefined): Promise<void> {
    const path = this.#path;
    const known = path && await readIfThere(path);
    if (known === undefined || known === caId) return;
    const found = caId === undefined ? "has none" : "has another";
    const message =
      `cannot use CA in Redis as it must be the one that this replica has served: it ` +
      `${found}; bring the data of Redis back from a copy, or remove ${path} to go on with that CA`;
    throw new StatusError(StatusCode.FAILED_PRECONDITION, message);
  }

  /** Remembers the CA. */
  async write(caId: string): Promise<void> {
    if (this.#path !== undefined) {
      await Deno.writeTextFile(this.#path, `${caId}\n`, { mode: 0o600 });
    }
  }
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return (await Deno.readTextFile(path)).trim();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
