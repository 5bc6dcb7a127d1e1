// SPDX-License-Identifier: Apache-2.0
/**
 * The interop client of grpc-go: built once, pinned, into the cache folder, where `go` is on PATH.
 * @module
 */
import { cacheFolder, exists } from "@denvoy/tools/real_parts";
import { Child } from "@denvoy/tools/child";
import assert from "node:assert/strict";
import { join } from "node:path";
import { capture } from "../../tools/real_parts/process.ts";
import { installOnce } from "../../tools/real_parts/cache.ts";

const module = "google.golang.org/grpc/interop/client@v1.85.0";

/** The built client, or why there is none on this machine. */
export type InteropClient =
  | { readonly kind: "built"; readonly path: string }
  | { readonly kind: "unavailable"; readonly reason: string };

/** Returns the client; takes about a minute the first time. */
export async function getInteropClient(): Promise<InteropClient> {
  const name = `grpc-go-interop-1.85.0-${Deno.build.os}-${Deno.build.arch}`;
  const built = join(cacheFolder(), name, "client");
  if (await exists(built)) return { kind: "built", path: built };
  if ((await capture("go", ["version"])).code !== 0) {
    return { kind: "unavailable", reason: "go is not on PATH" };
  }
  try {
    return { kind: "built", path: join(await installOnce(name, install), "client") };
  } catch (error) {
    return { kind: "unavailable", reason: error instanceof Error ? error.message : String(error) };
  }
}

async function install(folder: string): Promise<void> {
  const { code, stderr } = await new Deno.Command("go", {
    args: ["install", module],
    env: { GOBIN: folder, CGO_ENABLED: "0" },
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).output();
  if (code === 0) return;
  const words = new TextDecoder().decode(stderr).trim().split("\n").at(-1);
  throw new Error(`go install ${module} failed: ${words}`);
}

/** Where the client finds its server. */
export interface InteropTarget {
  /** `host:port`. */
  readonly address: string;
  /** File with the roots of a TLS server; cleartext if left out. */
  readonly caFile?: string;
}

/** Runs one case; throws with the client's own words when it fails. */
export async function runInteropCase(
  client: string,
  target: InteropTarget,
  args: readonly string[],
): Promise<void> {
  const split = target.address.lastIndexOf(":");
  const tls = target.caFile === undefined ? [] : [
    ...["--use_tls", "--use_test_ca", "--ca_file", target.caFile],
    ...["--server_host_override", "localhost"],
  ];
  await using child = Child.start({
    name: "grpc-go interop client",
    command: client,
    args: [
      ...["--server_host", target.address.slice(0, split)],
      ...["--server_port", target.address.slice(split + 1), ...tls, ...args],
    ],
    env: { GRPC_GO_LOG_SEVERITY_LEVEL: "error" },
  });
  const { code } = await child.exited;
  assert.equal(code, 0, child.lastWords());
}
