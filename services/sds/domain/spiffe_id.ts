// SPDX-License-Identifier: Apache-2.0
/**
 * What a SPIFFE ID may look like (SPIFFE-ID, sections 2.1 to 2.4).
 * @module
 */
import { err, ok, type Result } from "@denvoy/base";

const SCHEME = "spiffe://";
const MAX_ID_BYTES = 2048;
const MAX_TRUST_DOMAIN_BYTES = 255;

/** The parts of a SPIFFE ID. */
export interface SpiffeId {
  /** Name of the trust domain, e.g. `shop.example`. */
  readonly trustDomain: string;
  /** What follows it, with its slash, e.g. `/cart`; empty for the trust domain itself. */
  readonly path: string;
}

/** Returns the parts of an ID, or which rule it breaks. */
export function parseSpiffeId(text: string): Result<SpiffeId, string> {
  const refuse = (rule: string) => err(`cannot read SPIFFE ID "${shorten(text)}" as ${rule}`);
  if (text.length > MAX_ID_BYTES) return refuse(`it must be at most ${MAX_ID_BYTES} bytes`);
  if (!text.startsWith(SCHEME)) return refuse(`it must start with "${SCHEME}"`);
  const rest = text.slice(SCHEME.length);
  const slash = rest.indexOf("/");
  const trustDomain = slash < 0 ? rest : rest.slice(0, slash);
  const path = slash < 0 ? "" : rest.slice(slash);
  const problem = trustDomainProblem(trustDomain) ?? pathProblem(path);
  return problem === undefined ? ok({ trustDomain, path }) : refuse(problem);
}

/** Returns which rule the name of a trust domain breaks; undefined when it breaks none. */
export function trustDomainProblem(name: string): string | undefined {
  if (name === "") return "its trust domain must not be empty";
  if (name.length > MAX_TRUST_DOMAIN_BYTES) {
    return `its trust domain must be at most ${MAX_TRUST_DOMAIN_BYTES} bytes`;
  }
  if (/^[a-z0-9._-]+$/.test(name)) return undefined;
  return "its trust domain must consist of lower-case letters, digits, dots, dashes and underscores";
}

function pathProblem(path: string): string | undefined {
  if (path === "") return undefined;
  for (const segment of path.slice(1).split("/")) {
    if (segment === "") return "its path must not have empty segments or end with a slash";
    if (segment === "." || segment === "..") return 'its path must not have segments "." or ".."';
    if (!/^[A-Za-z0-9._-]+$/.test(segment)) {
      return "its path must consist of letters, digits, dots, dashes, underscores and slashes";
    }
  }
  return undefined;
}

function shorten(text: string): string {
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}
