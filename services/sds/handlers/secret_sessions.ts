// SPDX-License-Identifier: Apache-2.0
/**
 * The callers that are connected: who each stream belongs to, what it may see, and what is made for it
 * before it is answered.
 * @module
 */
import { type Clock, StatusCode, StatusError, type Timer } from "@denvoy/base";
import type { DiscoveryCall, DiscoverySessions, StreamRequest } from "@denvoy/discovery";
import type { Metadata, Peer } from "@denvoy/grpc";
import type { Node } from "@denvoy/proto/messages";
import {
  allNames,
  type DiscoveryRequest,
  type Hub,
  type HubStream,
  type ResourceKey,
  TypeUrls,
} from "@denvoy/xds";
import type { Caller } from "../domain/caller.ts";
import { CallerView, type VisibleSecrets } from "../domain/caller_view.ts";
import type { Audit } from "./audit.ts";
import type { CallerIdentity } from "./caller_identity.ts";

/** One stream of one caller. */
export interface SecretSession {
  /** Who it is. */
  readonly caller: Caller;
  /** `id` and `cluster` of its node, as it claims. */
  readonly node: { readonly id: string; readonly cluster: string };
  /** Where it calls from. */
  readonly address: string;
  /** Since when, in milliseconds since the epoch. */
  readonly sinceMs: number;
  /** What it sees. */
  readonly view: CallerView;
  /** By what it is known, to look at again. */
  readonly credentials: CallFacts;
  /** Why it has lost its right, once it has. */
  ended: StatusError | undefined;
  /** Waits for the end of its proof. */
  expiry: Timer | undefined;
  /** Its state, once it is open. */
  stream: HubStream | undefined;
  /** Names that it asked for, so that each is audited once. */
  readonly asked: Set<string>;
}

/** What sessions are made of. */
export interface SecretSessionsParts extends VisibleSecrets {
  /** Where streams are. */
  readonly hub: Hub;
  /** Finds out who callers are. */
  readonly identity: CallerIdentity;
  /** Told of grants and refusals. */
  readonly audit: Audit;
  /** Where time comes from. */
  readonly clock: Clock;
  /** Names that one caller may ask for on a stream; more are RESOURCE_EXHAUSTED. */
  readonly maxNames: number;
}

interface SharedView {
  readonly view: CallerView;
  users: number;
  /** Ends the hold on the certificate of each workload that it sees. */
  readonly holds: Map<string, () => void>;
  /** The next try for each workload whose certificate cannot be issued. */
  readonly retries: Map<string, Timer>;
}

/** SPIFFE IDs, the longest names that mean something here, have 2,048 bytes at most. */
const MAX_NAME_BYTES = 2048;

/** What cannot be issued is tried again after this long. */
const RETRY_MS = 5000;
/** Timers stand still while a machine sleeps, and clocks jump: ends of proofs are looked at this often. */
const LOOK_MS = 600_000;

/** Ends the hold on a certificate that there is not yet. */
function notHeld(): void {}

/** What a call that is not a stream is about. */
export interface CallFacts {
  /** The other end of its connection. */
  readonly peer: Peer;
  /** Headers. */
  readonly metadata: Metadata;
  /** What the caller says of itself. */
  readonly node: Node | undefined;
}

/** All sessions, and the views that they share by identity. */
export class SecretSessions implements DiscoverySessions<SecretSession> {
  readonly #parts: SecretSessionsParts;
  readonly #sessions = new Set<SecretSession>();
  readonly #views = new Map<string, SharedView>();
  /** Views by the workload whose certificate they have asked for. */
  readonly #watchers = new Map<string, Set<SharedView>>();

