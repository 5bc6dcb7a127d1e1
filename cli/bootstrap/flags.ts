// SPDX-License-Identifier: Apache-2.0
/**
 * The flags of `denvoy bootstrap` and what they mean for a bootstrap.
 * @module
 */
import {
  duration,
  integer,
  type ListenAddress,
  oneOf,
  parseAddress,
  path,
  string,
  stringList,
  type StringMap,
  stringMap,
  url,
  type ValuesOf,
} from "@denvoy/runtime";
import { CommandError, Exit } from "../command_line/exit_code.ts";
import {
  type BootstrapNode,
  type BootstrapOptions,
  needsNoLookup,
  type SecretServer,
  xdsModes,
} from "./create_bootstrap.ts";
import type { XdsTls } from "./transport_socket.ts";

const nodeFlags = {
  nodeId: string({
    value: "ID",
    required: true,
    doc: "Who the Envoy is; must differ from every other Envoy.",
  }),
  nodeCluster: string({
    value: "NAME",
    default: "default",
    doc: "What it has in common with others of its kind.",
  }),
  metadata: stringMap({
    doc: "Metadata that node selectors can look at; `true`, `false`, numbers and JSON are taken " +
      "as such.",
  }),
  region: string({ value: "NAME", doc: "Region that it runs in." }),
  zone: string({ value: "NAME", doc: "Zone that it runs in." }),
  subZone: string({ value: "NAME", doc: "Part of the zone that it runs in." }),
};

const serverFlags = {
  ads: stringList({
    value: "ADDRESS",
    doc: "Where Denvoy listens: `host:port`, `[ip6]:port` or `unix:path`; several are replicas. " +
      "Default 127.0.0.1:18000, or 127.0.0.1:18001 (HTTP) with `--mode rest`.",
  }),
  mode: oneOf(xdsModes, {
    default: "delta",
    doc: "How Envoy asks: over one aggregated stream, a stream per type, or by polling.",
  }),
  connectTimeoutMs: duration({
    default: "1s",
    minMs: 1,
    doc: "How long a connection to Denvoy may take to open.",
  }),
};

const tlsFlags = {
  tlsCa: path({
    value: "FILE",
    doc: "Roots (PEM) that Denvoy's certificate must chain to; turns TLS on.",
  }),
  tlsCert: path({ value: "FILE", doc: "The Envoy's own certificate chain (PEM)." }),
  tlsKey: path({ value: "FILE", doc: "Private key (PEM) of `--tls-cert`." }),
  sni: string({
    value: "NAME",
    doc: "Server name in the handshake. Default: the host of `--ads`.",
  }),
  serverSan: string({
    value: "NAME",
    doc: "What Denvoy's certificate must name: a DNS name, an IP address or an URI. Default: " +
      "`--sni`, else the host of `--ads`.",
  }),
  sdsDir: path({
    value: "FOLDER",
    doc: "Writes files there through which Envoy reads the keys again whenever they are replaced.",
  }),
};

const secretFlags = {
  sds: string({
    value: "ADDRESS",
    doc:
      "Where sds listens, for an Envoy that asks it for secrets itself; adds the cluster `sds`. " +
      "With `--join` 127.0.0.1:18010 unless it is given.",
  }),
  sdsCa: path({
    value: "FILE",
    doc: "Roots (PEM) that the certificate of sds must chain to; turns TLS on.",
  }),
  join: string({
    value: "TOKEN",
    secret: true,
    doc: "Join token from `denvoy secrets join`: it is exchanged for one that the Envoy shows to " +
      "sds, which is written into the bootstrap.",
  }),
  sdsApi: url({
    schemes: ["http", "https"],
    default: "http://127.0.0.1:18011",
    doc: "The HTTP API of sds, where the join token is exchanged.",
  }),
};

const otherFlags = {
  adminPort: integer({
    max: 65_535,
    default: "9901",
    doc: "Port of Envoy's admin API; 0 for none.",
  }),
  adminHost: string({
    value: "IP",
    default: "127.0.0.1",
    doc: "Where it listens. Whoever reaches it can read the configuration and stop the Envoy.",
  }),
  runtime: stringMap({ doc: "Fixed runtime values, e.g. of feature flags." }),
  rtds: string({ value: "NAME", doc: "Adds a runtime layer of this name that comes from Denvoy." }),
  format: oneOf(["yaml", "json"], { default: "yaml", doc: "How it is written." }),
  output: path({ value: "FILE", doc: "Where it is written. Default: the standard output." }),
};

/** The flags of `denvoy bootstrap`. */
export const bootstrapFlags = {
  ...nodeFlags,
  ...serverFlags,
  ...tlsFlags,
  ...secretFlags,
  ...otherFlags,
};

/** Their values. */
export type BootstrapFlags = ValuesOf<typeof bootstrapFlags>;

/**
 * Returns the bootstrap that the flags ask for; `token` is what the join token was exchanged for.
 * @throws {CommandError} for flags that do not go together
 */
