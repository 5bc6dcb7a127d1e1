// SPDX-License-Identifier: Apache-2.0
/**
 * Sends JSON over HTTP: with a token from a file, roots and a client certificate, and a bound on time.
 * @module
 */
import { type Clock, StatusCode, StatusError } from "@denvoy/base";

/** How requests are sent. */
export interface JsonRequestOptions {
  /** Where to. */
  readonly url: string;
  /** Verb. */
  readonly method: "PUT" | "POST";
  /** File with a bearer token, read for each request; none where left out. */
  readonly tokenFile?: string | undefined;
  /** Roots and client certificate; the system's roots where left out. */
  readonly client?: Deno.HttpClient | undefined;
  /** Timers. */
  readonly clock: Clock;
  /** How long a request may take, in milliseconds. */
  readonly timeoutMs: number;
}

const MAX_SHOWN = 500;

/** Sends one request. @throws StatusError UNAVAILABLE unless the answer is a success */
export async function sendJson(
  body: unknown,
  { options, signal }: { readonly options: JsonRequestOptions; readonly signal: AbortSignal },
): Promise<void> {
  const { url, method, client, clock, timeoutMs } = options;
  const late = new AbortController();
  const timer = clock.after(timeoutMs, () => late.abort(new Error(`no answer in ${timeoutMs} ms`)));
  try {
    const response = await fetch(url, {
      method,
      headers: { "content-type": "application/json", ...await authorization(options) },
      body: JSON.stringify(body),
      signal: AbortSignal.any([signal, late.signal]),
      redirect: "error",
      ...(client && { client }),
    });
    if (response.ok) return await response.body?.cancel();
    const said = (await response.text()).slice(0, MAX_SHOWN).trim();
    throw unavailable(`answer was ${response.status}: ${said}`, undefined);
  } catch (error) {
    if (error instanceof StatusError) throw error;
    throw unavailable(error instanceof Error ? error.message : "no answer", error);
  } finally {
    timer.cancel();
  }
}

/** Files with keys to be shown and trusted. */
export interface HttpClientFiles {
  /** Roots. */
  readonly ca?: string | undefined;
  /** Certificate chain; needs `key`. */
  readonly cert?: string | undefined;
  /** Private key. */
  readonly key?: string | undefined;
}

/** Returns a client with these keys; undefined when none are named. */
export async function httpClientOf(
  { ca, cert, key }: HttpClientFiles,
): Promise<Deno.HttpClient | undefined> {
  if (ca === undefined && cert === undefined) return undefined;
  return Deno.createHttpClient({
    ...(ca !== undefined && { caCerts: [await Deno.readTextFile(ca)] }),
    ...(cert !== undefined && key !== undefined && {
      cert: await Deno.readTextFile(cert),
      key: await Deno.readTextFile(key),
    }),
  });
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
