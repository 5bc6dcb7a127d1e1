// SPDX-License-Identifier: Apache-2.0
/** Which heads of JWTs are taken, and which keys. @module */
import assert from "node:assert/strict";
import { generateKeyPairSync, sign } from "node:crypto";
import { FakeClock } from "@denvoy/base/testing";
import { ProblemError } from "@denvoy/base";
import { JwtKeys } from "./jwt_keys.ts";

const rules = { issuer: undefined, audience: "denvoy-sds", clock: new FakeClock(0) };
const pair = generateKeyPairSync("ec", { namedCurve: "P-256" });

async function load(pem: string): Promise<JwtKeys> {
  const file = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(file, pem);
    return await JwtKeys.load(file, rules);
  } finally {
    await Deno.remove(file);
  }
}

function jwt(head: object): string {
  const claims = { sub: "web", aud: "denvoy-sds", exp: 1000 };
  const text = [head, claims].map((part) => base64url(JSON.stringify(part))).join(".");
  const key = { key: pair.privateKey, dsaEncoding: "ieee-p1363" as const };
  return `${text}.${sign("sha256", Buffer.from(text), key).toString("base64url")}`;
}

function base64url(text: string): string {
  return Buffer.from(text).toString("base64url");
}

const heads: readonly (readonly [object, RegExp | undefined])[] = [
  [{ alg: "ES256" }, undefined],
  [{ alg: ["ES256"] }, /its algorithm is not taken/],
  [{ alg: "none" }, /its algorithm is not taken/],
  [{ alg: "ES256", crit: ["b64"], b64: false }, /extensions that are not known/],
  [{ alg: "ES256", crit: [] }, /extensions that are not known/],
];

for (const [head, expected] of heads) {
  const what = expected === undefined ? "takes" : "refuses";
  Deno.test(`verify() ${what} a JWT with ${JSON.stringify(head)}`, async () => {
    const keys = await load(String(pair.publicKey.export({ type: "spki", format: "pem" })));
    if (expected === undefined) assert.doesNotThrow(() => keys.verify(jwt(head)));
    else assert.throws(() => keys.verify(jwt(head)), expected);
  });
}

for (const form of ["pem", "jwk"] as const) {
  Deno.test(`load() refuses RSA of 1024 bits as ${form}`, async () => {
    const { publicKey } = generateKeyPairSync("rsa", { modulusLength: 1024 });
    const text = form === "pem"
      ? String(publicKey.export({ type: "spki", format: "pem" }))
      : JSON.stringify({ keys: [publicKey.export({ format: "jwk" })] });
    await assert.rejects(load(text), (error) => {
      assert.ok(error instanceof ProblemError);
      assert.match(JSON.stringify(error.problems), /2048 bits or more: one has 1024/);
      return true;
    });
  });
}
