// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { create, type Message } from "@bufbuild/protobuf";
import { loadRegistry } from "./registry.ts";
import { compileChecks, ignoresEmpty, type RuleMessage } from "./validate_rules.ts";
import { fromRe2 } from "./well_known_strings.ts";

function bytes(...values: number[]): Uint8Array {
  return Uint8Array.from(values);
}

function time(typeName: string, seconds: number, nanos = 0): Message {
  const desc = loadRegistry().message(typeName);
  assert.ok(desc);
  return Object.assign(create(desc), { seconds: BigInt(seconds), nanos });
}

function duration(seconds: number, nanos = 0): Message {
  return time("google.protobuf.Duration", seconds, nanos);
}

function timestamp(seconds: number): Message {
  return time("google.protobuf.Timestamp", seconds);
}

function wellKnown(kind: string, value: unknown = true): RuleMessage {
  return { wellKnown: { case: kind, value } };
}

// Also the rules that no descriptor of Envoy uses today.
const CASES: [kind: string, rules: RuleMessage, good: unknown[], bad: unknown[], rule: string][] = [
  ["uint32", { const: 5 }, [5], [4], "must be 5"],
  ["uint32", { lt: 5 }, [4], [5], "must be less than 5"],
  ["uint32", { lte: 5 }, [5], [6], "must be at most 5"],
  ["uint32", { gt: 5 }, [6], [5], "must be greater than 5"],
  ["uint32", { gte: 5 }, [5], [4], "must be at least 5"],
  ["uint32", { gte: 1, lt: 5 }, [1, 4], [0, 5], "must be at least 1 and less than 5"],
  ["uint32", { gt: 5, lt: 1 }, [0, 6], [1, 3, 5], "must be greater than 5 or less than 1"],
  ["uint64", { gte: 5n, lte: 1n }, [0n, 1n, 5n], [2n, 4n], "must be at least 5 or at most 1"],
  ["int64", { in: [1n, 2n] }, [1n], [3n], "must be one of 1, 2"],
  ["double", { notIn: [1.5] }, [1], [1.5], "must not be one of 1.5"],
  ["double", { gte: 0 }, [0], [-1, NaN], "must be at least 0"],
  ["bool", { const: true }, [true], [false], "must be true"],
  ["enum", { const: 1 }, [1], [2], "must be 1"],
  ["enum", { in: [1] }, [1], [2], "must be one of 1"],
  ["enum", { notIn: [0] }, [1], [0], "must not be one of 0"],
  ["string", { const: "a" }, ["a"], ["b"], 'must be "a"'],
  ["string", { len: 1n }, ["ä", "😀"], ["", "ab"], "must be exactly 1 character long"],
  ["string", { minLen: 2n }, ["ab", "😀ä"], ["😀"], "must be at least 2 characters long"],
  ["string", { maxLen: 1n }, ["", "😀"], ["ab"], "must be at most 1 character long"],
  ["string", { lenBytes: 2n }, ["ä"], ["a"], "must be exactly 2 bytes long"],
  ["string", { minBytes: 2n }, ["ä"], ["a"], "must be at least 2 bytes long"],
  ["string", { maxBytes: 1n }, ["a"], ["ä"], "must be at most 1 byte long"],
  ["string", { pattern: "^a+$" }, ["aa"], ["b"], 'must match "^a+$"'],
  ["string", { prefix: "a" }, ["ab"], ["ba"], 'must start with "a"'],
  ["string", { suffix: "a" }, ["ba"], ["ab"], 'must end with "a"'],
  ["string", { contains: "a" }, ["bab"], ["b"], 'must contain "a"'],
  ["string", { notContains: "a" }, ["b"], ["bab"], 'must not contain "a"'],
  ["string", { in: ["a", "b"] }, ["a"], ["c"], 'must be one of "a", "b"'],
  ["string", { notIn: ["a"] }, ["b"], ["a"], 'must not be one of "a"'],
  [
    "string",
    wellKnown("email"),
    ["a.b@c.de"],
    ["a", "@b", "a@-b", "a b@c"],
    "must be an email address",
  ],
  ["string", wellKnown("hostname"), ["a", "a-1.b.", "A.b"], [
    "",
    "-a",
    "a..b",
    "a_b",
    "a".repeat(64),
  ], "must be a host name"],
  ["string", wellKnown("ip"), ["1.2.3.4", "::1"], ["1.2.3", "g::"], "must be an IP address"],
  [
    "string",
    wellKnown("ipv4"),
    ["255.0.0.1"],
    ["256.0.0.1", "01.2.3.4", "::1"],
    "must be an IPv4 address",
  ],
  ["string", wellKnown("ipv6"), ["::", "1::8", "::1.2.3.4", "1:2:3:4:5:6:7:8"], [
    "1",
    "1::2::3",
    "1:2:3:4:5:6:7::8:9",
    "::1.2.3",
    "12345::",
  ], "must be an IPv6 address"],
  [
    "string",
    wellKnown("uri"),
    ["http://a/b?c#d", "spiffe://x"],
    ["/a", "a b:c", ":a"],
    "must be an absolute URI",
  ],
  [
    "string",
    wellKnown("uriRef"),
    ["/a", "a/b:c", "http://a"],
    ["a b", "%zz", "1:a"],
    "must be a URI reference",
  ],
  [
    "string",
    wellKnown("address"),
    ["a.b", "1.2.3.4", "::1"],
    ["_", ""],
    "must be a host name or IP address",
  ],
  ["string", wellKnown("uuid"), ["00000000-0000-0000-0000-00000000000a"], ["0"], "must be a UUID"],
  [
    "string",
    wellKnown("wellKnownRegex", 1),
    ["a-b", ":path"],
    ["", "a b", "a:"],
    "must be an HTTP header name",
  ],
  [
    "string",
    wellKnown("wellKnownRegex", 2),
    ["", "a b\t"],
    ["a\n", "\x7f"],
    "must be an HTTP header value",
  ],
  [
    "string",
    { ...wellKnown("wellKnownRegex", 1), strict: false },
    ["a b"],
    ["a\n"],
    "must be an HTTP header name",
  ],
  ["bytes", { const: bytes(1) }, [bytes(1)], [bytes(2)], "must be AQ=="],
  ["bytes", { minLen: 1n }, [bytes(1)], [bytes()], "must be at least 1 byte long"],
  ["bytes", { maxLen: 1n }, [bytes(1)], [bytes(1, 2)], "must be at most 1 byte long"],
  ["bytes", { len: 1n }, [bytes(1)], [bytes()], "must be exactly 1 byte long"],
  ["bytes", { prefix: bytes(1) }, [bytes(1, 2)], [bytes(2, 1)], 'must start with "\\u0001"'],
  ["bytes", { in: [bytes(1)] }, [bytes(1)], [bytes(2)], "must be one of AQ=="],
  ["bytes", { pattern: "^a" }, [bytes(97)], [bytes(98)], 'must match "^a"'],
  [
    "bytes",
    wellKnown("ip"),
    [bytes(1, 2, 3, 4), new Uint8Array(16)],
    [bytes(1)],
    "must be an IP address of 4 or 16 bytes",
  ],
  ["any", { in: ["a/b"] }, [{ typeUrl: "a/b" }], [{ typeUrl: "a/c" }], "must be one of a/b"],
  ["any", { notIn: ["a/b"] }, [{ typeUrl: "a/c" }], [{ typeUrl: "a/b" }], "must not be one of a/b"],
  ["duration", { const: duration(1) }, [duration(1)], [duration(2)], "must be 1s"],
  ["duration", { gte: duration(0, 1000000), lt: duration(2) }, [duration(1)], [
    duration(0),
    duration(2),
  ], "must be at least 0.001s and less than 2s"],
  [
    "duration",
    { in: [duration(-1, -500000000)] },
    [duration(-1, -500000000)],
    [duration(1)],
    "must be one of -1.5s",
  ],
  [
    "timestamp",
    { gt: timestamp(0) },
    [timestamp(1)],
    [timestamp(0)],
    "must be greater than 1970-01-01T00:00:00.000Z",
  ],
];

