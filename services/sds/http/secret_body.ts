// SPDX-License-Identifier: Apache-2.0
/**
 * Reads a secret from the body of a request. Nothing of it is quoted.
 * @module
 */
import type { FieldReader, MapAt } from "@denvoy/proto";
import { ProblemError } from "@denvoy/base";
import type { KeyImporter } from "../domain/key_importer.ts";
import { readSanMatcher } from "../domain/san_matcher.ts";
import type { SecretMaterial } from "../domain/secret_material.ts";

const KINDS = ["certificate", "trust", "session_tickets", "generic"] as const;

/** Returns the secret of a body; problems are noted in `fields`. */
export function readSecretBody(
  fields: FieldReader,
  { root, importer }: { readonly root: MapAt; readonly importer: KeyImporter },
): SecretMaterial | undefined {
  fields.keys(root, KINDS);
  const [kind, second] = KINDS.filter((each) => Object.hasOwn(root.map, each));
  const at = kind === undefined ? undefined : fields.map(root, kind);
  if (kind === undefined || second !== undefined || at === undefined) {
    fields.error([], `needs exactly one of ${KINDS.join(", ")}`);
    return undefined;
  }
  switch (kind) {
    case "certificate":
      return certificate(fields, { at, importer });
    case "trust":
      return trust(fields, at);
    case "session_tickets":
      fields.keys(at, ["keys"]);
      return { kind: "session-ticket-keys", keys: fields.texts(at, "keys").map(bytesOf) };
    case "generic":
      return generic(fields, at);
  }
}

function certificate(
  fields: FieldReader,
  { at, importer }: { readonly at: MapAt; readonly importer: KeyImporter },
): SecretMaterial | undefined {
  fields.keys(at, ["chain", "key", "password", "pkcs12", "ocsp"]);
  const passphrase = fields.filled(at, "password");
  const pkcs12 = fields.filled(at, "pkcs12");
  const ocsp = fields.filled(at, "ocsp");
  const named = { ...(passphrase !== undefined && { passphrase }) };
  const staple = { ...(ocsp !== undefined && { ocspStaple: bytesOf(ocsp) }) };
  if (pkcs12 !== undefined) {
    const read = importer.pkcs12({ bytes: bytesOf(pkcs12), ...named });
    if (!read.ok) throw new ProblemError(read.error);
    const { chainPem, keyPem } = read.value;
    return { kind: "tls-certificate", chainPem, keyPem, ...staple };
  }
  const chainPem = fields.required(at, "chain");
  const pem = fields.required(at, "key");
  if (chainPem === undefined || pem === undefined) return undefined;
  const key = importer.privateKey({ pem, ...named });
  if (!key.ok) throw new ProblemError(key.error);
  return { kind: "tls-certificate", chainPem, keyPem: key.value, ...staple };
}

function trust(fields: FieldReader, at: MapAt): SecretMaterial | undefined {
  fields.keys(at, ["bundle", "crl", "only_leaf_crl", "sans"]);
  const bundlePem = fields.required(at, "bundle");
  const crlPem = fields.filled(at, "crl");
  if (bundlePem === undefined) return undefined;
  return {
    kind: "validation-context",
    bundlePem,
    ...(crlPem !== undefined && { crlPem }),
    onlyVerifyLeafCrl: fields.flag(at, "only_leaf_crl"),
    sanMatchers: fields.maps(at, "sans").flatMap((san) => readSanMatcher(fields, san)),
  };
}

function generic(fields: FieldReader, at: MapAt): SecretMaterial {
  fields.keys(at, ["secret", "secrets"]);
  const secret = fields.filled(at, "secret");
  const named = fields.map(at, "secrets");
  const secrets = new Map<string, Uint8Array>();
  for (const key of Object.keys(named?.map ?? {})) {
    const value = named && fields.filled(named, key);
    if (value !== undefined) secrets.set(key, bytesOf(value));
  }
  return {
    kind: "generic",
    ...(secret !== undefined && { secret: bytesOf(secret) }),
    ...(secrets.size > 0 && { secrets }),
  };
}

function bytesOf(base64: string): Uint8Array {
  try {
    return Uint8Array.fromBase64(base64);
  } catch {
    // The cause is dropped: it could quote the value.
    throw new ProblemError([{ severity: "error", message: "bytes must be Base64" }]);
  }
}
