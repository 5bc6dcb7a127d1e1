// SPDX-License-Identifier: Apache-2.0
/**
 * Limits from ads to rls: two processes, each with the permissions that users run it with.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { repositoryRoot } from "@denvoy/tools/real_parts";
import {
  type DenvoyRls,
  eventually,
  startDenvoyAds,
  startDenvoyRls,
  TempFolder,
} from "../support/mod.ts";
import { metric, nodeStatus, resourceStatus } from "../envoy/ads_status.ts";

/** A resource file with the limits of one domain. */
function limitsFile(domain: string, requests: number, unit = "YEAR"): string {
  return `
resources:
  - "@type": type.googleapis.com/ratelimit.config.ratelimit.v3.RateLimitConfig
    name: ${domain}-limits
    domain: ${domain}
    descriptors:
      - { key: user, rate_limit: { unit: ${unit}, requests_per_unit: ${requests} } }
`;
}

/** Asks for one hit of a user. */
async function decide(rls: DenvoyRls, { domain, user, hits = 1 }: {
  readonly domain: string;
  readonly user: string;
  readonly hits?: number;
}): Promise<{ readonly code: string; readonly limit: number | undefined }> {
  const body = {
    domain,
    hitsAddend: hits,
    descriptors: [{ entries: [{ key: "user", value: user }] }],
  };
  const response = await fetch(`${rls.httpUrl}/json`, {
    method: "POST",
    body: JSON.stringify(body),
  });
  const { overallCode, statuses = [] } = await response.json();
  return { code: overallCode, limit: statuses[0]?.currentLimit?.requestsPerUnit };
}

async function limitIs(rls: DenvoyRls, domain: string, limit: number | undefined): Promise<void> {
  await eventually(
    async () => (await decide(rls, { domain, user: "looks", hits: 0 })).limit === limit,
    { what: `the limit of ${domain} to be ${limit}`, withinMs: 20_000 },
  );
}

async function readiness(rls: DenvoyRls, component: string) {
  const response = await fetch(`${rls.httpUrl}/readyz`);
  const { components } = await response.json();
  return { isReady: response.ok, ...components[component] };
}

Deno.test("rls takes its limits from ads: bad ones are refused, and all outlive ads", async () => {
  await using folder = await TempFolder.create({
    "shop.yaml": limitsFile("shop", 2),
    "mail.yaml": limitsFile("mail", 5),
  });
  const ads = await startDenvoyAds({ resources: folder.path });
  await using stack = new AsyncDisposableStack();
  stack.defer(() => ads[Symbol.asyncDispose]());
  await using rls = await startDenvoyRls({
    flags: ["--limits-xds", ads.grpcAddress, "--limits-xds-node", "rls-7"],
    connects: [ads.grpcAddress],
  });

  await limitIs(rls, "shop", 2);
  assert.equal((await decide(rls, { domain: "shop", user: "a", hits: 2 })).code, "OK");
  assert.equal((await decide(rls, { domain: "shop", user: "a" })).code, "OVER_LIMIT");

  // A good change and one that has no unit, as nobody can count by it.
  await folder.write("mail.yaml", limitsFile("mail", 50));
  await folder.write("shop.yaml", limitsFile("shop", 9, "UNKNOWN"));
  await limitIs(rls, "mail", 50);
  const refused = await eventually(async () => {
    const status = await resourceStatus(ads, {
      ...{ type: "rate-limits", name: "shop-limits", node: "rls-7" },
    });
    return status?.status === "error" && status;
  }, { what: "ads to know of the rejection", detail: () => rls.child.lastWords() });
  assert.match(
    refused.rejection?.message ?? "",
    /shop-limits: descriptors\[0\]\.rate_limit: must have a `unit`/,
  );
  await limitIs(rls, "shop", 2);
  assert.equal((await decide(rls, { domain: "shop", user: "a" })).code, "OVER_LIMIT");
  const flawed = await readiness(rls, "limits");
  assert.deepEqual([flawed.isReady, flawed.status], [true, "degraded"]);
  assert.match(flawed.message, /rejected shop-limits: descriptors\[0\]\.rate_limit/);
  const nacks = await fetch(`${rls.httpUrl}/metrics`).then((response) => response.text());
  assert.match(nacks, /^rls_xds_client_nacks_total\{type="RateLimitConfig"\} [1-9]/m);
  assert.ok(await metric(ads, "ads_nacks_total", { type: "rate-limits" }) >= 1);

  await ads.crash();
  await eventually(async () => /no connection to/.test((await readiness(rls, "limits")).message), {
    what: "rls to say that ads is away",
  });
  await limitIs(rls, "shop", 2);
  assert.equal((await decide(rls, { domain: "shop", user: "a" })).code, "OVER_LIMIT");
  assert.equal((await readiness(rls, "limits")).isReady, true);

  await folder.write("shop.yaml", limitsFile("shop", 3));
  await folder.remove("mail.yaml");
  const { grpcAddress } = ads;
  await using _back = await startDenvoyAds({ resources: folder.path, grpcAddress });
  await limitIs(rls, "shop", 3);
  await limitIs(rls, "mail", undefined);
  await eventually(async () => (await readiness(rls, "limits")).status === "ok", {
    what: "rls to be well again",
  });
});

Deno.test("files and ads side by side: domains of files come first, also of the reference's SotW", async () => {
  await using folder = await TempFolder.create({
    "shop.yaml": limitsFile("shop", 2),
    "mail.yaml": limitsFile("mail", 5),
  });
  await using ads = await startDenvoyAds({ resources: folder.path });
  await using rls = await startDenvoyRls({
    limits: { "shop.yaml": "domain: shop\ndescriptors: [{ key: user, rate_limit: 7 per year }]" },
    env: {
      CONFIG_TYPE: "GRPC_XDS_SOTW",
      CONFIG_GRPC_XDS_SERVER_URL: ads.grpcAddress,
      CONFIG_GRPC_XDS_NODE_ID: "rls-8",
    },
    connects: [ads.grpcAddress],
  });
  await limitIs(rls, "mail", 5);
  await limitIs(rls, "shop", 7);
  assert.equal((await nodeStatus(ads, "rls-8"))?.streams[0]?.mode, "sotw");
  await eventually(
    async () => /duplicate domain "shop"/.test((await readiness(rls, "limits_xds")).message),
    { what: "rls to say which domain is there twice" },
  );
  await folder.remove("mail.yaml");
  await limitIs(rls, "mail", undefined);
  await rls.folder.write("shop.yaml", "domain: other\ndescriptors: [{ key: user }]");
  await folder.write("shop.yaml", limitsFile("shop", 3));
  await limitIs(rls, "shop", 3);
});

Deno.test("the example of limits over xDS counts as it says", async () => {
  const resources = join(repositoryRoot, "examples", "rls", "xds");
  await using ads = await startDenvoyAds({ resources });
  await using rls = await startDenvoyRls({
    flags: ["--limits-xds", ads.grpcAddress],
    connects: [ads.grpcAddress],
  });
  const rules = await eventually(async () => {
    const text = await (await fetch(`${rls.httpUrl}/rlconfig`)).text();
    return text.includes("mail.") && text;
  }, { what: "the limits", detail: () => rls.child.lastWords() });
  for (
    const rule of [
      "shop.remote_address: unit=MINUTE requests_per_unit=100",
      "shop.path_/orders: unit=SECOND requests_per_unit=50",
      "shop.path_/orders.user: unit=HOUR requests_per_unit=20",
      "mail.sender: unit=DAY requests_per_unit=500, shadow_mode: true",
    ]
  ) assert.ok(rules.includes(rule), `${rule} in ${rules}`);
});
