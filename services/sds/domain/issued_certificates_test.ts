// SPDX-License-Identifier: Apache-2.0
/** Renewal of certificates in simulated time: at half of a life, spread, after failures and jumps. @module */
import assert from "node:assert/strict";
import { silentLogger, StatusCode, StatusError } from "@denvoy/base";
import { openTestCa } from "./ca/testing.ts";
import type { CertificateAuthority } from "./certificate_authority.ts";
import { IssuedCertificates } from "./issued_certificates.ts";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** The built-in CA, which can be made to fail, and certificates from it. */
async function openCertificates(random: () => number = () => 0.5) {
  const { ca, clock } = await openTestCa();
  const control = { fails: false, under: new Set<Promise<unknown>>() };
  const issue: CertificateAuthority["issue"] = (request) => {
    const failure = new StatusError(StatusCode.UNAVAILABLE, "the disk is full");
    const issuing = control.fails ? Promise.reject(failure) : ca.issue(request);
    control.under.add(issuing.catch(() => {}));
    return issuing;
  };
  const certificates = new IssuedCertificates({
    ca: { issue },
    clock,
    logger: silentLogger,
    random,
  });
  /** Lets time pass, and what came due be done. */
  const pass = async (ms: number) => {
    clock.advance(ms);
    await settle(control.under);
    await ca.maintain();
  };
  return { clock, certificates, control, pass };
}

/** Waits until nothing is being issued; who starts or takes it does so a few promises later. */
async function settle(under: Set<Promise<unknown>>): Promise<void> {
  for (let issuing: readonly unknown[] = [under]; issuing.length > 0;) {
    for (let count = 0; count < 50; count++) await Promise.resolve();
    issuing = [...under];
    under.clear();
    await Promise.all(issuing);
  }
}

function request(name: string): { readonly spiffeId: string } {
  return { spiffeId: `spiffe://denvoy.local/${name}` };
}

Deno.test("a certificate is renewed at half of its life, each time with a new key", async () => {
  const { certificates, pass } = await openCertificates();
  using _ = certificates;
  await certificates.ensure("a", request("a"));
  certificates.hold("a");
  const keys = new Set([certificates.get("a")?.issued.keyPem]);
  await pass(12 * HOUR - 60_000);
  keys.add(certificates.get("a")?.issued.keyPem);
  assert.equal(keys.size, 1);
  await pass(60_000);
  keys.add(certificates.get("a")?.issued.keyPem);
  assert.equal(keys.size, 2);
});

Deno.test("over two months none of many certificates has less than a third of its life left", async () => {
  let draw = 0;
  const { certificates, clock, pass } = await openCertificates(() => (draw = (draw + 0.37) % 1));
  using _ = certificates;
  for (const name of ["a", "b", "c"]) {
    await certificates.ensure(name, request(name));
    certificates.hold(name);
  }
  const renewals = new Set<number | undefined>();
  for (let hours = 0; hours < 60 * 24; hours += 1) {
    await pass(HOUR);
    for (const { issued, renewAtMs } of certificates.list()) {
      assert.ok(issued.facts.notAfterMs - clock.nowMs() > DAY / 3);
      renewals.add(renewAtMs);
    }
  }
  // Jitter keeps them apart, although all began together.
  assert.ok(renewals.size > 300, String(renewals.size));
});

Deno.test("while nothing can be issued the old one is served; then it is renewed at once", async () => {
  const { certificates, control, pass } = await openCertificates();
  using _ = certificates;
  await certificates.ensure("a", request("a"));
  certificates.hold("a");
  const before = certificates.get("a")?.issued.keyPem;
  control.fails = true;
  for (let hours = 0; hours < 20; hours++) await pass(HOUR);
  assert.equal(certificates.get("a")?.issued.keyPem, before);
  control.fails = false;
  await pass(300_000);
  assert.notEqual(certificates.get("a")?.issued.keyPem, before);
});

for (const [name, jumpMs] of [["forth past its end", 2 * DAY], ["back before its begin", -HOUR]]) {
  Deno.test(`a clock that jumps ${name} has the certificate renewed within minutes`, async () => {
    const { clock, certificates, pass } = await openCertificates();
    using _ = certificates;
    await pass(2 * DAY);
    await certificates.ensure("a", request("a"));
    certificates.hold("a");
    const before = certificates.get("a")?.issued.keyPem;
    jump(clock, Number(jumpMs));
    for (let minutes = 0; minutes < 10; minutes++) await pass(60_000);
    const facts = certificates.get("a")?.issued.facts;
    assert.ok(facts !== undefined && facts.notBeforeMs <= clock.nowMs());
    assert.ok(facts.notAfterMs > clock.nowMs() + DAY / 2);
    assert.notEqual(certificates.get("a")?.issued.keyPem, before);
  });
}

/** Timers count on from where they were, as the system's do. */
function jump(clock: { nowMs(): number }, ms: number): void {
  const nowMs = clock.nowMs.bind(clock);
  clock.nowMs = () => nowMs() + ms;
}

Deno.test("what nobody holds is forgotten instead of renewed", async () => {
  const { certificates, pass } = await openCertificates();
  using _ = certificates;
  await certificates.ensure("a", request("a"));
  certificates.hold("a")();
  await pass(13 * HOUR);
  assert.equal(certificates.get("a"), undefined);
});

Deno.test("names that are withdrawn while a certificate is issued are in none that is served", async () => {
  const { certificates } = await openCertificates();
  using _ = certificates;
  const seen: (readonly string[] | undefined)[] = [];
  certificates.subscribe((id) => seen.push(certificates.get(id)?.issued.facts.dnsSans));
  const wanted = (dnsNames: readonly string[]) => ({ ...request("a"), dnsNames });
  await Promise.all([
    certificates.ensure("a", wanted(["a.example", "withdrawn.example"])),
    certificates.ensure("a", wanted(["a.example"])),
  ]);
  assert.deepEqual(seen, [["a.example"]]);
  assert.deepEqual(certificates.get("a")?.request, wanted(["a.example"]));
});

Deno.test("other names that could not be issued are tried again when they are asked for again", async () => {
  const { certificates, control } = await openCertificates();
  using _ = certificates;
  const wanted = { ...request("a"), dnsNames: ["a.example"] };
  await certificates.ensure("a", request("a"));
  control.fails = true;
  await assert.rejects(certificates.ensure("a", wanted), /the disk is full/);
  control.fails = false;
  await certificates.ensure("a", wanted);
  assert.deepEqual(certificates.get("a")?.issued.facts.dnsSans, ["a.example"]);
});
