// SPDX-License-Identifier: Apache-2.0
/** openssl reads, verifies and speaks TLS with what the CA issues. @module */
import assert from "node:assert/strict";
import tls from "node:tls";
import { FakeClock } from "@denvoy/base/testing";
import { defaultCaSettings } from "../domain/ca/ca_settings.ts";
import { openTestCa } from "../domain/ca/testing.ts";
import type { KeyType } from "../domain/certificate_facts.ts";
import { openssl, withOpenssl } from "./testing/openssl.ts";

const cart = { spiffeId: "spiffe://denvoy.local/cart", dnsNames: ["cart.local"] };
const keyTypes: readonly KeyType[] = ["ec-p256", "ec-p384", "ed25519", "rsa-2048"];

/** openssl looks at the real clock. */
function openNow(keyType: KeyType): ReturnType<typeof openTestCa> {
  const settings = { ...defaultCaSettings, keyType };
  return openTestCa({ settings, clock: new FakeClock(Date.now()) });
}

for (const keyType of keyTypes) {
  Deno.test({
    ...withOpenssl(`openssl verifies leaves of every kind under a root of ${keyType}, strictly`),
    async fn() {
      const { ca } = await openNow(keyType);
      for (const leafType of keyTypes) {
        const { chainPem } = await ca.issue({ ...cart, keyType: leafType });
        const files = { "chain.pem": chainPem, "bundle.pem": ca.trustBundle().bundlePem };
        const run = await openssl(
          [
            ...["verify", "-x509_strict", "-check_ss_sig", "-purpose", "sslserver"],
            ...["-verify_hostname", "cart.local", "-CAfile", "bundle.pem"],
            ...["-untrusted", "chain.pem", "chain.pem"],
          ],
          files,
        );
        assert.ok(run.ok, `${leafType}: ${run.text}`);
      }
    },
  });
}

Deno.test({
  ...withOpenssl("openssl x509 -text shows what an SVID must have, and nothing else"),
  async fn() {
    const { ca } = await openNow("ec-p256");
    const { chainPem } = await ca.issue({ spiffeId: cart.spiffeId });
    const { text } = await openssl(["x509", "-in", "chain.pem", "-noout", "-text"], {
      "chain.pem": chainPem,
    });
    const extensions = [...text.matchAll(/^ {12}X509v3 (.*?): ?(critical)?$/gm)]
      .map(([, name, critical]) => critical === undefined ? name : `${name}, critical`);
    assert.deepEqual(extensions, [
      "Basic Constraints, critical",
      "Key Usage, critical",
      "Extended Key Usage",
      "Subject Key Identifier",
      "Authority Key Identifier",
      "Subject Alternative Name, critical",
    ]);
    assert.match(text, /CA:FALSE/);
    assert.match(text, /Key Usage: critical\n\s+Digital Signature\n/);
    assert.match(text, /TLS Web Server Authentication, TLS Web Client Authentication/);
    assert.match(text, /URI:spiffe:\/\/denvoy\.local\/cart\n/);
    assert.match(text, /Subject: \n/);
  },
});

Deno.test({
  ...withOpenssl("openssl refuses what is revoked, and takes the rest, under old and new root"),
  async fn() {
    const { ca } = await openNow("ec-p256");
    const [good, revoked] = [await ca.issue(cart), await ca.issue(cart)];
    await ca.revoke(revoked.facts.serial, "keyCompromise");
    await ca.prepareRoot();
    await ca.activateRoot({ force: true });
    const next = await ca.issue(cart);
    const trust = { "bundle.pem": ca.trustBundle().bundlePem, "crl.pem": ca.crlPem() };
    const verify = ({ chainPem }: { readonly chainPem: string }) =>
      openssl(
        [
          ...["verify", "-x509_strict", "-crl_check_all", "-CRLfile", "crl.pem"],
          ...["-CAfile", "bundle.pem", "-untrusted", "chain.pem", "chain.pem"],
        ],
        { ...trust, "chain.pem": chainPem },
      );
    assert.ok((await verify(good)).ok);
    assert.ok((await verify(next)).ok);
    assert.match((await verify(revoked)).text, /certificate revoked/);
  },
});

Deno.test({
  ...withOpenssl("openssl s_client completes a handshake with client certificate both ways"),
  async fn() {
    const { ca } = await openNow("ec-p256");
    const [server, client] = [await ca.issue(cart), await ca.issue(cart)];
    const { bundlePem } = ca.trustBundle();
    const files = { "chain.pem": client.chainPem, "key.pem": client.keyPem, "ca.pem": bundlePem };
    await using listening = await listenTls({ ...server, bundlePem });
    const run = await openssl(
      [
        ...["s_client", "-connect", `127.0.0.1:${listening.port}`, "-servername", "cart.local"],
        ...["-verify_return_error", "-verify_hostname", "cart.local", "-CAfile", "ca.pem"],
        ...["-cert", "chain.pem", "-cert_chain", "chain.pem", "-key", "key.pem"],
      ],
      files,
    );
    assert.match(run.text, /Verify return code: 0 \(ok\)/);
    assert.equal(await listening.peer, cart.spiffeId);
  },
});

interface ServerKeys {
  readonly chainPem: string;
  readonly keyPem: string;
  readonly bundlePem: string;
}

interface ListeningTls extends AsyncDisposable {
  readonly port: number;
  /** The URI SAN of the first client whose certificate was verified. */
  readonly peer: Promise<string>;
}

async function listenTls({ chainPem, keyPem, bundlePem }: ServerKeys): Promise<ListeningTls> {
  const peer = Promise.withResolvers<string>();
  const server = tls.createServer({
    ...{ cert: chainPem, key: keyPem, ca: bundlePem },
    ...{ requestCert: true, rejectUnauthorized: true },
  }, (socket) => {
    const names = socket.getPeerCertificate().subjectaltname ?? "";
    peer.resolve(names.split(", ")[0]?.replace("URI:", "") ?? "");
    socket.end("hello");
  });
  server.on("tlsClientError", (error) => peer.reject(error));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  return {
    port: typeof address === "object" && address !== null ? address.port : 0,
    peer: peer.promise,
    [Symbol.asyncDispose]: () => new Promise((resolve) => void server.close(() => resolve())),
  };
}
