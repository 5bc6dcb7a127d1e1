// SPDX-License-Identifier: Apache-2.0
/**
 * The server of the soak, a process of its own: the echo service over cleartext and TLS, with bounds
 * on time so short that each is reached over and over. Answers each line of its input with one of
 * JSON: its addresses, and how its connections ended so far.
 * @module
 */
import { silentLogger } from "@denvoy/base";
import { serveGrpc, type ServerLimits, type ServerObserver } from "@denvoy/grpc";
import { echoMethods, loopback, serverTls } from "@denvoy/grpc/testing";

const limits: Partial<ServerLimits> = {
  handshakeTimeoutMs: 2_000,
  keepaliveIntervalMs: 2_000,
  keepaliveTimeoutMs: 2_000,
  writeTimeoutMs: 3_000,
  maxReceiveMessageBytes: 4 * 1024 * 1024,
};

const counts = { opened: 0, ended: 0, refused: 0, codes: {} as Record<string, number> };
const observer: ServerObserver = {
  connectionOpened: () => counts.opened++,
  connectionEnded({ code }) {
    counts.ended++;
    counts.codes[code] = (counts.codes[code] ?? 0) + 1;
  },
  connectionRefused: () => counts.refused++,
};

const options = { address: loopback, methods: echoMethods, logger: silentLogger, limits, observer };
const plain = await serveGrpc(options);
const secure = await serveGrpc({ ...options, tls: serverTls("server") });
const encoder = new TextEncoder();
for await (const _line of Deno.stdin.readable) {
  const answer = { plain: plain.address, secure: secure.address, ...counts };
  await Deno.stdout.write(encoder.encode(`${JSON.stringify(answer)}\n`));
}
