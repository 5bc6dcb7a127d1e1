// SPDX-License-Identifier: Apache-2.0
/**
 * The secret under which keys at rest are sealed: from a file or the environment, else one that is made
 * in the data folder. The last protects copies of the database, not the folder.
 * @module
 */
import { join } from "node:path";
import { ProblemError } from "@denvoy/base";
import { createPrivateFile, modeProblem } from "./private_files.ts";

/** Where the secret comes from; the first that is given counts. */
export interface SealingSecretSource {
  /** The secret itself, as it was in the environment. */
  readonly value?: string;
  /** A file that holds it. */
  readonly file?: string;
  /** The folder in which one is made when neither is given; where replicas share, one must be given. */
  readonly dataDir?: string;
}

/** Name of the file that is made. */
export const sealingKeyFile = "sealing.key";

/** 32 random bytes have 43 characters in Base64 and 64 in hexadecimal digits. */
const MIN_CHARACTERS = 32;
const NEW_SECRET_BYTES = 32;
const HINT = "openssl rand -base64 32 makes one";

/** Returns the secret. Rejects with ProblemError when it is too short, or its file open to others. */
export async function loadSealingSecret(source: SealingSecretSource): Promise<Uint8Array> {
  if (source.value !== undefined) return check(source.value, "key_encryption_key");
  const path = source.file ?? await madeIn(source.dataDir);
  const text = await readSecret(path);
  return check(text, path);
}

async function madeIn(dataDir: string | undefined): Promise<string> {
  if (dataDir === undefined) {
    const message = "the key for keys at rest must be given with --redis-url, the same to all " +
      "replicas: by --key-encryption-file, or DENVOY_SDS_KEY_ENCRYPTION_KEY in the environment";
    throw new ProblemError([{ severity: "error", message, hint: HINT }]);
  }
  const path = join(dataDir, sealingKeyFile);
  await createIfMissing(path);
  return path;
}

async function createIfMissing(path: string): Promise<void> {
  const secret = crypto.getRandomValues(new Uint8Array(NEW_SECRET_BYTES)).toBase64();
  try {
    await createPrivateFile(path, new TextEncoder().encode(secret + "\n"));
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
  }
}

async function readSecret(path: string): Promise<string> {
  try {
    const problem = await modeProblem(path, { strict: true });
    if (problem === undefined) return await Deno.readTextFile(path);
    throw refused(path, problem);
  } catch (error) {
    if (error instanceof ProblemError) throw error;
    throw refused(path, error instanceof Error ? error.message : "it cannot be read");
  }
}

function check(text: string, file: string): Uint8Array {
  const secret = text.trim();
  if (secret.length >= MIN_CHARACTERS) return new TextEncoder().encode(secret);
  throw refused(file, `it must have ${MIN_CHARACTERS} characters or more: has ${secret.length}`);
}

function refused(file: string, rule: string): ProblemError {
  return new ProblemError([{
    severity: "error",
    file,
    message: `cannot use key for keys at rest as ${rule}`,
    hint: HINT,
  }]);
}
