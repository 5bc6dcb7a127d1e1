// SPDX-License-Identifier: Apache-2.0
/**
 * An HTTP backend inside the test's process, for Envoy to send requests to.
 * @module
 */

/** A running backend. Disposing it stops it. */
export interface Backend extends AsyncDisposable {
  /** What it answers with. */
  readonly name: string;
  /** Its port on 127.0.0.1. */
  readonly port: number;
  /** Requests that it has answered. */
  readonly requests: number;
}

/** How a backend behaves. */
export interface BackendOptions {
  /** Its port on 127.0.0.1. @default a free one */
  readonly port?: number;
  /** Answers instead of the default, which is 200 with the backend's name. */
  readonly respond?: (request: Request) => Response | Promise<Response>;
}

/** Starts a backend that answers every request with its name. */
export function startBackend(name: string, options: BackendOptions = {}): Backend {
  let requests = 0;
  const respond = options.respond ?? (() => new Response(name));
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: options.port ?? 0, onListen: () => {} },
    (request) => {
      requests++;
      return respond(request);
    },
  );
  return {
    name,
    port: server.addr.port,
    get requests() {
      return requests;
    },
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}
