// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { StatusCode, StatusError } from "@denvoy/base";
import { RecordingLogger } from "@denvoy/base/testing";
import { type GrpcClient, type Metadata, serveGrpc, transportNames } from "@denvoy/grpc";
import { until, within, withServer } from "@denvoy/grpc/testing";
import { serviceMethods } from "@denvoy/proto";
import { systemClock } from "@denvoy/runtime";
import { QuotaBook } from "../domain/quota_book.ts";
import { testQuotaSettings } from "../domain/testing/simulated_fleet.ts";
import { limitsOf } from "../domain/testing.ts";
import type { UsageReports } from "./quota_message.ts";
import { quotaMethods } from "./quota_service.ts";

const { StreamRateLimitQuotas } = serviceMethods(
  "envoy.service.rate_limit_quota.v3.RateLimitQuotaService",
);

function openBook(settings: Partial<typeof testQuotaSettings> = {}): QuotaBook {
  const observer = { reported: () => {}, refused: () => {}, told: () => {} };
  const book = new QuotaBook({ settings: { ...testQuotaSettings, ...settings }, observer });
  const limits = "domain: d\ndescriptors: [{key: k, rate_limit: 5000 per minute}]";
  book.takeRules(limitsOf(limits), systemClock.monotonicMs());
  return book;
}

function usage(bucket: Readonly<Record<string, string>>) {
  return {
    bucketId: { bucket },
    timeElapsed: { seconds: 1, nanos: 0 },
    numRequestsAllowed: 1,
    numRequestsDenied: 0,
  };
}

function report(domain: string, ...buckets: readonly Record<string, string>[]): UsageReports {
  return { domain, bucketQuotaUsages: buckets.map(usage) };
}

async function withQuotas(
  book: QuotaBook,
  body: (client: GrpcClient) => Promise<void>,
): Promise<void> {
  for (const transport of transportNames) {
    const methods = quotaMethods({
      ...{ book, clock: systemClock, logger: new RecordingLogger(), onActive: () => {} },
    });
    const adapter = (options: Parameters<typeof serveGrpc>[0]) =>
      serveGrpc({ ...options, transport });
    await withServer(adapter, { methods }, ({ client }) => body(client));
  }
}

/** Requests that come one by one, when they are asked for, and then stay away. */
async function* once(...messages: readonly UsageReports[]) {
  yield* messages;
  await new Promise<void>(() => {});
}

Deno.test("StreamRateLimitQuotas answers the first report with an assignment as Envoy reads it", async () => {
  const book = openBook();
  await withQuotas(book, async (client) => {
    const metadata: Metadata = new Map([["x-node-id", ["envoy-1"]]]);
    const responses = client.bidiStream(StreamRateLimitQuotas, once(report("d", { k: "v" })), {
      metadata,
    });
    const { value } = await within("an assignment", responses.next());
    assert.deepEqual(value, {
      bucketAction: [{
        bucketId: { bucket: { k: "v" } },
        quotaAssignmentAction: {
          assignmentTimeToLive: { seconds: 30, nanos: 0 },
          rateLimitStrategy: {
            tokenBucket: {
              maxTokens: 5000,
              tokensPerFill: { value: 5000 },
              fillInterval: { seconds: 60, nanos: 60 },
            },
          },
        },
      }],
    });
    const [stream] = book.streams;
    assert.deepEqual([stream?.client.name, stream?.client.identity], ["envoy-1", "envoy-1"]);
    await responses.return?.();
    await until("the stream is closed", () => book.streams.size === 0);
    book.tick(systemClock.monotonicMs() + 60_000);
    assert.equal(book.limits, 0);
  });
});

Deno.test("StreamRateLimitQuotas refuses a first report without a domain", async () => {
  const book = openBook();
  await withQuotas(book, async (client) => {
    const responses = client.bidiStream(StreamRateLimitQuotas, once(report("", { k: "v" })));
    await assert.rejects(
      within("an answer", responses.next()),
      (error) => error instanceof StatusError && error.code === StatusCode.INVALID_ARGUMENT,
    );
    await until("the stream is closed", () => book.streams.size === 0);
  });
});

Deno.test("StreamRateLimitQuotas bears reports without buckets, ids and sensible times", async () => {
  const book = openBook();
  await withQuotas(book, async (client) => {
    const hostile = [
      { ...usage({}), timeElapsed: { seconds: -9_223_372_036_854, nanos: -1 } },
      { ...usage({ k: "" }) },
      {
        ...usage({ k: "v" }),
        timeElapsed: { seconds: 315_576_000_000_000, nanos: 0 },
        numRequestsDenied: Number.MAX_SAFE_INTEGER,
      },
    ];
    const messages = [
      report("d"),
      { domain: "d", bucketQuotaUsages: hostile },
      report("elsewhere", { k: "w" }),
    ];
    const responses = client.bidiStream(StreamRateLimitQuotas, once(...messages));
    const told = new Set<string | undefined>();
    while (told.size < 2) {
      const { value } = await within("an assignment", responses.next());
      for (const { bucketId } of value?.bucketAction ?? []) told.add(bucketId?.bucket.k);
    }
    assert.deepEqual([...told], ["v", "w"]);
    await responses.return?.();
    await until("the stream is closed", () => book.streams.size === 0);
  });
});

Deno.test("StreamRateLimitQuotas reads no more from one who does not read", async () => {
  const book = openBook({ maxBuckets: 5, maxBucketsPerStream: 5 });
  await withQuotas(book, async (client) => {
    let sent = 0;
    async function* flood() {
      for (; sent < 400; sent++) {
        const buckets = Array.from({ length: 1000 }, (_, index) => ({ k: `${sent}-${index}` }));
        yield report("d", ...buckets);
        await new Promise((resolve) => setTimeout(resolve, 0));
      }
    }
    const responses = client.bidiStream(StreamRateLimitQuotas, flood());
    await within("a response", responses.next());
    await until("the stream is open", () => book.streams.size === 1);
    const [stream] = book.streams;
    let [last, still] = [0, 0];
    await until("nothing more is read", () => {
      still = sent === last ? still + 1 : 0;
      last = sent;
      return still > 100;
    });
    assert.ok((stream?.pending ?? Infinity) <= 21_000, `${stream?.pending} wait`);
    assert.ok(sent < 400, "flow control stopped the sender");
    await responses.return?.();
    await until("the stream is closed", () => book.streams.size === 0);
  });
});

Deno.test("StreamRateLimitQuotas ends when it is told to", async () => {
  const book = openBook();
  await withQuotas(book, async (client) => {
    const responses = client.bidiStream(StreamRateLimitQuotas, once(report("d", { k: "v" })));
    await within("an assignment", responses.next());
    book.endStreams();
    assert.equal((await within("the end", responses.next())).done, true);
    assert.equal(book.streams.size, 0);
  });
});
