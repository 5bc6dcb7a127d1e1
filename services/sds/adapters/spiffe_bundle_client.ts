// SPDX-License-Identifier: Apache-2.0
/**
 * Fetches the bundle of another trust domain from its endpoint.
 * @module
 */
import https from "node:https";
import type { IncomingMessage } from "node:http";
import { readCertificateNames } from "@denvoy/base";
import type { FederatedDomain } from "../domain/federation.ts";
import { readSpiffeBundle, type SpiffeBundle } from "../domain/spiffe_bundle.ts";
import type { X509Reader } from "../domain/x509_reader.ts";

/** What a fetch needs. */
export interface BundleFetchOptions {
  /** Reads certificates. */
  readonly x509: X509Reader;
  /** PEM of the bundle that is known; what an endpoint with an SVID is verified with. */
  readonly knownPem?: string;
  /** How long it may take. @default 10000 */
  readonly timeoutMs?: number;
}

/** Fetches a bundle. Rejects with an Error whose message may be shown. */
export type FetchBundle = (
  domain: FederatedDomain,
  options: BundleFetchOptions,
) => Promise<SpiffeBundle>;

const MAX_BYTES = 1024 * 1024;
const DEFAULT_TIMEOUT_MS = 10_000;

/** See {@linkcode FetchBundle}. Redirects are not followed: they would lead away from who was named. */
export async function fetchSpiffeBundle(
  domain: FederatedDomain,
  options: BundleFetchOptions,
): Promise<SpiffeBundle> {
  const text = await getText(domain, options);
  const bundle = readSpiffeBundle(parseJson(text, domain), options.x509);
  if (bundle.ok) return bundle.value;
  throw new Error(`${bundle.error} (from ${domain.url})`);
}

function parseJson(text: string, { url }: FederatedDomain): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error(`cannot use SPIFFE bundle as ${url} must answer with JSON: does not`);
  }
}

function getText(domain: FederatedDomain, options: BundleFetchOptions): Promise<string> {
  return new Promise((resolve, reject) => {
    const fail = (why: string) =>
      reject(new Error(`cannot fetch SPIFFE bundle from ${domain.url} as ${why}`));
    const request = https.get(
      new URL(domain.url),
      // Without an agent: it would hand a connection that was verified for one domain to another.
      { agent: false, ...verification(domain, options) },
      (response) => readBody(response).then(resolve, (error: Error) => fail(error.message)),
    );
    const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    const timer = setTimeout(() => {
      request.destroy(new Error(`it must answer within ${timeoutMs} ms: has not`));
    }, timeoutMs);
    request.on("error", (error) => fail(error.message));
    request.on("close", () => clearTimeout(timer));
  });
}

function verification(
  { profile }: FederatedDomain,
  { knownPem }: BundleFetchOptions,
): https.RequestOptions {
  if (profile.kind === "https_web") {
    return profile.caPem === undefined ? {} : { ca: profile.caPem };
  }
  return {
    ca: knownPem ?? profile.bootstrapPem,
    checkServerIdentity: (_host, { raw }) => identityError(raw, profile.spiffeId),
  };
}

function identityError(der: Uint8Array, wanted: string): Error | undefined {
  const { uriSans } = readCertificateNames(der);
  if (uriSans.length === 1 && uriSans[0] === wanted) return undefined;
  return new Error(`its SPIFFE ID must be "${wanted}": is "${uriSans.join()}"`);
}

async function readBody(response: IncomingMessage): Promise<string> {
  if (response.statusCode !== 200) {
    response.resume();
    throw new Error(`it must answer with status 200: was ${response.statusCode}`);
  }
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response) {
    size += chunk.length;
    if (size > MAX_BYTES) {
      response.destroy();
      throw new Error(`its answer must be at most ${MAX_BYTES} bytes: is more`);
    }
    chunks.push(chunk);
  }
  return new TextDecoder().decode(Buffer.concat(chunks));
}
