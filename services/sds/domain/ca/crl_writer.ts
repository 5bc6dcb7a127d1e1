// SPDX-License-Identifier: Apache-2.0
/**
 * Writes certificate revocation lists (RFC 5280, section 5).
 * @module
 */
import type { Revocation, RevocationReason } from "../certificate_authority.ts";
import { backdatingMs } from "./ca_settings.ts";
import { signatureAlgorithm, signStructure } from "./certificate_writer.ts";
import {
  derContext,
  derElement,
  derNumber,
  derSequence,
  DerTag,
  derTime,
  derUnsigned,
} from "./der.ts";
import { authorityKey, extension } from "./extensions.ts";
import type { SigningKey } from "./signing_key.ts";

/** Who signs a list: a root or a signer of leaves. */
export interface CrlIssuer {
  /** DER Name, as it stands in its certificate. */
  readonly subjectDer: Uint8Array;
  /** Identifier of its key, as it stands in its certificate. */
  readonly keyId: Uint8Array;
  /** Its key. */
  readonly key: SigningKey;
}

/** What a list says. */
export interface CrlContent {
  /** What is revoked, and not yet ended. */
  readonly revocations: readonly Revocation[];
  /** The present; the list begins a little earlier, for Envoys whose clock is behind. */
  readonly nowMs: number;
  /** Rises with each list of an issuer (RFC 5280, 5.2.3). @default the present, in milliseconds */
  readonly number?: number;
  /** Until when it may be used: after that, Envoy refuses every peer of the issuer. */
  readonly nextUpdateMs: number;
}

/** Numbers of RFC 5280, 5.3.1. */
const reasonNumbers: Readonly<Record<RevocationReason, number>> = {
  unspecified: 0,
  keyCompromise: 1,
  affiliationChanged: 3,
  superseded: 4,
  cessationOfOperation: 5,
};

/** Signs a list; resolves with its DER. */
export function signCrl(issuer: CrlIssuer, content: CrlContent): Promise<Uint8Array> {
  const revoked = content.revocations.map(revokedEntry);
  const toBeSigned = derSequence(
    derNumber(1),
    signatureAlgorithm(issuer.key.type),
    issuer.subjectDer,
    derTime(content.nowMs - backdatingMs),
    derTime(content.nextUpdateMs),
    ...(revoked.length === 0 ? [] : [derSequence(...revoked)]),
    derContext(
      0,
      derSequence(
        authorityKey(issuer.keyId),
        extension("2.5.29.20", derNumber(Math.max(0, Math.floor(content.number ?? content.nowMs)))),
      ),
    ),
  );
  return signStructure(toBeSigned, issuer.key);
}

function revokedEntry({ serial, revokedAtMs, reason }: Revocation): Uint8Array {
  const number = reasonNumbers[reason];
  const code = derElement(DerTag.enumerated, Uint8Array.of(number));
  const extensions = number === 0 ? [] : [derSequence(extension("2.5.29.21", code))];
  const digits = serial.length % 2 === 0 ? serial : `0${serial}`;
  return derSequence(derUnsigned(Uint8Array.fromHex(digits)), derTime(revokedAtMs), ...extensions);
}
