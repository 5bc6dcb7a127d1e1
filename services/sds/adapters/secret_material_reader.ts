// SPDX-License-Identifier: Apache-2.0
/**
 * Reads what a secret is made of from its files. Nothing that was read is ever quoted.
 * @module
 */
import { err, ok, type Problem, type Result } from "@denvoy/base";
import { readFileContent, textOf } from "@denvoy/runtime";
import type { SecretPart } from "../domain/secret_check.ts";
import type {
  GenericMaterial,
  SecretMaterial,
  ValidationContextMaterial,
} from "../domain/secret_material.ts";
import type { SecretOrigin } from "../domain/secret_spec.ts";
import type { X509Reader } from "../domain/x509_reader.ts";
import { readPkcs12 } from "./pkcs12_reader.ts";
import { type PrivateKeyText, readPrivateKey } from "./private_key_reader.ts";

/** Material, and the file of each of its parts. */
export interface ReadMaterial {
  /** What was read, not checked yet. */
  readonly material: SecretMaterial;
  /** Where it was read, for problems. */
  readonly places: Readonly<Partial<Record<SecretPart, string>>>;
}

/** Whom the own CA trusts. */
export interface OwnTrust {
  /** PEM of its roots. */
  readonly bundlePem: string;
  /** PEM of its revocation lists; absent when nothing was revoked. */
  readonly crlPem?: string;
  /** Whether only the issuers of leaves have a list: the root of an outside CA has none. */
  readonly onlyVerifyLeafCrl?: boolean;
}

/** What files are read with. */
export interface ReadMaterialOptions {
  /** Whom the own CA trusts now. */
  readonly ownTrust: () => OwnTrust;
  /** Reads certificates. */
  readonly x509: X509Reader;
  /** Returns the staple that was fetched for a chain; undefined while there is none. */
  readonly staple: (chainPem: string) => Uint8Array | undefined;
}

interface Reading extends ReadMaterialOptions {
  readonly files: Files;
}

type FileOrigin = Exclude<SecretOrigin, { kind: "issued" } | { kind: "generated-tickets" }>;
type Read = Result<ReadMaterial, readonly Problem[]>;

/** Reads the files of one secret; returns each thing that keeps them from being read. */
export async function readMaterial(from: FileOrigin, options: ReadMaterialOptions): Promise<Read> {
  const files = new Files();
  const material = await readKind(from, { ...options, files });
  return material === undefined || files.problems.length > 0 ? err(files.problems) : ok(material);
}

async function readKind(
  from: FileOrigin,
  reading: Reading,
): Promise<ReadMaterial | undefined> {
  const { files, ownTrust } = reading;
  switch (from.kind) {
    case "certificate-files":
      return await readCertificate(from, reading);
    case "trust":
      return await readTrust(from, { files, own: from.ownCa ? ownTrust() : undefined });
    case "ticket-files": {
      const keys = await Promise.all(from.files.map((file) => files.bytes(file)));
      const places = { tickets: from.files.join(", ") };
      return { material: { kind: "session-ticket-keys", keys: keys.filter(isThere) }, places };
    }
    case "generic-files":
      return await readGeneric(from, files);
  }
}

async function readCertificate(
  from: Extract<FileOrigin, { kind: "certificate-files" }>,
  { files, x509, staple }: Reading,
): Promise<ReadMaterial | undefined> {
  const { chain, key, pkcs12, password, ocsp } = from;
  const passphrase = (await files.text(password))?.split("\n")[0]?.trimEnd();
  const fromFile = await files.bytes(ocsp);
  const [bytes, chainPem, keyText] = [
    await files.bytes(pkcs12),
    await files.text(chain),
    await files.text(key),
  ];
  if (files.problems.length > 0) return undefined;
  const named = { ...(passphrase !== undefined && { passphrase }) };
  const pair = bytes === undefined
    ? readPair({ chainPem, key: { pem: keyText ?? "", file: key ?? "", ...named } })
    : readPkcs12({ bytes, file: pkcs12 ?? "", ...named }, x509);
  if (!pair.ok) {
    files.problems.push(...pair.error);
    return undefined;
  }
  const { value } = pair;
  const ocspStaple = from.fetchOcsp ? staple(value.chainPem) ?? fromFile : fromFile;
  const places = {
    chain: pkcs12 ?? chain ?? "",
    key: pkcs12 ?? key ?? "",
    ...(ocsp !== undefined && { ocsp }),
  };
  const material = {
    kind: "tls-certificate",
    chainPem: value.chainPem,
    keyPem: value.keyPem,
    ...(ocspStaple !== undefined && { ocspStaple }),
  } as const;
  return { material, places };
}

function readPair(
  { chainPem = "", key }: { readonly chainPem: string | undefined; readonly key: PrivateKeyText },
): Result<{ readonly chainPem: string; readonly keyPem: string }, readonly Problem[]> {
  const read = readPrivateKey(key);
  return read.ok ? ok({ chainPem, keyPem: read.value }) : read;
}

async function readTrust(
  from: Extract<FileOrigin, { kind: "trust" }>,
  { files, own }: { readonly files: Files; readonly own: OwnTrust | undefined },
): Promise<ReadMaterial> {
  const { bundle, crl, onlyVerifyLeafCrl, sanMatchers } = from;
  const bundlePem = [own?.bundlePem, await files.text(bundle)].filter(isThere).join("\n");
  const lists = [own?.crlPem, await files.text(crl)].filter(isThere);
  const material: ValidationContextMaterial = {
    kind: "validation-context",
    bundlePem,
    ...(lists.length > 0 && { crlPem: lists.join("\n") }),
    onlyVerifyLeafCrl: onlyVerifyLeafCrl || own?.onlyVerifyLeafCrl === true,
    sanMatchers,
  };
  const places = {
    ...(bundle !== undefined && { bundle }),
    ...(crl !== undefined && { crl }),
  };
  return { material, places };
}

async function readGeneric(
  { file, files: named }: Extract<FileOrigin, { kind: "generic-files" }>,
  files: Files,
): Promise<ReadMaterial> {
  const secret = await files.bytes(file);
  const secrets = new Map<string, Uint8Array>();
  for (const [name, path] of named) {
    const bytes = await files.bytes(path);
    if (bytes !== undefined) secrets.set(name, bytes);
  }
  const material: GenericMaterial = {
    kind: "generic",
    ...(secret !== undefined && { secret }),
    ...(secrets.size > 0 && { secrets }),
  };
  return { material, places: {} };
}

/** Files that are read, and what kept them from it. */
class Files {
  readonly problems: Problem[] = [];

  async bytes(file: string | undefined): Promise<Uint8Array | undefined> {
    if (file === undefined) return undefined;
    const content = await readFileContent(file);
    if (content.kind === "bytes") return content.bytes;
    this.refuse(file, content.kind === "absent" ? "no such file" : content.reason);
    return undefined;
  }

  async text(file: string | undefined): Promise<string | undefined> {
    const bytes = await this.bytes(file);
    if (file === undefined || bytes === undefined) return undefined;
    const text = textOf(bytes);
    if (text === undefined) this.refuse(file, "must be UTF-8");
    return text;
  }

  refuse(file: string, message: string): void {
    this.problems.push({ severity: "error", file, message });
  }
}

function isThere<T>(value: T | undefined): value is T {
  return value !== undefined;
}
