// SPDX-License-Identifier: Apache-2.0
/**
 * The rules that a leaf with a SPIFFE ID keeps (X509-SVID, sections 2 to 5). Peers that know SPIFFE
 * refuse what breaks them.
 * @module
 */
import type { CertificateFacts } from "./certificate_facts.ts";
import { parseSpiffeId } from "./spiffe_id.ts";

/** Returns which rule a leaf breaks; undefined when it breaks none, or has no SPIFFE ID. */
export function svidProblem(facts: CertificateFacts): string | undefined {
  const { uriSans, keyUsages, extendedKeyUsages } = facts;
  const id = uriSans.find((uri) => uri.toLowerCase().startsWith("spiffe:"));
  if (id === undefined) return undefined;
  if (uriSans.length > 1) return `an SVID must have one URI SAN: has ${uriSans.length}`;
  const parsed = parseSpiffeId(id);
  if (!parsed.ok) return `an SVID must have a good SPIFFE ID: ${parsed.error}`;
  if (facts.isCa) return "an SVID of a workload must not be a CA: is one";
  if (parsed.value.path === "") return `an SVID of a workload must have a path: is "${id}"`;
  if (keyUsages?.includes("digitalSignature") !== true) {
    return "an SVID must have the key usage digitalSignature: has not";
  }
  const forbidden = keyUsages.find((usage) => usage === "keyCertSign" || usage === "cRLSign");
  if (forbidden !== undefined) return `an SVID must not have the key usage ${forbidden}: has it`;
  if (extendedKeyUsages === undefined) return undefined;
  const both = ["1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"];
  if (both.every((usage) => extendedKeyUsages.includes(usage))) return undefined;
  return "an SVID with extended key usages must have both serverAuth and clientAuth: has not";
}
