// SPDX-License-Identifier: Apache-2.0
/**
 * A root with those that sign under it: made, opened from what was saved, and described.
 * @module
 */
import { StatusCode, StatusError } from "@denvoy/base";
import type { AuthorityFacts } from "../certificate_authority.ts";
import type { ReadCertificate, X509Reader } from "../x509_reader.ts";
import type { AuthorityRecord, SignerRecord } from "./ca_store.ts";
import { backdatingMs, type CaSettings } from "./ca_settings.ts";
import { distinguishedName, signCertificate } from "./certificate_writer.ts";
import { caExtensions, keyIdOf } from "./extensions.ts";
import type { CaPrimitives, KeyMaker, NewKey, Sealer, SigningKey } from "./signing_key.ts";

/** Who signs leaves. */
export interface Signer {
  /** As it is saved. */
  readonly record: SignerRecord;
  /** Its certificate. */
  readonly certificate: ReadCertificate;
  /** Its key. */
  readonly key: SigningKey;
}

/** A root and its signers, ready to sign. */
export interface Authority {
  /** As it is saved. */
  readonly record: AuthorityRecord;
  /** Its certificate. */
  readonly root: ReadCertificate;
  /** Its key; absent for an outside CA. */
  readonly rootKey?: SigningKey;
  /** The first one signs leaves. */
  readonly signers: readonly [Signer, ...Signer[]];
}

/** What authorities are made with. */
export interface AuthorityTools {
  /** Makes keys. */
  readonly keys: KeyMaker;
  /** Keeps keys secret at rest. */
  readonly sealer: Sealer;
  /** Reads certificates back. */
  readonly x509: X509Reader;
  /** Randomness and digests. */
  readonly primitives: CaPrimitives;
  /** What the operator decided. */
  readonly settings: CaSettings;
}

const ORGANIZATION = "Denvoy";
const SERIAL_BYTES = 16;

/** Returns what may be told of an authority. */
export function authorityFacts(authority: Authority): AuthorityFacts {
  return {
    id: authority.record.id,
    state: authority.record.state,
    outside: authority.rootKey === undefined,
    certificate: authority.root.facts,
    signer: authority.signers[0].certificate.facts,
  };
}

/** Returns a serial number: 127 random bits, positive (RFC 5280, 4.1.2.2). */
export function newSerial(primitives: CaPrimitives): Uint8Array {
  const serial = primitives.randomBytes(SERIAL_BYTES);
  // A first byte of 64 to 127 keeps it positive and of full length.
  serial[0] = (serial[0] ?? 0) & 0x3f | 0x40;
  return serial;
}

/** Makes a root with its first signer; it is prepared only. */
export async function makeAuthority(tools: AuthorityTools, nowMs: number): Promise<Authority> {
  const { settings, primitives } = tools;
  const key = await tools.keys.generate(settings.keyType);
  const subjectKeyId = keyIdOf(key.spki, primitives);
  const id = subjectKeyId.toHex();
  const name = distinguishedName(`${settings.trustDomain} root ${id.slice(0, 8)}`, ORGANIZATION);
  const der = await signCertificate({
    serial: newSerial(primitives),
    issuer: name,
    subject: name,
    notBeforeMs: nowMs - backdatingMs,
    notAfterMs: nowMs + settings.rootLifetimeMs,
    spki: key.spki,
    extensions: caExtensions({ pathLength: 1, trustDomain: settings.trustDomain, subjectKeyId }),
  }, key);
  const root = { certificate: readBack(tools.x509, der), key };
  const signer = await makeSigner(root, tools, nowMs);
  const sealedRootKey = await sealKey(key, { id, sealer: tools.sealer });
  return {
    record: {
      id,
      state: "prepared",
      preparedAtMs: nowMs,
      rootDer: der,
      sealedRootKey,
      signers: [signer.record],
    },
    root: root.certificate,
    rootKey: key,
    signers: [signer],
  };
}

/** Makes a signer under a root; it ends with its root at the latest. */
export async function makeSigner(
  root: { readonly certificate: ReadCertificate; readonly key: SigningKey },
  tools: AuthorityTools,
  nowMs: number,
): Promise<Signer> {
  const { settings, primitives } = tools;
  const key = await tools.keys.generate(settings.keyType);
  const subjectKeyId = keyIdOf(key.spki, primitives);
  const id = subjectKeyId.toHex();
  const { facts } = root.certificate;
  const der = await signCertificate({
    serial: newSerial(primitives),
    issuer: root.certificate.subjectDer,
    subject: distinguishedName(`${settings.trustDomain} signer ${id.slice(0, 8)}`, ORGANIZATION),
    notBeforeMs: Math.max(nowMs - backdatingMs, facts.notBeforeMs),
    notAfterMs: Math.min(nowMs + settings.signerLifetimeMs, facts.notAfterMs),
    spki: key.spki,
    extensions: caExtensions({
      pathLength: 0,
      trustDomain: settings.trustDomain,
      subjectKeyId,
      authorityKeyId: keyIdOf(root.key.spki, primitives),
    }),
  }, root.key);
  const sealedKey = await sealKey(key, { id, sealer: tools.sealer });
  const record = { id, der, between: [], sealedKey };
  return { record, certificate: readBack(tools.x509, der), key };
}

/**
 * Opens what was saved.
 *
 * Rejects with StatusError FAILED_PRECONDITION when the keys were sealed with another key, and
 * DATA_LOSS when a certificate cannot be read.
 */
export async function openAuthority(
  record: AuthorityRecord,
  tools: AuthorityTools,
): Promise<Authority> {
  const open = async (sealed: Uint8Array, id: string) =>
    await tools.keys.import(await tools.sealer.open(sealed, keyContext(id)));
  const [first, ...others] = await Promise.all(record.signers.map(async (signer) => ({
    record: signer,
    certificate: readBack(tools.x509, signer.der),
    key: await open(signer.sealedKey, signer.id),
  })));
  if (first === undefined) throw damaged("an authority has no signer");
  const { sealedRootKey } = record;
  return {
    record,
    root: readBack(tools.x509, record.rootDer),
    ...(sealedRootKey !== undefined && { rootKey: await open(sealedRootKey, record.id) }),
    signers: [first, ...others],
  };
}

/** Returns an authority with another record; nothing else of it changes. */
export function withRecord(
  authority: Authority,
  changes: Partial<Pick<AuthorityRecord, "state" | "activatedAtMs">>,
): Authority {
  return { ...authority, record: { ...authority.record, ...changes } };
}

/** Returns an authority with these signers, the first of which signs leaves. */
export function withSigners(
  authority: Authority,
  signers: readonly [Signer, ...Signer[]],
): Authority {
  const records = signers.map((signer) => signer.record);
  return { ...authority, record: { ...authority.record, signers: records }, signers };
}

/** Seals the key of an authority or signer. */
export function sealKey(
  key: Pick<NewKey, "pkcs8">,
  { id, sealer }: { readonly id: string; readonly sealer: Sealer },
): Promise<Uint8Array> {
  return sealer.seal(key.pkcs8, keyContext(id));
}

/** A sealed key cannot pass for that of another certificate. */
function keyContext(id: string): string {
  return `ca key ${id}`;
}

function readBack(x509: X509Reader, der: Uint8Array): ReadCertificate {
  const certificate = x509.readCertificate(der);
  if (certificate === undefined) throw damaged("a certificate cannot be read");
  return certificate;
}

function damaged(why: string): StatusError {
  return new StatusError(StatusCode.DATA_LOSS, `cannot open CA as its data is damaged: ${why}`);
}
