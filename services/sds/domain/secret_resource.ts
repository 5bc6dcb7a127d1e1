// SPDX-License-Identifier: Apache-2.0
/**
 * A secret in the form that Envoy takes: its message, encoded once, with a hash of it as version.
 * @module
 */
import { messageCodec, readMessage } from "@denvoy/proto";
import {
  type Any,
  CertificateValidationContext_TrustChainVerification as TrustChainVerification,
  type DataSource,
  SubjectAltNameMatcher_SanType as SanType,
} from "@denvoy/proto/messages";
import { contentVersion, type Resource, TypeUrls } from "@denvoy/xds";
import type {
  GenericMaterial,
  SanMatcher,
  SecretMaterial,
  TlsCertificateMaterial,
  ValidationContextMaterial,
} from "./secret_material.ts";

const codec = messageCodec("envoy.extensions.transport_sockets.tls.v3.Secret");
const SPIFFE_VALIDATOR =
  "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.SPIFFECertValidatorConfig";

/** Returns the resource that an Envoy is sent for a secret that passed all checks. */
export function secretResource(name: string, material: SecretMaterial): Resource {
  const value = codec.encode({ name, ...typeOf(material) });
  const typeUrl = TypeUrls.secret;
  return { typeUrl, name, value, version: contentVersion({ typeUrl, value }), references: [] };
}

function typeOf(material: SecretMaterial) {
  switch (material.kind) {
    case "tls-certificate":
      return { tlsCertificate: tlsCertificate(material) };
    case "validation-context":
      return { validationContext: validationContext(material) };
    case "session-ticket-keys":
      return { sessionTicketKeys: { keys: material.keys.map(bytes) } };
    case "generic":
      return { genericSecret: genericSecret(material) };
  }
}

function tlsCertificate({ chainPem, keyPem, ocspStaple }: TlsCertificateMaterial) {
  return {
    certificateChain: text(chainPem),
    privateKey: text(keyPem),
    ...(ocspStaple !== undefined && { ocspStaple: bytes(ocspStaple) }),
    signedCertificateTimestamp: [],
  };
}

function validationContext(material: ValidationContextMaterial) {
  const { bundlePem, crlPem, onlyVerifyLeafCrl = false, sanMatchers, trustDomains } = material;
  return {
    trustedCa: text(bundlePem),
    ...(crlPem !== undefined && { crl: text(crlPem) }),
    onlyVerifyLeafCertCrl: onlyVerifyLeafCrl,
    matchTypedSubjectAltNames: sanMatchers.map(sanMatcher),
    ...(trustDomains !== undefined && {
      customValidatorConfig: {
        name: "envoy.tls.cert_validator.spiffe",
        typedConfig: spiffeValidator(trustDomains),
      },
    }),
    verifyCertificateSpki: [],
    verifyCertificateHash: [],
    matchSubjectAltNames: [],
    allowExpiredCertificate: false,
    trustChainVerification: TrustChainVerification.VERIFY_TRUST_CHAIN,
  };
}

function spiffeValidator(
  trustDomains: NonNullable<ValidationContextMaterial["trustDomains"]>,
): Any {
  const value = {
    trust_domains: trustDomains.map(({ trustDomain, bundlePem }) => ({
      name: trustDomain,
      trust_bundle: { inline_string: bundlePem },
    })),
  };
  const { message } = readMessage({ value, typeUrl: SPIFFE_VALIDATOR });
  if (message === undefined) throw new TypeError("Cannot write trust domains as they are no names");
  return { typeUrl: SPIFFE_VALIDATOR, value: message.toBinary() };
}

function sanMatcher({ sanType, match, value }: SanMatcher) {
  return {
    sanType: SanType[sanType],
    matcher: {
      ...(match === "regex" ? { safeRegex: { regex: value } } : { [match]: value }),
      ignoreCase: false,
    },
    oid: "",
  };
}

function genericSecret({ secret, secrets }: GenericMaterial) {
  const entries = [...secrets ?? []].map(([key, value]) => [key, bytes(value)] as const);
  return {
    ...(secret !== undefined && { secret: bytes(secret) }),
    secrets: Object.fromEntries(entries),
  };
}

function text(inlineString: string): DataSource {
  return { inlineString };
}

function bytes(inlineBytes: Uint8Array): DataSource {
  return { inlineBytes };
}
