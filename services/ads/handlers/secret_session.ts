// SPDX-License-Identifier: Apache-2.0
/**
 * The secrets of one node on its aggregated stream: what it asks for is asked of sds, and a request
 * waits until there is an answer, so that a secret that exists is not told to be missing first.
 * @module
 */
import type { Clock, Timer } from "@denvoy/base";
import type { StreamRequest } from "@denvoy/discovery";
import {
  allNames,
  type DeltaDiscoveryRequest,
  type DiscoveryRequest,
  globPrefix,
  type Hub,
  type ProtocolMode,
  WILDCARD,
} from "@denvoy/xds";
import {
  type NodeSecretChange,
  type NodeSecrets,
  type NodeSecretSource,
  secretKey,
} from "../domain/node_secrets.ts";

/** What a session works with. */
export interface SecretSessionParts {
  /** What the node sees. */
  readonly secrets: NodeSecrets;
  /** Where its stream is. */
  readonly hub: Hub;
  /** SotW or Delta. */
  readonly mode: ProtocolMode;
  /** Names at most; more are left to the stream to refuse. */
  readonly maxNames: number;
  /** Where time comes from. */
  readonly clock: Clock;
}

/** The longest that a request waits; shorter than Envoy's own wait for a first secret (15 s). */
const MAX_WAIT_MS = 10_000;

/** One stream of one node. */
export class SecretSession {
  readonly #parts: SecretSessionParts;
  /** Names that the node wants. */
  readonly #wanted = new Set<string>();
  /** Names to which sds gave an answer. */
  readonly #answered = new Set<string>();
  #source: NodeSecretSource | undefined;
  #waiting: { readonly resolve: () => void; readonly timer: Timer } | undefined;

  /** Wants nothing yet. */
  constructor(parts: SecretSessionParts) {
    this.#parts = parts;
  }

  /** What the node sees. */
  get secrets(): NodeSecrets {
    return this.#parts.secrets;
  }

  /** Gets secrets from here; without it the node has those of the catalog alone. */
  attach(source: NodeSecretSource): void {
    this.#source = source;
  }

  /** Asks for what a request wants; the result resolves when there are answers, or it took too long. */
  prepare(request: StreamRequest): Promise<void> | undefined {
    this.#want(request);
    if (this.#wanted.size > this.#parts.maxNames) return undefined;
    this.refresh();
    if (this.#isAnswered()) return undefined;
    return new Promise((resolve) => {
      const timer = this.#parts.clock.after(MAX_WAIT_MS, () => this.#endWait());
      this.#waiting = { resolve, timer };
    });
  }

  /** The catalog's secrets of the node have changed: names of its own are not asked for. */
  refresh(): void {
    this.#source?.setNames(this.#toAsk());
  }

  /** Takes what came from sds and went. */
  take(change: NodeSecretChange): void {
    const { hub, secrets } = this.#parts;
    hub.changed(secrets, secrets.apply(change));
  }

  /** Takes names of which sds said something. */
  answer(names: readonly string[]): void {
    for (const name of names) this.#answered.add(name);
    if (this.#isAnswered()) this.#endWait();
  }

  /** Tells the stream that secrets of the catalog are others now. */
  changeOwn(names: readonly string[]): void {
    const { hub, secrets } = this.#parts;
    this.refresh();
    hub.changed(secrets, names.map(secretKey));
    if (this.#isAnswered()) this.#endWait();
  }

  /** Ends a wait, and the questions to sds. */
  close(): void {
    this.#endWait();
    this.#source?.close();
  }

  #want(request: StreamRequest): void {
    const lists = namesOf(request, this.#parts.mode);
    if (lists.isWhole) this.#wanted.clear();
    for (const name of lists.dropped) this.#wanted.delete(name);
    for (const name of lists.added) {
      if (name !== WILDCARD && globPrefix(name) === undefined) this.#wanted.add(name);
    }
    for (const name of this.#answered) if (!this.#wanted.has(name)) this.#answered.delete(name);
    this.#parts.secrets.retain(this.#wanted);
  }

  #toAsk(): readonly string[] {
    return [...this.#wanted].filter((name) => !this.#parts.secrets.isOwn(name));
  }

  #isAnswered(): boolean {
    if (this.#source === undefined) return true;
    return this.#toAsk().every((name) => this.#answered.has(name));
  }

  #endWait(): void {
    this.#waiting?.timer.cancel();
    this.#waiting?.resolve();
    this.#waiting = undefined;
  }
}

interface NameLists {
  /** `added` is all that is wanted. */
  readonly isWhole: boolean;
  readonly added: readonly string[];
  readonly dropped: readonly string[];
}

function namesOf(request: StreamRequest, mode: ProtocolMode): NameLists {
  if (mode === "sotw") {
    const { resourceNames, resourceLocators } = request as DiscoveryRequest;
    return { isWhole: true, added: allNames(resourceNames, resourceLocators), dropped: [] };
  }
  const delta = request as DeltaDiscoveryRequest;
  return {
    isWhole: false,
    added: allNames(delta.resourceNamesSubscribe, delta.resourceLocatorsSubscribe),
    dropped: allNames(delta.resourceNamesUnsubscribe, delta.resourceLocatorsUnsubscribe),
  };
}
