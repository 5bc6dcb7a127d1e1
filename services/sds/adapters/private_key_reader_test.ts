// SPDX-License-Identifier: Apache-2.0
/** In which forms people may bring their keys. @module */
import assert from "node:assert/strict";
import { formatProblem } from "@denvoy/base";
import { readPem, writePem } from "../domain/pem.ts";
import { readPrivateKey } from "./private_key_reader.ts";

const testdata = new URL("testdata/", import.meta.url);
const PASSPHRASE = "swordfish";

function read(name: string): string {
  return Deno.readTextFileSync(new URL(name, testdata));
}

/** The same key, in many forms. */
const sameKey = [
  "pkcs8.key",
  "sec1.key",
  "sec1_aes.key",
  "pkcs8_aes.key",
  "pkcs8_sha1.key",
  "pkcs8_3des.key",
  "pkcs8_pbe.key",
  "pkcs8_scrypt.key",
];

for (const name of sameKey) {
  Deno.test(`readPrivateKey() makes PKCS#8 of ${name}`, () => {
    const passphrase = name.includes("_") ? { passphrase: PASSPHRASE } : {};
    assert.deepEqual(readPrivateKey({ pem: read(name), ...passphrase }), {
      ok: true,
      value: read("pkcs8.key"),
    });
  });
}

for (const name of ["pkcs1.key", "ed25519.key", "p521.key", "with_parameters.key"]) {
  Deno.test(`readPrivateKey() takes ${name}`, () => {
    const key = readPrivateKey({ pem: read(name) });
    assert.match(key.ok ? key.value : "", /^-----BEGIN PRIVATE KEY-----\n/);
  });
}

Deno.test("readPrivateKey() decrypts RSA in PKCS#1", () => {
  const plain = readPrivateKey({ pem: read("pkcs1.key") });
  assert.deepEqual(readPrivateKey({ pem: read("pkcs1_3des.key"), passphrase: PASSPHRASE }), plain);
});

const wrong = "cannot use private key as its passphrase must be right";
const bad: readonly (readonly [string, string, string | undefined, string])[] = [
  ["sec1_aes.key", read("sec1_aes.key"), undefined, "it is encrypted and needs a passphrase"],
  ["pkcs8_aes.key", read("pkcs8_aes.key"), undefined, "it is encrypted and needs a passphrase"],
  ["sec1_aes.key", read("sec1_aes.key"), "wrong", wrong],
  ["pkcs8_aes.key", read("pkcs8_aes.key"), "wrong", wrong],
  ["pkcs8_aes.key", read("pkcs8_aes.key"), "", wrong],
  ["pkcs8_3des.key", read("pkcs8_3des.key"), "wrong", wrong],
  ["pkcs8_pbe.key", read("pkcs8_pbe.key"), "wrong", wrong],
  ["pkcs8_scrypt.key", read("pkcs8_scrypt.key"), "wrong", wrong],
  ["explicit_curve.key", read("explicit_curve.key"), undefined, "on a named curve"],
  ["a certificate", read("leaf.pem"), undefined, "it must hold a PEM private key: holds none"],
  ["nothing", "", undefined, "holds none"],
  ["two keys", read("sec1.key") + read("pkcs1.key"), undefined, "holds more"],
  ["a cut off key", read("sec1.key").slice(0, 100), undefined, '"EC PRIVATE KEY" is cut off'],
  ["a key that is no Base64", read("sec1.key").replace(/\n..../, "\n!!!!"), undefined, "Base64"],
  [
    "an OpenSSH key",
    "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----",
    undefined,
    'is "OPENSSH PRIVATE KEY"',
  ],
];

for (const [name, pem, passphrase, expected] of bad) {
  const how = passphrase === undefined ? "without passphrase" : `with passphrase "${passphrase}"`;
  Deno.test(`readPrivateKey() refuses ${name} ${how}, quoting nothing of it`, () => {
    const secret = passphrase === undefined ? {} : { passphrase };
    const key = readPrivateKey({ pem, file: "shop.key", ...secret });
    assert.ok(!key.ok);
    const text = key.error.map(formatProblem).join();
    assert.ok(text.startsWith("shop.key:") && text.includes(expected), text);
    const longLine = pem.split("\n").find((line) => line.length === 64) ?? "\0";
    assert.ok(!text.includes(longLine.slice(0, 12)));
    assert.ok(passphrase === undefined || passphrase === "" || !text.includes(passphrase));
  });
}

/** A salt and 2,048 iterations, and the same bytes with a shorter salt and 2^31 of them. */
const COUNT = /0408(.{12}).{4}02020800/;
const ENDLESS = "0406$1020480000000";

const costly: readonly (readonly [string, RegExp, string, RegExp])[] = [
  ["pkcs8_aes.key", COUNT, ENDLESS, /600000 iterations of PBKDF2: asks for 2147483648/],
  ["pkcs8_sha1.key", COUNT, ENDLESS, /600000 iterations of PBKDF2: asks for 2147483648/],
  ["pkcs8_sha1.key", /02020800/, "0202ffff", /100000 hashes in all .*: asks for 262140/],
  ["pkcs8_3des.key", /02020800/, "0202ffff", /100000 hashes in all .*: asks for 131070/],
  ["pkcs8_pbe.key", /02020800/, "0202ffff", /100000 hashes in all .*: asks for 131070/],
  ["pkcs8_scrypt.key", /02024000020108/, "0202400002017f", /1048576 as N·r·p .*: asks for 2080768/],
];

for (const [name, from, to, expected] of costly) {
  Deno.test(`readPrivateKey() refuses ${name} at once when it asks for too much: ${to}`, () => {
    const blocks = readPem(read(name));
    const [block] = blocks.ok ? blocks.value : [];
    const hex = block?.der.toHex() ?? "";
    assert.match(hex, from);
    const pem = writePem(block?.label ?? "", Uint8Array.fromHex(hex.replace(from, to)));
    const key = readPrivateKey({ pem, passphrase: PASSPHRASE });
    assert.ok(!key.ok);
    assert.match(key.error.map(formatProblem).join(), expected);
  });
}

Deno.test("readPrivateKey() says that the passphrase is wrong, not that another cipher is slow", () => {
  const blocks = readPem(read("pkcs8_aes.key"));
  const [block] = blocks.ok ? blocks.value : [];
  const hex = block?.der.toHex().replace("02020800", "0202ffff") ?? "";
  const pem = writePem(block?.label ?? "", Uint8Array.fromHex(hex));
  const key = readPrivateKey({ pem, passphrase: PASSPHRASE });
  assert.match(key.ok ? "" : key.error.map(formatProblem).join(), /its passphrase must be right/);
});
