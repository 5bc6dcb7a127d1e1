// SPDX-License-Identifier: Apache-2.0
/** What happens to peers and sessions when trust is taken back and ticket keys change. */
import assert from "node:assert/strict";
import { eventually, freePort, startDenvoySds, startEnvoy, TempFolder } from "../support/mod.ts";
import { openssl } from "./certificates.ts";
import { mutualTlsPair, staticBootstrap, tlsListener } from "./scene.ts";

Deno.test("a revoked peer is refused by its next handshake, and its successor is not", async () => {
  await using sds = await startDenvoySds({ flags: ["--allow-unauthenticated"] });
  const access = { address: sds.grpcAddress };
  const pair = mutualTlsPair({ backend: access, frontend: access });
  await using _server = await startEnvoy({ bootstrap: pair.server });
  await using _client = await startEnvoy({ bootstrap: pair.client });
  const status = async () => {
    const response = await fetch(pair.url);
    await response.body?.cancel();
    return response.status;
  };
  await eventually(async () => await status() === 200, { what: "a request", withinMs: 20_000 });
  const identity = "spiffe://denvoy.local/frontend";
  const { certificates } = await sds.call("GET", `/v1/certificates?name=${identity}`);
  const [leaf] = certificates as readonly { readonly serial: string }[];
  await sds.call("POST", `/v1/certificates/${leaf?.serial}/revoke?reason=keyCompromise`);
  await eventually(async () => await status() === 503, { what: "a refusal", withinMs: 20_000 });
  await sds.call("POST", "/v1/rotate/frontend");
  await eventually(async () => await status() === 200, { what: "its successor", withinMs: 20_000 });
});

Deno.test("sessions are resumed across a change of ticket keys", async () => {
  await using folder = await TempFolder.create({
    "secrets.yaml": "secrets:\n- name: tickets\n  session_tickets: { rotate: 1h, keep: 4 }\n",
  });
  const flags = ["--secrets-file", folder.file("secrets.yaml"), "--allow-unauthenticated"];
  await using sds = await startDenvoySds({ flags, read: [folder.path] });
  const access = { address: sds.grpcAddress };
  const port = freePort();
  const listener = tlsListener(port, { access, tickets: "tickets" });
  await using envoy = await startEnvoy({
    bootstrap: staticBootstrap({ access, listeners: [listener] }),
  });
  await envoy.admin.ready();
  const client = (...args: readonly string[]) =>
    openssl(folder.path, "s_client", "-tls1_2", "-connect", `127.0.0.1:${port}`, ...args);
  await eventually(() => client("-sess_out", "session.pem"), { what: "a session" });
  const updates = async () =>
    Number(/sds\.tickets\.update_success: (\d+)/.exec(await envoy.admin.get("/stats"))?.[1]);
  const before = await updates();
  await sds.call("POST", "/v1/rotate/tickets");
  await eventually(async () => await updates() > before, { what: "new ticket keys" });
  assert.match(await client("-sess_in", "session.pem"), /Reused, TLSv1\.2/);
  const rotated = await sds.call("GET", "/v1/secrets/tickets");
  assert.equal(rotated.kind, "session-ticket-keys");
});
