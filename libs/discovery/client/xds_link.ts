// SPDX-License-Identifier: Apache-2.0
/**
 * Drives one client state machine over one stream at a time: feeds it what happens and carries out
 * what follows, attempt after attempt, until it is closed.
 * @module
 */
import { type Clock, type Logger, StatusCode, StatusError, type Timer } from "@denvoy/base";
import type { GrpcClient, Metadata } from "@denvoy/grpc";
import type { Init } from "@denvoy/proto";
import type { Node } from "@denvoy/proto/messages";
import {
  type Absence,
  type AppliedEffect,
  type ClientEffect,
  type ClientEvent,
  type ClientState,
  type ConnectEffect,
  createClient,
  hasRequests,
  type JudgeEffect,
  type Offer,
  type ReceivedResponse,
  reportClient,
  stepClient,
  type TypeUrl,
} from "@denvoy/xds";
import type { ClientTuning } from "@denvoy/xds";
import { type OutgoingRequest, streamMethod } from "./discovery_calls.ts";
import { OutgoingRequests } from "./outgoing_requests.ts";
import type { ServerConnections } from "./server_connections.ts";
import type { XdsStreamReport } from "./xds_client_options.ts";

/** Who reads what comes over a link. */
export interface LinkReaders {
  /** Judges an offer; never rejects. */
  judge(typeUrl: TypeUrl, offer: Offer): Promise<ReadonlyMap<string, string>>;
  /** A response was applied. */
  applied(applied: AppliedEffect): void;
  /** Names are not there. */
  absent(typeUrl: TypeUrl, absences: readonly Absence[]): void;
  /** The link may be in another phase, or have failed again. */
  moved(): void;
}

/** What a link is made of. */
export interface XdsLinkOptions {
  /** The servers. */
  readonly connections: ServerConnections;
  /** The node of the first request of each stream. */
  readonly node: Init<Node>;
  /** The only type; absent for ADS. */
  readonly typeUrl?: TypeUrl | undefined;
  /** Headers of each call. */
  readonly headers: Metadata;
  /** Variant, waits and bounds. */
  readonly tuning: Partial<ClientTuning>;
  /** Where time comes from. */
  readonly clock: Clock;
  /** Where connections are logged. */
  readonly logger: Logger;
  /** They are logged as details. */
  readonly quiet: boolean;
  /** Spreads reconnections. */
  readonly random: () => number;
  /** Who reads. */
  readonly readers: LinkReaders;
}

/** An event without its time. */
type Untimed = ClientEvent extends infer E ? E extends ClientEvent ? Omit<E, "nowMs"> : never
  : never;

