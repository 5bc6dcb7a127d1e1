// SPDX-License-Identifier: Apache-2.0
/**
 * Checks what is asked for in a leaf certificate, and makes it.
 * @module
 */
import { StatusCode, StatusError } from "@denvoy/base";
import type { CertificateNamesWanted, SignedCertificate } from "../certificate_authority.ts";
import type { CertificateFacts, KeyFacts, KeyType } from "../certificate_facts.ts";
import { writePem } from "../pem.ts";
import { parseSpiffeId } from "../spiffe_id.ts";
import { newSerial, type Signer } from "./authority.ts";
import { backdatingMs, type CaSettings } from "./ca_settings.ts";
import { emptyName, signCertificate } from "./certificate_writer.ts";
import { keyIdOf, leafExtensions } from "./extensions.ts";
import { ipAddressBytes } from "./ip_address.ts";
import type { CaPrimitives } from "./signing_key.ts";

/** What a leaf is made of. */
export interface LeafParts {
  /** Who signs. */
  readonly signer: Signer;
  /** Its names; checked. */
  readonly names: CertificateNamesWanted;
  /** DER SubjectPublicKeyInfo. */
  readonly spki: Uint8Array;
  /** The same key, as it is told. */
  readonly key: KeyFacts;
  /** The present. */
  readonly nowMs: number;
  /** Its life; cut to what is left of the signer's. */
  readonly lifetimeMs: number;
}

const MAX_NAMES = 100;
/** Times in certificates are whole seconds: what lives shorter could be over before it begins. */
const MIN_LIFETIME_MS = 10_000;
const DNS_LABEL = /^(?!-)[a-z0-9_-]{1,63}(?<!-)$/i;
const ED25519: KeyFacts = { family: "ed25519", bits: 256 };

/** Returns what may be told of a key of the kind. */
export function keyFactsOfType(type: KeyType): KeyFacts {
  switch (type) {
    case "ec-p256":
      return { family: "ec", bits: 256, curve: "P-256" };
    case "ec-p384":
      return { family: "ec", bits: 384, curve: "P-384" };
    case "ed25519":
      return ED25519;
    default:
      return { family: "rsa", bits: Number(type.slice("rsa-".length)) };
  }
}

/**
 * Checks the names that are asked for.
 *
 * @throws StatusError INVALID_ARGUMENT when one breaks a rule.
 */
export function checkNames(names: CertificateNamesWanted, trustDomain: string): void {
  const { spiffeId, dnsNames = [], ipAddresses = [] } = names;
  const count = dnsNames.length + ipAddresses.length + (spiffeId === undefined ? 0 : 1);
  if (count === 0 || count > MAX_NAMES) {
    throw refused(`it must have 1 to ${MAX_NAMES} names: has ${count}`);
  }
  if (spiffeId !== undefined) checkSpiffeId(spiffeId, trustDomain);
  for (const name of dnsNames) {
    if (!isDnsName(name)) {
      throw refused(`DNS names must be labels between dots, and no IP address: one is "${name}"`);
    }
  }
  for (const address of ipAddresses) checkIpAddress(address);
}

/**
 * Returns the life that a leaf is given.
 *
 * @throws StatusError INVALID_ARGUMENT for a life of less than 10 seconds or longer than allowed.
 */
export function checkLifetime(lifetimeMs: number | undefined, settings: CaSettings): number {
  const wanted = lifetimeMs ?? settings.leafLifetimeMs;
  if (wanted >= MIN_LIFETIME_MS && wanted <= settings.maxLeafLifetimeMs) return wanted;
  throw refused(
    `its life must be at least ${MIN_LIFETIME_MS} ms and at most ${settings.maxLeafLifetimeMs} ms: ` +
      `is ${wanted} ms`,
  );
}

/**
 * Makes a leaf.
 *
 * Rejects with StatusError FAILED_PRECONDITION when the signer is not valid at present.
 */
