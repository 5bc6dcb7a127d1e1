// SPDX-License-Identifier: Apache-2.0
/**
 * Reads the file that names other trust domains, and everything that is wrong with it.
 * @module
 */
import { err, hasErrors, ok, type Problem, type Result } from "@denvoy/base";
import { FieldReader, type MapAt, parseDocuments } from "@denvoy/proto";
import { parseSpiffeId, trustDomainProblem } from "./spiffe_id.ts";

/** Another trust domain as it is declared; paths are as they were written. */
export interface DeclaredDomain {
  /** Its name. */
  readonly trustDomain: string;
  /** Address of its bundle endpoint. */
  readonly url: string;
  /** File with the CAs that its host may have a certificate of; the public ones without. */
  readonly caFile: string | undefined;
  /** SPIFFE ID that its endpoint must have, instead of a certificate for its host. */
  readonly spiffeId: string | undefined;
  /** File with the bundle that is trusted for the first time; goes with `spiffeId`. */
  readonly bundleFile: string | undefined;
}

const KEYS = ["name", "url", "ca", "spiffe_id", "bundle"];

/** Returns the trust domains of a file, or each thing that is wrong with it. */
export function readFederationFile(
  text: string,
  { file }: { readonly file: string },
): Result<readonly DeclaredDomain[], readonly Problem[]> {
  const { documents: [document], problems } = parseDocuments(text, { file });
  if (hasErrors(problems)) return err(problems);
  if (document === undefined) return ok([]);
  const fields = new FieldReader(document, { isSecret: true });
  const root = fields.root();
  if (root !== undefined) fields.keys(root, ["trust_domains"]);
  const domains = root === undefined
    ? []
    : fields.maps(root, "trust_domains").flatMap((at) => readDomain(fields, at) ?? []);
  return fields.problems.length > 0 ? err(fields.problems) : ok(domains);
}

function readDomain(fields: FieldReader, at: MapAt): DeclaredDomain | undefined {
  fields.keys(at, KEYS);
  const trustDomain = fields.required(at, "name");
  const url = fields.required(at, "url");
  const spiffeId = fields.filled(at, "spiffe_id");
  const bundleFile = fields.filled(at, "bundle");
  if (trustDomain === undefined || url === undefined) return undefined;
  const problem = trustDomainProblem(trustDomain);
  if (problem !== undefined) fields.error([...at.path, "name"], problem);
  if (!url.startsWith("https://") || !URL.canParse(url)) {
    fields.error([...at.path, "url"], "must start with https://");
  }
  if (spiffeId !== undefined) {
    const parsed = parseSpiffeId(spiffeId);
    if (!parsed.ok) fields.error([...at.path, "spiffe_id"], parsed.error);
  }
  if ((spiffeId === undefined) !== (bundleFile === undefined)) {
    fields.error(at.path, "needs `spiffe_id` and `bundle` together, or neither");
  }
  return { trustDomain, url, caFile: fields.filled(at, "ca"), spiffeId, bundleFile };
}
