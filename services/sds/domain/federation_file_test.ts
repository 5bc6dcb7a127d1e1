// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { formatProblem } from "@denvoy/base";
import { readFederationFile } from "./federation_file.ts";

Deno.test("readFederationFile() takes both ways in which an endpoint proves who it is", () => {
  const read = readFederationFile(
    [
      "trust_domains:",
      "- { name: partner.example, url: 'https://partner.example/bundle', ca: partner.pem }",
      "- name: other.example",
      "  url: https://other.example:8443/",
      "  spiffe_id: spiffe://other.example/bundle",
      "  bundle: other.pem",
    ].join("\n"),
    { file: "federation.yaml" },
  );
  assert.ok(read.ok, JSON.stringify(read));
  assert.deepEqual(
    read.value.map(({ trustDomain, caFile, spiffeId }) => [trustDomain, caFile, spiffeId]),
    [
      ["partner.example", "partner.pem", undefined],
      ["other.example", undefined, "spiffe://other.example/bundle"],
    ],
  );
});

Deno.test("readFederationFile() finds everything that is wrong", () => {
  const table: readonly (readonly [string, RegExp])[] = [
    ["{ url: 'https://x/' }", /needs `name`/],
    ["{ name: x }", /needs `url`/],
    ["{ name: X, url: 'https://x/' }", /lower-case/],
    ["{ name: x, url: 'http://x/' }", /must start with https/],
    ["{ name: x, url: 'https://x/', spiffe_id: 'spiffe://x/y' }", /together, or neither/],
    ["{ name: x, url: 'https://x/', bundle: b.pem }", /together, or neither/],
    [
      "{ name: x, url: 'https://x/', spiffe_id: x, bundle: b.pem }",
      /spiffe_id: cannot read SPIFFE ID/,
    ],
    ["{ name: x, uri: 'https://x/' }", /unknown key "uri"/],
  ];
  for (const [line, expected] of table) {
    const read = readFederationFile(`trust_domains: [${line}]`, { file: "federation.yaml" });
    assert.ok(!read.ok, line);
    assert.match(read.error.map(formatProblem).join("\n"), expected, line);
  }
});
