// SPDX-License-Identifier: Apache-2.0
/**
 * Which Redis, how to reach it and how to behave: read from the words that envoyproxy/ratelimit's
 * settings use.
 * @module
 */

/** A TCP address. */
export interface RedisAddress {
  /** Name or IP address. */
  readonly host: string;
  /** TCP port. */
  readonly port: number;
}

/** Where Redis is. */
export type RedisTopology =
  | { readonly kind: "single"; readonly address: RedisAddress }
  | { readonly kind: "unix"; readonly path: string }
  | {
    readonly kind: "sentinel";
    readonly master: string;
    readonly sentinels: readonly RedisAddress[];
  }
  | { readonly kind: "cluster"; readonly nodes: readonly RedisAddress[] };

/** Who we are to Redis. */
export interface RedisCredentials {
  /** ACL user; the default user if absent. */
  readonly username?: string;
  /** Its password. */
  readonly password?: string;
}

/** TLS towards Redis. */
export interface RedisTls {
  /** PEM of the authorities that are trusted instead of the system's. */
  readonly ca?: string;
  /** PEM of our certificate and its key. */
  readonly cert?: string;
  /** See `cert`. */
  readonly key?: string;
  /** Name that the server's certificate must have, instead of the host's. */
  readonly serverName?: string;
  /** Accepts a certificate of another name, as long as it is from the authority. @default false */
  readonly skipHostnameVerification?: boolean;
}

/** Everything about one Redis. */
export interface RedisSettings {
  /** Where it is. */
  readonly topology: RedisTopology;
  /** Read anew before each connection, so that a changed file takes effect; must not throw. */
  readonly credentials?: () => RedisCredentials;
  /** The same for the sentinels themselves. */
  readonly sentinelCredentials?: () => RedisCredentials;
  /** TLS, also to sentinels; plain if absent. */
  readonly tls?: RedisTls;
  /** Longest time to connect, in ms. @default 2000 */
  readonly connectTimeoutMs?: number;
  /** What the connection is called in Redis's list of clients. @default "denvoy" */
  readonly connectionName?: string;
}

/** What REDIS_TYPE, REDIS_SOCKET_TYPE and REDIS_URL say. */
export interface RedisWords {
  /** `single`, `sentinel` or `cluster`, in any case. */
  readonly type: string;
  /** `tcp` or `unix`; counts for `single` only. */
  readonly socketType: string;
  /**
   * `host:port` or `redis://host:port`, a path, `master,host:port,...` of sentinels, or
   * `host:port,...` of nodes.
   */
  readonly url: string;
}

/** Returns where Redis is. @throws RangeError that names the rule and the value. */
export function parseRedisTopology({ type, socketType, url }: RedisWords): RedisTopology {
  const parts = url.split(",").map((part) => part.trim()).filter((part) => part !== "");
  const [first] = parts;
  const address = (part: string) => parseAddress(part, url);
  if (first === undefined) throw new RangeError(`REDIS_URL must not be empty: it is "${url}"`);
  switch (type.toLowerCase()) {
    case "single":
      if (socketType.toLowerCase() === "unix") return { kind: "unix", path: url };
      return { kind: "single", address: address(first) };
    case "sentinel":
      if (parts.length < 2) {
        throw new RangeError(
          `REDIS_URL must name a master and its sentinels: it is "${withoutSecrets(url, url)}"`,
        );
      }
      return { kind: "sentinel", master: first, sentinels: parts.slice(1).map(address) };
    case "cluster":
      return { kind: "cluster", nodes: parts.map(address) };
    default:
      throw new RangeError(`REDIS_TYPE must be single, sentinel or cluster: it is "${type}"`);
  }
}

/** Returns the credentials that REDIS_AUTH holds: `password` or `user:password`. */
export function parseRedisAuth(auth: string): RedisCredentials {
  const text = auth.trim();
  if (text === "") return {};
  const colon = text.indexOf(":");
  if (colon < 0) return { password: text };
  return { username: text.slice(0, colon), password: text.slice(colon + 1) };
}

function parseAddress(text: string, url: string): RedisAddress {
  const match = /^(?:rediss?:\/\/)?(\[[^\]]+\]|[^:/@]+)(?::(\d{1,5}))?\/?$/.exec(text);
  const [, host = "", digits = "6379"] = match ?? [];
  const port = Number(digits);
  if (host === "" || port < 1 || port > 65_535) {
    throw new RangeError(
      `REDIS_URL must consist of host:port: it has "${withoutSecrets(text, url)}"`,
    );
  }
  return { host: host.replace(/^\[|\]$/g, ""), port };
}

/** A password may be in the wrong place: before an `@`, which a comma in it may have cut off, or in the query. */
function withoutSecrets(text: string, url: string): string {
  return url.includes("@") ? "[redacted]" : text.replace(/\?.*$/s, "?[redacted]").slice(0, 100);
}
