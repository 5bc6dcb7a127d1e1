// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { messageCodec, type MessageOf } from "@denvoy/proto";
import { readLimitResource } from "./limit_resource.ts";
import { combineLimits, judgeLimits } from "./limit_resources.ts";
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

interface Case {
  readonly what: string;
  readonly files?: string;
  readonly mergeDomains?: boolean;
  readonly accepted?: Readonly<Record<string, Config>>;
  readonly offered?: Readonly<Record<string, Config>>;
  readonly removed?: readonly string[];
  /** Domains of the resources that count afterwards, by name. */
  readonly counts: Readonly<Record<string, string>>;
  /** Resources that are refused, and with which words. */
  readonly refused?: Readonly<Record<string, RegExp>>;
}

const files = "domain: shop\ndescriptors: [{ key: ip, rate_limit: 5 per minute }]";

const cases: readonly Case[] = [
  {
    what: "all that is good",
    offered: { a: config("x"), b: config("y") },
    counts: { a: "x", b: "y" },
  },
  {
    what: "one that is bad alone",
    offered: { a: config(""), b: config("y") },
    counts: { b: "y" },
    refused: { a: /domain: `domain` must not be empty/ },
  },
  {
    what: "a bad change keeps what was",
    accepted: { a: config("x") },
    offered: { a: config("") },
    counts: { a: "x" },
    refused: { a: /must not be empty/ },
  },
  {
    what: "a domain twice: the first one counts",
    offered: { a: config("x"), b: config("x") },
    counts: { a: "x" },
    refused: { b: /duplicate domain "x": it is in xds:a:1, too/ },
  },
  {
    what: "a domain that files have",
    files,
    offered: { a: config("shop") },
    counts: {},
    refused: { a: /duplicate domain "shop"/ },
  },
  {
    what: "a domain that files have, where domains are merged",
    files,
    mergeDomains: true,
    offered: { a: config("shop", "user"), b: config("shop", "ip") },
    counts: { a: "shop" },
    refused: { b: /duplicate descriptor "shop.ip"/ },
  },
  {
    what: "two resources exchange their domains",
    accepted: { a: config("x"), b: config("y") },
    offered: { a: config("y"), b: config("x") },
    counts: { a: "y", b: "x" },
  },
  {
    what: "what stays for want of a good successor keeps its domain",
    accepted: { a: config("x") },
    offered: { b: config("x"), a: config("") },
    counts: { a: "x" },
    refused: { a: /must not be empty/, b: /duplicate domain "x"/ },
  },
  {
    what: "a domain that is given up in the same response",
    accepted: { a: config("x") },
    offered: { b: config("x") },
    removed: ["a"],
    counts: { b: "x" },
  },
];

Deno.test("judgeLimits() takes resources one by one", async (t) => {
  for (const each of cases) {
    await t.step(each.what, () => {
      const judged = judgeLimits({
        files: each.files === undefined ? undefined : filesSet(each.files),
        mergeDomains: each.mergeDomains ?? false,
        accepted: acceptedOf(each.accepted ?? {}),
        offered: new Map(
          Object.entries(each.offered ?? {}).map(([name, one]) => [
            name,
            readLimitResource(name, one),
          ]),
        ),
        removed: each.removed ?? [],
      });
      const counts = [...judged.accepted].map(([name, { domain }]) => [name, domain]);
      assert.deepEqual(Object.fromEntries(counts), each.counts);
      const refused = each.refused ?? {};
      assert.deepEqual([...judged.refused.keys()].sort(), Object.keys(refused).sort());
      for (const [name, words] of Object.entries(refused)) {
        assert.match(judged.refused.get(name) ?? "", words);
      }
    });
  }
});

Deno.test("combineLimits() lets files take the place of resources, and says so", () => {
  const accepted = acceptedOf({ a: config("shop", "user"), b: config("b", "ip") });
  const alone = combineLimits({ files: undefined, accepted });
  assert.deepEqual([[...alone.set.domains.keys()], alone.hidden.size], [["shop", "b"], 0]);
  const both = combineLimits({ files: filesSet(files), accepted });
  assert.deepEqual([...both.set.rules()].map(({ path }) => path), ["shop.ip", "b.ip"]);
  assert.match(both.hidden.get("a") ?? "", /duplicate domain "shop"/);
  const merged = combineLimits({ files: filesSet(files), accepted, mergeDomains: true });
  assert.deepEqual([...merged.set.rules()].map(({ path }) => path), [
    "shop.ip",
    "shop.user",
    "b.ip",
  ]);
});

function filesSet(text: string) {
  const { set } = readLimitSet(new Map([["limits.yaml", text]]));
  assert.ok(set);
  return set;
}

function acceptedOf(configs: Readonly<Record<string, Config>>): ReadonlyMap<string, DomainLimits> {
  return new Map(
    Object.entries(configs).map(([name, one]) => {
      const read = readLimitResource(name, one);
      assert.ok(read.ok);
      return [name, read.limits];
    }),
  );
}
