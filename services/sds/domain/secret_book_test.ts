// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { messageCodec } from "@denvoy/proto";
import type { CheckedSecret } from "./secret_facts.ts";
import { SecretBook } from "./secret_book.ts";
import { secretResource } from "./secret_resource.ts";

function generic(text: string): CheckedSecret {
  const secret = new TextEncoder().encode(text);
  return {
    material: { kind: "generic", secret },
    facts: { kind: "generic", names: [] },
    warnings: [],
  };
}

Deno.test("SecretBook serves what comes first of files, API and CA, and tells what differs", () => {
  const book = new SecretBook();
  const told: (readonly string[])[] = [];
  book.subscribe((names) => told.push(names));
  const put = (source: "files" | "api" | "ca", name: string, text: string) =>
    book.change(source, { put: [[name, generic(text)]], nowMs: 1 });
  put("ca", "a", "of the ca");
  put("api", "a", "of the api");
  put("files", "a", "of a file");
  put("files", "a", "of a file");
  assert.equal(book.get("a")?.source, "files");
  assert.equal(told.length, 3, "the same content is no change");
  book.change("files", { remove: ["a", "b"], nowMs: 2 });
  assert.equal(book.get("a")?.source, "api");
  assert.deepEqual(told.at(-1), ["a"]);
  assert.deepEqual(book.list().map(({ name, source }) => [name, source]), [["a", "api"]]);
});

Deno.test("secretResource() writes Envoy's message; its version is one of its content", () => {
  const codec = messageCodec("envoy.extensions.transport_sockets.tls.v3.Secret");
  const make = (bundlePem: string) =>
    secretResource("trust", {
      kind: "validation-context",
      bundlePem,
      crlPem: "list",
      onlyVerifyLeafCrl: true,
      sanMatchers: [
        { sanType: "URI", match: "prefix", value: "spiffe://shop/" },
        { sanType: "DNS", match: "regex", value: ".*" },
      ],
      trustDomains: [{ trustDomain: "shop", bundlePem }],
    });
  const { name, validationContext } = codec.decode(make("roots").value);
  assert.equal(name, "trust");
  assert.equal(validationContext?.trustedCa?.inlineString, "roots");
  assert.equal(validationContext?.crl?.inlineString, "list");
  assert.equal(validationContext?.onlyVerifyLeafCertCrl, true);
  const [uri, dns] = validationContext?.matchTypedSubjectAltNames ?? [];
  assert.equal(uri?.matcher?.prefix, "spiffe://shop/");
  assert.equal(dns?.matcher?.safeRegex?.regex, ".*");
  assert.equal(
    validationContext?.customValidatorConfig?.name,
    "envoy.tls.cert_validator.spiffe",
  );
  assert.equal(make("roots").version, make("roots").version);
  assert.notEqual(make("roots").version, make("others").version);
});
