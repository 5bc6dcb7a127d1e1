// SPDX-License-Identifier: Apache-2.0
/**
 * A client that behaves like an Envoy, for tests.
 * @module
 */
import type { HubStream } from "./hub_stream.ts";
import type { TypeUrl } from "./resource.ts";
import { type DecodedResource, type DecodedResponse, decodeResponse } from "./response_decoder.ts";
import { TypeUrls } from "./type_url.ts";

/** How a {@linkcode ScriptedClient} behaves. */
export interface ScriptedClientOptions {
  /** Tells why a resource is not acceptable. @default everything is */
  readonly rejects?: (typeUrl: TypeUrl, resource: DecodedResource) => string | undefined;
  /** What it has from an earlier stream. */
  readonly resumes?: ScriptedClient;
}

interface ClientType {
  readonly names: Set<string>;
  readonly has: Map<string, DecodedResource>;
  wildcard: boolean;
  nonce: string;
  versionInfo: string;
  asked: boolean;
}

/** A resource that names another type, whose resources a client then asks for. */
const CHILDREN: readonly (readonly [TypeUrl, TypeUrl])[] = [
  [TypeUrls.cluster, TypeUrls.endpoints],
  [TypeUrls.listener, TypeUrls.route],
];

/**
 * A client on a stream of a hub. It takes clusters and listeners one by one and names those that it
 * rejects, takes other types as a whole or not at all, and asks for the endpoints of its clusters
 * and the routes of its listeners, as Envoy does.
 */
export class ScriptedClient {
  readonly #stream: HubStream;
  readonly #mode: "sotw" | "delta";
  readonly #options: ScriptedClientOptions;
  readonly #types = new Map<TypeUrl, ClientType>();
  readonly #earlier: ReadonlyMap<TypeUrl, ClientType> | undefined;
  readonly #unanswered: DecodedResponse[] = [];

  /** Takes over a stream that nothing was sent on yet. */
  constructor(stream: HubStream, options: ScriptedClientOptions = {}) {
    this.#stream = stream;
    this.#mode = stream.state.mode;
    if (options.resumes !== undefined) this.#earlier = options.resumes.#types;
    this.#options = options;
  }

  /** Responses that were received and neither accepted nor rejected. */
  get unanswered(): readonly DecodedResponse[] {
    return this.#unanswered;
  }

  /** Returns what the client uses of a type, by name. */
  resources(typeUrl: TypeUrl): ReadonlyMap<string, DecodedResource> {
    return this.#type(typeUrl).has;
  }

