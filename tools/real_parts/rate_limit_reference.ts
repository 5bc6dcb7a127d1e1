// SPDX-License-Identifier: Apache-2.0
/**
 * envoyproxy/ratelimit, the service that services/rls takes the place of.
 * @module
 */
import { type InstalledGoProgram, installGoProgram } from "./go_install.ts";

/** The version of the reference, as tables name it. */
export const rateLimitReferenceVersion = "v1.4.1-0.20260122083618-3fb702589d36";

/** Returns the reference, built the first time; or why it cannot be had here. */
export function getRateLimitReference(): Promise<InstalledGoProgram> {
  return installGoProgram({
    title: "envoyproxy/ratelimit",
    source: {
      module: `github.com/envoyproxy/ratelimit/src/service_cmd@${rateLimitReferenceVersion}`,
    },
    name: `envoyproxy-ratelimit-${rateLimitReferenceVersion}`,
    program: "service_cmd",
  });
}
