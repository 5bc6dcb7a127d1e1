// SPDX-License-Identifier: Apache-2.0
/**
 * sds in the process of a test, and certificates of a CA that it does not know.
 * @module
 */
import type { StatusCode } from "@denvoy/base";
import { StatusError } from "@denvoy/base";
import { FakeClock, RecordingLogger } from "@denvoy/base/testing";
import { type ClientTls, connectGrpc, type GrpcClient, type Metadata } from "@denvoy/grpc";
import { messageCodec, serviceMethods } from "@denvoy/proto";
import type { Secret } from "@denvoy/proto/messages";
import { loadConfig, type ServiceHandle, startService, systemClock } from "@denvoy/runtime";
import { TypeUrls } from "@denvoy/xds";
import { openCa } from "./adapters/open_ca.ts";
import { sds } from "./app.ts";
import type { Issued, IssueRequest } from "./domain/certificate_authority.ts";
import { defaultCaSettings } from "./domain/ca/ca_settings.ts";

const { FetchSecrets } = serviceMethods("envoy.service.secret.v3.SecretDiscoveryService");
const codec = messageCodec("envoy.extensions.transport_sockets.tls.v3.Secret");

/** How a caller comes. */
export interface Approach {
  /** Its keys; cleartext without. */
  readonly tls?: ClientTls;
  /** Its headers. */
  readonly headers?: Readonly<Record<string, string>>;
  /** `unix:<path>`, where it is not the main address. */
  readonly address?: string;
}

/** A running sds. */
export class TestSds implements AsyncDisposable {
  /** All that it logged. */
  readonly logger: RecordingLogger;
  readonly #handle: ServiceHandle;

  private constructor(handle: ServiceHandle, logger: RecordingLogger) {
    this.#handle = handle;
    this.logger = logger;
  }

  /** Starts it on free ports with these flags. */
  static async start(args: readonly string[]): Promise<TestSds> {
    const logger = new RecordingLogger();
    const ports = ["--grpc-address", "--http-address"].flatMap((flag) =>
      args.includes(flag) ? [] : [flag, "127.0.0.1:0"]
    );
    const readFile = () => undefined;
    const given = args.includes("--data-dir") ? args : [...args, "--data-dir", ":memory:"];
    const outcome = loadConfig(sds.schema, {
      ...{ args: [...ports, ...given], env: {}, readFile, version: "0" },
    });
    if (outcome.kind !== "config") {
      throw new TypeError(`Cannot start sds: ${JSON.stringify(outcome)}`);
    }
    return new TestSds(await startService(sds, outcome.config, { logger }), logger);
  }

  /** `http://` and its HTTP address. */
  get url(): string {
    return `http://${this.#handle.addresses.http}`;
  }

  /** Its gRPC address. */
  get grpcAddress(): string {
    return this.#handle.addresses.grpc ?? "";
  }

  /** Returns a client. */
  connect({ tls, address }: Approach = {}): GrpcClient {
    return connectGrpc({ address: address ?? this.grpcAddress, ...(tls && { tls }) });
  }

  /** Returns the secrets of these names, or the status of the refusal. */
  async fetch(
    names: readonly string[],
    approach: Approach = {},
  ): Promise<readonly Secret[] | StatusCode> {
    await using client = this.connect(approach);
    const metadata: Metadata = new Map(
      Object.entries(approach.headers ?? {}).map(([name, value]) => [name, [value]]),
    );
    const request = {
      ...{ node: { id: "node-1", cluster: "web" }, resourceNames: [...names] },
      ...{ versionInfo: "", typeUrl: TypeUrls.secret, responseNonce: "" },
    };
    try {
      const options = { metadata, timeoutMs: 10_000 };
      const { resources = [] } = await client.unary(FetchSecrets, request, options);
      return resources.map(({ value = new Uint8Array() }) => codec.decode(value));
    } catch (error) {
      return StatusError.from(error).code;
    }
  }

  /** Calls the HTTP API; returns the status and the text of the answer. */
  async call(
    method: string,
    path: string,
    body?: unknown,
  ): Promise<{ readonly status: number; readonly text: string }> {
    const headers = { "content-type": "application/json" };
    const init = body === undefined ? {} : { headers, body: JSON.stringify(body) };
    const response = await fetch(this.url + path, { method, ...init });
    return { status: response.status, text: await response.text() };
  }

  /** Returns the log as text. */
  log(): string {
    return JSON.stringify(this.logger.lines);
  }

  /** Stops it. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.#handle.stop(0);
  }
}

/** A CA that sds does not know. */
export interface StrangeCa {
  /** PEM of its root. */
  readonly rootPem: string;
  /** Issues. */
  issue(request: IssueRequest): Promise<Issued>;
  /** Revokes. */
  revoke(issued: Issued): Promise<void>;
  /** PEM of its revocation lists, with those who sign them. */
  lists(): Promise<string>;
}

/** Makes one, and lets it issue as if it were `ageMs` ago. */
export async function strangeCa({ ageMs = 0, trustDomain = "shop" } = {}): Promise<StrangeCa> {
  const clock = new FakeClock(systemClock.nowMs() - ageMs);
  const logger = new RecordingLogger();
  const settings = { ...defaultCaSettings, trustDomain };
  const opened = await openCa({ settings, clock, logger });
  const { bundlePem: rootPem } = opened.ca.trustBundle();
  await opened[Symbol.asyncDispose]();
  const { ca } = opened;
  return {
    rootPem,
    issue: (request) => ca.issue(request),
    revoke: async ({ facts }) => void await ca.revoke(facts.serial),
    lists: () => ca.publishedLists(),
  };
}
