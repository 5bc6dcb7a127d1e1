// SPDX-License-Identifier: Apache-2.0
/**
 * How an Envoy proves itself to Denvoy and knows Denvoy by its certificate: keys in files, read once
 * at the start or, through files in the form of SDS, again whenever they are replaced.
 * @module
 */
import { dirname, join } from "node:path";

/** Keys for the connection to Denvoy. */
export interface XdsTls {
  /** Roots (PEM) that Denvoy's certificate must chain to. */
  readonly caFile: string;
  /** The Envoy's own certificate chain (PEM) and key; absent where the server asks for none. */
  readonly client?: { readonly certFile: string; readonly keyFile: string };
  /** The name sent in the handshake; none for a server known by its IP address. */
  readonly sni?: string;
  /** What Denvoy's certificate must name: a DNS name, an IP address or an URI. */
  readonly serverSan: string;
  /** Folder of the files that {@linkcode sdsFiles} describes; without it keys are read once. */
  readonly sdsFolder?: string;
}

/** A file in the form of SDS. */
export interface SdsFile {
  /** Where it must be. */
  readonly path: string;
  /** What it must hold, as canonical JSON. */
  readonly content: unknown;
}

/** A Secret (extensions.transport_sockets.tls.v3) as canonical JSON. */
type NamedSecret = Readonly<Record<string, unknown>> & { readonly name: string };

const CLIENT_SECRET = "denvoy_client";
const ROOTS_SECRET = "denvoy_roots";
const TLS = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3";

/** Returns the transport socket of the cluster that Denvoy is. */
export function transportSocket(tls: XdsTls, protocol: "h2" | "http/1.1"): unknown {
  return {
    name: "envoy.transport_sockets.tls",
    typed_config: {
      "@type": `${TLS}.UpstreamTlsContext`,
      ...(tls.sni !== undefined && { sni: tls.sni }),
      common_tls_context: {
        // As a client Envoy stops at TLS 1.2 unless told otherwise.
        tls_params: { tls_maximum_protocol_version: "TLSv1_3" },
        alpn_protocols: [protocol],
        ...(tls.sdsFolder === undefined ? fixedSecrets(tls) : watchedSecrets(tls, tls.sdsFolder)),
      },
    },
  };
}

/** Returns the files that must be in `tls.sdsFolder`; none when keys are read once. */
export function sdsFiles(tls: XdsTls): readonly SdsFile[] {
  const { sdsFolder, client, caFile } = tls;
  if (sdsFolder === undefined) return [];
  const roots = { name: ROOTS_SECRET, validation_context: watched(caFile, rootsJson(caFile)) };
  const files = [sdsFile(sdsFolder, roots)];
  if (client === undefined) return files;
  const certificate = watched(client.certFile, certificateJson(client));
  return [sdsFile(sdsFolder, { name: CLIENT_SECRET, tls_certificate: certificate }), ...files];
}

function fixedSecrets(tls: XdsTls): object {
  return {
    ...(tls.client && { tls_certificates: [certificateJson(tls.client)] }),
    validation_context: { ...rootsJson(tls.caFile), ...sanRule(tls) },
  };
}

function watchedSecrets(tls: XdsTls, folder: string): object {
  return {
    ...(tls.client && { tls_certificate_sds_secret_configs: [sdsConfig(folder, CLIENT_SECRET)] }),
    combined_validation_context: {
      default_validation_context: sanRule(tls),
      validation_context_sds_secret_config: sdsConfig(folder, ROOTS_SECRET),
    },
  };
}

function sdsConfig(folder: string, name: string): unknown {
  return {
    name,
    sds_config: {
      resource_api_version: "V3",
      path_config_source: { path: sdsPath(folder, name) },
    },
  };
}

function sdsFile(folder: string, secret: NamedSecret): SdsFile {
  return {
    path: sdsPath(folder, secret.name),
    content: { resources: [{ "@type": `${TLS}.Secret`, ...secret }] },
  };
}

function sdsPath(folder: string, name: string): string {
  return join(folder, `${name}.yaml`);
}

/** Envoy reads the files again when something is moved within their folder. */
function watched(file: string, content: object): object {
  return { ...content, watched_directory: { path: dirname(file) } };
}

function certificateJson(client: NonNullable<XdsTls["client"]>): object {
  return {
    certificate_chain: { filename: client.certFile },
    private_key: { filename: client.keyFile },
  };
}

function rootsJson(caFile: string): object {
  return { trusted_ca: { filename: caFile } };
}

/** Without it every certificate that the roots have signed would pass for Denvoy's. */
function sanRule({ serverSan }: XdsTls): object {
  const type = /^[a-z][a-z0-9+.-]*:\/\//i.test(serverSan)
    ? "URI"
    : /^[\d.]+$|:/.test(serverSan)
    ? "IP_ADDRESS"
    : "DNS";
  return {
    match_typed_subject_alt_names: [{ san_type: type, matcher: { exact: serverSan } }],
  };
}
