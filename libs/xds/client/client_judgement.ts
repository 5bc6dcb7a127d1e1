// SPDX-License-Identifier: Apache-2.0
/**
 * What follows from a response: it is offered to whoever reads the type, applied as far as it was
 * accepted, and answered with an ACK or a NACK that names what was not.
 * @module
 */
import { StatusCode } from "@denvoy/base";
import type {
  Absence,
  AppliedEffect,
  ClientEffect,
  ClientResource,
  ResourceRejection,
} from "./client_events.ts";
import type { ClientReply, ClientState, ClientTypeState } from "./client_state.ts";
import type { ReceivedDelta, ReceivedResponse, ReceivedSotw } from "./received.ts";
import { type Draft, readDelta, readSotw } from "./response_draft.ts";
import { WILDCARD } from "../subscription.ts";

/** A server keeps about so much of what it is told. */
const MAX_MESSAGE_CHARACTERS = 4096;
/** Rejections that are remembered of a type, for people. */
const MAX_REJECTIONS = 1000;

/** Takes a response; one without anything to judge is applied at once. */
export function takeResponse(
  state: ClientState,
  response: ReceivedResponse,
  nowMs: number,
): readonly ClientEffect[] {
  const type = state.types.get(response.typeUrl || (state.typeUrl ?? ""));
  if (type === undefined || !type.asked) return [];
  if (type.judging !== undefined) {
    throw new TypeError("Cannot take a response as the one before it must be judged first");
  }
  type.answered = true;
  type.awaited.delete(WILDCARD);
  const context = { type, maxResources: state.tuning.maxResources };
  // The variant of the stream says which of the two a response is.
  const draft = state.mode === "delta"
    ? readDelta(context, response as ReceivedDelta)
    : readSotw(context, response as ReceivedSotw);
  type.judging = { draft, stream: state.stream };
  const { typeUrl } = type;
  const { resources, removed } = draft;
  if (resources.length + removed.length === 0) return judge(state, { typeUrl, nowMs });
  return [{ kind: "judge", typeUrl, offer: { resources, removed } }];
}

/** Takes what the reader of a type says of the response that it was offered. */
export function judge(
  state: ClientState,
  { typeUrl, rejections = new Map(), nowMs }: {
    readonly typeUrl: string;
    readonly rejections?: ReadonlyMap<string, string>;
    readonly nowMs: number;
  },
): readonly ClientEffect[] {
  const type = state.types.get(typeUrl);
  const judging = type?.judging;
  if (type === undefined || judging === undefined) return [];
  type.judging = undefined;
  const { draft, stream } = judging;
  const applied = apply(type, draft, { rejections, nowMs });
  if (state.isOpen && stream === state.stream) settle(type, { draft, applied });
  const absences = draft.absences.filter(({ name }) => isNews(type, name));
  return [applied, ...tellAbsent(type, absences)];
}

/** Returns what to say of names that are absent, and remembers that it was said. */
export function tellAbsent(
  type: ClientTypeState,
  absences: readonly Absence[],
): readonly ClientEffect[] {
  for (const { name } of absences) {
    type.absent.add(name);
    type.awaited.delete(name);
  }
  return absences.length === 0 ? [] : [{ kind: "absent", typeUrl: type.typeUrl, absences }];
}

/** The subscription may have changed while the response was judged. */
function isNews(type: ClientTypeState, name: string): boolean {
  type.awaited.delete(name);
  return type.subscription.lists(name) && !type.absent.has(name);
}

function apply(type: ClientTypeState, draft: Draft, { rejections, nowMs }: {
  readonly rejections: ReadonlyMap<string, string>;
  readonly nowMs: number;
}): AppliedEffect {
  const rejected: ResourceRejection[] = [...draft.problems].map(([name, message]) => ({
    name,
    version: "",
    message: oneLine(message),
  }));
  const accepted: ClientResource[] = [];
  for (const resource of draft.resources) {
    const { name, version } = resource;
    const message = rejections.get(name);
    if (message !== undefined) rejected.push({ name, version, message: oneLine(message) });
    else if (type.subscription.wants(name)) accepted.push(resource);
  }
  for (const resource of [...draft.unchanged, ...accepted]) take(type, resource);
  for (const name of draft.removed) {
    type.accepted.delete(name);
    type.rejected.delete(name);
  }
  for (const rejection of rejected) {
    type.awaited.delete(rejection.name);
    const isRoom = type.rejected.size < MAX_REJECTIONS || type.rejected.has(rejection.name);
    if (isRoom) type.rejected.set(rejection.name, { ...rejection, atMs: nowMs });
  }
  type.synced = true;
  type.updatedAtMs = nowMs;
  return { kind: "applied", typeUrl: type.typeUrl, accepted, removed: draft.removed, rejected };
}

function take(type: ClientTypeState, resource: ClientResource): void {
  const { name } = resource;
  if (!type.subscription.wants(name)) return;
  type.accepted.set(name, resource);
  type.rejected.delete(name);
  type.awaited.delete(name);
  type.absent.delete(name);
}

function settle(type: ClientTypeState, { draft, applied }: {
  readonly draft: Draft;
  readonly applied: AppliedEffect;
}): void {
  const reply = replyTo(draft, applied.rejected);
  type.replies.push(reply);
  if (reply.error !== undefined) type.nacks++;
  else type.versionInfo = type.streamVersion = draft.versionInfo;
}

/** Each rejected resource has a line of its own, as Envoy words it: servers look for the names. */
function replyTo({ nonce }: Draft, rejected: readonly ResourceRejection[]): ClientReply {
  if (rejected.length === 0) return { nonce };
  const lines = rejected.map(({ name, message }) => `${name}: ${message}`);
  const message = lines.join("\n").slice(0, MAX_MESSAGE_CHARACTERS);
  return { nonce, error: { code: StatusCode.INVALID_ARGUMENT, message } };
}

function oneLine(message: string): string {
  return message.replaceAll(/\s*\n\s*/g, "; ");
}
