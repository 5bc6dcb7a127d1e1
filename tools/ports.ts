// SPDX-License-Identifier: Apache-2.0
/**
 * Ports that nobody uses, for programs that cannot pick one themselves.
 * @module
 */

/** Returns `count` different free TCP ports on loopback. */
export function freePorts(count: number): readonly number[] {
  // All are held at once, so that the system cannot hand out the same one twice.
  const listeners = Array.from(
    { length: count },
    () => Deno.listen({ hostname: "127.0.0.1", port: 0 }),
  );
  const ports = listeners.map((listener) => listener.addr.port);
  for (const listener of listeners) listener.close();
  return ports;
}

/** Returns one free TCP port on loopback. */
export function freePort(): number {
  const [port] = freePorts(1);
  if (port === undefined) throw new Error("cannot find a free port");
  return port;
}
