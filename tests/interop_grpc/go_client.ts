// SPDX-License-Identifier: Apache-2.0
/**
 * The interop client of grpc-go: built once, pinned, into the cache folder, where `go` is on PATH.
 * @module
 */
import { Child } from "@denvoy/tools/child";
import { type InstalledGoProgram, installGoProgram } from "@denvoy/tools/real_parts";
import assert from "node:assert/strict";

/** Returns the client, built the first time; or why it cannot be had here. */
export function getInteropClient(): Promise<InstalledGoProgram> {
  return installGoProgram({
    title: "the interop client of grpc-go",
    source: { module: "google.golang.org/grpc/interop/client@v1.85.0" },
    name: "grpc-go-interop-1.85.0",
    program: "client",
  });
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
