// SPDX-License-Identifier: Apache-2.0
/**
 * Fetches OCSP staples from the responder that a certificate names.
 * @module
 */
import { createHash } from "node:crypto";
import { err, ok, type Result } from "@denvoy/base";
import { readOcspResponse, writeOcspRequest } from "../domain/ocsp.ts";
import { stapleProblem } from "../domain/staple_check.ts";
import type { ReadCertificate, X509Reader } from "../domain/x509_reader.ts";

/** A staple that passed all checks. */
export interface FetchedStaple {
  /** DER of the response. */
  readonly der: Uint8Array;
  /** When to fetch the next one, in milliseconds since the epoch. */
  readonly renewAtMs: number;
  /** When it ends, in milliseconds since the epoch; absent when it does not say. */
  readonly notAfterMs?: number;
}

/** What a fetch needs. */
export interface StapleFetchOptions {
  /** Compares signatures. */
  readonly x509: X509Reader;
  /** The present. */
  readonly nowMs: number;
  /** Ends it early. */
  readonly signal?: AbortSignal;
}

const MAX_BYTES = 64 * 1024;
const TIMEOUT_MS = 10_000;
const HOUR_MS = 3_600_000;

/**
 * Fetches a staple for the first certificate of a chain. Resolves with why there is none; a certificate
 * without responder is one such reason.
 */
export async function fetchStaple(
  chain: readonly ReadCertificate[],
  options: StapleFetchOptions,
): Promise<Result<FetchedStaple, string>> {
  const [leaf, issuer] = chain;
  const url = leaf?.facts.ocspUrls[0];
  if (leaf === undefined || issuer === undefined || url === undefined) {
    return err(
      "cannot fetch OCSP staple as the certificate must name a responder, and its " +
        "issuer must follow it in the chain",
    );
  }
  const request = writeOcspRequest(leaf, issuer, sha1);
  try {
    const der = await post(url, { request, ...options });
    return checked(der, { chain, url, options });
  } catch (error) {
    const why = error instanceof Error ? error.message : "the responder cannot be reached";
    return err(`cannot fetch OCSP staple from ${url} as ${why}`);
  }
}

function checked(
  der: Uint8Array,
  { chain, url, options: { x509, nowMs } }: {
    readonly chain: readonly ReadCertificate[];
    readonly url: string;
    readonly options: StapleFetchOptions;
  },
): Result<FetchedStaple, string> {
  const response = readOcspResponse(der);
  const problem = response === undefined
    ? "it must be a successful OCSP response in DER: is not"
    : stapleProblem(response, chain, { x509, nowMs });
  if (response === undefined || problem !== undefined) {
    return err(`cannot use OCSP staple of ${url} as ${problem}`);
  }
  const { thisUpdateMs, nextUpdateMs } = response.facts;
  const endMs = nextUpdateMs ?? nowMs + HOUR_MS;
  // In the middle of its life, as responders publish the next one well before the end.
  const renewAtMs = Math.max(nowMs + 60_000, (Math.max(thisUpdateMs, nowMs) + endMs) / 2);
  return ok({ der, renewAtMs, ...(nextUpdateMs !== undefined && { notAfterMs: nextUpdateMs }) });
}

async function post(
  url: string,
  { request, signal }: { readonly request: Uint8Array; readonly signal?: AbortSignal },
): Promise<Uint8Array> {
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/ocsp-request" },
    body: new Uint8Array(request),
    redirect: "error",
    signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
  });
  if (response.status !== 200) {
    await response.body?.cancel();
    throw new Error(`it must answer with status 200: was ${response.status}`);
  }
  return await readBounded(response);
}

async function readBounded(response: Response): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    if (size > MAX_BYTES) throw new Error(`its answer must be at most ${MAX_BYTES} bytes: is more`);
    chunks.push(chunk);
  }
  return new Uint8Array(Buffer.concat(chunks));
}

function sha1(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(createHash("sha1").update(bytes).digest());
}
