// SPDX-License-Identifier: Apache-2.0
/**
 * For tests of whoever reads xDS: a control plane in this process, with what a test puts into it.
 * @module
 */
import { type Clock, type Logger, silentLogger, type Timer } from "@denvoy/base";
import { type GrpcServer, serveGrpc, type TlsMaterial } from "@denvoy/grpc";
import { parseAddress, systemClock } from "@denvoy/runtime";
import {
  Hub,
  MemoryView,
  type RejectedEffect,
  type Resource,
  type ResourceView,
  type TypeUrl,
} from "@denvoy/xds";
import { discoveryMethods } from "./discovery_methods.ts";
import { DISCOVERY_SERVICES, type DiscoveryService } from "./discovery_services.ts";
import type { DiscoveryCall } from "./discovery_sessions.ts";
import { PollAnswerer } from "./poll.ts";

/** What a {@linkcode TestXdsServer} is made of. */
export interface TestXdsServerOptions {
  /** Where it listens; give the one of a stopped server to restart it. @default a free port */
  readonly address?: string;
  /** Its keys; cleartext without. */
  readonly tls?: TlsMaterial;
  /** What is served. @default all discovery services */
  readonly services?: readonly DiscoveryService[];
  /** What all callers see. @default an empty view */
  readonly view?: MemoryView;
  /** What a caller sees; a StatusError that it throws ends the call. @default `view` */
  readonly viewOf?: (call: DiscoveryCall) => ResourceView;
  /** Where the server logs. @default nowhere */
  readonly logger?: Logger;
}

/** A control plane on a real port. Dispose of it to stop it at once. */
export class TestXdsServer implements AsyncDisposable {
  /** `host:port`. */
  readonly address: string;
  /** Its streams. */
  readonly hub: Hub;
  /** What all callers see. */
  readonly view: MemoryView;
  /** Calls so far, each with its first request's node and its headers. */
  readonly calls: readonly DiscoveryCall[];
  /** NACKs so far. */
  readonly rejections: readonly RejectedEffect[];
  readonly #server: GrpcServer;
  readonly #timers: Set<Timer>;

  private constructor(
    { hub, view, calls, rejections }: Pick<TestXdsServer, "hub" | "view" | "calls" | "rejections">,
    { server, timers }: { readonly server: GrpcServer; readonly timers: Set<Timer> },
  ) {
    this.hub = hub;
    this.view = view;
    this.calls = calls;
    this.rejections = rejections;
    this.#server = server;
    this.#timers = timers;
    this.address = server.address;
  }

  /** Starts a server. */
  static async start(options: TestXdsServerOptions = {}): Promise<TestXdsServer> {
    const { address = "127.0.0.1:0", tls, logger = silentLogger } = options;
    const { services = DISCOVERY_SERVICES, view = new MemoryView(), viewOf = () => view } = options;
    const calls: DiscoveryCall[] = [];
    const rejections: RejectedEffect[] = [];
    const onRejected = (_: unknown, rejected: RejectedEffect) => void rejections.push(rejected);
    const timers = new Set<Timer>();
    const clock = recordingTimers(timers);
    const hub = new Hub({ clock, observer: { onRejected } });
    const sessions = {
      begin(call: DiscoveryCall) {
        calls.push(call);
        return { view: viewOf(call) };
      },
      add() {},
    };
    const views = { open: () => ({ view, release() {} }) };
    const polls = new PollAnswerer({ hub, views, clock });
    const server = await serveGrpc({
      transport: "native",
      address: parseAddress(address) ?? { kind: "tcp", hostname: "127.0.0.1", port: 0 },
      methods: discoveryMethods({ services, hub, sessions, polls }),
      ...tls !== undefined && { tls },
      logger,
    });
    return new TestXdsServer({ hub, view, calls, rejections }, { server, timers });
  }

  /** Writes resources. */
  put(...resources: readonly Resource[]): void {
    const changes = resources.map((resource) => ({ kind: "put", resource }) as const);
    this.hub.changed(this.view, this.view.apply(changes));
  }

  /** Removes resources of a type. */
  remove(typeUrl: TypeUrl, ...names: readonly string[]): void {
    const changes = names.map((name) => ({ kind: "delete", key: { typeUrl, name } }) as const);
    this.hub.changed(this.view, this.view.apply(changes));
  }

  /** Stops it as a crash would: what is under way is cut. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.drain(0);
    for (const timer of this.#timers) timer.cancel();
  }
}

/** The system's clock; what a server leaves running when it stops can be stopped with it. */
function recordingTimers(timers: Set<Timer>): Clock {
  return {
    nowMs: () => systemClock.nowMs(),
    monotonicMs: () => systemClock.monotonicMs(),
    after(delayMs, callback) {
      const timer = systemClock.after(delayMs, () => {
        timers.delete(timer);
        callback();
      });
      timers.add(timer);
      return timer;
    },
  };
}
