// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { formatProblem } from "@denvoy/base";
import { filesOf } from "./secret_spec.ts";
import { readSecretsFile } from "./secrets_file.ts";

function read(...lines: readonly string[]) {
  const options = { file: "secrets.yaml", resolve: (path: string) => `/etc/${path}` };
  return readSecretsFile(["secrets:", ...lines].join("\n"), options);
}

Deno.test("readSecretsFile() maps names to files and to what is made", () => {
  const specs = read(
    "- { name: a, certificate: { chain: a.pem, key: a.key, password_file: a.pass, ocsp: a.der } }",
    "- { name: b, certificate: { pkcs12: b.p12, fetch_ocsp: true } }",
    "- name: c",
    "  trust: { bundle: c.pem, crl: c.crl, sans: [{ type: URI, prefix: 'spiffe://c/' }] }",
    "- { name: d, trust: { own_ca: true } }",
    "- { name: e, session_tickets: { files: [e1, e2] } }",
    "- { name: f, session_tickets: { rotate: 90s } }",
    "- { name: g, generic: { file: g.txt, files: { id: g.id } } }",
    "- { name: h, issue: { dns_names: h.example, lifetime: 7d } }",
  );
  assert.ok(specs.ok, JSON.stringify(specs));
  const files = specs.value.map(({ name, from }) => [name, from.kind, filesOf(from)]);
  assert.deepEqual(files, [
    ["a", "certificate-files", ["/etc/a.pem", "/etc/a.key", "/etc/a.pass", "/etc/a.der"]],
    ["b", "certificate-files", ["/etc/b.p12"]],
    ["c", "trust", ["/etc/c.pem", "/etc/c.crl"]],
    ["d", "trust", []],
    ["e", "ticket-files", ["/etc/e1", "/etc/e2"]],
    ["f", "generated-tickets", []],
    ["g", "generic-files", ["/etc/g.txt", "/etc/g.id"]],
    ["h", "issued", []],
  ]);
  const [, , trust, , , tickets, , issued] = specs.value;
  assert.deepEqual(trust?.from.kind === "trust" && trust.from.sanMatchers, [
    { sanType: "URI", match: "prefix", value: "spiffe://c/" },
  ]);
  assert.deepEqual(tickets?.from, { kind: "generated-tickets", rotateMs: 90_000, keep: 3 });
  assert.deepEqual(issued?.from.kind === "issued" && issued.from.request, {
    dnsNames: ["h.example"],
    ipAddresses: [],
    lifetimeMs: 604_800_000,
  });
});

Deno.test("readSecretsFile() finds everything that is wrong", () => {
  const table: readonly (readonly [string, RegExp])[] = [
    ["- { certificate: { chain: a, key: b } }", /needs `name`/],
    ["- { name: a }", /needs exactly one of certificate, trust/],
    ["- { name: a, trust: { own_ca: true }, generic: { file: x } }", /needs exactly one of/],
    ["- { name: a, certificate: { chain: a } }", /needs either `chain` and `key`, or `pkcs12`/],
    ["- { name: a, certificate: { chain: a, key: b, pkcs12: c } }", /needs either/],
    ["- { name: a, certificate: { chain: a, kee: b } }", /unknown key "kee"/],
    ["- { name: a, trust: {} }", /needs a `bundle`/],
    ["- { name: a, trust: { bundle: a, sans: [{ type: URI }] } }", /needs a type and exactly one/],
    ["- { name: a, trust: { bundle: a, sans: [{ exact: x }] } }", /needs a type and exactly one/],
    ["- { name: a, session_tickets: { keep: 1 } }", /keep: must be a whole number from 2 to 10/],
    ["- { name: a, session_tickets: { rotate: often } }", /rotate: must be a duration/],
    ["- { name: a, generic: {} }", /needs a `file` or `files`/],
    ["- { name: a, issue: { key_type: dsa } }", /key_type: must be one of/],
    ["- { name: a, trust: { own_ca: true } }\n- { name: a, generic: { file: b } }", /twice: "a"/],
    ["- a", /must be a map/],
    ["- {", /secrets\.yaml:\d+:\d+: /],
  ];
  for (const [line, expected] of table) {
    const outcome = read(line);
    assert.ok(!outcome.ok, line);
    assert.match(outcome.error.map(formatProblem).join("\n"), expected, line);
  }
});
