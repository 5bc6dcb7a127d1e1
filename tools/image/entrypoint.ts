// SPDX-License-Identifier: Apache-2.0
/**
 * Writes the two scripts of a service's container image: what starts it, with the permissions that
 * its tests run it with, and what asks whether it is alive.
 * @module
 */
import { join } from "node:path";
import {
  engineFlags,
  type ServiceAccess,
  type ServiceName,
  servicePermissions,
  servicePorts,
} from "../service_permissions.ts";

/** Where the source tree is in the image. */
export const imageRoot = "/app";

/** Where configuration is mounted: resources, certificates, `denvoy.yaml`. */
export const imageConfigDir = "/etc/denvoy";

/** Where state is mounted. */
export const imageDataDir = "/var/lib/denvoy";

/**
 * Returns the script that starts a service on all addresses of its container. Flags come after;
 * without TLS keys among them the service refuses to listen that wide unless `--insecure` is one.
 */
export function startScript(service: ServiceName): string {
  const { grpc, http } = servicePorts[service];
  const addresses = [`0.0.0.0:${grpc}`, `0.0.0.0:${http}`];
  // Where Redis, ads, OCSP responders, collectors, other trust domains and the sockets of workloads are
  // is known when the container runs.
  const reaching: readonly ServiceName[] = ["rls", "sds", "hds", "metrics"];
  const reached = reaching.includes(service) ? "any" : addresses;
  const folders = { read: [imageConfigDir], dataDir: imageDataDir, root: imageRoot };
  const access: ServiceAccess = { addresses: reached, ...folders };
  const permissions = servicePermissions(access).map((flag) =>
    asksOthers(service) && flag.startsWith("--allow-net") ? '"$net"' : flag
  );
  const flags = ["--quiet", "--cached-only", "--frozen", ...engineFlags(service), ...permissions];
  const prefix = `DENVOY_${service.toUpperCase()}`;
  return script([
    // A core holds the keys of the process. Where the limit cannot be set, it was lower before.
    "ulimit -c 0 2>/dev/null || true",
    `export ${prefix}_GRPC_ADDRESS="\${${prefix}_GRPC_ADDRESS:-${addresses[0]}}"`,
    `export ${prefix}_HTTP_ADDRESS="\${${prefix}_HTTP_ADDRESS:-${addresses[1]}}"`,
    `export ${prefix}_DATA_DIR="\${${prefix}_DATA_DIR:-${imageDataDir}}"`,
    // Without the variable a file that is not there is no error, with it it is one.
    `config=${imageConfigDir}/denvoy.yaml`,
    'if [ -z "${DENVOY_CONFIG:-}" ] && [ -f "$config" ]; then export DENVOY_CONFIG="$config"; fi',
    ...(asksOthers(service) ? netLines(addresses, prefix) : []),
    `exec deno run ${flags.join(" ")} ${imageRoot}/services/${service}/main.ts "$@"`,
  ]);
}

function asksOthers(service: ServiceName): boolean {
  return service === "ads";
}

/** Where sds and Redis are is known when the container runs: without them ads reaches nobody. */
function netLines(addresses: readonly string[], prefix: string): readonly string[] {
  return [
    `net=--allow-net=${addresses.join(",")}`,
    `case "\${${prefix}_SDS:+--sds} \${${prefix}_REDIS_URL:+--redis-url} $*" in`,
    "  *--sds* | *--redis-url*) net=--allow-net ;;",
    "esac",
  ];
}

/** Returns the script that makes the certificates of `compose.mtls.yaml`; names come after. */
export function keysScript(): string {
  const access: ServiceAccess = { addresses: [], dataDir: imageDataDir, root: imageRoot };
  const permissions = servicePermissions(access).filter((flag) => !flag.startsWith("--allow-net"));
  const flags = ["--quiet", "--cached-only", "--frozen", ...permissions].join(" ");
  return script([
    "ulimit -c 0 2>/dev/null || true",
    `exec deno run ${flags} ${imageRoot}/tools/mesh_keys.ts ${imageDataDir} "$@"`,
  ]);
}

/**
 * Returns the script that fails unless the service's HTTP port answers `/healthz` with 2xx, and says
 * on standard output what it got instead.
 */
export function healthScript(service: ServiceName): string {
  const address = `127.0.0.1:${servicePorts[service].http}`;
  // The port speaks HTTPS once the service has keys; their names are those of other addresses.
  const get = (scheme: string) => `fetch("${scheme}://${address}/healthz")`;
  const code = `const answer = await ${get("http")}.catch(() => ${get("https")})` +
    ".catch((error) => ({ ok: false, status: error.cause?.message ?? error.message }));" +
    ` console.log("/healthz:", answer.status); Deno.exit(answer.ok ? 0 : 1)`;
  const flags = "--quiet --no-lock --no-config --unsafely-ignore-certificate-errors=127.0.0.1";
  // Standard error has only Deno's warning about the last flag.
  return script([`exec deno eval ${flags} '${code}' 2>/dev/null`]);
}

function script(lines: readonly string[]): string {
  return ["#!/bin/sh", "set -eu", `cd ${imageRoot}`, ...lines, ""].join("\n");
}

if (import.meta.main) {
  const [service = "", folder = imageRoot] = Deno.args;
  if (!Object.hasOwn(servicePorts, service)) {
    const known = Object.keys(servicePorts).join(", ");
    throw new Error(`cannot build an image as SERVICE must be one of ${known}: it is "${service}"`);
  }
  const options = { mode: 0o755 };
  await Deno.writeTextFile(join(folder, "start"), startScript(service as ServiceName), options);
  if (service === "sds") await Deno.writeTextFile(join(folder, "keys"), keysScript(), options);
  await Deno.writeTextFile(join(folder, "health"), healthScript(service as ServiceName), options);
}
