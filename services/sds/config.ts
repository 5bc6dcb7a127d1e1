// SPDX-License-Identifier: Apache-2.0
/**
 * The settings of sds: one schema from which flags, environment, `denvoy.yaml`, `--help` and the
 * reference page are made.
 * @module
 */
import { redisConnectionFields } from "@denvoy/redis";
import {
  bool,
  type ConfigOf,
  defineConfig,
  duration,
  integer,
  oneOf,
  path,
  type Schema,
  secretFile,
  string,
  stringMap,
} from "@denvoy/runtime";

const HOUR_MS = 3_600_000;
const YEAR_MS = 365 * 24 * HOUR_MS;

const sourceFields = {
  secrets: path({
    value: "FOLDER",
    doc:
      "Folder of certificates: `NAME/tls.crt` and `tls.key` (or `tls.p12`, with its passphrase " +
      "in `password`) are the certificate NAME, `NAME/ca.crt` the validation context NAME-ca; " +
      "watched while running.",
  }),
  secretsFile: path({
    value: "FILE",
    doc:
      "YAML file that maps names to other files, and to what is made here: certificates of the " +
      "own CA, session ticket keys; watched while running.",
  }),
  allowInvalid: bool({
    doc: "Starts even if some secrets cannot be used, and serves the others.",
  }),
};

const caFields = {
  trustDomain: string({
    value: "NAME",
    default: "denvoy.local",
    doc: "Trust domain of the built-in CA; a data folder keeps the one that it was made with.",
  }),
  caKeyType: oneOf(["ec-p256", "ec-p384", "rsa-2048", "rsa-3072", "rsa-4096", "ed25519"], {
    default: "ec-p256",
    doc: "Kind of key of new roots and intermediates.",
  }),
  rootLifetimeMs: duration({
    default: "8760h",
    minMs: 60_000,
    maxMs: 30 * YEAR_MS,
    doc: "Life of a root of the CA.",
  }),
  signerLifetimeMs: duration({
    default: "720h",
    minMs: 30_000,
    maxMs: 30 * YEAR_MS,
    doc: "Life of an intermediate of the CA; it is replaced at half of it.",
  }),
  certificateLifetimeMs: duration({
    default: "24h",
    minMs: 10_000,
    maxMs: YEAR_MS,
    doc: "Life of a workload certificate; it is renewed, with a new key, at half of it.",
  }),
  maxCertificateLifetimeMs: duration({
    default: "168h",
    minMs: 10_000,
    maxMs: YEAR_MS,
    doc: "The longest life that a certificate may be given.",
  }),
  rootOverlapMs: duration({
    default: "1h",
    maxMs: YEAR_MS,
    doc: "How long a new root is trusted at least before it signs.",
  }),
  caCert: path({
    value: "FILE",
    doc: "Intermediate of an outside CA (PEM, then those between it and its root) that signs " +
      "instead of roots of our own; goes with `--ca-key`.",
  }),
  caKey: secretFile({ doc: "Private key (PEM) of `--ca-cert`." }),
  caRoots: path({ value: "FILE", doc: "Roots (PEM) of `--ca-cert`, if they are not in it." }),
  federation: path({
    value: "FILE",
    doc: "YAML file that names other trust domains and where their SPIFFE bundles are.",
  }),
  keyEncryptionFile: secretFile({
    doc: "File with the secret under which keys at rest are sealed, of 32 characters or more. " +
      "Default: one that is made in the data folder; with `--redis-url` it must be given.",
  }),
  keyEncryptionKey: string({
    secret: true,
    noFlag: true,
    doc: "That secret itself; only from the environment or `denvoy.yaml`.",
  }),
};

const accessFields = {
  policy: path({
    value: "FILE",
    doc: "YAML file that says which identity may have which secrets; watched while running. " +
      "Without it each workload may have its own certificate and the trust bundle.",
  }),
  allowUnauthenticated: bool({
    doc:
      "Believes callers on loopback that prove nothing: each is the workload that `node.cluster` " +
      "names, and without `--policy` it may have every secret. For trying things out.",
  }),
  sockets: stringMap({
    value: "IDENTITY=PATH",
    flag: "socket",
    doc: "Unix socket through which one workload comes: its SPIFFE ID, or the path of one in the " +
      "own trust domain. Whoever may open the socket is that workload.",
  }),
  callerTokens: secretFile({
    flag: "caller-tokens",
    doc: "File of tokens that callers show in metadata: an identity and its token a line.",
  }),
  jwtKeys: path({
    value: "FILE",
    doc:
      "Public keys (JWKS or PEM) of the JWTs that callers show in metadata; `sub` is who they are.",
  }),
  jwtIssuer: string({ value: "TEXT", doc: "What `iss` of those must be. Default: anything." }),
  jwtAudience: string({
    value: "TEXT",
    default: "denvoy-sds",
    doc: "What `aud` of those must hold.",
  }),
  nodeTokenTtlMs: duration({
    flag: "node-token-ttl",
    default: "2160h",
    minMs: 60_000,
    maxMs: 10 * YEAR_MS,
    doc: "How long the token is good that an Envoy gets for its join token.",
  }),
  warnBeforeMs: duration({
    default: "168h",
    maxMs: YEAR_MS,
    doc: "How long before its end a secret that nobody renews here is warned of.",
  }),
  maxNames: integer({
    min: 1,
    max: 100_000,
    default: "1000",
    doc: "Secrets that one stream may ask for.",
  }),
};

const sharedFields = {
  redisUrl: string({
    secret: true,
    doc: "Redis that keeps the CA, tokens and secrets of the API, shared by all replicas: " +
      "`host:port`, the path of a socket, `master,host:port,...` of sentinels or `host:port,...` of " +
      "a cluster. All replicas need the same key for keys at rest. Without it all is in `--data-dir`.",
  }),
  ...redisConnectionFields,
  keyPrefix: string({
    doc: "Comes before the key of everything in Redis; replicas with the same one belong together.",
  }),
  issueWithoutRedisMs: duration({
    default: "12h",
    maxMs: 30 * 24 * HOUR_MS,
    doc:
      "How long certificates of the usual life are still issued while Redis is away: tokens and " +
      "certificates that were ended meanwhile by other replicas are not known then. 0 issues none.",
  }),
};

/** The schema of `denvoy serve sds` and of services/sds/main.ts. */
export const sdsSchema: Schema<
  & typeof sourceFields
  & typeof caFields
  & typeof accessFields
  & typeof sharedFields
> = defineConfig({
  service: "sds",
  summary: "Gives every Envoy its keys, certificates and trust: SDS over gRPC and REST.",
  ports: { grpc: 18010, http: 18011 },
  fields: { ...sourceFields, ...caFields, ...accessFields, ...sharedFields },
});

/** The settings of sds, complete and frozen. */
export type SdsConfig = ConfigOf<typeof sdsSchema>;
