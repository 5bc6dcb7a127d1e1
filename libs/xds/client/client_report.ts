// SPDX-License-Identifier: Apache-2.0
/**
 * What is known of a client, as a value: for metrics, health and people.
 * @module
 */
import type { ProtocolMode } from "../encoded_resource.ts";
import type { TypeUrl } from "../resource.ts";
import type {
  ClientState,
  ClientTypeState,
  ConnectionFailure,
  ConnectionPhase,
  StandingRejection,
} from "./client_state.ts";

/** One type that a client reads. */
export interface ClientTypeReport {
  /** The type. */
  readonly typeUrl: TypeUrl;
  /** What is asked for, with `*` for everything. */
  readonly names: readonly string[];
  /** Something was received since the start: the content is the server's, and not just nothing. */
  readonly synced: boolean;
  /** Accepted resources. */
  readonly resources: number;
  /** Names that are asked for and not there. */
  readonly absent: readonly string[];
  /** What is rejected at the moment. */
  readonly rejected: readonly StandingRejection[];
  /** Responses that were answered with a NACK since the start. */
  readonly nacks: number;
  /** `version_info` or `system_version_info` of the last response without rejections. */
  readonly versionInfo: string;
  /** When the last response was applied (monotonic milliseconds). */
  readonly updatedAtMs: number | undefined;
}

/** A client. */
export interface ClientReport {
  /** Where it is with its servers. */
  readonly phase: ConnectionPhase;
  /** Since when (monotonic milliseconds). */
  readonly sinceMs: number;
  /** The server that is spoken to, or tried next, from 0. */
  readonly server: number;
  /** The variant that it is spoken to in. */
  readonly mode: ProtocolMode;
  /** Why the last stream ended; absent until one did. */
  readonly failure: ConnectionFailure | undefined;
  /** What is read, in the order in which it was subscribed to. */
  readonly types: readonly ClientTypeReport[];
}

/** Returns the state of a client as a value; costs as much as there are names. */
export function reportClient(state: ClientState): ClientReport {
  return {
    phase: state.phase,
    sinceMs: state.phaseSinceMs,
    server: state.server,
    mode: state.mode,
    failure: state.failure,
    types: [...state.types.values()].map(reportType),
  };
}

function reportType(type: ClientTypeState): ClientTypeReport {
  const { typeUrl, synced, nacks, versionInfo, updatedAtMs } = type;
  return {
    ...{ typeUrl, synced, nacks, versionInfo, updatedAtMs },
    names: type.listed,
    resources: type.accepted.size,
    absent: [...type.absent],
    rejected: [...type.rejected.values()],
  };
}
