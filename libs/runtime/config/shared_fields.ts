// SPDX-License-Identifier: Apache-2.0
/**
 * The fields that every service has, in one place, so that a flag means the same everywhere.
 * @module
 */
import {
  address,
  bool,
  duration,
  type Field,
  oneOf,
  path,
  secretFile,
  secretFileList,
  stringList,
} from "./field.ts";
import type { ListenAddress } from "./address.ts";
import { type GrpcLimitFields, grpcLimitFields } from "./grpc_limit_fields.ts";

/** Names of the services: the sections that `denvoy.yaml` may have. */
export const SERVICE_NAMES = ["ads", "sds", "hds", "rls", "metrics"] as const;

/** Default ports of a service. */
export interface SharedPorts {
  /** Port of the gRPC listener. */
  readonly grpc: number;
  /** Port of the HTTP API. */
  readonly http: number;
}

/** The fields that every service has. */
export type SharedFields = GrpcLimitFields & {
  /** Address of the gRPC listener. */
  readonly grpcAddress: Field<ListenAddress>;
  /** Address of the HTTP API. */
  readonly httpAddress: Field<ListenAddress>;
  /** Folder for what must survive a restart. */
  readonly dataDir: Field<string>;
  /** Certificate chain of both ports. */
  readonly tlsCert: Field<string | undefined>;
  /** Private key of `tlsCert`. */
  readonly tlsKey: Field<string | undefined>;
  /** Roots that client certificates must chain to. */
  readonly clientCa: Field<string | undefined>;
  /** Revocation lists of client certificates. */
  readonly tlsCrl: Field<string | undefined>;
  /** Files of bearer tokens for the HTTP API. */
  readonly httpTokenFiles: Field<readonly string[]>;
  /** Patterns of the certificates that may use the HTTP API. */
  readonly httpAdmins: Field<readonly string[]>;
  /** Names by which the HTTP API may be called beside loopback names and IP addresses. */
  readonly httpHosts: Field<readonly string[]>;
  /** Serves `/metrics` without a token or client certificate. */
  readonly httpOpenMetrics: Field<boolean>;
  /** Allows what the exposure check refuses. */
  readonly insecure: Field<boolean>;
  /** Which gRPC transport serves. */
  readonly grpcServer: Field<"native" | "grpc-js">;
  /** The least severe level that is logged. */
  readonly logLevel: Field<"debug" | "info" | "warn" | "error">;
  /** How log lines look. */
  readonly logFormat: Field<"auto" | "json" | "text">;
  /** Milliseconds that a drain may take. */
  readonly shutdownGraceMs: Field<number>;
};

/** Returns the shared fields with the defaults of a service. */
export function sharedFields(service: string, ports: SharedPorts): SharedFields {
  return {
    ...listenFields(service, ports),
    ...securityFields(),
    ...processFields(),
    ...grpcLimitFields(),
  };
}

function listenFields(service: string, ports: SharedPorts) {
  return {
    grpcAddress: address({
      default: `127.0.0.1:${ports.grpc}`,
      doc: "Where gRPC listens: `host:port`, `[ip6]:port` or `unix:path`; port 0 takes a free one.",
    }),
    httpAddress: address({
      default: `127.0.0.1:${ports.http}`,
      doc: "Where the HTTP API, health and metrics listen.",
    }),
    dataDir: path({
      default: `data/${service}`,
      doc:
        "Folder for what must survive a restart, made when it is missing; `:memory:` keeps nothing.",
    }),
  };
}

function securityFields() {
  return {
    tlsCert: path({
      value: "FILE",
      doc: "Certificate chain (PEM, leaf first) of both ports; reloaded when it changes.",
    }),
    tlsKey: secretFile({ doc: "Private key (PEM) of `--tls-cert`; reloaded when it changes." }),
    clientCa: path({
      value: "FILE",
      doc: "Roots (PEM) that client certificates must chain to; demands one on every gRPC call. " +
        "Who may use the HTTP API with one is said by `--http-admin`.",
    }),
    tlsCrl: path({
      value: "FILE",
      doc:
        "Revocation lists (PEM or DER) of client certificates, for both ports: who is on one is " +
        "refused, and cut off if connected. Each list must be signed by a CA of `--client-ca`, or by " +
        "one below it whose certificate is in the file, too, and not be over; reloaded when it changes.",
    }),
    httpTokenFiles: secretFileList({
      flag: "http-token-file",
      doc: "File of bearer tokens for the HTTP API, one a line; reloaded when it changes.",
    }),
    httpAdmins: stringList({
      flag: "http-admin",
      value: "PATTERN",
      doc:
        "Whose client certificate may use the HTTP API: its URI SAN, or DNS SAN where it has no " +
        "URI, e.g. `spiffe://shop/ops/*`; `*` is any text. Without it no certificate may.",
    }),
    httpHosts: stringList({
      flag: "http-host",
      value: "NAME",
      doc: "Name by which the HTTP API may be called, beside loopback names and IP addresses; " +
        "guards against web pages that rebind their own name.",
    }),
    httpOpenMetrics: bool({ doc: "Serves `/metrics` without a token or client certificate." }),
    insecure: bool({
      doc: "Allows ports wider than loopback without TLS, and an HTTP API there that has neither " +
        "`--http-token-file` nor `--http-admin`.",
    }),
  };
}

function processFields() {
  return {
    grpcServer: oneOf(["native", "grpc-js"], {
      default: "native",
      doc: "The gRPC transport: Denvoy's own or that of `@grpc/grpc-js`.",
    }),
    logLevel: oneOf(["debug", "info", "warn", "error"], {
      default: "info",
      doc: "The least severe level that is logged.",
    }),
    logFormat: oneOf(["auto", "json", "text"], {
      default: "auto",
      doc: "How log lines look; `auto` is text on a terminal and JSON elsewhere.",
    }),
    shutdownGraceMs: duration({
      default: "10s",
      doc: "How long calls under way may take when the service is asked to stop.",
    }),
  };
}
