// SPDX-License-Identifier: Apache-2.0
/**
 * The state of a client: what is remembered of each type, of the stream and of the servers from one
 * event to the next. Decides nothing; see client.ts.
 * @module
 */
import type { ErrorDetail } from "../discovery_request.ts";
import type { ProtocolMode } from "../encoded_resource.ts";
import type { TypeUrl } from "../resource.ts";
import { globPrefix, Subscription, WILDCARD } from "../subscription.ts";
import { type TypePolicy, typePolicy } from "../type_url.ts";
import type { ClientResource, ResourceRejection } from "./client_events.ts";
import { type ClientOptions, type ClientTuning, DEFAULT_CLIENT_TUNING } from "./client_options.ts";
import type { Draft } from "./response_draft.ts";

/** What a response is answered with. */
export interface ClientReply {
  /** Nonce of the response. */
  readonly nonce: string;
  /** Makes it a NACK. */
  readonly error?: ErrorDetail;
}

/** A response that is being judged. */
export interface Judgement {
  /** What is in it. */
  readonly draft: Draft;
  /** The stream that it came on; an answer on another would mean something else. */
  readonly stream: number;
}

/** A rejected resource and when that was (the clock of the events). */
export interface StandingRejection extends ResourceRejection {
  /** When it was rejected. */
  readonly atMs: number;
}

/** All that is remembered of one type. Owned by `stepClient`; read-only for others. */
export class ClientTypeState {
  /** The type. */
  readonly typeUrl: TypeUrl;
  /** Its rules. */
  readonly policy: TypePolicy;
  /** What is wanted. */
  readonly subscription: Subscription = new Subscription();
  /** What was accepted, by name: it stays while servers are away, and when its successor is bad. */
  readonly accepted: Map<string, ClientResource> = new Map();
  /** What was rejected last and has not been replaced since, by name. */
  readonly rejected: Map<string, StandingRejection> = new Map();
  /** Names that were told to be absent. */
  readonly absent: Set<string> = new Set();
  /** When a name that was asked for on this stream counts as absent; `*` is any answer at all. */
  readonly awaited: Map<string, number> = new Map();
  /** Names to add to what this Delta stream subscribes to. */
  readonly toSubscribe: Set<string> = new Set();
  /** Names to take from it. */
  readonly toUnsubscribe: Set<string> = new Set();
  /** Answers that are still to be sent, oldest first. */
  readonly replies: ClientReply[] = [];
  /** A SotW request with other names is to be sent. */
  namesChanged = false;
  /** This stream had a request of the type. */
  asked = false;
  /** A request of this stream named something. */
  named = false;
  /** This stream had a response of the type. */
  answered = false;
  /** Any stream had one. */
  synced = false;
  /** The response that is being judged. */
  judging: Judgement | undefined;
  /** Nonce of the last answered response of this SotW stream. */
  nonce = "";
  /** `version_info` that this SotW stream may be told: of the last response without rejections. */
  streamVersion = "";
  /** `version_info` (SotW) or `system_version_info` of the last response without rejections. */
  versionInfo = "";
  /** When the last response was applied (the clock of the events). */
  updatedAtMs: number | undefined;
  /** Responses that were answered with a NACK. */
  nacks = 0;

  /** Nothing is wanted yet. */
  constructor(typeUrl: TypeUrl) {
    this.typeUrl = typeUrl;
    this.policy = typePolicy(typeUrl);
  }

  /** Forgets what belongs to the stream that ended. */
  leaveStream(): void {
    this.asked =
      this.named =
      this.answered =
      this.namesChanged =
        false;
    this.nonce = this.streamVersion = "";
    this.replies.length = 0;
    this.toSubscribe.clear();
    this.toUnsubscribe.clear();
    this.awaited.clear();
  }

  /** Names that are asked for one by one, without `*` and collections. */
  *singleNames(): Generator<string> {
    for (const name of this.subscription.names) if (globPrefix(name) === undefined) yield name;
  }

  /** Names as they are asked for, with `*`. */
  get listed(): readonly string[] {
    const { names, wildcard } = this.subscription;
    return wildcard ? [...names, WILDCARD] : [...names];
  }
}

/**
 * Where a client is with its servers: `idle` before the start, `connecting` until the server shows
 * that it is there, `waiting` between two attempts.
 */
export type ConnectionPhase = "idle" | "connecting" | "connected" | "waiting";

/** The last failure of a connection. */
export interface ConnectionFailure {
  /** A gRPC status code. */
  readonly code: number;
  /** In words. */
  readonly message: string;
  /** When (the clock of the events). */
  readonly atMs: number;
}

/** State of a client. Owned by `stepClient`, which changes it in place; read-only for others. */
export class ClientState {
  /** Types by type URL, in the order in which they were subscribed to. */
  readonly types: Map<TypeUrl, ClientTypeState> = new Map();
  /** Switches and bounds. */
  readonly tuning: ClientTuning;
  /** How many servers there are. */
  readonly servers: number;
  /** The only type, if the service has one. */
  readonly typeUrl: TypeUrl | undefined;
  /** The variant that each server is spoken to in. */
  readonly modes: ProtocolMode[];
  /** Where the client is with its servers. */
  phase: ConnectionPhase = "idle";
  /** Since when (the clock of the events). */
  phaseSinceMs = 0;
  /** The server that is tried, spoken to, or next. */
  server = 0;
  /** Counts streams; tells answers to an earlier one. */
  stream = 0;
  /** The stream takes requests. */
  isOpen = false;
  /** The first request of the stream was sent. */
  hasSaidNode = false;
  /** Responses on this stream. */
  responses = 0;
  /** Attempts in a row that had no response. */
  failures = 0;
  /** The server of this attempt refused the other variant just before. */
  hasFlipped = false;
  /** Why the last stream ended. */
  failure: ConnectionFailure | undefined;
  /** When the next attempt begins. */
  retryAtMs = Infinity;
  /** The moment last announced by `wakeAt`. */
  wakeAtMs = Infinity;

  /** See `createClient`. */
  constructor(options: ClientOptions) {
    this.tuning = { ...DEFAULT_CLIENT_TUNING, ...definedOf(options) };
    this.servers = options.servers;
    this.typeUrl = options.typeUrl;
    const { mode } = this.tuning;
    this.modes = Array.from({ length: options.servers }, () => mode === "auto" ? "delta" : mode);
  }

  /** The variant of the server that is tried or spoken to. */
  get mode(): ProtocolMode {
    return this.modes[this.server] ?? "delta";
  }

  /** Goes to another phase. */
  enter(phase: ConnectionPhase, nowMs: number): void {
    if (this.phase === phase) return;
    this.phase = phase;
    this.phaseSinceMs = nowMs;
  }
}

function definedOf(options: ClientOptions): Partial<ClientTuning> {
  const { mode, absentAfterMs, backoff, maxResources } = options;
  return {
    ...mode !== undefined && { mode },
    ...absentAfterMs !== undefined && { absentAfterMs },
    ...backoff !== undefined && { backoff },
    ...maxResources !== undefined && { maxResources },
  };
}
