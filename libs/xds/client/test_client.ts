// SPDX-License-Identifier: Apache-2.0
/**
 * A client of a {@linkcode TestMesh}, joined without a network: the test says when a message passes,
 * when the stream is cut and which servers are there.
 * @module
 */
import { joinBytes, StatusCode } from "@denvoy/base";
import { messageCodec } from "@denvoy/proto";
import type { DeltaDiscoveryRequest, DiscoveryRequest } from "../discovery_request.ts";
import type { ProtocolMode } from "../encoded_resource.ts";
import type { HubStream } from "../hub_stream.ts";
import type { Resource, TypeUrl } from "../resource.ts";
import type { TestMesh } from "../test_mesh.ts";
import { WireWriter } from "../wire.ts";
import { createClient, stepClient } from "./client.ts";
import type {
  Absence,
  AppliedEffect,
  ClientEffect,
  ClientEvent,
  ClientResource,
} from "./client_events.ts";
import type { ClientOptions } from "./client_options.ts";
import type { ClientState } from "./client_state.ts";
import type { ReceivedResponse } from "./received.ts";
import { textField } from "./wire_reader.ts";

/** Returns a resource whose bytes are a message with a name and a content. */
export function wireResource(typeUrl: TypeUrl, name: string, content = "1"): Resource {
  const value = new WireWriter().string(1, name).string(2, content).finish();
  return { typeUrl, name, version: content, value, references: [] };
}

/** Returns the content of a {@linkcode wireResource}. */
export function contentOf({ value }: { readonly value: Uint8Array }): string {
  return textField(value, 2) ?? "";
}

/** An event without its time. */
type Untimed = ClientEvent extends infer E ? E extends ClientEvent ? Omit<E, "nowMs"> : never
  : never;

/** How a {@linkcode TestClient} behaves. */
export interface TestClientOptions extends Partial<ClientOptions> {
  /** Tells why a resource is not acceptable. @default contents that end in "!" are not */
  readonly rejects?: (resource: ClientResource) => string | undefined;
  /** Variants that servers speak. @default both */
  readonly speaks?: readonly ProtocolMode[];
}

const codecs = {
  delta: messageCodec("envoy.service.discovery.v3.DeltaDiscoveryResponse"),
  sotw: messageCodec("envoy.service.discovery.v3.DiscoveryResponse"),
};

/** A client, its stream to a mesh, and all that happened. */
export class TestClient {
  /** The state machine. */
  readonly state: ClientState;
  /** Attempts, as `server:mode`. */
  readonly attempts: string[] = [];
  /** Requests that were sent. */
  readonly requests: (DiscoveryRequest & DeltaDiscoveryRequest)[] = [];
  /** Responses that were applied. */
  readonly applied: AppliedEffect[] = [];
  /** Names that were told to be absent. */
  readonly absences: Absence[] = [];
  /** Servers that are down. */
  readonly down: Set<number> = new Set();
  readonly #mesh: TestMesh;
  readonly #options: TestClientOptions;
  #stream: HubStream | undefined;

  /** Connects when it is started. */
  constructor(mesh: TestMesh, options: TestClientOptions = {}) {
    this.#mesh = mesh;
    this.#options = options;
    this.state = createClient({ servers: 1, ...options });
  }

  /** Begins to connect. */
  start(): this {
    this.step({ kind: "start" });
    return this;
  }

  /** Sets the names that are wanted. */
  subscribe(typeUrl: TypeUrl, ...names: readonly string[]): this {
    this.step({ kind: "subscribe", typeUrl, names });
    return this;
  }

  /** Goes on with a stream that the test opened itself. */
  adopt(stream: HubStream): void {
    this.#stream?.close();
    this.#stream = stream;
  }

  /** Whether a stream is open. */
  get isConnected(): boolean {
    return this.#stream !== undefined;
  }

