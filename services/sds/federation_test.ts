// SPDX-License-Identifier: Apache-2.0
/** Two trust domains that trust each other's workloads, by their SPIFFE bundle endpoints. @module */
import assert from "node:assert/strict";
import { join } from "node:path";
import { FakeClock } from "@denvoy/base/testing";
import { openTestCa } from "./domain/ca/testing.ts";
import { TestSds } from "./testing.ts";

async function until(isTrue: () => Promise<boolean>): Promise<void> {
  for (let count = 0; !await isTrue(); count++) {
    assert.ok(count < 300, "it does not come true");
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

Deno.test("sds fetches the bundle of another trust domain, and serves it beside its own", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const path = (name: string) => join(folder, name);
    // TLS looks at the real clock.
    const { ca } = await openTestCa({ clock: new FakeClock(Date.now()) });
    const keys = await ca.issue({ dnsNames: ["localhost"] });
    await Deno.writeTextFile(path("tls.crt"), keys.chainPem);
    await Deno.writeTextFile(path("tls.key"), keys.keyPem);
    await Deno.writeTextFile(path("web.crt"), ca.trustBundle().bundlePem);
    await using other = await TestSds.start([
      ...["--trust-domain", "other", "--insecure"],
      ...["--tls-cert", path("tls.crt"), "--tls-key", path("tls.key")],
    ]);
    const port = new URL(other.url).port;
    const url = `https://localhost:${port}/v1/bundle`;
    const domain = `{ name: other, url: "${url}", ca: web.crt }`;
    await Deno.writeTextFile(path("federation.yaml"), `trust_domains: [${domain}]\n`);
    await using sds = await TestSds.start(["--federation", path("federation.yaml")]);

    const inspect = () => sds.call("GET", "/v1/secrets/spiffe://other");
    await until(async () => (await inspect()).status === 200);
    assert.match((await inspect()).text, /CN=other root/);
    const all = await sds.call("GET", "/v1/secrets/ALL");
    assert.match(all.text, /CN=other root/);
    assert.match(all.text, /CN=denvoy.local root/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
