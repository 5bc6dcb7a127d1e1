// SPDX-License-Identifier: Apache-2.0
/**
 * Reads a policy file: who may have which secrets, and everything that is wrong with it.
 * @module
 */
import { err, hasErrors, ok, type Problem, type Result } from "@denvoy/base";
import { FieldReader, type MapAt, parseDocuments } from "@denvoy/proto";
import {
  type CertificateProfile,
  DEFAULT_RULES,
  type Grant,
  type PolicyRules,
} from "./access_policy.ts";
import type { KeyType } from "./certificate_facts.ts";
import { NameTemplate } from "./name_template.ts";

/** Kinds of key that may be asked for. */
export const KEY_TYPES: readonly KeyType[] = [
  ...["ec-p256", "ec-p384", "rsa-2048", "rsa-3072", "rsa-4096", "ed25519"] as const,
];

const ROOT_KEYS = ["grants", "certificates", "on_behalf_of", "own_certificate"];

/** Returns the rules of a policy file, or each thing that is wrong with it. */
export function readPolicyFile(
  text: string,
  { file }: { readonly file: string },
): Result<PolicyRules, readonly Problem[]> {
  const { documents: [document], problems } = parseDocuments(text, { file });
  if (hasErrors(problems)) return err(problems);
  if (document === undefined) return ok(DEFAULT_RULES);
  const fields = new FieldReader(document, { isSecret: true });
  const root = fields.root();
  const rules = root === undefined ? DEFAULT_RULES : readRules(fields, root);
  return fields.problems.length > 0 ? err(fields.problems) : ok(rules);
}

function readRules(fields: FieldReader, root: MapAt): PolicyRules {
  fields.keys(root, ROOT_KEYS);
  return {
    grants: fields.maps(root, "grants").flatMap((at) => readGrant(fields, at)),
    certificates: fields.maps(root, "certificates").flatMap((at) => readProfile(fields, at)),
    onBehalfOf: templates(fields, root, { name: "on_behalf_of" }),
    ownCertificate: fields.flag(root, "own_certificate", true),
    allowAll: false,
  };
}

function readGrant(fields: FieldReader, at: MapAt): readonly Grant[] {
  fields.keys(at, ["identity", "secrets"]);
  const identity = readIdentity(fields, at);
  if (identity === undefined) return [];
  const secrets = templates(fields, at, { name: "secrets", known: identity.placeholders });
  if (!Object.hasOwn(at.map, "secrets")) fields.error(at.path, "needs `secrets`");
  return [{ identity, secrets }];
}

function readProfile(fields: FieldReader, at: MapAt): readonly CertificateProfile[] {
  fields.keys(at, ["identity", "dns_names", "key_type", "lifetime"]);
  const identity = readIdentity(fields, at);
  if (identity === undefined) return [];
  const keyType = fields.word(at, "key_type", KEY_TYPES);
  const lifetimeMs = fields.durationMs(at, "lifetime");
  return [{
    identity,
    dnsNames: templates(fields, at, { name: "dns_names", known: identity.placeholders }),
    ...(keyType !== undefined && { keyType }),
    ...(lifetimeMs !== undefined && { lifetimeMs }),
  }];
}

function readIdentity(fields: FieldReader, at: MapAt): NameTemplate | undefined {
  const text = fields.required(at, "identity");
  return text === undefined
    ? undefined
    : template(fields, { text, path: [...at.path, "identity"] });
}

function templates(
  fields: FieldReader,
  at: MapAt,
  { name, known }: { readonly name: string; readonly known?: ReadonlySet<string> },
): readonly NameTemplate[] {
  return fields.texts(at, name).flatMap((text, index) => {
    const path = [...at.path, name, index];
    const parsed = template(fields, { text, path });
    if (parsed === undefined) return [];
    const strange = [...parsed.placeholders].find((each) =>
      known !== undefined && !known.has(each)
    );
    if (strange === undefined) return [parsed];
    fields.error(path, `uses a placeholder that the identity does not have: {${strange}}`);
    return [];
  });
}

function template(
  fields: FieldReader,
  { text, path }: { readonly text: string; readonly path: MapAt["path"] },
): NameTemplate | undefined {
  const parsed = NameTemplate.parse(text);
  if (parsed.ok) return parsed.value;
  fields.error(path, parsed.error);
  return undefined;
}
