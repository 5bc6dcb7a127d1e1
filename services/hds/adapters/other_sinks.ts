// SPDX-License-Identifier: Apache-2.0
/**
 * Verdicts for other control planes: a file with all of them, a webhook with the changes.
 * @module
 */
import type { PublishedVerdict } from "../domain/verdict_outbox.ts";
import type { VerdictSink } from "../publisher.ts";
import { type JsonRequestOptions, sendJson } from "./json_request.ts";

/** Writes all verdicts to a file, whole or not at all. */
export class FileSink implements VerdictSink {
  /** See {@linkcode VerdictSink.name}. */
  readonly name = "file";
  /** See {@linkcode VerdictSink.repeatMs}. */
  readonly repeatMs = 0;
  readonly #path: string;
  readonly #all: () => unknown;

  /** `all` returns what `/v1/health` says. */
  constructor(path: string, all: () => unknown) {
    this.#path = path;
    this.#all = all;
  }

  /** See {@linkcode VerdictSink.publish}. */
  async publish(): Promise<void> {
    const draft = `${this.#path}.new`;
    await Deno.writeTextFile(draft, JSON.stringify(this.#all(), undefined, 2) + "\n");
    await Deno.rename(draft, this.#path);
  }
}

/** Posts changes to a URL. */
export class WebhookSink implements VerdictSink {
  /** See {@linkcode VerdictSink.name}. */
  readonly name = "webhook";
  /** See {@linkcode VerdictSink.repeatMs}. */
  readonly repeatMs = 0;
  readonly #options: JsonRequestOptions;

  /** Posts to the URL of `options`. */
  constructor(options: Omit<JsonRequestOptions, "method">) {
    this.#options = { ...options, method: "POST" };
  }

  /** See {@linkcode VerdictSink.publish}. */
  async publish(verdicts: readonly PublishedVerdict[], signal: AbortSignal): Promise<void> {
    const endpoints = verdicts.map(({ service, host, port, health }) => ({
      cluster: service,
      address: host,
      port,
      health,
    }));
    await sendJson({ endpoints }, { options: this.#options, signal });
  }
}
