// SPDX-License-Identifier: Apache-2.0
/** Bundles of another trust domain, from a real HTTPS endpoint and over time. @module */
import assert from "node:assert/strict";
import https from "node:https";
import { silentLogger } from "@denvoy/base";
import { FakeClock } from "@denvoy/base/testing";
import { defaultCaSettings } from "../domain/ca/ca_settings.ts";
import { MemoryCaStore } from "../domain/ca/memory_ca_store.ts";
import { openTestCa, testReader } from "../domain/ca/testing.ts";
import type { Issued } from "../domain/certificate_authority.ts";
import {
  type EndpointProfile,
  type FederatedDomain,
  refreshDelayMs,
} from "../domain/federation.ts";
import { type SpiffeBundle, writeSpiffeBundle } from "../domain/spiffe_bundle.ts";
import { AesSealer } from "./aes_sealer.ts";
import { FederatedBundles } from "./federated_bundles.ts";
import { type FetchBundle, fetchSpiffeBundle } from "./spiffe_bundle_client.ts";

const settings = { ...defaultCaSettings, trustDomain: "other" };
/** TLS looks at the real clock. */
const { ca } = await openTestCa({ settings, clock: new FakeClock(Date.now()) });
const { bundlePem } = ca.trustBundle();
const spiffeId = "spiffe://other/bundles";
const server = await ca.issue({ spiffeId, dnsNames: ["localhost"] });
const stranger = await openTestCa({ settings, clock: new FakeClock(Date.now()) });
const json = JSON.stringify(writeSpiffeBundle({ bundlePem, sequence: 1 }, testReader));

interface Endpoint extends AsyncDisposable {
  readonly url: string;
}

async function startEndpoint(
  { chainPem, keyPem }: Issued,
  answer: { readonly status?: number; readonly body?: string } = {},
): Promise<Endpoint> {
  const listening = https.createServer({ cert: chainPem, key: keyPem }, (_request, response) => {
    response.writeHead(answer.status ?? 200, { location: "https://localhost:1/" });
    response.end(answer.body ?? json);
  });
  await new Promise<void>((resolve) => listening.listen(0, "127.0.0.1", resolve));
  const address = listening.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return {
    url: `https://localhost:${port}/`,
    [Symbol.asyncDispose]: () => new Promise((resolve) => void listening.close(() => resolve())),
  };
}

const web: EndpointProfile = { kind: "https_web", caPem: bundlePem };
const svid: EndpointProfile = { kind: "https_spiffe", spiffeId, bootstrapPem: bundlePem };

for (const profile of [web, svid]) {
  Deno.test(`fetchSpiffeBundle() fetches over ${profile.kind}`, async () => {
    await using endpoint = await startEndpoint(server);
    const domain = { trustDomain: "other", url: endpoint.url, profile };
    const bundle = await fetchSpiffeBundle(domain, { x509: testReader });
    assert.deepEqual(bundle, { bundlePem, sequence: 1 });
  });
}

const other = await ca.issue({ spiffeId: "spiffe://other/cart", dnsNames: ["cart.local"] });
const forged = await stranger.ca.issue({ spiffeId, dnsNames: ["localhost"] });

interface Refusal {
  readonly name: string;
  readonly server?: Issued;
  readonly profile?: EndpointProfile;
  readonly answer?: { readonly status?: number; readonly body?: string };
  readonly expected: RegExp;
}

const refusals: readonly Refusal[] = [
  { name: "another SVID", server: other, expected: /must be "spiffe:\/\/other\/bundles": is/ },
  { name: "an SVID of a stranger's CA", server: forged, expected: /certificate/ },
  { name: "another host", server: other, profile: web, expected: /altnames/ },
  { name: "a stranger's CA", server: forged, profile: web, expected: /certificate/ },
  { name: "status 404", answer: { status: 404 }, expected: /with status 200: was 404/ },
  { name: "a redirect", answer: { status: 302 }, expected: /with status 200: was 302/ },
  { name: "what is no JSON", answer: { body: "<html>" }, expected: /must answer with JSON/ },
  { name: "an empty set", answer: { body: '{"keys":[]}' }, expected: /must have a key for/ },
  { name: "too much", answer: { body: " ".repeat(2 ** 20 + 1) }, expected: /at most 1048576/ },
];

