// SPDX-License-Identifier: Apache-2.0
/**
 * The Deno permissions of each service, in one place: the tasks, the container image and the tests
 * all start services with what this module says, so that a service that needs more fails a test.
 * @module
 */
import { join } from "node:path";
import { repositoryRoot } from "./real_parts/cache.ts";

/** Services that can be started. */
export type ServiceName = "ads" | "sds" | "hds" | "rls" | "metrics";

/** The ports of each service; it listens on loopback unless it is told otherwise. */
export const servicePorts: Readonly<
  Record<ServiceName, { readonly grpc: number; readonly http: number }>
> = {
  ads: { grpc: 18_000, http: 18_001 },
  sds: { grpc: 18_010, http: 18_011 },
  hds: { grpc: 18_020, http: 18_021 },
  rls: { grpc: 8081, http: 8080 },
  metrics: { grpc: 18_030, http: 18_031 },
};

/** All services. */
export const serviceNames: readonly ServiceName[] = Object.keys(servicePorts) as ServiceName[];

/** What one run of a service may touch. */
export interface ServiceAccess {
  /** Addresses (`host:port`) that it listens on or connects to; `any` where nobody can know them. */
  readonly addresses: readonly string[] | "any";
  /** Files and folders that it reads: resources, certificates, `denvoy.yaml`. */
  readonly read?: readonly string[];
  /** The folder that holds its state; read and written. */
  readonly dataDir?: string;
  /** Root of the source tree. @default the repository */
  readonly root?: string;
}

/** Returns the flags of `deno run` for one run of a service. Nothing is ever prompted for. */
export function servicePermissions(access: ServiceAccess): readonly string[] {
  const data = access.dataDir === undefined ? [] : [access.dataDir];
  const generated = join(access.root ?? repositoryRoot, "libs", "proto", "gen");
  const read = [generated, ...access.read ?? [], ...data];
  const { addresses } = access;
  return [
    "--no-prompt",
    addresses === "any" ? "--allow-net" : `--allow-net=${addresses.join(",")}`,
    `--allow-read=${read.join(",")}`,
    ...(data.length === 0 ? [] : [`--allow-write=${data.join(",")}`]),
    // The `debug` of ioredis lists all variables as it is loaded, and every service may speak to Redis.
    "--allow-env",
  ];
}

/**
 * Returns the flags of `deno run` for the engine of a service. What rls allocates lives as long as a
 * request: with room for the young from the start less of it is taken for old, where it would wait to be
 * collected with everything else (`deno task bench:rls --only ten`: a fifth of the CPU, a third of p99).
 */
export function engineFlags(service: ServiceName): readonly string[] {
  return service === "rls" ? ["--v8-flags=--min-semi-space-size=16"] : [];
}

/** Returns the arguments of `deno` that run a service's main.ts with `flags`. */
export function serviceCommand(
  service: ServiceName,
  { access, flags }: { readonly access: ServiceAccess; readonly flags: readonly string[] },
): readonly string[] {
  const main = join(access.root ?? repositoryRoot, "services", service, "main.ts");
  const own = [...engineFlags(service), ...servicePermissions(access)];
  return ["run", "--quiet", "--frozen", ...own, main, ...flags];
}
