// SPDX-License-Identifier: Apache-2.0
/**
 * A hub with one view in memory and a clock that is moved by hand, for tests.
 * @module
 */
import { FakeClock } from "@denvoy/base/testing";
import type {
  DeltaDiscoveryRequest,
  DiscoveryNode,
  DiscoveryRequest,
} from "./discovery_request.ts";
import { Hub, type HubOptions } from "./hub.ts";
import type { HubStream } from "./hub_stream.ts";
import type { Resource, TypeUrl } from "./resource.ts";
import { type DecodedResponse, decodeResponse } from "./response_decoder.ts";
import { ScriptedClient, type ScriptedClientOptions } from "./scripted_client.ts";
import { MemoryView, type MemoryViewOptions } from "./view.ts";

/** What a {@linkcode TestMesh} is made of. */
export interface TestMeshOptions extends Omit<HubOptions, "clock"> {
  /** Answers of the view beside its resources. */
  readonly view?: MemoryViewOptions;
}

/** A view, the hub that serves it, and streams to it. */
export class TestMesh {
  /** Moved by the test. */
  readonly clock: FakeClock = new FakeClock();
  /** What all nodes see. */
  readonly view: MemoryView;
  /** Serves the view. */
  readonly hub: Hub;

  /** A mesh with these resources. */
  constructor(resources: readonly Resource[] = [], options: TestMeshOptions = {}) {
    this.view = new MemoryView(options.view);
    this.hub = new Hub({ ...options, clock: this.clock });
    this.put(...resources);
  }

  /** Writes resources and tells the hub. */
  put(...resources: readonly Resource[]): void {
    this.hub.changed(
      this.view,
      this.view.apply(resources.map((resource) => ({ kind: "put", resource }))),
    );
  }

  /** Removes resources of a type and tells the hub. */
  remove(typeUrl: TypeUrl, ...names: readonly string[]): void {
    this.hub.changed(
      this.view,
      this.view.apply(names.map((name) => ({ kind: "delete", key: { typeUrl, name } }))),
    );
  }

  /** Opens a stream for requests that the test writes itself. */
  open(
    mode: "sotw" | "delta",
    options: { node?: DiscoveryNode; typeUrl?: TypeUrl } = {},
  ): TestStream {
    return new TestStream(this.hub.open({ mode, view: this.view, ...options }));
  }

  /** Connects a client that behaves like an Envoy. */
  connect(mode: "sotw" | "delta", options: ScriptedClientOptions = {}): ScriptedClient {
    return new ScriptedClient(this.hub.open({ mode, view: this.view }), options);
  }
}

/** A stream on which a test sends each request itself. */
export class TestStream {
  /** The stream. */
  readonly stream: HubStream;

  /** Takes over an open stream. */
  constructor(stream: HubStream) {
    this.stream = stream;
  }

  /** Sends a request. */
  send(request: DiscoveryRequest | DeltaDiscoveryRequest): void {
    this.stream.request(request);
  }

  /** Takes the next response, if there is one. */
  pull(): DecodedResponse | undefined {
    const bytes = this.stream.pull();
    return bytes && decodeResponse(bytes, this.stream.state.mode);
  }

  /** Takes the next response; throws if there is none. */
  expect(): DecodedResponse {
    const response = this.pull();
    if (response === undefined) throw new Error("there is no response");
    return response;
  }

  /** Sends a request, and takes the response to it if there is one. */
  ask(request: DiscoveryRequest | DeltaDiscoveryRequest): DecodedResponse | undefined {
    this.send(request);
    return this.pull();
  }

  /** Takes the next response and accepts it with a request that is otherwise like `request`. */
  accept(request: DiscoveryRequest | DeltaDiscoveryRequest = {}): DecodedResponse {
    const { typeUrl, nonce, versionInfo, ...rest } = this.expect();
    this.send({ typeUrl, responseNonce: nonce, versionInfo, ...request });
    return { typeUrl, nonce, versionInfo, ...rest };
  }

  /** Takes the next response and rejects it. */
  reject(message: string, request: DiscoveryRequest | DeltaDiscoveryRequest = {}): DecodedResponse {
    const response = this.expect();
    const { typeUrl, nonce } = response;
    this.send({ typeUrl, responseNonce: nonce, errorDetail: { code: 13, message }, ...request });
    return response;
  }
}

/** Returns what a response holds as `name=content`, in order of names. */
export function contentsOf(response: DecodedResponse | undefined): readonly string[] {
  return (response?.resources ?? []).map(({ name, content }) => `${name}=${content ?? "(none)"}`)
    .sort();
}
