// SPDX-License-Identifier: Apache-2.0
/**
 * Reads a secrets file, which maps names to files and to what is made, and finds everything that is
 * wrong with it.
 * @module
 */
import { err, hasErrors, ok, type Problem, type Result } from "@denvoy/base";
import { FieldReader, type MapAt, parseDocuments } from "@denvoy/proto";
import type { IssueRequest } from "./certificate_authority.ts";
import { KEY_TYPES } from "./policy_file.ts";
import { readSanMatcher } from "./san_matcher.ts";
import type { SecretOrigin, SecretSpec } from "./secret_spec.ts";

/** How a text is read. */
export interface SecretsFileOptions {
  /** The file as the user named it. */
  readonly file: string;
  /** Makes a path of the file complete. */
  readonly resolve: (path: string) => string;
}

const ORIGINS = ["certificate", "trust", "session_tickets", "generic", "issue"] as const;
const HOUR_MS = 3_600_000;

/** Returns the secrets of a file, or each thing that is wrong with it. */
export function readSecretsFile(
  text: string,
  options: SecretsFileOptions,
): Result<readonly SecretSpec[], readonly Problem[]> {
  const { documents: [document], problems } = parseDocuments(text, { file: options.file });
  if (hasErrors(problems)) return err(problems);
  if (document === undefined) return ok([]);
  const fields = new FieldReader(document, { isSecret: true });
  const specs = new SecretsFileReader(fields, options).read();
  return fields.problems.length > 0 ? err(fields.problems) : ok(specs);
}

class SecretsFileReader {
  readonly #fields: FieldReader;
  readonly #options: SecretsFileOptions;

  constructor(fields: FieldReader, options: SecretsFileOptions) {
    this.#fields = fields;
    this.#options = options;
  }

  read(): readonly SecretSpec[] {
    const root = this.#fields.root();
    if (root === undefined) return [];
    this.#fields.keys(root, ["secrets"]);
    const seen = new Set<string>();
    return this.#fields.maps(root, "secrets").flatMap((at) => {
      const spec = this.#secret(at);
      if (spec === undefined) return [];
      if (seen.has(spec.name)) this.#fields.error(at.path, `name is there twice: "${spec.name}"`);
      seen.add(spec.name);
      return [spec];
    });
  }

  #secret(at: MapAt): SecretSpec | undefined {
    this.#fields.keys(at, ["name", ...ORIGINS]);
    const name = this.#fields.required(at, "name");
    const kinds = ORIGINS.filter((kind) => Object.hasOwn(at.map, kind));
    const [kind] = kinds;
    if (kind === undefined || kinds.length > 1) {
      this.#fields.error(at.path, `needs exactly one of ${ORIGINS.join(", ")}`);
      return undefined;
    }
    const inner = this.#fields.map(at, kind);
    const from = inner === undefined ? undefined : this.#origin(kind, inner);
    if (name === undefined || from === undefined) return undefined;
    return { name, place: this.#options.file, from };
  }

  #origin(kind: typeof ORIGINS[number], at: MapAt): SecretOrigin | undefined {
    switch (kind) {
      case "certificate":
        return this.#certificate(at);
      case "trust":
        return this.#trust(at);
      case "session_tickets":
        return this.#tickets(at);
      case "generic":
        return this.#generic(at);
      case "issue":
        return { kind: "issued", request: this.#issue(at) };
    }
  }

  #certificate(at: MapAt): SecretOrigin {
    this.#fields.keys(at, ["chain", "key", "pkcs12", "password_file", "ocsp", "fetch_ocsp"]);
    const pkcs12 = this.#path(at, "pkcs12");
    const isPair = at.map.chain !== undefined && at.map.key !== undefined;
    if (isPair === (pkcs12 !== undefined)) {
      this.#fields.error(at.path, "needs either `chain` and `key`, or `pkcs12`");
    }
    return {
      kind: "certificate-files",
      ...this.#paths(at, { chain: "chain", key: "key", password: "password_file", ocsp: "ocsp" }),
      ...(pkcs12 !== undefined && { pkcs12 }),
      fetchOcsp: this.#fields.flag(at, "fetch_ocsp"),
    };
  }

  #trust(at: MapAt): SecretOrigin {
    this.#fields.keys(at, ["bundle", "own_ca", "crl", "only_leaf_crl", "sans"]);
    const ownCa = this.#fields.flag(at, "own_ca");
    const paths = this.#paths(at, { bundle: "bundle", crl: "crl" });
    if (!ownCa && paths.bundle === undefined) this.#fields.error(at.path, "needs a `bundle`");
    return {
      kind: "trust",
      ...paths,
      ownCa,
      onlyVerifyLeafCrl: this.#fields.flag(at, "only_leaf_crl"),
      sanMatchers: this.#fields.maps(at, "sans").flatMap((san) =>
        readSanMatcher(this.#fields, san)
      ),
    };
  }

  #tickets(at: MapAt): SecretOrigin {
    this.#fields.keys(at, ["files", "rotate", "keep"]);
    const files = this.#fields.texts(at, "files").map(this.#options.resolve);
    if (files.length > 0) return { kind: "ticket-files", files };
    return {
      kind: "generated-tickets",
      rotateMs: this.#fields.durationMs(at, "rotate") ?? 12 * HOUR_MS,
      keep: this.#fields.whole(at, "keep", { min: 2, max: 10 }) ?? 3,
    };
  }

  #generic(at: MapAt): SecretOrigin {
    this.#fields.keys(at, ["file", "files"]);
    const named = this.#fields.map(at, "files");
    const files = new Map<string, string>();
    for (const key of Object.keys(named?.map ?? {})) {
      const path = named && this.#path(named, key);
      if (path !== undefined) files.set(key, path);
    }
    const paths = this.#paths(at, { file: "file" });
    if (paths.file === undefined && files.size === 0) {
      this.#fields.error(at.path, "needs a `file` or `files`");
    }
    return { kind: "generic-files", ...paths, files };
  }

  #issue(at: MapAt): IssueRequest {
    this.#fields.keys(at, ["spiffe_id", "dns_names", "ip_addresses", "key_type", "lifetime"]);
    const spiffeId = this.#fields.filled(at, "spiffe_id");
    const keyType = this.#fields.word(at, "key_type", KEY_TYPES);
    const lifetimeMs = this.#fields.durationMs(at, "lifetime");
    return {
      ...(spiffeId !== undefined && { spiffeId }),
      dnsNames: this.#fields.texts(at, "dns_names"),
      ipAddresses: this.#fields.texts(at, "ip_addresses"),
      ...(keyType !== undefined && { keyType }),
      ...(lifetimeMs !== undefined && { lifetimeMs }),
    };
  }

  #path(at: MapAt, name: string): string | undefined {
    const path = this.#fields.filled(at, name);
    return path === undefined ? undefined : this.#options.resolve(path);
  }

  #paths<K extends string>(
    at: MapAt,
    names: Readonly<Record<K, string>>,
  ): { readonly [N in K]?: string } {
    const paths: { [N in K]?: string } = {};
    for (const key of Object.keys(names) as K[]) {
      const path = this.#path(at, names[key]);
      if (path !== undefined) paths[key] = path;
    }
    return paths;
  }
}