Deno.test("compileChecks() knows every rule of protoc-gen-validate about a value", () => {
  for (const [kind, rules, good, bad, rule] of CASES) {
    const run = (value: unknown): (string | undefined)[] =>
      compileChecks(kind, rules).map((check) => check(value)).filter((broken) =>
        broken !== undefined
      );
    for (const value of good) assert.deepEqual(run(value), [], `${rule}: ${value}`);
    for (const value of bad) assert.deepEqual(run(value), [rule], `${rule}: ${value}`);
  }
});

Deno.test("ignoresEmpty() is about the rule ignore_empty", () => {
  assert.equal(ignoresEmpty({ ignoreEmpty: true }), true);
  assert.equal(ignoresEmpty({}), false);
});

Deno.test("fromRe2() translates what RE2 writes otherwise", () => {
  const cases: [pattern: string, good: string, bad: string][] = [
    ["^[[:alpha:]]+\\z", "ab", "1"],
    ["\\A[[:^digit:]x]$", "x", "1"],
    ["(?i)^ab$", "AB", "c"],
    ["^[^?#]+[^?#/]$", "/a", "/a/"],
    ["^a\\-b\\.$", "a-b.", "ab"],
  ];
  for (const [pattern, good, bad] of cases) {
    assert.ok(fromRe2(pattern).test(good), pattern);
    assert.ok(!fromRe2(pattern).test(bad), pattern);
  }
});
