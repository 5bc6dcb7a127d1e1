// SPDX-License-Identifier: Apache-2.0
/**
 * Which extensions a health check may use. An Envoy 1.40 that is sent a checker or a transport socket
 * that it was not built with ends itself: what is not known to be there is refused at its source, and
 * what an Envoy does not list among its extensions is not sent to it.
 * @module
 */
import { messageFromBinary, toJson, typeNameOf, walk } from "@denvoy/proto";
import type { Any } from "@denvoy/proto/messages";
import { type EnvoyFact, harmInTls, type TlsProblem } from "./tls_rules.ts";

const EXTENSIONS = "envoy.extensions";

/** Types of custom health checks that an ordinary Envoy has. */
export const knownCheckers: readonly string[] = [
  `${EXTENSIONS}.health_checkers.redis.v3.Redis`,
  `${EXTENSIONS}.health_checkers.thrift.v3.Thrift`,
];

const TLS = `${EXTENSIONS}.transport_sockets.tls.v3.UpstreamTlsContext`;

/** Types of upstream transport sockets that an ordinary Envoy has, and that can be looked into. */
export const knownTransportSockets: readonly string[] = [
  TLS,
  `${EXTENSIONS}.transport_sockets.raw_buffer.v3.RawBuffer`,
];

/** What an extension needs, or why it is refused. */
export type ExtensionCheck =
  | {
    readonly kind: "ok";
    readonly types: readonly string[];
    /** Whether it has to wait for secrets of SDS before it can be used. */
    readonly awaitsSecrets: boolean;
    /** Whether it is TLS that offers no protocol by ALPN. */
    readonly lacksAlpn: boolean;
  }
  | { readonly kind: "refused"; readonly problems: readonly TlsProblem[] };

/** What an extension may be. */
export interface ExtensionLimits {
  /** What it is, for messages. */
  readonly what: string;
  /** The types that it may be of. */
  readonly allowed: readonly string[];
  /** What all Envoys have. */
  readonly facts: ReadonlySet<EnvoyFact>;
}

/** Returns the types of an extension's configuration and of those within it. */
export function checkExtension(
  config: Any | undefined,
  { what, allowed, facts }: ExtensionLimits,
): ExtensionCheck {
  if (config === undefined) return refused(`${what} needs a typed_config`);
  const type = typeNameOf(config.typeUrl);
  if (!allowed.includes(type)) {
    const rule = `${what} must be one of ${allowed.join(", ")}, as an Envoy without it ends itself`;
    return refused(`${rule}: current value is ${type}`);
  }
  const context = type === TLS ? jsonOf(config) : undefined;
  const harm = context === undefined ? [] : harmInTls(context, facts);
  if (harm.length > 0) {
    const problems = harm.map(({ path, message }) => ({
      path: ["typed_config", ...path],
      message,
    }));
    return { kind: "refused", problems };
  }
  const { types, awaitsSecrets } = innerTypes(config);
  if (types.includes(ANY)) {
    return refused(`${what} holds an extension of a type that is not known`);
  }
  const lacksAlpn = context !== undefined && !offersProtocols(context);
  return { kind: "ok", types: [type, ...types], awaitsSecrets, lacksAlpn };
}

const ANY = "google.protobuf.Any";
const EXTENSION_CONFIG = "envoy.config.core.v3.TypedExtensionConfig";

const SDS_SECRET = `${EXTENSIONS}.transport_sockets.tls.v3.SdsSecretConfig`;

/** Types of the extensions within a message; `google.protobuf.Any` for one that is not known. */
function innerTypes(
  { typeUrl, value }: Any,
): { readonly types: readonly string[]; readonly awaitsSecrets: boolean } {
  const types: string[] = [];
  let awaitsSecrets = false;
  walk(messageFromBinary(typeUrl, value), (view) => {
    if (view.typeName === SDS_SECRET) awaitsSecrets = true;
    if (view.typeName !== EXTENSION_CONFIG) return;
    const inner = view.message("typed_config");
    if (inner !== undefined) types.push(inner.typeName);
  });
  return { types, awaitsSecrets };
}

function offersProtocols(context: Readonly<Record<string, unknown>>): boolean {
  const { alpn_protocols: protocols } = objectOf(context.common_tls_context);
  return Array.isArray(protocols) && protocols.length > 0;
}

function jsonOf({ typeUrl, value }: Any): Readonly<Record<string, unknown>> {
  return objectOf(toJson(messageFromBinary(typeUrl, value), { withType: false }));
}

function objectOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? { ...value } : {};
}

function refused(message: string): ExtensionCheck {
  return { kind: "refused", problems: [{ path: [], message }] };
}
