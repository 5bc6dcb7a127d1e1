// SPDX-License-Identifier: Apache-2.0
/**
 * Backends that fail in each of the ways that a check can see, and get well again.
 * @module
 */
import { silentLogger } from "@denvoy/base";
import { type GrpcServer, serveGrpc, type TlsMaterial } from "@denvoy/grpc";
import { eventually, freePort } from "../support/mod.ts";

/** How an HTTP backend is. */
export type Condition = "well" | "status" | "timeout" | "refused";

/** Keys of TLS, and how long every answer takes. */
export interface BackendOptions {
  /** Its certificate chain and key in PEM; cleartext without. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** Milliseconds before each answer. @default 0 */
  readonly delayMs?: number;
}

/** A backend that answers every request with its name while it is well. */
export class FaultyBackend implements AsyncDisposable {
  /** Its port on 127.0.0.1. */
  readonly port: number = freePort();
  readonly #name: string;
  readonly #tls: { readonly cert: string; readonly key: string } | undefined;
  readonly #stuck = new Set<() => void>();
  readonly #delayMs: number;
  #now = 0;
  #most = 0;
  #answered = 0;
  #condition: Condition = "well";
  #server: Deno.HttpServer | undefined;

  /** It is well. */
  constructor(name: string, { tls, delayMs = 0 }: BackendOptions = {}) {
    this.#name = name;
    this.#tls = tls;
    this.#delayMs = delayMs;
    this.#listen(tls);
  }

  /** How many requests it has answered. */
  get answered(): number {
    return this.#answered;
  }

  /**
   * Returns how many requests it has at once at most while it answers some more: begin when those that
   * nobody waits for any more are through.
   */
  async mostAtOnce(): Promise<number> {
    this.#most = this.#now;
    const until = this.#answered + 4;
    await eventually(() => this.#answered >= until, { what: "requests", withinMs: 40_000 });
    return this.#most;
  }

  /** Makes it fail, or well again. */
  async become(condition: Condition): Promise<void> {
    this.#condition = condition;
    this.#release();
    if (condition === "refused") await this.#stop();
    else if (this.#server === undefined) this.#listen(this.#tls);
  }

  /** Makes it speak cleartext where TLS is expected. */
  async speakCleartext(): Promise<void> {
    await this.#stop();
    this.#listen(undefined);
  }

  /** Makes it speak TLS again. */
  async speakTls(): Promise<void> {
    await this.#stop();
    this.#listen(this.#tls);
  }

  /** Stops it. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#condition = "well";
    this.#release();
    await this.#stop();
  }

  #listen(tls: { readonly cert: string; readonly key: string } | undefined): void {
    const where = { hostname: "127.0.0.1", port: this.port, onListen: () => {} };
    this.#server = Deno.serve({ ...where, ...tls }, () => this.#answer());
  }

  async #answer(): Promise<Response> {
    this.#most = Math.max(this.#most, ++this.#now);
    try {
      return await this.#respond();
    } finally {
      this.#now--;
      this.#answered++;
    }
  }

  async #respond(): Promise<Response> {
    if (this.#delayMs > 0) await new Promise((resolve) => setTimeout(resolve, this.#delayMs));
    if (this.#condition === "timeout") {
      await new Promise<void>((resolve) => this.#stuck.add(resolve));
    }
    return new Response(this.#name, { status: this.#condition === "status" ? 503 : 200 });
  }

  #release(): void {
    for (const go of this.#stuck) go();
    this.#stuck.clear();
  }

  async #stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    await server?.shutdown();
  }
}

/** A gRPC backend whose health can be set; only grpc.health.v1 is served. */
export class GrpcHealthBackend implements AsyncDisposable {
  /** Its port on 127.0.0.1. */
  readonly port: number;
  readonly #server: GrpcServer;

  private constructor(server: GrpcServer) {
    this.#server = server;
    this.port = Number(server.address.slice(server.address.lastIndexOf(":") + 1));
  }

  /** Starts it; it says SERVING. With keys it speaks TLS, and with roots wants a certificate. */
  static async start(tls?: TlsMaterial): Promise<GrpcHealthBackend> {
    const address = { kind: "tcp", hostname: "127.0.0.1", port: 0 } as const;
    const keys = tls && { tls };
    const server = await serveGrpc({ address, methods: [], logger: silentLogger, ...keys });
    return new GrpcHealthBackend(server);
  }

  /** What it says from now on. */
  setServing(serving: boolean): void {
    this.#server.setServing("", serving);
  }

  /** Stops it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.drain(0);
  }
}
