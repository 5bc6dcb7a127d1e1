// SPDX-License-Identifier: Apache-2.0
/**
 * Turns private keys, in whatever form people have them, into PKCS#8 PEM without a passphrase. Nothing of
 * a key, and no cause that could quote it, gets into a problem.
 * @module
 */
import { createPrivateKey, type KeyObject } from "node:crypto";
import { err, ok, type Problem, type Result } from "@denvoy/base";
import { type PemBlock, readPem, writePem } from "../domain/pem.ts";
import { checkDerivation, DerivationError, isModernDerivation } from "../domain/key_derivation.ts";
import { decryptPkcs8 } from "./forge.ts";

/** Where a key is read from. */
export interface PrivateKeyText {
  /** PEM; other blocks than keys, such as `EC PARAMETERS`, may stand beside it. */
  readonly pem: string;
  /** What it is encrypted with; ignored for a key that is not. */
  readonly passphrase?: string;
  /** The file, for the place of a problem. */
  readonly file?: string;
}

const ENCRYPTED_PKCS8 = "ENCRYPTED PRIVATE KEY";
const LABELS: readonly string[] = [
  "PRIVATE KEY",
  "RSA PRIVATE KEY",
  "EC PRIVATE KEY",
  ENCRYPTED_PKCS8,
];

/** Returns the key as PKCS#8 PEM without a passphrase, or why it cannot be read. */
export function readPrivateKey(text: PrivateKeyText): Result<string, readonly Problem[]> {
  const refuse = (rule: string, line?: number) => err([keyProblem(text, rule, line)]);
  const blocks = readPem(text.pem);
  if (!blocks.ok) return refuse(blocks.error.message, blocks.error.line);
  const [block, second] = blocks.value.filter(({ label }) => label.endsWith("PRIVATE KEY"));
  if (block === undefined) return refuse("it must hold a PEM private key: holds none");
  if (second !== undefined) return refuse("it must hold one private key: holds more", second.line);
  if (!LABELS.includes(block.label)) {
    return refuse(`its label must be one of ${LABELS.join(", ")}: is "${block.label}"`, block.line);
  }
  const encrypted = block.hasHeaders || block.label === ENCRYPTED_PKCS8;
  if (encrypted && text.passphrase === undefined) {
    return refuse("it is encrypted and needs a passphrase: none is given", block.line);
  }
  const der = encrypted ? decrypt(block, text.passphrase ?? "") : plainPkcs8(block);
  if (der instanceof DerivationError) return refuse(der.message, block.line);
  if (der !== undefined) return ok(writePem("PRIVATE KEY", der));
  return refuse(
    encrypted
      ? "its passphrase must be right, and its cipher one that is known: one of them is not"
      : `its bytes must be a "${block.label}" on a named curve, or RSA or Ed25519: are not`,
    block.line,
  );
}

/** Returns DER PKCS#8 of a key in DER PKCS#8 as PEM; undefined when it is none that can be used. */
export function pkcs8Pem(der: Uint8Array): string | undefined {
  const key = readOrUndefined(() =>
    createPrivateKey({ key: Buffer.from(der), format: "der", type: "pkcs8" })
  );
  return key === undefined ? undefined : writePem("PRIVATE KEY", exportKey(key));
}

function keyProblem({ file }: PrivateKeyText, rule: string, line: number | undefined): Problem {
  return {
    severity: "error",
    message: rule.startsWith("cannot") ? rule : `cannot use private key as ${rule}`,
    ...(file === undefined ? { path: "key" } : { file }),
    ...(line !== undefined && { line }),
  };
}

function plainPkcs8({ text }: PemBlock): Uint8Array | undefined {
  return readOrUndefined(() => exportKey(createPrivateKey(text)));
}

/** Deno's `node:crypto` lacks the older ciphers of PKCS#8 (3DES, PKCS#12 PBE) and SHA-1 as PRF. */
function decrypt(
  { text, der, label }: PemBlock,
  passphrase: string,
): Uint8Array | DerivationError | undefined {
  try {
    if (label === ENCRYPTED_PKCS8) checkDerivation(der);
  } catch (error) {
    return error instanceof DerivationError ? error : undefined;
  }
  const read = readOrUndefined(() => exportKey(createPrivateKey({ key: text, passphrase })));
  return read !== undefined || label !== ENCRYPTED_PKCS8 ? read : decryptOlder(der, passphrase);
}

function decryptOlder(
  der: Uint8Array,
  passphrase: string,
): Uint8Array | DerivationError | undefined {
  try {
    const plain = decryptPkcs8(der, passphrase);
    const key = plain === undefined ? undefined : Buffer.from(plain);
    return key && exportKey(createPrivateKey({ key, format: "der", type: "pkcs8" }));
  } catch (error) {
    // What the platform knows it has tried: then the passphrase is wrong, whatever this would cost.
    return error instanceof DerivationError && !isModernDerivation(der) ? error : undefined;
  }
}

function exportKey(key: KeyObject): Uint8Array {
  return new Uint8Array(key.export({ type: "pkcs8", format: "der" }));
}

function readOrUndefined<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