for (const { name, server: keys = server, profile = svid, answer, expected } of refusals) {
  Deno.test(`fetchSpiffeBundle() over ${profile.kind} refuses ${name}`, async () => {
    await using endpoint = await startEndpoint(keys, answer);
    const domain = { trustDomain: "other", url: endpoint.url, profile };
    await assert.rejects(fetchSpiffeBundle(domain, { x509: testReader }), (error) => {
      assert.ok(error instanceof Error && error.message.includes(endpoint.url));
      assert.match(error.message, expected);
      return true;
    });
  });
}

/** An endpoint whose answers are set by hand. */
class ScriptedEndpoint {
  answer: SpiffeBundle | Error = new Error("down");
  knownPems: (string | undefined)[] = [];
  readonly fetch: FetchBundle = (_domain, { knownPem }) => {
    this.knownPems.push(knownPem);
    return this.answer instanceof Error
      ? Promise.reject(this.answer)
      : Promise.resolve(this.answer);
  };
}

const domain: FederatedDomain = { trustDomain: "other", url: "https://other/", profile: svid };

async function openBundles(store = new MemoryCaStore()) {
  const endpoint = new ScriptedEndpoint();
  const clock = new FakeClock();
  const changes: string[] = [];
  const bundles = await FederatedBundles.open({
    ...{ domains: [domain], store, clock, logger: silentLogger, x509: testReader },
    sealer: await AesSealer.create(new Uint8Array(32)),
    fetch: endpoint.fetch,
  });
  bundles.subscribe((trustDomain) => void changes.push(trustDomain));
  return { endpoint, clock, changes, bundles };
}

const [one, two] = [{ bundlePem: "one", sequence: 1 }, { bundlePem: "two", sequence: 2 }];

Deno.test("a bundle counts until a newer one comes, whatever fails meanwhile", async () => {
  const { endpoint, changes, bundles } = await openBundles();
  await using _ = bundles;
  await bundles.refresh();
  assert.deepEqual(bundles.current(), []);
  assert.equal(bundles.states()[0]?.problem, "down");
  endpoint.answer = one;
  await bundles.refresh();
  assert.deepEqual(bundles.current(), [{ trustDomain: "other", bundlePem: "one" }]);
  assert.equal(bundles.states()[0]?.problem, undefined);
  endpoint.answer = new Error("down");
  await bundles.refresh();
  assert.deepEqual(bundles.current(), [{ trustDomain: "other", bundlePem: "one" }]);
  endpoint.answer = two;
  await bundles.refresh();
  endpoint.answer = one;
  await bundles.refresh();
  assert.deepEqual(bundles.current(), [{ trustDomain: "other", bundlePem: "two" }]);
  assert.deepEqual(changes, ["other", "other"]);
  assert.deepEqual(endpoint.knownPems.slice(-3), ["one", "one", "two"]);
});

Deno.test("a bundle outlives a restart while its endpoint is down", async () => {
  const store = new MemoryCaStore();
  {
    const { endpoint, bundles } = await openBundles(store);
    await using _ = bundles;
    endpoint.answer = one;
    await bundles.refresh();
  }
  const { bundles } = await openBundles(store);
  await using _ = bundles;
  assert.deepEqual(bundles.current(), [{ trustDomain: "other", bundlePem: "one" }]);
});

Deno.test("a bundle is asked for again when its hint says so", async () => {
  const { endpoint, clock, bundles } = await openBundles();
  await using _ = bundles;
  endpoint.answer = { ...one, refreshHintMs: 60_000 };
  await bundles.refresh();
  const before = endpoint.knownPems.length;
  clock.advance(60_000);
  assert.equal(endpoint.knownPems.length, before + 1);
});

const delays: readonly (readonly [number | undefined, string | undefined, number])[] = [
  [undefined, undefined, 300_000],
  [60_000, undefined, 60_000],
  [1000, undefined, 10_000],
  [86_400_000, undefined, 3_600_000],
  [undefined, "down", 30_000],
  [15_000, "down", 15_000],
];

for (const [hint, problem, expected] of delays) {
  Deno.test(`refreshDelayMs() is ${expected} for a hint of ${hint}, problem ${problem}`, () => {
    const bundle = { bundlePem: "", ...(hint !== undefined && { refreshHintMs: hint }) };
    const state = { trustDomain: "other", bundle, ...(problem !== undefined && { problem }) };
    assert.equal(refreshDelayMs(state), expected);
  });
}
