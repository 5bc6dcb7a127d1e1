// SPDX-License-Identifier: Apache-2.0
/**
 * Verdicts become the `health_status` of endpoints in ads: `PUT /v1/endpoint-health`, in batches. ads
 * forgets a verdict that is not repeated, so that an hds that is gone for good evicts nobody for ever;
 * and all of them when it restarts, which it is asked about.
 * @module
 */
import { StatusCode, StatusError } from "@denvoy/base";
import { formatDuration } from "@denvoy/runtime";
import type { PublishedVerdict } from "../domain/verdict_outbox.ts";
import type { VerdictSink } from "../publisher.ts";
import { askJson, type JsonRequestOptions, sendJson } from "./json_request.ts";

/** What the sink works with. */
export interface AdsSinkOptions extends Omit<JsonRequestOptions, "method"> {
  /** How long ads believes a verdict, in milliseconds. */
  readonly ttlMs: number;
}

const BATCH = 5000;

/** See the module. */
export class AdsSink implements VerdictSink {
  /** See {@linkcode VerdictSink.name}. */
  readonly name = "ads";
  /** See {@linkcode VerdictSink.repeatMs}. */
  readonly repeatMs: number;
  readonly #options: AdsSinkOptions;

  /** `url` is that of the HTTP API, without a path. */
  constructor(options: AdsSinkOptions) {
    this.#options = options;
    this.repeatMs = options.ttlMs / 3;
  }

  /** See {@linkcode VerdictSink.instance}. @throws StatusError UNAVAILABLE without an answer */
  async instance(signal: AbortSignal): Promise<string> {
    const answer = await askJson({ options: this.#request("GET"), signal });
    const fields: Readonly<Record<string, unknown>> = Object(answer);
    if (typeof fields.instance === "string") return fields.instance;
    throw new StatusError(StatusCode.UNAVAILABLE, "answer has no instance");
  }

  /** See {@linkcode VerdictSink.publish}. */
  async publish(verdicts: readonly PublishedVerdict[], signal: AbortSignal): Promise<void> {
    const { ttlMs } = this.#options;
    const options = this.#request("PUT");
    for (let at = 0; at < verdicts.length; at += BATCH) {
      const endpoints = verdicts.slice(at, at + BATCH).map(adsVerdict);
      await sendJson({ ttl: formatDuration(ttlMs), endpoints }, { options, signal });
    }
  }

  #request(method: "GET" | "PUT"): JsonRequestOptions {
    const { ttlMs: _, url, ...rest } = this.#options;
    return { ...rest, url: `${url.replace(/\/+$/, "")}/v1/endpoint-health`, method };
  }
}

function adsVerdict({ service, host, port, health }: PublishedVerdict) {
  return { cluster: service, address: host, port, health: health.toLowerCase() };
}
