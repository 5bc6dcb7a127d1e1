// SPDX-License-Identifier: Apache-2.0
/**
 * Which TLS contexts may be sent to be probed with. An Envoy 1.40 that cannot make one of a specifier
 * (a file that it does not have, a certificate that is none, an unknown cipher, ADS where it has none)
 * ends itself. So only what cannot fail is let through, field by field; certificates come by SDS, where
 * an Envoy can refuse them.
 * @module
 */
import { readCertificateNames } from "@denvoy/base";

/** What all Envoys that probe are known to have. */
export const envoyFacts = ["ads", "files"] as const;

/** See {@linkcode envoyFacts}: an ADS to get secrets from; the files that TLS contexts name. */
export type EnvoyFact = typeof envoyFacts[number];

/** A TLS context as canonical JSON, with proto names. */
type Json = Readonly<Record<string, unknown>>;

type Path = readonly (string | number)[];

/** What is wrong, and where. */
export interface TlsProblem {
  /** Keys from the context. */
  readonly path: Path;
  /** Rule and current value. */
  readonly message: string;
}

/** Returns what must not be in an UpstreamTlsContext, given as canonical JSON with proto names. */
export function harmInTls(context: Json, facts: ReadonlySet<EnvoyFact>): readonly TlsProblem[] {
  const reader = new TlsReader(facts);
  reader.upstream(context);
  return reader.problems;
}

type Rule = (value: unknown, path: Path) => void;

class TlsReader {
  readonly problems: TlsProblem[] = [];
  readonly #facts: ReadonlySet<EnvoyFact>;

  constructor(facts: ReadonlySet<EnvoyFact>) {
    this.#facts = facts;
  }

