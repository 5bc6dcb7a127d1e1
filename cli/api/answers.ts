// SPDX-License-Identifier: Apache-2.0
/**
 * What ads' HTTP API answers, as far as commands show it.
 * @module
 */
import type { Problem } from "@denvoy/base";

/** How what a node has compares with what it should have. */
export type NodeStatus = "synced" | "stale" | "error";

/** A node of `GET /v1/nodes`. */
export interface NodeAnswer<R = number> {
  /** Its id. */
  readonly id: string;
  /** Its cluster. */
  readonly cluster: string;
  /** Where it runs. */
  readonly locality?: {
    readonly region?: string;
    readonly zone?: string;
    readonly subZone?: string;
  };
  /** Program and version. */
  readonly userAgent?: string;
  /** What selectors can look at. */
  readonly metadata?: Readonly<Record<string, unknown>>;
  /** The selectors in use that it matches. */
  readonly selectors: readonly string[];
  /** The worst of its resources. */
  readonly status: NodeStatus;
  /** Its connections. */
  readonly streams: readonly StreamAnswer<R>[];
}

/** One connection of a node. */
export interface StreamAnswer<R = number> {
  /** The form of the protocol. */
  readonly mode: "sotw" | "delta";
  /** Where it comes from. */
  readonly address: string;
  /** Since when, as ISO time. */
  readonly since: string;
  /** What it asked for. */
  readonly types: readonly TypeAnswer<R>[];
}

/** One type on a connection. */
export interface TypeAnswer<R = number> {
  /** Word for the type, e.g. `clusters`. */
  readonly type: string;
  /** Type URL. */
  readonly typeUrl: string;
  /** Everything is asked for. */
  readonly wildcard: boolean;
  /** How many resources, or they. */
  readonly resources: R;
  /** How many the node has as they are. */
  readonly synced: number;
  /** How many it does not have yet. */
  readonly stale: number;
  /** How many it rejected. */
  readonly rejected: number;
  /** How many do not exist. */
  readonly missing: number;
  /** When it accepted something last, as ISO time. */
  readonly acceptedAt?: string;
}

/** One resource of a node. */
export interface NodeResourceAnswer {
  /** Its name. */
  readonly name: string;
  /** How what the node has compares with what is served. */
  readonly status: "synced" | "not-sent" | "stale" | "error";
  /** How the node stands to it. */
  readonly clientStatus: string;
  /** What is served. */
  readonly version?: string;
  /** What the node has. */
  readonly acceptedVersion?: string;
  /** Why the node does not have it. */
  readonly rejection?: {
    /** The version that was rejected. */
    readonly version: string;
    /** Status code. */
    readonly code: number;
    /** Envoy's words. */
    readonly message: string;
    /** When, as ISO time. */
    readonly at: string;
  };
}

/** A resource of `GET /v1/resources`. */
export interface ResourceAnswer {
  /** Word for the type. */
  readonly type: string;
  /** Type URL. */
  readonly typeUrl: string;
  /** Its name. */
  readonly name: string;
  /** The nodes it is for; all if absent. */
  readonly nodes?: readonly unknown[];
  /** Hash of its content. */
  readonly version?: string;
  /** The layer that decides. */
  readonly owner: string;
  /** Place in a file. */
  readonly file?: string;
  /** Who wrote it. */
  readonly who?: string;
  /** When, as ISO time. */
  readonly at?: string;
  /** The rollout that changes it. */
  readonly rollout?: string;
  /** The revision that a rollback pinned it to. */
  readonly pinnedToRevision?: number;
  /** A rollback took it away. */
  readonly hidden?: boolean;
  /** Endpoints that registered themselves. */
  readonly registeredEndpoints?: number;
}

/** A revision. */
export interface RevisionAnswer<C = number> {
  /** Its number. */
  readonly id: number;
  /** When, as ISO time. */
  readonly at: string;
  /** Who. */
  readonly who: string;
  /** What caused it. */
  readonly source: string;
  /** One line. */
  readonly summary: string;
  /** How many changes, or they. */
  readonly changes: C;
}

/** One change in a revision, a diff, or the answer to a write. */
export interface ChangeAnswer {
  /** Word for the type. */
  readonly type: string;
  /** Name of the resource. */
  readonly name: string;
  /** The nodes it is for; all if absent. */
  readonly nodes?: readonly unknown[];
  /** What became of it. */
  readonly what: "added" | "changed" | "removed" | "put" | "remove";
  /** Unified diff, where it was asked for. */
  readonly diff?: string;
}

/** What a write did. */
export interface WriteAnswer {
  /** What it came to. */
  readonly result: "applied" | "unchanged" | "planned" | "started";
  /** The revision that was made. */
  readonly revision?: RevisionAnswer;
  /** The rollout that began. */
  readonly rollout?: RolloutAnswer;
  /** What changed or would change. */
  readonly changes: readonly ChangeAnswer[];
  /** Connected nodes that a dry run found concerned. */
  readonly nodes?: { readonly count: number; readonly ids: readonly string[] };
  /** What was accepted in spite of a flaw. */
  readonly warnings: readonly Problem[];
}

/** A rollout. */
export interface RolloutAnswer {
  /** Its id. */
  readonly id: string;
  /** Where it stands. */
  readonly status: "canary" | "promoted" | "reverted";
  /** Why it was decided. */
  readonly why?: string;
  /** When it was decided, as ISO time. */
  readonly decidedAt?: string;
  /** Who began it. */
  readonly who: string;
  /** One line. */
  readonly summary: string;
  /** When it began, as ISO time. */
  readonly startedAt: string;
  /** The nodes that see it first. */
  readonly audience: readonly unknown[];
  /** When it is decided. */
  readonly rules: Readonly<Record<"minAcks" | "soak" | "timeout" | "onTimeout", unknown>>;
  /** What it changes. */
  readonly changes: readonly ChangeAnswer[];
  /** How far each node is. */
  readonly nodes: readonly {
    readonly node: string;
    readonly pending: readonly string[];
    readonly acked: readonly string[];
  }[];
  /** The revision that it became. */
  readonly revision?: number;
}

/** A rejection of `GET /v1/rejections`. */
export interface RejectionAnswer {
  /** Word for the type. */
  readonly type: string;
  /** Name of the resource. */
  readonly name: string;
  /** The version that was rejected. */
  readonly version: string;
  /** Status code. */
  readonly code: number;
  /** Envoy's words. */
  readonly message: string;
  /** How many streams rejected it. */
  readonly streams: number;
  /** When first, as ISO time. */
  readonly firstAt: string;
  /** Whether it is still what is served. */
  readonly current: boolean;
  /** The version that new nodes get meanwhile. */
  readonly servedInstead?: string;
}
