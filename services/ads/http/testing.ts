// SPDX-License-Identifier: Apache-2.0
/**
 * The API on a real port, over a configuration in memory.
 * @module
 */
import { FakeClock, RecordingLogger } from "@denvoy/base/testing";
import { type HttpServer, Metrics, Readiness, serveApi, systemClock } from "@denvoy/runtime";
import { type Configuration, openConfiguration } from "../domain/configuration.ts";
import { MemoryStore } from "../domain/memory_store.ts";
import { readResourceText } from "../domain/resource_document.ts";
import { apiRoutes } from "./api_routes.ts";

/** An answer, its body read. */
export class Answer {
  /** HTTP status. */
  readonly status: number;
  /** Headers. */
  readonly headers: Headers;
  /** The body as text. */
  readonly text: string;

  /** `text` is the whole body. */
  constructor(response: Response, text: string) {
    this.status = response.status;
    this.headers = response.headers;
    this.text = text;
  }

  /** Returns the value at a dotted path of the JSON body, e.g. `changes.0.name`. */
  at(path: string): unknown {
    let value: unknown = JSON.parse(this.text);
    for (const key of path.split(".")) value = Object(value)[key];
    return value;
  }
}

/** A configuration behind its API. Time stands still until the clock is moved. */
export class ApiWorld implements AsyncDisposable {
  /** Time of the configuration. */
  readonly clock: FakeClock;
  /** Where it is kept. */
  readonly store: MemoryStore;
  /** What the API reads and writes. */
  readonly config: Configuration;
  readonly #server: HttpServer;

  /** Serves with these resources in the file `a.yaml`. */
  static async start(files = "resources: []"): Promise<ApiWorld> {
    const clock = new FakeClock();
    const store = new MemoryStore(10);
    const config = openConfiguration({ clock, store });
    config.files.replace(fileEdits(files), "a.yaml");
    const parts = {
      configuration: config,
      clock,
      writePolicy: "refuse",
      endpointTtlMs: 30_000,
      sharedId: () => "",
    };
    const server = await serveApi({
      address: { kind: "tcp", hostname: "127.0.0.1", port: 0 },
      routes: apiRoutes({ ...parts, writePolicy: "refuse" }),
      info: { title: "test", description: "", version: "0" },
      hosts: [],
      openMetrics: true,
      readiness: new Readiness(systemClock),
      metrics: new Metrics({ service: "ads", clock: systemClock }),
      logger: new RecordingLogger(),
      clock: systemClock,
    });
    return new ApiWorld({ clock, store, config, server });
  }

  private constructor(parts: {
    clock: FakeClock;
    store: MemoryStore;
    config: Configuration;
    server: HttpServer;
  }) {
    this.clock = parts.clock;
    this.store = parts.store;
    this.config = parts.config;
    this.#server = parts.server;
  }

  /** Sends a request and leaves the answer to the caller. */
  fetch(path: string, init?: RequestInit): Promise<Response> {
    return fetch(`http://${this.#server.address}${path}`, init);
  }

  /** Sends a request; a string is sent as YAML, anything else as JSON. */
  async call(
    request: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Answer> {
    const [method = "", path = ""] = request.split(" ");
    const isYaml = typeof body === "string";
    const type = isYaml ? "application/yaml" : "application/json";
    const response = await this.fetch(path, {
      method,
      headers: { ...(body === undefined ? {} : { "content-type": type }), ...headers },
      ...(body === undefined ? {} : { body: isYaml ? body : JSON.stringify(body) }),
    });
    return new Answer(response, await response.text());
  }

  /** Stops serving. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.close();
  }
}

function fileEdits(text: string) {
  return readResourceText(text).drafts.map(({ resource, selector, line }) => ({
    key: { typeUrl: resource.typeUrl, name: resource.name },
    selector,
    layer: "files" as const,
    entry: { resource, place: { file: "a.yaml", line } },
  }));
}
