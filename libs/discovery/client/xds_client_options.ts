// SPDX-License-Identifier: Apache-2.0
/**
 * What a client of xDS servers is made of, and what readers of it see.
 * @module
 */
import type { Clock, Logger } from "@denvoy/base";
import type { Metadata } from "@denvoy/grpc";
import type { ComponentHealth } from "@denvoy/runtime";
import type { Absence, ClientReport, ClientTuning, ResourceRejection, TypeUrl } from "@denvoy/xds";
import type { ClientNode } from "./client_node.ts";
import type { CurrentTls, ServerConnections } from "./server_connections.ts";

/** What a client is made of. */
export interface XdsClientOptions {
  /** Servers as `host:port`, `[ip6]:port` or `unix:<path>`, at least one; tried in turn. */
  readonly servers: readonly string[];
  /** Who the client says it is. */
  readonly node: ClientNode;
  /**
   * `aggregated`: one stream of ADS for all types; `separate`: a stream of its own service for each,
   * as sds has them. @default "aggregated"
   */
  readonly streams?: "aggregated" | "separate";
  /** Keys; those of the moment count for each new connection. Absent means cleartext. */
  readonly tls?: CurrentTls;
  /** Headers of every call; names in lower case. */
  readonly headers?: Metadata;
  /** Variant, waits and bounds; those left out have their default. */
  readonly tuning?: Partial<ClientTuning>;
  /**
   * Interval of keepalive pings in milliseconds; doubled for a server that finds them too many.
   * @default 30 s
   */
  readonly keepaliveIntervalMs?: number;
  /** Largest response in bytes. @default 32 MiB */
  readonly maxReceiveMessageBytes?: number;
  /** Connections that several clients share; replaces `servers`, `tls`, and how they are made. */
  readonly connections?: ServerConnections;
  /** Where time comes from. */
  readonly clock: Clock;
  /** Where connections, rejections and absences are logged. */
  readonly logger: Logger;
  /**
   * Logs connections as details only: for one of many clients of a server, whose owner says how the
   * server is. @default false
   */
  readonly quiet?: boolean;
  /** Told how the connection is, and what is rejected. */
  readonly health?: ComponentHealth;
  /** Numbers from 0 up to, not including, 1; spreads reconnections. @default Math.random */
  readonly random?: () => number;
}

/** A resource as a reader gets it. */
export interface XdsResource<T> {
  /** Its name. */
  readonly name: string;
  /** Its version in Delta; empty in SotW. */
  readonly version: string;
  /** Its bytes. */
  readonly value: Uint8Array;
  /** What they mean. */
  readonly message: T;
}

/** What a response changes. */
export interface XdsUpdate<T> {
  /** Resources that are new or have another content. */
  readonly resources: readonly XdsResource<T>[];
  /** Names of resources that are gone. */
  readonly removed: readonly string[];
}

/** Why resources are rejected, in words, by name; the server is told. */
export type XdsRejections = ReadonlyMap<string, string>;

/** Whoever reads a type. */
export interface XdsReader<T> {
  /** What to ask for at first; `*` is everything. @default ["*"] */
  readonly names?: readonly string[];
  /** Returns what bytes mean. A resource for which it throws is rejected with what it says. */
  decode(value: Uint8Array): T;
  /**
   * Judges a response: returns what it cannot accept. All else of the response is accepted, and
   * what is rejected keeps the content that it had. When it throws, nothing new is accepted. The
   * next response waits for it. @default everything is accepted
   */
  accept?(update: XdsUpdate<T>): XdsRejections | undefined | Promise<XdsRejections | undefined>;
  /** Is told what changed in `resources` of the subscription, right after it did. Must not throw. */
  changed?(update: XdsUpdate<T>): void;
  /** Is told what was rejected, by whomever, after the rest counted. Must not throw. */
  rejected?(rejections: readonly ResourceRejection[]): void;
  /**
   * Is told once, after the first response was applied: from then on nothing means nothing. Must not
   * throw.
   */
  synced?(): void;
  /** Is told of names that are not there (see {@linkcode Absence}). Must not throw. */
  absent?(absences: readonly Absence[]): void;
}

/** A type that is read. */
export interface XdsSubscription<T> {
  /** The type. */
  readonly typeUrl: TypeUrl;
  /** What was accepted, by name; it stays while servers are away. */
  readonly resources: ReadonlyMap<string, XdsResource<T>>;
  /** A server answered since the start: an empty `resources` is what it has, not just nothing. */
  readonly isSynced: boolean;
  /** Asks for these names, and for no others, from now on; `*` is everything. */
  setNames(names: readonly string[]): void;
}

/** One stream of a client, and how it is. */
export interface XdsStreamReport extends ClientReport {
  /** The server that is spoken to, or tried next. */
  readonly address: string;
}

/** A client. Closing it ends its streams. */
export interface XdsClient extends AsyncDisposable {
  /**
   * Reads a type from now on; the first subscription connects.
   * @throws TypeError when the type is read already, or no service serves it
   */
  subscribe<T>(typeUrl: TypeUrl, reader: XdsReader<T>): XdsSubscription<T>;
  /** How its streams are: one, or with `separate` one for each type. */
  report(): readonly XdsStreamReport[];
  /** Ends all streams and waits for what is under way. Idempotent; never rejects. */
  close(): Promise<void>;
}
