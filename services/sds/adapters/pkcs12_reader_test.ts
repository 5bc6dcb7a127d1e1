// SPDX-License-Identifier: Apache-2.0
/** What becomes of PKCS#12 files. @module */
import assert from "node:assert/strict";
import { expectDerTag, formatProblem, readDer } from "@denvoy/base";
import { derSequence } from "../domain/ca/der.ts";
import { readPkcs12 } from "./pkcs12_reader.ts";
import { X509LibraryReader } from "./x509_library_reader.ts";

const testdata = new URL("testdata/", import.meta.url);
const x509 = new X509LibraryReader();

function open(name: string, passphrase: string): ReturnType<typeof readPkcs12> {
  const bytes = Deno.readFileSync(new URL(name, testdata));
  return readPkcs12({ bytes, passphrase, file: name }, x509);
}

function pem(name: string): string {
  const text = Deno.readTextFileSync(new URL(name, testdata));
  return text.slice(text.indexOf("-----BEGIN"));
}

for (
  const [name, passphrase] of [
    ["leaf.p12", "swordfish"],
    ["legacy.p12", "swordfish"],
    ["empty_passphrase.p12", ""],
  ] as const
) {
  Deno.test(`readPkcs12() makes PEM of ${name}, the certificate byte for byte`, () => {
    const content = open(name, passphrase);
    assert.ok(content.ok, JSON.stringify(content));
    assert.equal(content.value.chainPem, pem("leaf.pem"));
    assert.equal(content.value.keyPem, pem("pkcs8.key"));
    assert.equal(content.value.rootsPem, name === "leaf.p12" ? pem("root.pem") : "");
  });
}

Deno.test("readPkcs12() makes PEM of an RSA key", () => {
  const content = open("rsa.p12", "swordfish");
  assert.ok(content.ok);
  assert.equal(content.value.chainPem, pem("root.pem"));
});

const cut = Deno.readFileSync(new URL("leaf.p12", testdata)).subarray(0, 300);
const bad: readonly (readonly [string, () => ReturnType<typeof readPkcs12>, RegExp])[] = [
  ["a wrong passphrase", () => open("leaf.p12", "wrong"), /its passphrase right/],
  ["no passphrase", () => open("leaf.p12", ""), /its passphrase right/],
  ["a wrong passphrase of an old file", () => open("legacy.p12", "wrong"), /its passphrase right/],
  ["a cut off file", () => readPkcs12({ bytes: cut, passphrase: "swordfish" }, x509), /PKCS#12/],
  ["PEM", () => open("leaf.pem", "swordfish"), /its bytes must be PKCS#12/],
  ["no key", () => open("no_key.p12", "swordfish"), /one private key: holds 0/],
  ["too much", () => readPkcs12({ bytes: new Uint8Array(2 ** 20 + 1) }, x509), /at most 1048576/],
];

/** A salt and 2,048 iterations; the same bytes with a shorter salt and 2^31 of them. */
const COUNT = /0408(.{12}).{4}02020800/;
const ENDLESS = "0406$1020480000000";

/** The file with other counts; without its MAC, which is checked first, or with it. */
function costly(change: (hex: string) => string, { mac }: { readonly mac: boolean }) {
  const bytes = Deno.readFileSync(new URL("leaf.p12", testdata));
  const parts = readDer(expectDerTag(readDer(bytes)[0], 0x30)).slice(0, mac ? 3 : 2);
  const hex = derSequence(...parts.map(({ raw }) => raw)).toHex();
  assert.notEqual(change(hex), hex);
  return readPkcs12({ bytes: Uint8Array.fromHex(change(hex)), passphrase: "swordfish" }, x509);
}

for (
  const [name, mac, change, expected] of [
    [
      "its MAC",
      true,
      (hex: string) => hex.replace(/0408(.{12}).{4}02020800$/, ENDLESS),
      "2147483648",
    ],
    ["its certificates", false, (hex: string) => hex.replace(COUNT, ENDLESS), ""],
    [
      "its key",
      false,
      (hex: string) => hex.replace(/(.*)02020800/, "$10202ffff"),
      `${2 * 2048 + 2 * 65_535}`,
    ],
  ] as const
) {
  Deno.test(`readPkcs12() refuses at once what asks for too much to open ${name}`, () => {
    const content = costly(change, { mac });
    assert.ok(!content.ok);
    const text = content.error.map(formatProblem).join();
    assert.match(text, /at most 100000 hashes in all to derive its keys: asks for/);
    assert.ok(text.includes(`asks for ${expected}`), text);
  });
}

for (const [name, read, expected] of bad) {
  Deno.test(`readPkcs12() refuses ${name}`, () => {
    const content = read();
    assert.ok(!content.ok);
    const text = content.error.map(formatProblem).join();
    assert.match(text, expected);
    assert.ok(!text.includes("swordfish") && !text.includes("wrong "));
  });
}
