// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { messageCodec, type MessageOf } from "@denvoy/proto";
import { readLimitResource } from "./limit_resource.ts";
import { combineLimits } from "./limit_resources.ts";
import type { DomainLimits } from "./limit_rule.ts";
import { readLimitSet } from "./limit_set.ts";

const codec = messageCodec("ratelimit.config.ratelimit.v3.RateLimitConfig");
type Config = MessageOf<"ratelimit.config.ratelimit.v3.RateLimitConfig">;
const [SECOND, MINUTE] = [1, 2];

function config(domain: string, ...keys: readonly string[]): Config {
  const descriptors = keys.map((key) => ({
    key,
    rateLimit: { unit: MINUTE, requestsPerUnit: 5 },
  }));
  return codec.decode(codec.encode({ domain, descriptors }));
}

Deno.test("readLimitResource() reads all that the message can say", () => {
  const message = codec.decode(codec.encode({
    name: "anything",
    domain: "shop",
    descriptors: [{
      key: "path",
      value: "/a*",
      shadowMode: true,
      detailedMetric: true,
      quotaMode: true,
      descriptors: [{
        key: "ip",
        rateLimit: { unit: SECOND, requestsPerUnit: 7, name: "n", replaces: [{ name: "other" }] },
      }, { key: "free", rateLimit: { unlimited: true } }],
    }],
  }));
  const read = readLimitResource("r", message);
  assert.ok(read.ok);
  const [rule] = read.limits.rules;
  assert.deepEqual(
    [rule?.composite, rule?.shadowMode, rule?.detailedMetric, rule?.quotaMode, rule?.place.file],
    ["path_/a*", true, true, true, "xds:r"],
  );
  const ip = rule?.children?.byComposite.get("ip");
  assert.ok(ip?.limit?.kind === "counted");
  assert.deepEqual([ip.limit.requestsPerUnit, ip.limit.unit], [7, "second"]);
  assert.deepEqual([ip.limit.name, ip.limit.replaces], ["n", ["other"]]);
  assert.equal(rule?.children?.byComposite.get("free")?.limit?.kind, "unlimited");
});

Deno.test("readLimitResource() says every problem, with its field", () => {
  const cases: [Parameters<typeof codec.encode>[0], RegExp][] = [
    [{ descriptors: [] }, /^domain: `domain` must not be empty$/],
    [{ domain: "d", descriptors: [{ key: "" }] }, /^descriptors\[0\]: `key` must not be empty$/],
    [
      { domain: "d", descriptors: [{ key: "k", rateLimit: { requestsPerUnit: 1 } }] },
      /^descriptors\[0\]\.rate_limit: must have a `unit` unless it is `unlimited`$/,
    ],
    [
      { domain: "d", descriptors: [{ key: "k", rateLimit: { unit: 99 } }] },
      /^descriptors\[0\]\.rate_limit\.unit: must be one of second.*: is "number 99"$/,
    ],
    [
      { domain: "", descriptors: [{ key: "k" }, { key: "k" }] },
      /^domain: `domain` must not be empty; descriptors\[1\]: duplicate descriptor ".k"/,
    ],
  ];
  for (const [message, wanted] of cases) {
    const read = readLimitResource("r", codec.decode(codec.encode(message)));
    assert.ok(!read.ok);
    assert.match(read.message, wanted);
  }
});

const files = "domain: shop\ndescriptors: [{ key: ip, rate_limit: 5 per minute }]";

interface Case {
  readonly what: string;
  readonly files?: string;
  readonly mergeDomains?: boolean;
  readonly resources: Readonly<Record<string, Config>>;
  /** Paths of all rules. */
  readonly counts: readonly string[];
  /** Resources that do not count, and with which words. */
  readonly hidden?: Readonly<Record<string, RegExp>>;
}

const cases: readonly Case[] = [
  {
    what: "each domain by itself",
    files,
    resources: { a: config("x", "ip"), b: config("y", "ip") },
    counts: ["shop.ip", "x.ip", "y.ip"],
  },
  {
    what: "a domain twice: the first by name counts, whichever came first",
    resources: { b: config("x", "b"), a: config("x", "a") },
    counts: ["x.a"],
    hidden: { b: /^domain: duplicate domain "x": it is in xds:a:1, too$/ },
  },
  {
    what: "a domain of files comes first",
    files,
    resources: { a: config("shop", "user"), b: config("y", "ip") },
    counts: ["shop.ip", "y.ip"],
    hidden: { a: /duplicate domain "shop": it is in limits.yaml:2, too/ },
  },
  {
    what: "domains are merged where that is asked for, but for what is there already",
    files,
    mergeDomains: true,
    resources: {
      a: config("shop", "user"),
      b: config("shop", "path", "ip"),
      c: config("shop", "path"),
    },
    counts: ["shop.ip", "shop.user", "shop.path"],
    hidden: { b: /^duplicate descriptor "shop.ip": it is in limits.yaml:2, too$/ },
  },
];

Deno.test("combineLimits() says what counts of files and resources", async (t) => {
  for (const { what, files, mergeDomains = false, resources, counts, hidden = {} } of cases) {
    await t.step(what, () => {
      const combined = combineLimits({
        files: files === undefined ? undefined : filesSet(files),
        resources: limitsOf(resources),
        mergeDomains,
      });
      assert.deepEqual([...combined.set.rules()].map(({ path }) => path), counts);
      assert.deepEqual([...combined.hidden.keys()], Object.keys(hidden));
      for (const [name, words] of Object.entries(hidden)) {
        assert.match(combined.hidden.get(name) ?? "", words);
      }
    });
  }
});

function filesSet(text: string) {
  const { set } = readLimitSet(new Map([["limits.yaml", text]]));
  assert.ok(set);
  return set;
}

function limitsOf(configs: Readonly<Record<string, Config>>): ReadonlyMap<string, DomainLimits> {
  return new Map(
    Object.entries(configs).map(([name, one]) => {
      const read = readLimitResource(name, one);
      assert.ok(read.ok);
      return [name, read.limits];
    }),
  );
}
