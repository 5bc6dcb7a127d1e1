// SPDX-License-Identifier: Apache-2.0
/**
 * What a stream is made of, with its switches, bounds and their defaults.
 * @module
 */
import type { DiscoveryNode } from "./discovery_request.ts";
import type { ProtocolMode } from "./encoded_resource.ts";
import type { TypeUrl } from "./resource.ts";
import type { ResponseBodyCache } from "./response_body.ts";
import type { Verdicts } from "./verdicts.ts";
import type { ResourceView } from "./view.ts";

/** Bounds of one stream. */
export interface StreamLimits {
  /** Names subscribed to, of all types together. @default 100000 */
  readonly maxNames: number;
  /** Characters in those names. @default 16 Mi */
  readonly maxNameCharacters: number;
  /** Types asked for. @default 64 */
  readonly maxTypes: number;
}

/** Switches and bounds that have a default. */
export interface StreamTuning {
  /** How long anything waits for the ACK or subscription that it should follow. @default 5 s */
  readonly maxWaitMs: number;
  /** Names that cannot be served are told in `resource_errors`. @default true */
  readonly resourceErrors: boolean;
  /** Absence of secrets and extension configs is told in Delta, too. @default false */
  readonly tellRemovals: boolean;
  /** What a client may ask for; more ends the stream with RESOURCE_EXHAUSTED. */
  readonly limits: StreamLimits;
}

/** What a stream is made of. */
export interface StreamOptions extends Partial<StreamTuning> {
  /** SotW or Delta: told by the RPC. */
  readonly mode: ProtocolMode;
  /** What the node sees. */
  readonly view: ResourceView;
  /** What nodes with the same view said. */
  readonly verdicts: Verdicts;
  /** Where encoded responses are shared. */
  readonly bodies: ResponseBodyCache;
  /** The node of the first request. */
  readonly node?: DiscoveryNode | undefined;
  /** The only type of this stream, for services of one type; absent for ADS. */
  readonly typeUrl?: TypeUrl;
  /**
   * What nonces start with. Clients have been seen to reuse a nonce of an earlier stream, so it
   * should differ from stream to stream. @default ""
   */
  readonly noncePrefix?: string;
}

/** What applies where nothing else is said. */
export const DEFAULT_TUNING: StreamTuning = {
  maxWaitMs: 5000,
  resourceErrors: true,
  tellRemovals: false,
  limits: { maxNames: 100_000, maxNameCharacters: 16 * 1024 * 1024, maxTypes: 64 },
};

/** Returns the tuning of a stream with defaults for what is not said. */
export function completeTuning(options: Partial<StreamTuning>): StreamTuning {
  return {
    maxWaitMs: options.maxWaitMs ?? DEFAULT_TUNING.maxWaitMs,
    resourceErrors: options.resourceErrors ?? DEFAULT_TUNING.resourceErrors,
    tellRemovals: options.tellRemovals ?? DEFAULT_TUNING.tellRemovals,
    limits: options.limits ?? DEFAULT_TUNING.limits,
  };
}
