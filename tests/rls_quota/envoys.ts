// SPDX-License-Identifier: Apache-2.0
/**
 * What real Envoys do with the quotas that rls gives them.
 * @module
 */
import assert from "node:assert/strict";
import { type DenvoyRls, eventually, Load, startBackend, startDenvoyRls } from "../support/mod.ts";
import { ask, startQuotaEnvoy } from "./quota_envoy.ts";

function limits(perSecond: number): string {
  return `
domain: shop
descriptors:
  - key: plan
    value: gold
    rate_limit: { unit: second, requests_per_unit: ${perSecond}, algorithm: token_bucket, burst: ${perSecond} }
  - { key: plan, value: none, rate_limit: { unit: day, requests_per_unit: 0 } }
  - { key: plan, value: free, rate_limit: { unlimited: true } }
`;
}

/** Envoy reports every five seconds, and the machine may be busy. */
const patient = { withinMs: 40_000 };

interface Quota {
  readonly rule: string;
  readonly held_per_second?: number;
  readonly buckets: readonly {
    readonly node: string;
    readonly demand_per_second?: number;
    readonly assigned_per_second?: number;
    readonly assignment?: { readonly kind: string };
  }[];
}

async function quotaOf(rls: DenvoyRls, rule: string): Promise<Quota | undefined> {
  const { quotas } = await (await fetch(`${rls.httpUrl}/v1/quotas`)).json();
  return quotas.find((quota: Quota) => quota.rule === rule);
}

async function shares(rls: DenvoyRls): Promise<Readonly<Record<string, number>>> {
  const quota = await quotaOf(rls, "shop.plan_gold");
  return Object.fromEntries(
    (quota?.buckets ?? []).map(({ node, assigned_per_second = 0 }) => [node, assigned_per_second]),
  );
}

/** Two Envoys share a limit by what they need, follow new limits and forget old buckets. */
export async function sharedLimit(): Promise<void> {
  await using rls = await startDenvoyRls({
    limits: { "shop.yaml": limits(40) },
    flags: ["--quota-idle", "2s"],
  });
  await using backend = startBackend("backend");
  const common = { rls: rls.grpcAddress, backend: backend.port };
  await using a = await startQuotaEnvoy({ ...common, node: "a" });
  await using b = await startQuotaEnvoy({ ...common, node: "b" });
  const headers = { "x-plan": "gold" };
  const detail = () => `${rls.child.lastWords()}\n${a.envoy.child.lastWords()}`;

  await using busy = Load.start({ url: a.url, requestsPerSecond: 80, headers });
  await eventually(async () => (await shares(rls)).a === 40, {
    ...patient,
    what: "a to have all",
    detail,
  });
  await eventually(() => busy.failed > 20, { ...patient, what: "a to be limited", detail });

  await using calm = Load.start({ url: b.url, requestsPerSecond: 8, headers });
  await eventually(async () => {
    const { a = 0, b = 0 } = await shares(rls);
    return a > 25 && b > 7 && a + b <= 40;
  }, { ...patient, what: "b to have what it needs, and a the rest", detail });
  const [passed, limited, denied] = [calm.succeeded, busy.failed, calm.failed];
  await eventually(() => calm.succeeded > passed + 16, {
    ...patient,
    what: "b to be served",
    detail,
  });
  assert.ok(busy.failed > limited, "a is limited");
  assert.ok(calm.failed - denied < 16, `b is limited: ${calm.failed - denied} times`);

  await rls.folder.write("shop.yaml", limits(10));
  await eventually(async () => {
    const { a = 0, b = 0 } = await shares(rls);
    return a > 0 && a + b <= 10;
  }, { ...patient, what: "the new limit to be told", detail });
  const [failed, sent] = [busy.failed, busy.succeeded + busy.failed];
  await eventually(() => busy.succeeded + busy.failed > sent + 80, {
    ...patient,
    what: "requests",
    detail,
  });
  assert.ok(busy.failed - failed > 50, "the new limit bites");

  await busy.stop();
  await eventually(async () => !("a" in await shares(rls)), {
    ...patient,
    what: "a to be forgotten",
    detail,
  });
  await eventually(async () => {
    const { b = 0 } = await shares(rls);
    return b === 10;
  }, { ...patient, what: "b to have what a left", detail });
  assert.equal(await ask(a.url, "gold"), 200, "a bucket that was forgotten begins anew");
}

/** Envoy is told to deny and to allow, and to forget what has no rule. */
export async function blanketRules(): Promise<void> {
  await using rls = await startDenvoyRls({ limits: { "shop.yaml": limits(40) } });
  await using backend = startBackend("backend");
  await using envoy = await startQuotaEnvoy({
    ...{ rls: rls.grpcAddress, backend: backend.port, node: "a" },
  });
  const detail = () => rls.child.lastWords();
  await eventually(async () => await ask(envoy.url, "none") === 429, {
    ...patient,
    what: "denial",
    detail,
  });
  assert.equal(await ask(envoy.url, "free"), 200);
  await eventually(async () => {
    const quota = await quotaOf(rls, "shop.plan_free");
    return quota?.buckets[0]?.assignment?.kind === "allow_all";
  }, { ...patient, what: "the blanket rule", detail });
  for (let count = 0; count < 5; count++) assert.equal(await ask(envoy.url, "other"), 200);
  const metrics = await eventually(async () => {
    const text = await (await fetch(`${rls.httpUrl}/metrics`)).text();
    const abandoned = /rls_quota_actions_total\{kind="abandon"\} [1-9]/.test(text);
    return abandoned && /rule="plan_none",verdict="denied"\} [1-9]/.test(text) && text;
  }, {
    ...patient,
    what: "buckets without a rule to be abandoned, and denials to be reported",
    detail,
  });
  assert.match(metrics, /rls_quota_refused_buckets_total\{reason="no_rule"\} [1-9]/);
  assert.match(metrics, /rls_quota_streams 1/);
}

/** Assignments outlive rls until they expire, and come back with it. */
export async function absentService(): Promise<void> {
  const flags = ["--quota-ttl", "4s"];
  const common = { limits: { "shop.yaml": limits(1000) } };
  await using first = await startDenvoyRls({ ...common, flags });
  await using backend = startBackend("backend");
  await using envoy = await startQuotaEnvoy({
    ...{ rls: first.grpcAddress, backend: backend.port, node: "a" },
  });
  const detail = () => envoy.envoy.child.lastWords();
  await using load = Load.start({
    ...{ url: envoy.url, requestsPerSecond: 30, headers: { "x-plan": "gold" } },
  });
  await eventually(async () => (await shares(first)).a === 1000, {
    ...patient,
    what: "an assignment",
    detail,
  });
  await eventually(() => load.succeeded > 200, { ...patient, what: "it to be renewed", detail });
  assert.ok(load.failed < 20, "an assignment that is renewed does not expire");

  await first.child.stop();
  const [passed, failed] = [load.succeeded, load.failed];
  await eventually(() => load.failed > failed + 3, {
    ...patient,
    what: "the assignment to expire",
    detail,
  });
  assert.ok(load.succeeded > passed, "it outlived the service");

  const { grpcAddress } = first;
  await using second = await startDenvoyRls({ ...common, flags, grpcAddress });
  await eventually(async () => (await shares(second)).a === 1000, {
    ...{ ...patient, what: "Envoy to come back", detail },
  });
  const served = load.succeeded;
  await eventually(() => load.succeeded > served + 5, {
    ...patient,
    what: "requests to pass again",
    detail,
  });
}