export async function writeLeaf(
  parts: LeafParts,
  primitives: CaPrimitives,
): Promise<SignedCertificate> {
  const { signer, names } = parts;
  const validity = validityOf(parts);
  const subjectKeyId = keyIdOf(parts.spki, primitives);
  const authorityKeyId = Uint8Array.fromHex(signer.record.id);
  const serial = newSerial(primitives);
  const der = await signCertificate({
    serial,
    issuer: signer.certificate.subjectDer,
    subject: emptyName,
    ...validity,
    spki: parts.spki,
    extensions: leafExtensions({
      names,
      subjectKeyId,
      authorityKeyId,
      rsa: parts.key.family === "rsa",
    }),
  }, signer.key);
  const chain = [der, signer.record.der, ...signer.record.between];
  return {
    chainPem: chain.map((one) => writePem("CERTIFICATE", one)).join(""),
    facts: leafFacts(parts, {
      ...validity,
      serial: serial.toHex(),
      fingerprint: primitives.sha256(der).toHex(),
      subjectKeyId: subjectKeyId.toHex(),
    }),
  };
}

function validityOf({ signer, nowMs, lifetimeMs }: LeafParts): {
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
} {
  const { facts } = signer.certificate;
  if (nowMs < facts.notBeforeMs || nowMs >= facts.notAfterMs) {
    const [from, to] = [facts.notBeforeMs, facts.notAfterMs].map((ms) =>
      new Date(ms).toISOString()
    );
    const now = new Date(nowMs).toISOString();
    const message = `cannot issue certificate as the clock must be within the life of its ` +
      `signer, ${from} to ${to}: is ${now}`;
    throw new StatusError(StatusCode.FAILED_PRECONDITION, message);
  }
  return {
    notBeforeMs: wholeSeconds(Math.max(nowMs - backdatingMs, facts.notBeforeMs)),
    notAfterMs: wholeSeconds(Math.min(nowMs + lifetimeMs, facts.notAfterMs)),
  };
}

/** The writer knows what it wrote: reading it back would take as long as the signature. */
function leafFacts(
  { signer, names, key }: LeafParts,
  own: Pick<
    CertificateFacts,
    "serial" | "fingerprint" | "notBeforeMs" | "notAfterMs" | "subjectKeyId"
  >,
): CertificateFacts {
  const { facts } = signer.certificate;
  const ecDigest = signer.key.type === "ec-p384" ? "sha384" : "sha256";
  return {
    ...own,
    subject: "",
    issuer: facts.subject,
    uriSans: names.spiffeId === undefined ? [] : [names.spiffeId],
    dnsSans: names.dnsNames ?? [],
    ipSans: names.ipAddresses ?? [],
    key,
    digest: signer.key.type === "ed25519" ? "none" : ecDigest,
    isCa: false,
    keyUsages: key.family === "rsa" ? ["digitalSignature", "keyEncipherment"] : [
      "digitalSignature",
    ],
    extendedKeyUsages: ["1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"],
    authorityKeyId: signer.record.id,
    ocspUrls: [],
  };
}

function checkSpiffeId(spiffeId: string, trustDomain: string): void {
  const parsed = parseSpiffeId(spiffeId);
  if (!parsed.ok) throw new StatusError(StatusCode.INVALID_ARGUMENT, parsed.error);
  if (parsed.value.path === "") {
    throw refused(`the SPIFFE ID of a workload must have a path: is "${spiffeId}"`);
  }
  if (parsed.value.trustDomain !== trustDomain) {
    throw refused(`its SPIFFE ID must be in trust domain "${trustDomain}": is "${spiffeId}"`);
  }
}

function checkIpAddress(address: string): void {
  try {
    ipAddressBytes(address);
  } catch (error) {
    const message = error instanceof Error ? error.message : "IP address cannot be read";
    throw new StatusError(StatusCode.INVALID_ARGUMENT, message);
  }
}

function isDnsName(name: string): boolean {
  const [first, ...others] = name.split(".");
  const labels = first === "*" && others.length > 1 ? others : [first ?? "", ...others];
  // The last label of an address is a number, of a name never (RFC 3696, 2).
  if (/^\d+$/.test(labels.at(-1) ?? "")) return false;
  return name.length <= 253 && labels.every((label) => DNS_LABEL.test(label));
}

function wholeSeconds(ms: number): number {
  return Math.floor(ms / 1000) * 1000;
}

function refused(rule: string): StatusError {
  return new StatusError(StatusCode.INVALID_ARGUMENT, `cannot issue certificate as ${rule}`);
}
