// SPDX-License-Identifier: Apache-2.0
/** What is PEM, and what is told of what is not. @module */
import assert from "node:assert/strict";
import { maxPemBytes, readPem, writePem } from "./pem.ts";

const SECRET = "c2VjcmV0IGtleSBieXRlcw==";

Deno.test("readPem() returns what writePem() wrote, with lines", () => {
  const der = Uint8Array.from({ length: 100 }, (_, i) => i);
  const text = `subject=x\n${writePem("CERTIFICATE", der)}\n${writePem("X509 CRL", der)}`;
  const read = readPem(text);
  assert.ok(read.ok);
  const blocks = read.value.map(({ label, line, hasHeaders }) => ({ label, line, hasHeaders }));
  assert.deepEqual(blocks, [
    { label: "CERTIFICATE", line: 2, hasHeaders: false },
    { label: "X509 CRL", line: 8, hasHeaders: false },
  ]);
  assert.deepEqual(read.value[0]?.der, der);
});

Deno.test("readPem() takes Windows line ends and headers of encrypted keys", () => {
  const body = `Proc-Type: 4,ENCRYPTED\r\nDEK-Info: AES-128-CBC,00\r\n\r\n${SECRET}\r\n`;
  const read = readPem(`-----BEGIN A KEY-----\r\n${body}-----END A KEY-----\r\n`);
  assert.ok(read.ok);
  assert.equal(read.value[0]?.hasHeaders, true);
  assert.equal(new TextDecoder().decode(read.value[0]?.der), "secret key bytes");
});

Deno.test("readPem() finds no block in other text", () => {
  for (const text of ["", "hello", SECRET]) {
    assert.deepEqual(readPem(text), { ok: true, value: [] });
  }
});

const bad: readonly (readonly [string, string, number, RegExp])[] = [
  [
    "a block that is cut off",
    `\n-----BEGIN A-----\n${SECRET}`,
    2,
    /must have its END: "A" is cut off/,
  ],
  ["an END alone", `-----END A-----\n`, 1, /must have its END/],
  ["another label", `-----BEGIN A-----\n${SECRET}\n-----END B-----`, 1, /must bear the same label/],
  [
    "a block within a block",
    `-----BEGIN A-----\n-----BEGIN B-----\n${SECRET}\n-----END B-----`,
    1,
    /must bear the same label/,
  ],
  ["what is no Base64", "-----BEGIN A-----\nc2VjcmV0*\n-----END A-----", 1, /must hold Base64/],
  ["an empty block", "-----BEGIN A-----\n-----END A-----", 1, /must hold bytes: it is empty/],
  ["too much", " ".repeat(maxPemBytes + 1), 1, /must be at most/],
];

for (const [name, text, line, expected] of bad) {
  Deno.test(`readPem() refuses ${name} and quotes nothing of it`, () => {
    const read = readPem(text);
    assert.ok(!read.ok);
    assert.match(read.error.message, expected);
    assert.equal(read.error.line, line);
    assert.ok(!read.error.message.includes("c2Vj"));
  });
}
