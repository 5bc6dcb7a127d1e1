// SPDX-License-Identifier: Apache-2.0
/**
 * Sends and asks for JSON over HTTP: with a token from a file, roots and a client certificate, and a bound on time.
 * @module
 */
import { type Clock, StatusCode, StatusError } from "@denvoy/base";
import type { ClientTlsFiles } from "@denvoy/discovery";
import type { ClientTls } from "@denvoy/grpc";

/** How requests are sent. */
export interface JsonRequestOptions {
  /** Where to. */
  readonly url: string;
  /** Verb. */
  readonly method: "GET" | "PUT" | "POST";
  /** File with a bearer token, read for each request; none where left out. */
  readonly tokenFile?: string | undefined;
  /** Roots and client certificate of the moment; the system's roots where left out. */
  readonly client?: { readonly current: Deno.HttpClient } | undefined;
  /** Timers. */
  readonly clock: Clock;
  /** How long a request may take, in milliseconds. */
  readonly timeoutMs: number;
}

const MAX_SHOWN = 500;

/** A request and what breaks it off. */
export interface JsonRequest {
  /** How it is sent. */
  readonly options: JsonRequestOptions;
  /** Breaks it off. */
  readonly signal: AbortSignal;
}

/** Sends one request. @throws StatusError UNAVAILABLE unless the answer is a success */
export async function sendJson(body: unknown, request: JsonRequest): Promise<void> {
  await exchange(request, {
    body: JSON.stringify(body),
    read: async (response) => await response.body?.cancel(),
  });
}

/** Returns the JSON of an answer. @throws StatusError UNAVAILABLE unless it is a success */
export async function askJson(request: JsonRequest): Promise<unknown> {
  return await exchange(request, { read: (response) => response.json() });
}

async function exchange<T>(
  { options, signal }: JsonRequest,
  { body, read }: { readonly body?: string; readonly read: (answer: Response) => Promise<T> },
): Promise<T> {
  const { url, method, client, clock, timeoutMs } = options;
  const late = new AbortController();
  const timer = clock.after(timeoutMs, () => late.abort(new Error(`no answer in ${timeoutMs} ms`)));
  try {
    const response = await fetch(url, {
      method,
      headers: { "content-type": "application/json", ...await authorization(options) },
      ...(body !== undefined && { body }),
      signal: AbortSignal.any([signal, late.signal]),
      redirect: "error",
      ...(client && { client: client.current }),
    });
    if (response.ok) return await read(response);
    const said = (await response.text()).slice(0, MAX_SHOWN).trim();
    throw unavailable(`answer was ${response.status}: ${said}`, undefined);
  } catch (error) {
    if (error instanceof StatusError) throw error;
    throw unavailable(error instanceof Error ? error.message : "no answer", error);
  } finally {
    timer.cancel();
  }
}

/** Keys that may be replaced: each new one makes a new client, and the old one ends what it began. */
export class HttpClientKeys implements Disposable {
  readonly #clients: Deno.HttpClient[] = [];
  readonly #unsubscribe: () => void;
  #current: Deno.HttpClient;

  /** Follows the keys until it is disposed of. */
  constructor(keys: Pick<ClientTlsFiles, "current" | "subscribe">) {
    this.#current = this.#create(keys.current);
    this.#unsubscribe = keys.subscribe((tls) => this.#current = this.#create(tls));
  }

  /** The client for requests to come. */
  get current(): Deno.HttpClient {
    return this.#current;
  }

  /** Closes all clients. */
  [Symbol.dispose](): void {
    this.#unsubscribe();
    for (const client of this.#clients) client.close();
  }

  #create({ serverCa, certificateChain, privateKey }: ClientTls): Deno.HttpClient {
    const client = Deno.createHttpClient({
      ...(serverCa !== undefined && { caCerts: [serverCa] }),
      ...(certificateChain !== undefined && privateKey !== undefined &&
        { cert: certificateChain, key: privateKey }),
    });
    this.#clients.push(client);
    // The one before may have a request under way; those before that have long ended.
    if (this.#clients.length > 2) this.#clients.shift()?.close();
    return client;
  }
}

/** Read each time: tokens are replaced under a running service. */
async function authorization(
  { tokenFile }: JsonRequestOptions,
): Promise<{ readonly authorization?: string }> {
  if (tokenFile === undefined) return {};
  const lines = (await Deno.readTextFile(tokenFile)).split("\n").map((line) => line.trim());
  const token = lines.find((line) => line !== "" && !line.startsWith("#"));
  if (token === undefined) throw new Error(`file ${tokenFile} holds no token`);
  return { authorization: `Bearer ${token}` };
}

function unavailable(why: string, cause: unknown): StatusError {
  return new StatusError(StatusCode.UNAVAILABLE, why, { cause });
}
