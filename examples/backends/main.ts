// SPDX-License-Identifier: Apache-2.0
/**
 * A backend for the examples: answers every request with its name and the path it was asked for.
 *
 * `deno run --allow-net=127.0.0.1:18081 examples/backends/main.ts blue 127.0.0.1:18081`
 * @module
 */

/** Serves until SIGTERM or SIGINT, then lets requests under way end. */
export async function serveBackend(name: string, address: string): Promise<void> {
  const colon = address.lastIndexOf(":");
  const server = Deno.serve({
    hostname: address.slice(0, colon),
    port: Number(address.slice(colon + 1)),
    onListen: () => {},
  }, (request) => new Response(`${name} ${new URL(request.url).pathname}\n`));
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    Deno.addSignalListener(signal, () => void server.shutdown().then(() => Deno.exit(0)));
  }
  await server.finished;
}

if (import.meta.main) {
  const [name, address] = Deno.args;
  if (name === undefined || address === undefined) {
    throw new Error("usage: examples/backends/main.ts NAME HOST:PORT");
  }
  await serveBackend(name, address);
}
