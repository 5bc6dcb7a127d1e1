// SPDX-License-Identifier: Apache-2.0
/**
 * Answers polls (REST-JSON, and the Fetch RPCs): what the node sees now, or that it has that already,
 * after waiting for a change if it wants to wait.
 * @module
 */
import type { Clock } from "@denvoy/base";
import type { Metadata, Peer } from "@denvoy/grpc";
import type { DiscoveryRequest, DiscoveryResponse } from "@denvoy/proto/messages";
import {
  fetchResources,
  type FetchResult,
  type Hub,
  type ResourceView,
  type TypeUrl,
} from "@denvoy/xds";

/** One poll. */
export interface Poll {
  /** What is asked; `versionInfo` is what the client has. */
  readonly request: DiscoveryRequest;
  /** The type, which the RPC or the path tells. */
  readonly typeUrl: TypeUrl;
  /** Who asks. */
  readonly peer: Peer;
  /** Headers of the call. */
  readonly metadata: Metadata;
  /** Fires when nobody waits for the answer any more. */
  readonly signal: AbortSignal;
  /** How long to wait for a change, in milliseconds. @default 0 */
  readonly waitMs?: number;
}

/** What a poll is answered with. */
export type PollAnswer =
  | { readonly kind: "unchanged"; readonly versionInfo: string }
  /** `nothing` when none of the names exists and a response can only say so by being empty. */
  | { readonly kind: "resources" | "nothing"; readonly response: DiscoveryResponse };

/** What the node of a poll sees, for as long as the poll lasts. */
export interface PollView {
  /** What it sees now. */
  readonly view: ResourceView;
  /** Ends it. */
  release(): void;
}

/** Says what the node of a poll sees. */
export interface PollViews {
  /**
   * Returns what the node of a poll sees; `onChange` is called when that may have changed.
   * @throws StatusError, e.g. PERMISSION_DENIED, with which the poll is answered
   */
  open(poll: Poll, onChange: () => void): PollView | Promise<PollView>;
}

/** What polls are answered with. */
export interface PollParts {
  /** What nodes said of resources. */
  readonly hub: Hub;
  /** Through what nodes see. */
  readonly views: PollViews;
  /** Where time comes from. */
  readonly clock: Clock;
}

/** Answers polls. */
export class PollAnswerer {
  readonly #parts: PollParts;

  /** See {@linkcode PollParts}. */
  constructor(parts: PollParts) {
    this.#parts = parts;
  }

  /**
   * Answers a poll at once, or with the next change if the client has everything and waits.
   * @throws StatusError with what `PollViews.open` throws
   */
  async answer(poll: Poll): Promise<PollAnswer> {
    const changes = new ChangeWait();
    const opened = await this.#parts.views.open(poll, () => changes.notify());
    const timer = this.#parts.clock.after(poll.waitMs ?? 0, () => changes.end());
    const onAbort = () => changes.end();
    poll.signal.addEventListener("abort", onAbort, { once: true });
    if (poll.signal.aborted) changes.end();
    try {
      return await this.#untilChanged(poll, { opened, changes });
    } finally {
      poll.signal.removeEventListener("abort", onAbort);
      timer.cancel();
      opened.release();
    }
  }

  async #untilChanged(
    poll: Poll,
    { opened, changes }: { readonly opened: PollView; readonly changes: ChangeWait },
  ): Promise<PollAnswer> {
    while (true) {
      const result = this.#look(poll, opened);
      const isNews = result.kind === "resources";
      if (!isNews && poll.waitMs && await changes.next()) continue;
      if (result.kind === "unchanged") return result;
      return { kind: result.kind, response: answer(poll, result) };
    }
  }

  #look({ request, typeUrl }: Poll, { view }: PollView): FetchResult {
    return fetchResources(request, { view, typeUrl, verdicts: this.#parts.hub.verdicts(view) });
  }
}

/** Lets one waiter wait for the next change, and tells it when there is no use in waiting. */
class ChangeWait {
  #changed = false;
  #ended = false;
  #resolve: (() => void) | undefined;

  notify(): void {
    this.#changed = true;
    this.#resolve?.();
  }

  end(): void {
    this.#ended = true;
    this.#resolve?.();
  }

  /** Resolves to whether something changed since the last call; false once the wait is over. */
  async next(): Promise<boolean> {
    if (!this.#changed && !this.#ended) {
      await new Promise<void>((resolve) => this.#resolve = resolve);
    }
    const changed = this.#changed;
    this.#changed = false;
    return changed;
  }
}

function answer(
  { typeUrl }: Poll,
  result: Exclude<FetchResult, { kind: "unchanged" }>,
): DiscoveryResponse {
  const resources = result.kind === "resources" ? result.resources : [];
  return {
    versionInfo: result.versionInfo,
    resources: resources.map(({ value }) => ({ typeUrl, value })),
    canary: false,
    typeUrl,
    nonce: "",
    resourceErrors: [],
  };
}
