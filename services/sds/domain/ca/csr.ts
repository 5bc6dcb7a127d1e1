// SPDX-License-Identifier: Apache-2.0
/**
 * Which requests for a certificate (PKCS#10) the CA signs. Only the key counts: whoever asks is told
 * which names it gets, by policy and not by what the request says.
 * @module
 */
import { StatusCode, StatusError } from "@denvoy/base";
import { keyStrengthProblem } from "../key_strength.ts";
import { readPem } from "../pem.ts";
import type { ReadCsr, X509Reader } from "../x509_reader.ts";

const LABELS: readonly string[] = ["CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST"];
/** As they are named in {@linkcode ReadCsr.digest}. */
const DIGESTS: readonly string[] = ["sha256", "sha384", "sha512", "none"];
/** A request with an RSA key of 8,192 bits and many names is a tenth of this. */
const MAX_CHARACTERS = 64 * 1024;

/** Reads a request. Rejects with StatusError INVALID_ARGUMENT when it may not be signed. */
export async function readCsrPem(csrPem: string, x509: X509Reader): Promise<ReadCsr> {
  if (csrPem.length > MAX_CHARACTERS) {
    throw refused(`it must be at most ${MAX_CHARACTERS} characters: is ${csrPem.length}`);
  }
  const blocks = readPem(csrPem);
  if (!blocks.ok) throw new StatusError(StatusCode.INVALID_ARGUMENT, blocks.error.message);
  const [block, ...others] = blocks.value.filter(({ label }) => LABELS.includes(label));
  if (block === undefined || others.length > 0) {
    throw refused(`it must be one PEM block "CERTIFICATE REQUEST": has ${blocks.value.length}`);
  }
  const request = await x509.readCsr(block.der);
  if (request === undefined) throw refused("it must be PKCS#10, signed with its own key: is not");
  if (!DIGESTS.includes(request.digest)) {
    throw refused(`it must be signed with SHA-2 or Ed25519: is with ${request.digest}`);
  }
  const problem = keyStrengthProblem(request.key);
  if (problem !== undefined) throw refused(problem);
  return request;
}

function refused(rule: string): StatusError {
  return new StatusError(StatusCode.INVALID_ARGUMENT, `cannot sign request as ${rule}`);
}
