// SPDX-License-Identifier: Apache-2.0
/**
 * Files of unix sockets: a process that was killed leaves its own behind, and the next one could
 * not listen there.
 * @module
 */

/**
 * Removes the socket file at `path` when nobody listens on it any more; leaves it alone when
 * somebody does, and when it is not a socket.
 */
export async function removeStaleSocket(path: string): Promise<void> {
  try {
    const connection = await Deno.connect({ transport: "unix", path });
    connection.close();
  } catch (error) {
    if (error instanceof Deno.errors.ConnectionRefused) await removeSocketFile(path);
  }
}

/** Removes a socket file if it is still there. */
export async function removeSocketFile(path: string): Promise<void> {
  try {
    if ((await Deno.lstat(path)).isSocket) await Deno.remove(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
