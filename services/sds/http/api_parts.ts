// SPDX-License-Identifier: Apache-2.0
/**
 * What all routes of the API work with, and how they read what requests have in common.
 * @module
 */
import { type Clock, ProblemError } from "@denvoy/base";
import { FieldReader, type MapAt, parseDocuments } from "@denvoy/proto";
import type { ApiRequest } from "@denvoy/runtime";
import type { ApiSecrets } from "../api_secrets.ts";
import type { SdsConfig } from "../config.ts";
import type { AccessTokens } from "../domain/access_tokens.ts";
import type { CertificateAuthority } from "../domain/certificate_authority.ts";
import type { IssuedCertificates } from "../domain/issued_certificates.ts";
import type { KeyImporter } from "../domain/key_importer.ts";
import type { SecretBook } from "../domain/secret_book.ts";
import { parseSpiffeId } from "../domain/spiffe_id.ts";
import type { X509Reader } from "../domain/x509_reader.ts";
import type { Audit } from "../handlers/audit.ts";
import type { SecretSessions } from "../handlers/secret_sessions.ts";
import type { TicketKeyRings } from "../ticket_key_rings.ts";

/** What the API is made of. */
export interface ApiParts {
  /** The settings. */
  readonly config: SdsConfig;
  /** Where time comes from. */
  readonly clock: Clock;
  /** Told of what was done. */
  readonly audit: Audit;
  /** The CA. */
  readonly ca: CertificateAuthority;
  /** The secrets. */
  readonly book: SecretBook;
  /** Certificates of workloads. */
  readonly workloads: IssuedCertificates;
  /** Certificates that are declared by name. */
  readonly certificates: IssuedCertificates;
  /** Session ticket keys that are made here. */
  readonly tickets: TicketKeyRings;
  /** Tokens of nodes. */
  readonly tokens: AccessTokens;
  /** Secrets that came over this API. */
  readonly api: ApiSecrets;
  /** Reads keys in the forms that people have them. */
  readonly importer: KeyImporter;
  /** Reads certificates. */
  readonly x509: X509Reader;
  /** The callers that are connected. */
  readonly sessions: SecretSessions;
}

/** Reads a JSON body with `read`. @throws ProblemError with all that is wrong, and no value of it */
export async function readBody<T>(
  request: Pick<ApiRequest, "text">,
  read: (fields: FieldReader, root: MapAt) => T | undefined,
): Promise<T> {
  const { documents: [document], problems } = parseDocuments(await request.text(), {
    format: "json",
  });
  if (document === undefined) throw new ProblemError(problems.map(unquoted));
  const fields = new FieldReader(document, { isSecret: true });
  const root = fields.root();
  const value = root && read(fields, root);
  if (value === undefined || fields.problems.length > 0) throw new ProblemError(fields.problems);
  return value;
}

/** A syntax error could quote the text around it, which may be a key. */
function unquoted({ severity, line, column }: ProblemError["problems"][number]) {
  return {
    severity,
    message: "must be JSON",
    ...(line !== undefined && { line }),
    ...(column !== undefined && { column }),
  };
}

/** Returns the SPIFFE ID of a word: itself, or that path in the own trust domain. */
export function identityOf(word: string, trustDomain: string): string {
  const identity = word.includes("://") ? word : `spiffe://${trustDomain}/${word}`;
  const parsed = parseSpiffeId(identity);
  if (parsed.ok) return identity;
  throw new ProblemError([{ severity: "error", path: "identity", message: parsed.error }]);
}
