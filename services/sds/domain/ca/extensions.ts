// SPDX-License-Identifier: Apache-2.0
/**
 * The extensions of what the CA signs: roots, intermediates and leaves, by RFC 5280 and, for leaves
 * with a SPIFFE ID and for CAs, by the X.509-SVID specification.
 * @module
 */
import { expectDerTag, readDer } from "@denvoy/base";
import type { CertificateNamesWanted } from "../certificate_authority.ts";
import {
  derBits,
  derBoolean,
  derContextPrimitive,
  derNumber,
  derObjectId,
  derOctets,
  derSequence,
} from "./der.ts";
import { ipAddressBytes } from "./ip_address.ts";
import type { CaPrimitives } from "./signing_key.ts";

/** Length of a key identifier: SHA-256 cut to 160 bits (RFC 7093, method 1). */
const KEY_ID_BYTES = 20;

/** Returns the identifier of a public key. */
export function keyIdOf(spki: Uint8Array, primitives: CaPrimitives): Uint8Array {
  const [, bits] = readDer(expectDerTag(readDer(spki)[0], 0x30));
  return primitives.sha256(expectDerTag(bits, 0x03).subarray(1)).slice(0, KEY_ID_BYTES);
}

/** What the extensions of a CA certificate say. */
export interface CaProfile {
  /** How many CAs may follow: 1 for a root with intermediates, 0 for a signer of leaves. */
  readonly pathLength: number;
  /** Its trust domain; a signing certificate carries it as its own ID (X.509-SVID, 4.1 and appendix). */
  readonly trustDomain: string;
  /** Identifier of its key. */
  readonly subjectKeyId: Uint8Array;
  /** Identifier of its issuer's key; absent for a root. */
  readonly authorityKeyId?: Uint8Array;
}

/** Returns the extensions of a root or an intermediate. */
export function caExtensions(profile: CaProfile): readonly Uint8Array[] {
  const constraints = derSequence(derBoolean(true), derNumber(profile.pathLength));
  return [
    extension("2.5.29.19", constraints, { critical: true }),
    // keyCertSign and cRLSign, bits 5 and 6
    extension("2.5.29.15", derBits(Uint8Array.of(0x06), 1), { critical: true }),
    extension("2.5.29.14", derOctets(profile.subjectKeyId)),
    ...(profile.authorityKeyId === undefined ? [] : [authorityKey(profile.authorityKeyId)]),
    extension("2.5.29.17", derSequence(uri(`spiffe://${profile.trustDomain}`))),
  ];
}

/** What the extensions of a leaf say. */
export interface LeafProfile {
  /** Its names. */
  readonly names: CertificateNamesWanted;
  /** Identifier of its key. */
  readonly subjectKeyId: Uint8Array;
  /** Identifier of its issuer's key. */
  readonly authorityKeyId: Uint8Array;
  /** Whether its key can decrypt: RSA key exchange wants keyEncipherment. */
  readonly rsa: boolean;
}

const serverAndClient = extension(
  "2.5.29.37",
  derSequence(derObjectId("1.3.6.1.5.5.7.3.1"), derObjectId("1.3.6.1.5.5.7.3.2")),
);
const noCa = extension("2.5.29.19", derSequence(), { critical: true });
const signsOnly = extension("2.5.29.15", derBits(Uint8Array.of(0x80), 7), { critical: true });
const signsAndDecrypts = extension("2.5.29.15", derBits(Uint8Array.of(0xa0), 5), {
  critical: true,
});

/** Returns the extensions of a leaf. Its subject is empty, so its names are critical. */
export function leafExtensions(profile: LeafProfile): readonly Uint8Array[] {
  return [
    noCa,
    profile.rsa ? signsAndDecrypts : signsOnly,
    serverAndClient,
    extension("2.5.29.14", derOctets(profile.subjectKeyId)),
    authorityKey(profile.authorityKeyId),
    extension("2.5.29.17", derSequence(...generalNames(profile.names)), { critical: true }),
  ];
}

/** Returns one extension around its encoded value. */
export function extension(
  id: string,
  value: Uint8Array,
  { critical = false }: { readonly critical?: boolean } = {},
): Uint8Array {
  const flag = critical ? [derBoolean(true)] : [];
  return derSequence(derObjectId(id), ...flag, derOctets(value));
}

/** Returns the extension that names the key of the issuer. */
export function authorityKey(keyId: Uint8Array): Uint8Array {
  return extension("2.5.29.35", derSequence(derContextPrimitive(0, keyId)));
}

function generalNames(names: CertificateNamesWanted): readonly Uint8Array[] {
  return [
    ...(names.spiffeId === undefined ? [] : [uri(names.spiffeId)]),
    ...(names.dnsNames ?? []).map((name) => derContextPrimitive(2, new TextEncoder().encode(name))),
    ...(names.ipAddresses ?? []).map((address) => derContextPrimitive(7, ipAddressBytes(address))),
  ];
}

function uri(text: string): Uint8Array {
  return derContextPrimitive(6, new TextEncoder().encode(text));
}
