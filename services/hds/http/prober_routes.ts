// SPDX-License-Identifier: Apache-2.0
/**
 * The Envoys that probe.
 * @module
 */
import { isoTime } from "@denvoy/base";
import { anyObject, type AnyRoute, json, listSchema, route } from "@denvoy/runtime";
import type { Prober } from "../domain/prober.ts";
import { type ApiParts } from "./api_parts.ts";
import { type Json } from "./health_json.ts";

/** Returns the routes. */
export function proberRoutes({ control }: ApiParts): readonly AnyRoute[] {
  return [
    route({
      method: "GET",
      path: "/v1/probers",
      summary: "The Envoys that probe, and how they do",
      description:
        "`silent` has not reported for three intervals, `doubted` fails everything: what " +
        "either says does not count.",
      tag: "probers",
      responses: {
        200: {
          doc: "`probers` by name.",
          schema: listSchema("probers", anyObject),
        },
      },
      handle() {
        const probers = [...control.fleet.probers()].map((item) => proberJson(item));
        return json({ probers });
      },
    }),
  ];

  function proberJson(
    { prober, isConnected }: { readonly prober: Prober; readonly isConnected: boolean },
  ): Json {
    const { name, nodeId, nodeCluster, locality: { region, zone, subZone } } = prober;
    const state = control.table.proberState(name);
    return {
      name,
      node: { id: nodeId, cluster: nodeCluster },
      locality: { region, zone, sub_zone: subZone },
      connected: isConnected,
      silent: !state?.isFresh,
      doubted: state?.isDoubted ?? false,
      endpoints: state?.endpoints ?? 0,
      ...(state && { lastReport: isoTime(state.lastMs) }),
    };
  }
}
