// SPDX-License-Identifier: Apache-2.0
/**
 * The services that `denvoy serve` can run: the one place of the command line that knows them.
 * @module
 */
import { ads } from "@denvoy/ads";
import type { Problem } from "@denvoy/base";
import { hds } from "@denvoy/hds";
import { metrics } from "@denvoy/metrics";
import {
  type ConfigInput,
  type Fields,
  loadConfig,
  type Schema,
  type ServiceDefinition,
  type ServiceHandle,
  startService,
} from "@denvoy/runtime";
import { rls, withReferenceEnvironment } from "@denvoy/rls";
import { sds } from "@denvoy/sds";

/** A service that can be started, whatever its settings. */
export interface ServableService {
  /** Its settings. */
  readonly schema: Schema;
  /** Reads its settings; returns how to start it, or everything that is wrong with them. */
  prepare(input: ConfigInput): PreparedService;
}

/** A service whose settings were read. */
export type PreparedService =
  | {
    readonly kind: "ready";
    /** The setting without which it has nothing to serve; undefined when none is missing. */
    readonly missing: string | undefined;
    /** Starts it. */
    start(): Promise<ServiceHandle>;
  }
  | { readonly kind: "invalid"; readonly problems: readonly Problem[] };

/** All services, in the order in which they are started. */
export const services: readonly ServableService[] = [
  servable(ads),
  servable(sds),
  servable(hds),
  servable(rls, withReferenceEnvironment),
  servable(metrics),
];

/** `environment` adds what other variables mean for the service. */
function servable<F extends Fields>(
  definition: ServiceDefinition<F>,
  environment: (env: ConfigInput["env"]) => Partial<ConfigInput> = (env) => ({ env }),
): ServableService {
  return {
    schema: definition.schema,
    prepare(input) {
      const outcome = loadConfig(definition.schema, { ...input, ...environment(input.env) });
      switch (outcome.kind) {
        case "config": {
          const { config } = outcome;
          return {
            kind: "ready",
            missing: definition.missing?.(config),
            start: () => startService(definition, config),
          };
        }
        case "invalid":
          return outcome;
        case "help":
        case "version":
          throw new TypeError(`Cannot prepare a service as it was asked for its ${outcome.kind}`);
      }
    },
  };
}
