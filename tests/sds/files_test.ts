// SPDX-License-Identifier: Apache-2.0
/** Secrets from files, as people keep them, served to a real Envoy. */
import assert from "node:assert/strict";
import { connect } from "node:tls";
import { eventually, freePorts, startDenvoySds, startEnvoy, TempFolder } from "../support/mod.ts";
import { mountSecret, openssl, TestCa } from "./certificates.ts";
import { staticBootstrap, tlsListener } from "./scene.ts";

/** Returns the common name of the certificate that a port shows. */
async function shownName(port: number, ca: string): Promise<string | undefined> {
  const socket = connect({ host: "127.0.0.1", port, ca, checkServerIdentity: () => undefined });
  const closed = new Promise((resolve) => socket.once("close", resolve));
  try {
    return await new Promise((resolve) => {
      socket.once("error", () => resolve(undefined));
      socket.once("end", () => resolve(undefined));
      socket.once("secureConnect", () => resolve(String(socket.getPeerCertificate().subject.CN)));
    });
  } finally {
    socket.destroy();
    await closed;
  }
}

interface Pair {
  readonly chain: string;
  readonly key: string;
}

/** Writes one pair as it is, and the other with a sealed key and as PKCS#12. */
async function writeSecrets(
  folder: TempFolder,
  { plain, sealed }: { readonly plain: Pair; readonly sealed: Pair },
): Promise<string> {
  const secrets = folder.file("secrets");
  const ca = folder.file("ca");
  await mountSecret(`${secrets}/plain`, { "tls.crt": plain.chain, "tls.key": plain.key });
  await Deno.writeTextFile(`${ca}/plain.key`, sealed.key);
  await Deno.writeTextFile(`${ca}/plain.crt`, sealed.chain);
  const password = ["-passout", "pass:open sesame"];
  await openssl(ca, "pkcs8", "-topk8", "-in", "plain.key", "-out", "sealed.key", ...password);
  const pair = ["-inkey", "plain.key", "-in", "plain.crt"];
  await openssl(ca, "pkcs12", "-export", ...pair, "-out", "both.p12", ...password);
  await mountSecret(`${secrets}/encrypted`, {
    "tls.crt": sealed.chain,
    "tls.key": await folder.read("ca/sealed.key"),
    "password": "open sesame\n",
  });
  await mountSecret(`${secrets}/p12`, {
    "tls.p12": await Deno.readFile(folder.file("ca/both.p12")),
    "password": "open sesame\n",
  });
  return secrets;
}

Deno.test("pairs, encrypted keys and PKCS#12 are served, swapped, and never when they do not fit", async () => {
  await using folder = await TempFolder.create();
  const ca = await TestCa.create(folder.file("ca"));
  const root = await ca.pem();
  const [first, second] = [await ca.issue("first.example"), await ca.issue("second.example")];
  const secrets = await writeSecrets(folder, { plain: first, sealed: second });
  const flags = ["--secrets", secrets, "--allow-unauthenticated"];
  await using sds = await startDenvoySds({ flags, read: [folder.path] });
  const access = { address: sds.grpcAddress };
  const names = ["plain", "encrypted", "p12", "late"];
  const ports = freePorts(4);
  const [plain = 0, encrypted = 0, p12 = 0, late = 0] = ports;
  await using envoy = await startEnvoy({
    bootstrap: staticBootstrap({
      access,
      listeners: names.map((certificate, index) =>
        tlsListener(ports[index] ?? 0, { access, certificate, body: certificate })
      ),
    }),
  });
  const shows = (port: number, name: string | undefined, what: string) =>
    eventually(async () => await shownName(port, root) === name, { what, withinMs: 20_000 });

  // The one that does not exist holds none of the others, for which Envoy would wait 15 s.
  await envoy.admin.ready();
  await shows(plain, "first.example", "the pair");
  await shows(encrypted, "second.example", "the encrypted key");
  await shows(p12, "second.example", "the PKCS#12 file");
  assert.match(await envoy.admin.get("/stats"), /sds\.late\.init_fetch_timeout: 0/);

  await mountSecret(`${secrets}/late`, { "tls.crt": first.chain, "tls.key": first.key });
  await shows(late, "first.example", "a secret that came late");
  await mountSecret(`${secrets}/plain`, { "tls.crt": second.chain, "tls.key": second.key });
  await shows(plain, "second.example", "the swapped pair");

  await mountSecret(`${secrets}/plain`, { "tls.crt": first.chain, "tls.key": second.key });
  const log = await eventually(
    () => sds.child.lines.find((line) => line.includes("secret cannot be served")),
    { what: "the bad pair to be reported" },
  );
  assert.match(log, /plain/);
  const metrics = await (await fetch(`${sds.httpUrl}/metrics`)).text();
  assert.match(metrics, /sds_file_problems [1-9]/);
  assert.doesNotMatch(metrics, /sds_nacks_total\{/);
  await shows(plain, "second.example", "the last good pair");
  await mountSecret(`${secrets}/plain`, { "tls.crt": first.chain, "tls.key": first.key });
  await shows(plain, "first.example", "the mended pair");
});
