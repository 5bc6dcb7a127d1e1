// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import type { CertificateId } from "./certificate_id.ts";
import { CERTIFICATE_GRACE_MS, ClientCertificates } from "./client_certificates.ts";

const NOT_AFTER = Date.UTC(2026, 0, 1);

function shown(serial: string, notAfterMs = NOT_AFTER) {
  return { serial, issuer: "CN=ca", notAfterMs };
}

function revoking(...serials: readonly string[]) {
  return {
    has: ({ serial, issuer }: CertificateId) => issuer === "CN=ca" && serials.includes(serial),
  };
}

Deno.test("ClientCertificates ends connections within the grace after their certificates, not all at once", () => {
  let draws = 0;
  const clients = new ClientCertificates<string>({
    revoked: undefined,
    random: () => [0, 0.5, 0.999][draws++] ?? 0,
  });
  for (const name of ["first", "second", "third"]) clients.hold(name, shown("1"));
  clients.hold("later", shown("2", NOT_AFTER + 86_400_000));
  clients.hold("without", undefined);
  const steps: readonly (readonly [number, readonly string[]])[] = [
    [-1, []],
    [0, ["first"]],
    [CERTIFICATE_GRACE_MS / 2 - 1, []],
    [CERTIFICATE_GRACE_MS / 2, ["second"]],
    [CERTIFICATE_GRACE_MS, ["third"]],
    [CERTIFICATE_GRACE_MS, []],
    [86_400_000, ["later"]],
    [365 * 86_400_000, []],
  ];
  for (const [afterMs, ended] of steps) {
    assert.deepEqual(clients.takeExpired(NOT_AFTER + afterMs), ended, String(afterMs));
  }
});

Deno.test("ClientCertificates ends nothing that is over", () => {
  const clients = new ClientCertificates<string>({ revoked: undefined, random: () => 0 });
  clients.hold("gone", shown("1"));
  clients.release("gone");
  assert.deepEqual(clients.takeExpired(NOT_AFTER), []);
  assert.deepEqual(clients.replaceRevoked(revoking("1")), []);
});

Deno.test("ClientCertificates ends connections when their certificate is revoked, each once", () => {
  const clients = new ClientCertificates<string>({ revoked: revoking("0"), random: () => 0 });
  assert.ok(clients.isRevoked(shown("0")));
  assert.ok(!clients.isRevoked({ serial: "0", issuer: "CN=other" }));
  assert.ok(!clients.isRevoked(undefined));
  for (const serial of ["1", "2", "3"]) clients.hold(serial, shown(serial));
  assert.deepEqual(clients.replaceRevoked(revoking("1", "3")), ["1", "3"]);
  assert.deepEqual(clients.replaceRevoked(revoking("1", "3")), []);
  assert.ok(!clients.isRevoked(shown("0")));
  assert.deepEqual(clients.replaceRevoked(undefined), []);
  assert.ok(!clients.isRevoked(shown("1")));
  assert.deepEqual(clients.takeExpired(NOT_AFTER), ["2"]);
});