  upstream(context: Json): void {
    this.#fields(context, [], {
      sni: any,
      allow_renegotiation: any,
      max_session_keys: any,
      enforce_rsa_key_usage: any,
      auto_host_sni: any,
      auto_sni_san_validation: any,
      common_tls_context: (value, path) => this.#common(value, path),
    });
  }

  #common(context: unknown, at: Path): void {
    this.#fields(context, at, {
      alpn_protocols: any,
      tls_params: (value, path) => this.#params(value, path),
      tls_certificates: (value, path) => this.#each(value, path, (item, p) => this.#pair(item, p)),
      tls_certificate_sds_secret_configs: (value, path) =>
        this.#each(value, path, (item, p) => this.#sds(item, p)),
      validation_context: (value, path) => this.#validation(value, path, { hasCa: false }),
      validation_context_sds_secret_config: (value, path) => this.#sds(value, path),
      combined_validation_context: (value, path) => this.#combined(value, path),
    });
  }

  #combined(value: unknown, at: Path): void {
    this.#fields(value, at, {
      default_validation_context: (inner, path) => this.#validation(inner, path, { hasCa: true }),
      validation_context_sds_secret_config: (inner, path) => this.#sds(inner, path),
    });
  }

  #params(value: unknown, at: Path): void {
    this.#fields(value, at, {
      tls_minimum_protocol_version: any,
      tls_maximum_protocol_version: any,
      cipher_suites: (names, path) => this.#known(names, { path, known: CIPHERS }),
      ecdh_curves: (names, path) => this.#known(names, { path, known: CURVES }),
    });
    const { tls_minimum_protocol_version: least, tls_maximum_protocol_version: most } = objectOf(
      value,
    );
    if (typeof least === "string" && typeof most === "string" && least > most) {
      this.#add(at, `must have a minimum version up to the maximum: current value is ${least}`);
    }
  }

  #validation(value: unknown, at: Path, ...[{ hasCa }]: [{ readonly hasCa: boolean }]): void {
    this.#fields(value, at, {
      trust_chain_verification: any,
      max_verify_depth: any,
      trusted_ca: (source, path) => this.#authority(source, path),
      match_typed_subject_alt_names: (list, path) =>
        this.#each(list, path, (item, p) => this.#subjectName(item, p)),
    });
    const { trusted_ca: ca, match_typed_subject_alt_names: names } = objectOf(value);
    if (names !== undefined && ca === undefined && !hasCa) {
      this.#add(at, "needs a trusted_ca where subject names are matched");
    }
  }

  #authority(source: unknown, path: Path): void {
    const { inline_string: text, inline_bytes: bytes, filename } = objectOf(source);
    if (typeof filename === "string") return this.#file(path);
    const pem = typeof text === "string"
      ? text
      : typeof bytes === "string"
      ? fromBase64(bytes)
      : "";
    if (pem !== undefined && areCertificates(pem)) return;
    this.#add(path, "must be certificates in PEM, inline or as a file");
  }

  /** A pair that does not fit together cannot be told here. */
  #pair(value: unknown, at: Path): void {
    this.#fields(value, at, {
      certificate_chain: (source, path) => this.#onlyFile(source, path),
      private_key: (source, path) => this.#onlyFile(source, path),
    });
  }

  #onlyFile(source: unknown, path: Path): void {
    if (typeof objectOf(source).filename === "string") this.#file(path);
    else this.#add(path, "must be a file, or come by SDS: a pair that does not fit ends an Envoy");
  }

  #file(path: Path): void {
    if (this.#facts.has("files")) return;
    const rule = "must not be a file, as an Envoy that does not have it ends itself";
    this.#add(path, `${rule}: take SDS, or say --envoys-have files`);
  }

  #subjectName(value: unknown, at: Path): void {
    this.#fields(value, at, {
      san_type: (type, path) => {
        if (type === "OTHER_NAME") this.#add(path, "must not be OTHER_NAME");
      },
      matcher: (matcher, path) =>
        this.#fields(matcher, path, {
          exact: any,
          prefix: any,
          suffix: any,
          contains: any,
          ignore_case: any,
        }),
    });
  }

  #sds(value: unknown, at: Path): void {
    this.#fields(value, at, {
      name: any,
      sds_config: (config, path) => this.#configSource(config, path),
    });
    if (objectOf(value).sds_config === undefined) this.#add(at, "needs an sds_config");
  }

  #configSource(value: unknown, at: Path): void {
    this.#fields(value, at, {
      resource_api_version: any,
      initial_fetch_timeout: any,
      ads: (_, path) => {
        if (this.#facts.has("ads")) return;
        const rule = "must not be ads, as an Envoy without ADS ends itself";
        this.#add(path, `${rule}: name a gRPC service, or say --envoys-have ads`);
      },
      api_config_source: (source, path) => this.#grpcSource(source, path),
    });
  }

  #grpcSource(value: unknown, at: Path): void {
    this.#fields(value, at, {
      api_type: (type, path) => {
        if (type !== "GRPC" && type !== "DELTA_GRPC") this.#add(path, "must be GRPC or DELTA_GRPC");
      },
      transport_api_version: any,
      set_node_on_first_message_only: any,
      request_timeout: any,
      grpc_services: (list, path) =>
        this.#each(
          list,
          path,
          (item, p) =>
            this.#fields(item, p, { envoy_grpc: any, timeout: any, initial_metadata: any }),
        ),
    });
  }

  #known(
    names: unknown,
    { path, known }: { readonly path: Path; readonly known: ReadonlySet<string> },
  ): void {
    this.#each(names, path, (name, at) => {
      const parts = String(name).replace(/^\[|\]$/g, "").split("|");
      if (parts.every((part) => known.has(part))) return;
      this.#add(at, `must be one of ${[...known].join(", ")}: current value is "${name}"`);
    });
  }

  #each(value: unknown, path: Path, ...[rule]: [Rule]): void {
    const items = Array.isArray(value) ? value : [];
    for (const [index, item] of items.entries()) rule(item, [...path, index]);
  }

  /** What is not in the table is refused: nobody knows what it may do. */
  #fields(value: unknown, path: Path, ...[rules]: [Readonly<Record<string, Rule>>]): void {
    for (const [key, item] of Object.entries(objectOf(value))) {
      const rule = Object.hasOwn(rules, key) ? rules[key] : undefined;
      if (rule !== undefined) rule(item, [...path, key]);
      else this.#add([...path, key], "must not be set for checks: it may end the Envoy");
    }
  }

  #add(path: Path, message: string): void {
    this.problems.push({ path, message });
  }
}

function any(): void {}

function objectOf(value: unknown): Json {
  return typeof value === "object" && value !== null ? { ...value } : {};
}

function fromBase64(text: string): string | undefined {
  try {
    return atob(text);
  } catch {
    return undefined;
  }
}

const PEM = /-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----/g;

function areCertificates(pem: string): boolean {
  const blocks = [...pem.matchAll(PEM)].map(([, base64 = ""]) => base64.replace(/\s/g, ""));
  return blocks.length > 0 && blocks.every(isCertificate);
}

function isCertificate(base64: string): boolean {
  const der = fromBase64(base64);
  if (der === undefined) return false;
  try {
    readCertificateNames(Uint8Array.from(der, (char) => char.charCodeAt(0)));
    return true;
  } catch {
    return false;
  }
}

const CIPHERS: ReadonlySet<string> = new Set([
  "ECDHE-ECDSA-AES128-GCM-SHA256",
  "ECDHE-RSA-AES128-GCM-SHA256",
  "ECDHE-ECDSA-AES256-GCM-SHA384",
  "ECDHE-RSA-AES256-GCM-SHA384",
  "ECDHE-ECDSA-CHACHA20-POLY1305",
  "ECDHE-RSA-CHACHA20-POLY1305",
  "ECDHE-RSA-AES128-SHA",
  "ECDHE-RSA-AES256-SHA",
  "AES128-GCM-SHA256",
  "AES256-GCM-SHA384",
  "AES128-SHA",
  "AES256-SHA",
]);

const CURVES: ReadonlySet<string> = new Set(["X25519", "P-256", "P-384"]);