/** What is thrown beside a status is said as it is: this error goes to our own log and status. */
function asStatus(error: unknown): StatusError {
  if (error instanceof StatusError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new StatusError(StatusCode.UNAVAILABLE, message, { cause: error });
}

/** Failures that are logged in a row, at most. */
const MAX_SAID = 16;
/** Longer than grpc-js tries to connect: after that the stream has ended. */
const CONNECT_MS = 30_000;
const ENDED = new StatusError(StatusCode.UNAVAILABLE, "server ended the stream");

/** One stream, now to one server and then to another. */
export class XdsLink {
  readonly #options: XdsLinkOptions;
  readonly #state: ClientState;
  readonly #closing = new AbortController();
  #requests: OutgoingRequests<OutgoingRequest> | undefined;
  #attempt: Promise<void> = Promise.resolve();
  #timer: Timer | undefined;
  /** Failures that were logged since the last response. */
  readonly #said = new Set<string>();

  /** Connects with the first subscription. */
  constructor(options: XdsLinkOptions) {
    this.#options = options;
    const { connections: { servers }, tuning, typeUrl } = options;
    this.#state = createClient({ ...tuning, servers: servers.length, typeUrl });
  }

  /** Asks for these names of a type, and for no others. */
  subscribe(typeUrl: TypeUrl, names: readonly string[]): void {
    if (this.#closing.signal.aborted) return;
    this.#step({ kind: "subscribe", typeUrl, names });
    this.#step({ kind: "start" });
  }

  /** How it is. */
  report(): XdsStreamReport {
    const report = reportClient(this.#state);
    return { ...report, address: this.#address(report.server) };
  }

  /** Whether a server answered for a type. */
  isSynced(typeUrl: TypeUrl): boolean {
    return this.#state.types.get(typeUrl)?.synced ?? false;
  }

  /** Ends the stream for good. */
  async close(): Promise<void> {
    this.#closing.abort();
    this.#timer?.cancel();
    await this.#attempt;
  }

  #address(server: number): string {
    return this.#options.connections.servers[server] ?? "";
  }

  #step(event: Untimed): JudgeEffect | undefined {
    const nowMs = this.#options.clock.monotonicMs();
    let judge: JudgeEffect | undefined;
    for (const effect of stepClient(this.#state, { ...event, nowMs })) {
      if (effect.kind === "judge") judge = effect;
      else this.#carryOut(effect);
    }
    if (hasRequests(this.#state)) this.#requests?.wake();
    return judge;
  }

  #carryOut(effect: Exclude<ClientEffect, JudgeEffect>): void {
    const { readers } = this.#options;
    switch (effect.kind) {
      case "connect":
        if (!this.#closing.signal.aborted) this.#attempt = this.#run(effect);
        return;
      case "applied":
        return readers.applied(effect);
      case "absent":
        return readers.absent(effect.typeUrl, effect.absences);
      case "wakeAt":
        return this.#wakeAt(effect.atMs);
      case "send":
        throw new TypeError("Cannot send a request as only the transport asks for one");
    }
  }

  #wakeAt(atMs: number): void {
    const { clock } = this.#options;
    this.#timer?.cancel();
    if (this.#closing.signal.aborted) return;
    const delayMs = Math.max(0, atMs - clock.monotonicMs());
    this.#timer = clock.after(delayMs, () => this.#step({ kind: "tick" }));
  }

  /** One attempt; never rejects. What follows from its end is the next one. */
  async #run(effect: ConnectEffect): Promise<void> {
    const { random, readers } = this.#options;
    // Whoever subscribes need not expect that anything happens before it has its subscription.
    await Promise.resolve();
    const { code, message } = await this.#stream(effect).then(() => ENDED, asStatus);
    if (this.#closing.signal.aborted) return;
    // How grpc-js tells of a GOAWAY for too many pings.
    if (code === StatusCode.RESOURCE_EXHAUSTED) this.#options.connections.calmDown(effect.server);
    this.#logEnd(effect.server, { code, message });
    this.#step({ kind: "disconnected", code, message, random: random() });
    readers.moved();
  }

  async #stream({ server, mode }: ConnectEffect): Promise<void> {
    const { connections, headers: metadata, typeUrl } = this.#options;
    const { signal } = this.#closing;
    if (signal.aborted) return;
    const method = streamMethod(typeUrl, mode);
    const lease = connections.lease(server);
    const requests = this.#openRequests();
    try {
      this.#requests = requests;
      this.#step({ kind: "opened" });
      const responses = lease.client.bidiStream(method, requests, { metadata, signal });
      void this.#watchConnection(lease.client);
      for await (const response of responses) {
        await this.#take(response, server);
        await requests.drained();
      }
    } finally {
      this.#requests = undefined;
      await requests.return();
      lease.release();
    }
  }

  #openRequests(): OutgoingRequests<OutgoingRequest> {
    return new OutgoingRequests({ next: () => this.#nextRequest() });
  }

  /** A request that was taken says nothing: grpc-js takes it before it is connected. */
  async #watchConnection(client: GrpcClient): Promise<void> {
    const requests = this.#requests;
    try {
      await client.waitForReady(CONNECT_MS);
    } catch {
      // The stream itself ends with why.
      return;
    }
    if (this.#requests !== requests || !this.#state.isOpen) return;
    this.#step({ kind: "established" });
    this.#options.readers.moved();
  }

  #nextRequest(): OutgoingRequest | undefined {
    const nowMs = this.#options.clock.monotonicMs();
    let request: OutgoingRequest | undefined;
    for (const effect of stepClient(this.#state, { kind: "writable", nowMs })) {
      if (effect.kind === "wakeAt") this.#wakeAt(effect.atMs);
      if (effect.kind !== "send") continue;
      request = { ...effect.request, ...effect.isFirst && { node: this.#options.node } } as
        & OutgoingRequest
        & object;
    }
    return request;
  }

  async #take(response: ReceivedResponse, server: number): Promise<void> {
    const judge = this.#step({ kind: "response", response });
    if (this.#state.responses === 1) this.#logArrival(server);
    const { readers } = this.#options;
    if (judge !== undefined) {
      const { typeUrl, offer } = judge;
      const rejections = await readers.judge(typeUrl, offer);
      this.#step({ kind: "judged", typeUrl, rejections });
    }
    readers.moved();
  }

  #logArrival(server: number): void {
    const { logger, quiet } = this.#options;
    this.#said.clear();
    const fields = { server: this.#address(server), mode: this.#state.mode };
    logger[quiet ? "debug" : "info"]("xds stream established", fields);
  }

  /** A failure is worth a line once; the same again is a detail until there was a response. */
  #logEnd(server: number, { code, message }: Pick<StatusError, "code" | "message">): void {
    const { logger, quiet } = this.#options;
    const fields = { server: this.#address(server), code, detail: message };
    const isNews = !this.#said.has(message) && this.#said.size < MAX_SAID;
    if (isNews) this.#said.add(message);
    logger[isNews && !quiet ? "warn" : "debug"](
      "xds stream ended: what was accepted stays",
      fields,
    );
  }
}
