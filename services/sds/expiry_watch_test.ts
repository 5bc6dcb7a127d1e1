// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { FakeClock, RecordingLogger } from "@denvoy/base/testing";
import { Metrics, Readiness, type Runtime } from "@denvoy/runtime";
import type { CertificateFacts } from "./domain/certificate_facts.ts";
import { SecretBook } from "./domain/secret_book.ts";
import type { CheckedSecret } from "./domain/secret_facts.ts";
import { ExpiryWatch } from "./expiry_watch.ts";

const DAY_MS = 86_400_000;

function endingAt(notAfterMs: number): CheckedSecret {
  return {
    material: { kind: "tls-certificate", chainPem: String(notAfterMs), keyPem: "key" },
    facts: { kind: "tls-certificate", leaf: {} as CertificateFacts, chain: [], notAfterMs },
    warnings: [],
  };
}

Deno.test("ExpiryWatch warns once of each content that nobody renews, and readiness tells it", () => {
  const clock = new FakeClock();
  const logger = new RecordingLogger();
  const readiness = new Readiness(clock);
  const runtime: Runtime = {
    ...{ service: "sds", version: "0", clock, logger, readiness, tls: undefined },
    metrics: new Metrics({ service: "sds", clock }),
    serveHttp: () => Promise.resolve(""),
  };
  const book = new SecretBook();
  const put = (source: "files" | "ca", name: string, days: number) => {
    const nowMs = clock.nowMs();
    book.change(source, { put: [[name, endingAt(nowMs + days * DAY_MS)]], nowMs });
  };
  put("files", "late", 30);
  put("files", "soon", 3);
  put("ca", "renewed", 1);
  using _watch = new ExpiryWatch({ book, runtime, warnBeforeMs: 7 * DAY_MS });
  const warned = () => logger.lines.map(({ fields }) => fields.name);
  assert.deepEqual(warned(), ["soon"]);
  assert.equal(readiness.report().status, "degraded");
  assert.match(readiness.report().components.expiry?.message ?? "", /soon \(3 days left\)/);
  clock.advance(DAY_MS);
  assert.deepEqual(warned(), ["soon"], "said twice");
  put("files", "soon", 90);
  clock.advance(60_000);
  assert.equal(readiness.report().status, "ok");
  clock.advance(24 * DAY_MS);
  assert.deepEqual(warned(), ["soon", "late"]);
});
