// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { RecordingLogger } from "@denvoy/base/testing";
import { TestXdsServer } from "@denvoy/discovery/testing";
import { until } from "@denvoy/grpc/testing";
import { messageCodec } from "@denvoy/proto";
import { Readiness, systemClock } from "@denvoy/runtime";
import { type Resource, TypeUrls } from "@denvoy/xds";
import type { DomainLimits } from "../domain/limit_rule.ts";
import { XdsLimitSource } from "./xds_limit_source.ts";

const { rateLimitConfig } = TypeUrls;
const codec = messageCodec("ratelimit.config.ratelimit.v3.RateLimitConfig");

function limits(name: string, domain: string, requestsPerUnit = 5): Resource {
  const rateLimit = { unit: 2, requestsPerUnit };
  const value = codec.encode({ name, domain, descriptors: [{ key: "ip", rateLimit }] });
  return {
    typeUrl: rateLimitConfig,
    name,
    version: `${domain}${requestsPerUnit}`,
    value,
    references: [],
  };
}

class Scene implements AsyncDisposable {
  readonly readiness = new Readiness(systemClock);
  readonly logger = new RecordingLogger();
  readonly source: XdsLimitSource;
  accepted: ReadonlyMap<string, DomainLimits> | undefined;
  hidden: ReadonlyMap<string, string> = new Map();

  constructor(address: string, mode: "delta" | "sotw" = "delta") {
    this.source = new XdsLimitSource({
      client: {
        servers: [address],
        node: { id: "rls-1" },
        clock: systemClock,
        logger: this.logger,
        tuning: { mode, backoff: { initialMs: 20, maxMs: 100, factor: 2 } },
      },
      hidden: () => this.hidden,
      onLimits: (accepted) => this.accepted = accepted,
      health: this.readiness.component("limits"),
    });
  }

  get domains(): string | undefined {
    return this.accepted && [...this.accepted.values()].map(({ domain }) => domain).sort().join();
  }

  get health(): string {
    const { status, message } = this.readiness.report().components.limits ?? {};
    return `${status}: ${message}`;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.source[Symbol.asyncDispose]();
  }
}

Deno.test("XdsLimitSource takes limits of a server, in both variants, and follows them", async () => {
  for (const mode of ["delta", "sotw"] as const) {
    await using server = await TestXdsServer.start();
    server.put(limits("a", "shop"), limits("b", "mail"));
    await using scene = new Scene(server.address, mode);
    await until("both", () => scene.domains === "mail,shop");
    server.remove(rateLimitConfig, "b");
    await until("the removal", () => scene.domains === "shop");
    await until("health", () => scene.health === `ok: 1 resources, connected to ${server.address}`);
  }
});

Deno.test("XdsLimitSource refuses what is bad, says why, and keeps what was good", async () => {
  await using server = await TestXdsServer.start();
  server.put(limits("a", "shop"), limits("b", "mail"));
  await using scene = new Scene(server.address);
  await until("both", () => scene.domains === "mail,shop");
  server.put(limits("a", ""), limits("b", "post"), limits("c", "news"));
  await until("the good ones", () => scene.domains === "news,post,shop");
  await until("the rejection", () => server.rejections.length > 0);
  const words = server.rejections[0]?.detail.message ?? "";
  assert.equal(words, "a: domain: `domain` must not be empty");
  await until("health", () => /^degraded: rejected a: domain: /.test(scene.health));
});

Deno.test("XdsLimitSource does not refuse what only stands in the way, and says that it does", async () => {
  await using server = await TestXdsServer.start();
  server.put(limits("a", "shop"), limits("b", "shop"));
  await using scene = new Scene(server.address);
  scene.hidden = new Map([["b", "duplicate domain"]]);
  await until("both", () => scene.domains === "shop,shop");
  await until("health", () => scene.health === "degraded: b does not count: duplicate domain");
  scene.hidden = new Map();
  scene.source.reportHealth();
  assert.match(scene.health, /^ok: 2 resources/);
  assert.deepEqual(server.rejections, []);
});

Deno.test("XdsLimitSource is not ready before the server said what it has, be it nothing", async () => {
  const gone = await TestXdsServer.start();
  const { address } = gone;
  await gone[Symbol.asyncDispose]();
  await using scene = new Scene(address);
  await until("the failure", () => scene.health.startsWith("failed: no connection to"));
  assert.equal(scene.accepted, undefined);
  await using _server = await TestXdsServer.start({ address });
  await until("the empty set", () => scene.domains === "");
  await until("health", () => scene.health.startsWith("ok: 0 resources"));
});

Deno.test("XdsLimitSource keeps what it has while the server is away", async () => {
  const server = await TestXdsServer.start();
  server.put(limits("a", "shop"));
  await using scene = new Scene(server.address);
  await until("the limits", () => scene.domains === "shop");
  await server[Symbol.asyncDispose]();
  await until("health", () => scene.health.startsWith("degraded: no connection to"));
  assert.equal(scene.domains, "shop");
});