  /** Follows the secrets from now on. */
  constructor(parts: SecretSessionsParts) {
    this.#parts = parts;
    parts.book.subscribe((names) => this.#changed(names));
    parts.workloads.subscribe((id) => this.#renewed(id));
  }

  /** All sessions, in the order in which they came. */
  list(): Iterable<SecretSession> {
    return this.#sessions;
  }

  /** Returns the address of the other end of a stream. */
  addressOf(stream: HubStream): string | undefined {
    for (const session of this.#sessions) if (session.stream === stream) return session.address;
    return undefined;
  }

  /** See {@linkcode DiscoverySessions.begin}. */
  begin(call: DiscoveryCall): SecretSession {
    const session = this.open(call);
    this.#sessions.add(session);
    const end = () => {
      session.expiry?.cancel();
      if (this.#sessions.delete(session)) this.close(session);
    };
    this.#expire(session);
    call.signal.addEventListener("abort", end, { once: true });
    if (call.signal.aborted) end();
    return session;
  }

  /** See {@linkcode DiscoverySessions.add}. */
  add(session: SecretSession, stream: HubStream): void {
    session.stream = stream;
    if (session.ended !== undefined) stream.fail(session.ended);
  }

  /**
   * Finds out who calls and lends it its view; give it back with {@linkcode close}.
   * @throws StatusError UNAUTHENTICATED or PERMISSION_DENIED, which is audited
   */
  open({ peer, metadata, node }: CallFacts): SecretSession {
    const credentials = { peer, metadata, node };
    const caller = this.#identify(credentials);
    return {
      caller,
      credentials,
      ended: undefined,
      expiry: undefined,
      node: { id: node?.id ?? "", cluster: node?.cluster ?? "" },
      address: peer.address,
      sinceMs: this.#parts.clock.nowMs(),
      view: this.#lend(caller),
      stream: undefined,
      asked: new Set(),
    };
  }

  /** Takes the view of a session back. */
  close({ view }: SecretSession): void {
    const shared = this.#views.get(view.identity);
    if (shared === undefined) return;
    shared.users -= 1;
    if (shared.users > 0) return;
    this.#views.delete(view.identity);
    for (const timer of shared.retries.values()) timer.cancel();
    for (const [id, release] of shared.holds) {
      release();
      const watchers = this.#watchers.get(id);
      if (watchers?.delete(shared) && watchers.size === 0) this.#watchers.delete(id);
    }
  }

  /** See {@linkcode DiscoverySessions.prepare}. */
  prepare(session: SecretSession, request: StreamRequest): Promise<void> | undefined {
    const fresh = newNames(session, request);
    return fresh.length === 0 ? undefined : this.grant(session, fresh);
  }

  /**
   * Audits what a session asks for and has certificates issued that it may have.
   * @throws StatusError INVALID_ARGUMENT for a name of more than 2,048 bytes; PERMISSION_DENIED when it may have nothing of what it asked for first, and
   * there is no other way to say so
   */
  async grant(session: SecretSession, names: readonly string[]): Promise<void> {
    checkLengths(names);
    if (session.ended !== undefined) throw session.ended;
    const { maxNames } = this.#parts;
    const isFirst = session.asked.size === 0;
    if (session.asked.size + names.length > maxNames) {
      const message = `cannot ask for more than ${maxNames} secrets on one stream`;
      throw new StatusError(StatusCode.RESOURCE_EXHAUSTED, message);
    }
    const allowed: string[] = [];
    for (const name of names) {
      session.asked.add(name);
      if (session.view.allows(name)) allowed.push(name);
      this.#audit(session, name);
    }
    const isSilent = session.stream?.state.mode !== "delta";
    if (isFirst && isSilent && allowed.length === 0) {
      throw new StatusError(
        StatusCode.PERMISSION_DENIED,
        `the policy does not allow ${session.caller.identity} what it asks for`,
      );
    }
    await Promise.all(allowed.map((name) => this.#issue(session.view, name)));
  }

  /** Has every stream look again at what it may see, after the policy changed. */
  policyChanged(): void {
    this.recheck(({ caller }) => caller.through !== undefined);
    for (const { view, asked } of this.#sessions) {
      this.#parts.hub.changed(view, keysOf([...asked]));
      for (const name of asked) void this.#issue(view, name);
    }
  }

  /** Ends the streams of those, of some, who could not open them any more with what they showed. */
  recheck(isConcerned: (session: SecretSession) => boolean): void {
    for (const session of [...this.#sessions]) {
      if (!isConcerned(session)) continue;
      try {
        const { identity } = this.#parts.identity.identify(session.credentials);
        if (identity !== session.caller.identity) throw over("what it showed is another's now");
      } catch (error) {
        this.#end(session, StatusError.from(error));
      }
    }
  }

  #expire(session: SecretSession): void {
    const { validUntilMs } = session.caller;
    if (validUntilMs === undefined) return;
    const { clock } = this.#parts;
    const leftMs = validUntilMs - clock.nowMs();
    if (leftMs <= 0) return this.#end(session, over(`the ${session.caller.proof} has expired`));
    session.expiry = clock.after(Math.min(leftMs, LOOK_MS), () => this.#expire(session));
  }

  #end(session: SecretSession, error: StatusError): void {
    if (session.ended !== undefined) return;
    session.ended = error;
    this.#parts.audit.rejected(error, session);
    session.stream?.fail(error);
  }

  #identify(call: CallFacts): Caller {
    try {
      return this.#parts.identity.identify(call);
    } catch (error) {
      this.#parts.audit.rejected(error, call.peer);
      throw error;
    }
  }

  #audit({ caller, node, address, view }: SecretSession, name: string): void {
    const subject = { caller, nodeId: node.id, peer: { address } };
    if (view.allows(name)) this.#parts.audit.granted(subject, name);
    else this.#parts.audit.refused(subject, name);
  }

  /** What cannot be issued is logged and missing; it is told as soon as it is there. */
  async #issue(view: CallerView, name: string): Promise<void> {
    const { workloads } = this.#parts;
    const shared = this.#views.get(view.identity);
    const id = view.workloadOf(name);
    if (id === undefined || shared?.view !== view) return;
    this.#watch(shared, id);
    const request = { spiffeId: id, ...this.#parts.policy().profile(id) };
    try {
      await workloads.ensure(id, request);
    } catch (error) {
      this.#retry(shared, { id, name, error });
      return;
    }
    cancelRetry(shared, id);
    if (this.#views.get(view.identity) !== shared || shared.holds.get(id) !== notHeld) return;
    shared.holds.set(id, workloads.hold(id));
  }

  /** One try at a time, however often it was asked for; what breaks a rule is not tried again. */
  #retry(
    shared: SharedView,
    { id, name, error }: { readonly id: string; readonly name: string; readonly error: unknown },
  ): void {
    if (StatusError.from(error).code === StatusCode.INVALID_ARGUMENT) {
      return cancelRetry(shared, id);
    }
    const { view, retries } = shared;
    if (this.#views.get(view.identity) !== shared || retries.has(id)) return;
    const again = () => {
      retries.delete(id);
      void this.#issue(view, name);
    };
    retries.set(id, this.#parts.clock.after(RETRY_MS, again));
  }

  #lend(caller: Caller): CallerView {
    const known = this.#views.get(caller.identity);
    if (known !== undefined) {
      known.users += 1;
      return known.view;
    }
    const view = new CallerView(caller, this.#parts);
    this.#views.set(caller.identity, { view, users: 1, holds: new Map(), retries: new Map() });
    return view;
  }

  #watch(shared: SharedView, id: string): void {
    if (shared.holds.has(id)) return;
    shared.holds.set(id, notHeld);
    const watchers = this.#watchers.get(id);
    if (watchers === undefined) this.#watchers.set(id, new Set([shared]));
    else watchers.add(shared);
  }

  #changed(names: readonly string[]): void {
    const keys = keysOf(names);
    for (const { view } of this.#views.values()) this.#parts.hub.changed(view, keys);
  }

  #renewed(id: string): void {
    for (const { view } of this.#watchers.get(id) ?? []) {
      this.#parts.hub.changed(view, keysOf(view.namesOf(id)));
    }
  }
}

function checkLengths(names: readonly string[]): void {
  const encoder = new TextEncoder();
  for (const name of names) {
    if (name.length <= MAX_NAME_BYTES / 3) continue;
    const bytes = encoder.encode(name).byteLength;
    if (bytes <= MAX_NAME_BYTES) continue;
    const message = `the name of a secret must be at most ${MAX_NAME_BYTES} bytes: one is ${bytes}`;
    throw new StatusError(StatusCode.INVALID_ARGUMENT, message);
  }
}

function keysOf(names: readonly string[]): readonly ResourceKey[] {
  return names.map((name) => ({ typeUrl: TypeUrls.secret, name }));
}

function cancelRetry({ retries }: SharedView, id: string): void {
  retries.get(id)?.cancel();
  retries.delete(id);
}

function over(why: string): StatusError {
  return new StatusError(StatusCode.UNAUTHENTICATED, `the call is over as ${why}`);
}

/** By name or by locator: both are answered, so both are judged. */
function newNames({ asked }: SecretSession, request: StreamRequest): readonly string[] {
  const names = "resourceNamesSubscribe" in request || "resourceLocatorsSubscribe" in request
    ? allNames(request.resourceNamesSubscribe, request.resourceLocatorsSubscribe)
    : namesOfSotw(request as DiscoveryRequest);
  return [...new Set(names)].filter((name) => !asked.has(name));
}

function namesOfSotw({ resourceNames, resourceLocators }: DiscoveryRequest): readonly string[] {
  return allNames(resourceNames, resourceLocators);
}
