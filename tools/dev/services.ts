// SPDX-License-Identifier: Apache-2.0
/**
 * What each service is started with in the quick start: each by itself, with its narrow permissions.
 * @module
 */
import { join } from "node:path";
import { repositoryRoot } from "../real_parts/mod.ts";
import type { ServiceName } from "../service_permissions.ts";
import type { QuickStart } from "./quickstart.ts";

/** What a service gets beside its ports and its data folder. */
export interface ServiceNeeds {
  /** Its flags. */
  readonly flags: readonly string[];
  /** What it reads. */
  readonly read?: readonly string[];
  /** Addresses of other services that it connects to. */
  readonly peers?: readonly string[];
}

/** The limits of the quick start. */
export const limitsFolder: string = join(repositoryRoot, "examples", "rls", "limits");

/** Returns what a service needs in the quick start. */
export function needsOf(service: ServiceName, { folder, ports }: QuickStart): ServiceNeeds {
  const grpc = `127.0.0.1:${ports["ads gRPC"]}`;
  const http = `127.0.0.1:${ports["ads HTTP"]}`;
  switch (service) {
    case "ads":
      return { flags: ["--resources", folder], read: [folder] };
    case "rls":
      return { flags: ["--limits", limitsFolder], read: [limitsFolder] };
    case "hds":
      return { flags: ["--ads", grpc, "--ads-url", `http://${http}`], peers: [grpc, http] };
    case "sds":
    case "metrics":
      return { flags: [] };
  }
}