export function optionsFromFlags(flags: BootstrapFlags, token?: string): BootstrapOptions {
  const { mode, adminHost, adminPort, rtds } = flags;
  const servers = serversOf(flags);
  const tls = tlsOf(flags, servers);
  const secrets = secretServerOf(flags, token);
  return {
    node: nodeOf(flags),
    servers,
    mode,
    ...(adminPort > 0 && { admin: { host: adminHost, port: adminPort } }),
    ...(tls && { tls }),
    ...(secrets && { secrets }),
    connectTimeoutSeconds: flags.connectTimeoutMs / 1000,
    runtime: valuesOf(flags.runtime),
    ...(rtds !== undefined && { rtdsLayer: rtds }),
  };
}

function secretServerOf(flags: BootstrapFlags, token?: string): SecretServer | undefined {
  const { sds = token === undefined ? undefined : "127.0.0.1:18010", sdsCa } = flags;
  if (sds === undefined) {
    if (sdsCa === undefined) return undefined;
    throw usage("--sds must be given with --sds-ca");
  }
  const server = parseAddress(sds, { lowestPort: 1 });
  if (server === undefined) {
    throw usage(`--sds must be "host:port", "[ip6]:port" or "unix:path": value is "${sds}"`);
  }
  const host = server.kind === "tcp" ? server.hostname : "";
  const isName = host !== "" && !needsNoLookup(server);
  return {
    server,
    ...(token !== undefined && { token }),
    ...(sdsCa !== undefined &&
      { tls: { caFile: sdsCa, serverSan: host, ...(isName && { sni: host }) } }),
  };
}

function nodeOf(
  { nodeId, nodeCluster, metadata, region, zone, subZone }: BootstrapFlags,
): BootstrapNode {
  return {
    id: nodeId,
    cluster: nodeCluster,
    metadata: valuesOf(metadata),
    locality: {
      ...(region !== undefined && { region }),
      ...(zone !== undefined && { zone }),
      ...(subZone !== undefined && { subZone }),
    },
  };
}

function serversOf({ ads, mode }: BootstrapFlags): readonly ListenAddress[] {
  const texts = ads.length > 0 ? ads : [`127.0.0.1:${mode === "rest" ? 18_001 : 18_000}`];
  const servers = texts.map((text) => {
    const address = parseAddress(text, { lowestPort: 1 });
    if (address !== undefined) return address;
    throw usage(
      `--ads must be "host:port", "[ip6]:port" or "unix:path" with a port from 1 to 65535: ` +
        `value is ${JSON.stringify(text)}`,
    );
  });
  if (servers.some(({ kind }) => kind === "unix") && !servers.every(needsNoLookup)) {
    throw usage("--ads cannot be a Unix socket and a name at once: Envoy looks up names or none");
  }
  return servers;
}

function tlsOf(flags: BootstrapFlags, servers: readonly ListenAddress[]): XdsTls | undefined {
  const { tlsCa, tlsCert, tlsKey, sni, serverSan, sdsDir } = flags;
  if (tlsCa === undefined) {
    if ([tlsCert, tlsKey, sni, serverSan, sdsDir].every((value) => value === undefined)) return;
    throw usage("--tls-ca must be given for TLS: without it no certificate can be checked");
  }
  if ((tlsCert === undefined) !== (tlsKey === undefined)) {
    throw usage("--tls-cert and --tls-key must be given together");
  }
  const name = serverName(flags, servers);
  const isName = !needsNoLookup({ kind: "tcp", hostname: name, port: 1 }) && !name.includes("/");
  const handshake = sni ?? (isName ? name : undefined);
  return {
    caFile: tlsCa,
    ...(tlsCert !== undefined && tlsKey !== undefined &&
      { client: { certFile: tlsCert, keyFile: tlsKey } }),
    ...(handshake !== undefined && { sni: handshake }),
    serverSan: name,
    ...(sdsDir !== undefined && { sdsFolder: sdsDir }),
  };
}

function serverName(
  { serverSan, sni }: BootstrapFlags,
  servers: readonly ListenAddress[],
): string {
  const given = serverSan ?? sni;
  if (given !== undefined) return given;
  const hosts = new Set(servers.map((server) => server.kind === "tcp" ? server.hostname : ""));
  const [host] = hosts;
  if (hosts.size === 1 && host) return host;
  throw usage("--sni or --server-san must be given: --ads does not name one host");
}

/** Scalars as node selectors write them, and JSON for what they cannot write. */
function valuesOf(map: StringMap): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(map).map(([key, text]) => [key, valueOf(key, text)]));
}

function valueOf(key: string, text: string): unknown {
  if (text === "true" || text === "false") return text === "true";
  if (/^-?\d+(\.\d+)?([eE][-+]?\d+)?$/.test(text)) return Number(text);
  if (!/^[[{"]/.test(text)) return text;
  try {
    return JSON.parse(text);
  } catch {
    throw usage(`the value of "${key}" must be JSON as it begins like it: value is ${text}`);
  }
}

function usage(message: string): CommandError {
  return new CommandError(message, { exit: Exit.usage, advice: "Try: denvoy bootstrap --help" });
}