  /** Returns the content of each resource of a type, by name. */
  contents(typeUrl: TypeUrl): Readonly<Record<string, string | undefined>> {
    const entries = [...this.#type(typeUrl).has].sort(([a], [b]) => a < b ? -1 : 1);
    return Object.fromEntries(entries.map(([name, { content }]) => [name, content]));
  }

  /** Asks for all resources of a type, in the old way: by naming none. */
  subscribeAll(typeUrl: TypeUrl): void {
    const type = this.#type(typeUrl);
    type.wildcard = true;
    this.#request(typeUrl, [], []);
  }

  /** Asks for more names. */
  subscribe(typeUrl: TypeUrl, ...names: readonly string[]): void {
    const type = this.#type(typeUrl);
    for (const name of names) type.names.add(name);
    this.#request(typeUrl, names, []);
  }

  /** Asks for fewer names, and forgets them. */
  unsubscribe(typeUrl: TypeUrl, ...names: readonly string[]): void {
    const type = this.#type(typeUrl);
    for (const name of names) {
      type.names.delete(name);
      type.has.delete(name);
    }
    this.#request(typeUrl, [], names);
  }

  /** Takes one response from the transport, if there is one; it stays unanswered. */
  receive(): DecodedResponse | undefined {
    const bytes = this.#stream.pull();
    if (bytes === undefined) return undefined;
    const response = decodeResponse(bytes, this.#mode);
    this.#unanswered.push(response);
    return response;
  }

  /** Applies and answers the oldest response; tells whether it was accepted. */
  answer(): boolean | undefined {
    const response = this.#unanswered.shift();
    if (response === undefined) return undefined;
    const { typeUrl } = response;
    const type = this.#type(typeUrl);
    const problems = this.#apply(type, response);
    type.nonce = response.nonce;
    if (problems.length === 0) type.versionInfo = response.versionInfo;
    const kind = typeUrl === TypeUrls.cluster ? "cluster" : "listener";
    const isNamed = typeUrl === TypeUrls.cluster || typeUrl === TypeUrls.listener;
    const message = isNamed
      ? `Error adding/updating ${kind}(s) ${problems.join("\n")}`
      : "cannot use configuration";
    this.#reply(typeUrl, problems.length > 0 ? { code: 13, message } : undefined);
    this.#follow(typeUrl);
    return problems.length === 0;
  }

  /** Receives and answers until nothing comes any more; returns what was received. */
  settle(): readonly DecodedResponse[] {
    const received: DecodedResponse[] = [];
    for (let rounds = 0; rounds < 100_000; rounds++) {
      const response = this.receive();
      if (response !== undefined) received.push(response);
      else if (this.#unanswered.length === 0) return received;
      this.answer();
    }
    throw new Error("the stream does not come to rest");
  }

  #type(typeUrl: TypeUrl): ClientType {
    let type = this.#types.get(typeUrl);
    if (type !== undefined) return type;
    const earlier = this.#earlier?.get(typeUrl);
    type = {
      names: new Set(),
      has: new Map(earlier?.has),
      wildcard: false,
      nonce: earlier?.nonce ?? "",
      versionInfo: earlier?.versionInfo ?? "",
      asked: false,
    };
    this.#types.set(typeUrl, type);
    return type;
  }

  #apply(type: ClientType, response: DecodedResponse): readonly string[] {
    const { typeUrl, resources, removed } = response;
    const problems = resources.flatMap((resource) => {
      const why = this.#options.rejects?.(typeUrl, resource);
      return why === undefined ? [] : [{ name: resource.name, why }];
    });
    const isPerResource = typeUrl === TypeUrls.cluster || typeUrl === TypeUrls.listener;
    if (problems.length > 0 && !isPerResource) return problems.map(({ why }) => why);
    const bad = new Set(problems.map(({ name }) => name));
    const isFullSet = this.#mode === "sotw" && isPerResource;
    const listed = new Set(resources.map(({ name }) => name));
    if (isFullSet) {
      for (const name of type.has.keys()) if (!listed.has(name)) type.has.delete(name);
    }
    for (const resource of resources) this.#use(type, resource, bad);
    for (const name of removed) type.has.delete(name);
    return problems.map(({ name, why }) => `${name}: ${why}`);
  }

  #use(type: ClientType, resource: DecodedResource, bad: ReadonlySet<string>): void {
    const isWanted = type.wildcard || type.names.has(resource.name) ||
      [...type.names].some((name) =>
        name.endsWith("/*") && resource.name.startsWith(name.slice(0, -1))
      );
    if (isWanted && !bad.has(resource.name) && resource.content !== undefined) {
      type.has.set(resource.name, resource);
    }
  }

  /** Subscribes to what the resources of a type name, and to nothing else. */
  #follow(typeUrl: TypeUrl): void {
    for (const [parent, child] of CHILDREN) {
      if (parent !== typeUrl) continue;
      const named = new Set(
        [...this.#type(parent).has.values()].flatMap(({ references }) =>
          references.filter((key) => key.typeUrl === child).map(({ name }) => name)
        ),
      );
      const { names } = this.#type(child);
      const added = [...named].filter((name) => !names.has(name));
      const dropped = [...names].filter((name) => !named.has(name));
      if (added.length > 0) this.subscribe(child, ...added);
      if (dropped.length > 0) this.unsubscribe(child, ...dropped);
    }
  }

  #reply(typeUrl: TypeUrl, errorDetail: { code: number; message: string } | undefined): void {
    const type = this.#type(typeUrl);
    const error = errorDetail === undefined ? {} : { errorDetail };
    if (this.#mode === "delta") {
      this.#stream.request({ typeUrl, responseNonce: type.nonce, ...error });
    } else this.#requestSotw(typeUrl, type, error);
  }

  #request(
    typeUrl: TypeUrl,
    resourceNamesSubscribe: readonly string[],
    resourceNamesUnsubscribe: readonly string[],
  ): void {
    const type = this.#type(typeUrl);
    const isFirst = !type.asked;
    type.asked = true;
    if (this.#mode === "sotw") return this.#requestSotw(typeUrl, type, {});
    const initialResourceVersions = isFirst
      ? Object.fromEntries([...type.has].map(([name, { version }]) => [name, version]))
      : {};
    this.#stream.request({
      typeUrl,
      resourceNamesSubscribe,
      resourceNamesUnsubscribe,
      initialResourceVersions,
    });
  }

  #requestSotw(typeUrl: TypeUrl, type: ClientType, error: object): void {
    this.#stream.request({
      typeUrl,
      resourceNames: [...type.names],
      responseNonce: type.nonce,
      versionInfo: type.versionInfo,
      ...error,
    });
  }
}
