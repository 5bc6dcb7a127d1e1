// SPDX-License-Identifier: Apache-2.0
/**
 * The servers that the gRPC bench compares. All serve the same three methods on raw bytes.
 * @module
 */
import { repositoryRoot } from "@denvoy/tools/real_parts";
import { join } from "node:path";
import { Server } from "../lib/server.ts";

/** How a server is started. */
export interface StartOptions {
  /** Whether it serves TLS. */
  readonly tls: boolean;
  /** Bytes of a pushed message. */
  readonly pushBytes: number;
}

/** A server that can be started. */
export interface Side {
  /** Its name in tables. */
  readonly name: string;
  /** Starts it and waits until it is ready. */
  start(options: StartOptions): Promise<Server>;
}

/** Name of our side. */
export const denvoyName = "denvoy";

/** Name of Denvoy's other transport. */
export const grpcJsName = "grpc-js";

/** Name of the Go peer. */
export const grpcGoName = "grpc-go";

const keys = join(repositoryRoot, "libs/grpc/testdata");

/** Returns Denvoy on one of its transports. */
export function denvoySide(name: string, transport: "native" | "grpc-js"): Side {
  return {
    name,
    start(options) {
      const program = join(import.meta.dirname ?? ".", "server.ts");
      const deno = ["run", "--quiet", "--allow-net", "--allow-read", "--allow-env", "--allow-sys"];
      const args = [...deno, program, "--transport", transport, ...flagsOf(options)];
      return Server.start({ name, command: Deno.execPath(), args });
    },
  };
}

/** Returns the server on grpc-go; `program` is the built benches/grpc/peer. */
export function grpcGo(program: string): Side {
  const name = grpcGoName;
  return {
    name,
    start: (options) => Server.start({ name, command: program, args: flagsOf(options) }),
  };
}

function flagsOf({ tls, pushBytes }: StartOptions): string[] {
  const flags = [`--push-bytes=${pushBytes}`];
  if (!tls) return flags;
  return [...flags, `--tls-cert=${keys}/server.pem`, `--tls-key=${keys}/server.key`];
}