  /** Sends the next request, if one is due. */
  send(): boolean {
    const before = this.requests.length;
    if (this.#stream !== undefined) this.step({ kind: "writable" });
    return this.requests.length > before;
  }

  /** Receives and judges the next response, if there is one. */
  receive(): boolean {
    const bytes = this.#stream?.pull();
    if (bytes === undefined) return false;
    this.respond(codecs[this.state.mode].decode(joinBytes(bytes)));
    return true;
  }

  /** Receives a response that the test made itself. */
  respond(response: ReceivedResponse): void {
    this.step({ kind: "response", response });
  }

  /** Passes messages until both sides are at rest. */
  settle(): this {
    for (let rounds = 0; rounds < 10_000; rounds++) {
      const hasSent = this.send();
      if (!this.receive() && !hasSent) return this;
    }
    throw new Error("client and server do not come to rest");
  }

  /** Ends the stream from the server's side. */
  cut(code: number = StatusCode.UNAVAILABLE): void {
    this.#stream?.close();
    this.#stream = undefined;
    this.step({ kind: "disconnected", code, message: "cut", random: 0 });
  }

  /** Lets time pass, with all that falls due meanwhile. */
  advance(ms: number): void {
    const { clock } = this.#mesh;
    const endMs = clock.monotonicMs() + ms;
    for (let atMs = this.state.wakeAtMs; atMs <= endMs; atMs = this.state.wakeAtMs) {
      clock.advance(atMs - clock.monotonicMs());
      this.step({ kind: "tick" });
    }
    clock.advance(endMs - clock.monotonicMs());
  }

  /** What was accepted, by name. */
  contents(typeUrl: TypeUrl): Readonly<Record<string, string>> {
    const accepted = [...this.state.types.get(typeUrl)?.accepted.values() ?? []];
    return Object.fromEntries(
      accepted.sort((a, b) => a.name < b.name ? -1 : 1).map((each) => [each.name, contentOf(each)]),
    );
  }

  /** Takes an event and does what follows from it. */
  step(event: Untimed): void {
    const nowMs = this.#mesh.clock.monotonicMs();
    for (const effect of stepClient(this.state, { ...event, nowMs })) this.#carryOut(effect);
  }

  #carryOut(effect: ClientEffect): void {
    switch (effect.kind) {
      case "connect":
        return this.#connect(effect);
      case "send":
        this.requests.push(effect.request);
        return this.#stream?.request(
          effect.isFirst ? { ...effect.request, node: { id: "client" } } : effect.request,
        );
      case "judge":
        return this.#judge(effect.typeUrl, effect.offer.resources);
      case "applied":
        this.applied.push(effect);
        return;
      case "absent":
        this.absences.push(...effect.absences);
        return;
      case "wakeAt":
        return;
    }
  }

  #connect({ server, mode }: Extract<ClientEffect, { kind: "connect" }>): void {
    this.attempts.push(`${server}:${mode}`);
    const { speaks = ["delta", "sotw"], typeUrl } = this.#options;
    if (this.down.has(server)) return this.cut();
    this.step({ kind: "opened" });
    if (!speaks.includes(mode)) return this.cut(StatusCode.UNIMPLEMENTED);
    this.#stream = this.#mesh.hub.open({
      mode,
      view: this.#mesh.view,
      ...typeUrl !== undefined && { typeUrl },
    });
    this.step({ kind: "established" });
  }

  #judge(typeUrl: TypeUrl, resources: readonly ClientResource[]): void {
    const rejects = this.#options.rejects ?? rejectsBad;
    const rejections = new Map<string, string>();
    for (const resource of resources) {
      const why = rejects(resource);
      if (why !== undefined) rejections.set(resource.name, why);
    }
    this.step({ kind: "judged", typeUrl, rejections });
  }
}

function rejectsBad(resource: ClientResource): string | undefined {
  const content = contentOf(resource);
  return content.endsWith("!") ? `content must not be bad: is ${content}` : undefined;
}
