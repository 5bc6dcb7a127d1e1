// SPDX-License-Identifier: Apache-2.0
/**
 * Runs h2spec, the conformance suite of HTTP/2 and HPACK, in strict mode, over cleartext and TLS.
 * It is a Go program: where `go` is not on PATH, or it cannot be had, the tests say so and are
 * skipped.
 */
import { silentLogger } from "@denvoy/base";
import assert from "node:assert/strict";
import { echoMethods } from "../testing/call_contract.ts";
import { serverTls } from "../testing/certificates.ts";
import { hostAndPort, loopback } from "../testing/harness.ts";
import type { ServerOptions } from "../port.ts";
import { serveHttp2 } from "./serve.ts";

const version = "v2.2.1+incompatible";
const h2spec = await findH2spec();

for (const [name, tls] of [["cleartext", undefined], ["TLS", serverTls("server")]] as const) {
  const skipped = h2spec.path === undefined ? ` (skipped: ${h2spec.reason})` : "";
  Deno.test({
    name: `h2spec passes in strict mode over ${name}${skipped}`,
    ignore: h2spec.path === undefined,
    fn: () => runH2spec(tls === undefined ? {} : { tls }),
  });
}

async function runH2spec(options: Pick<ServerOptions, "tls">): Promise<void> {
  const methods = echoMethods;
  const server = await serveHttp2({
    address: loopback,
    methods,
    logger: silentLogger,
    limits: { maxConcurrentStreams: 100 },
    ...options,
  });
  try {
    const { hostname, port } = hostAndPort(server.address);
    const secure = options.tls === undefined ? [] : ["--tls", "--insecure"];
    const args = ["--host", hostname, "--port", String(port), "--strict", "--timeout", "10"];
    const { code, stdout } = await new Deno.Command(h2spec.path ?? "", {
      args: [...args, ...secure],
    }).output();
    const report = new TextDecoder().decode(stdout);
    assert.equal(code, 0, report);
    assert.match(report, /14\d tests, 14\d passed, 0 skipped, 0 failed/, report);
  } finally {
    await server.drain(0);
  }
}

async function findH2spec(): Promise<{ path?: string; reason: string }> {
  const folder = `${cacheFolder()}/denvoy/h2spec-${version}`;
  const path = `${folder}/h2spec`;
  if (await isFile(path)) return { path, reason: "" };
  try {
    const { code, stderr } = await new Deno.Command("go", {
      args: ["install", `github.com/summerwind/h2spec/cmd/h2spec@${version}`],
      env: { GOBIN: folder },
    }).output();
    if (code === 0) return { path, reason: "" };
    return { reason: `go install failed: ${new TextDecoder().decode(stderr).trim()}` };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return { reason: "go is not on PATH" };
    return { reason: String(error) };
  }
}

function cacheFolder(): string {
  return Deno.env.get("XDG_CACHE_HOME") ?? `${Deno.env.get("HOME") ?? "/tmp"}/.cache`;
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isFile;
  } catch {
    return false;
  }
}
