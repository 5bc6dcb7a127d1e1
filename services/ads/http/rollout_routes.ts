// SPDX-License-Identifier: Apache-2.0
/**
 * Rollouts: where they stand, and how they are decided by hand.
 * @module
 */
import {
  anyObject,
  type AnyRoute,
  json,
  listSchema,
  notFound,
  route,
  whoOf,
} from "@denvoy/runtime";
import { type ApiParts } from "./api_parts.ts";
import { rolloutJson } from "./rollout_json.ts";

const TAG = "rollouts";
const params = { id: "Id of the rollout, e.g. `rollout-1`." };
const one = { 200: { doc: "The rollout.", schema: anyObject } };

/** Returns the routes. */
export function rolloutRoutes(parts: ApiParts): readonly AnyRoute[] {
  const { rollouts } = parts.configuration;
  return [
    route({
      method: "GET",
      path: "/v1/rollouts",
      summary: "Rollouts under way and the last that were decided, latest first",
      tag: TAG,
      responses: {
        200: {
          doc: "The rollouts.",
          schema: listSchema("rollouts", anyObject),
        },
      },
      handle: () => json({ rollouts: rollouts.list().toReversed().map(rolloutJson) }),
    }),
    route({
      method: "GET",
      path: "/v1/rollouts/{id}",
      summary: "One rollout, with how far each node is",
      tag: TAG,
      params,
      responses: one,
      handle({ params: { id } }) {
        return json(rolloutJson(rollouts.get(id) ?? notFound(`there is no rollout "${id}"`)));
      },
    }),
    decide(parts, "promote"),
    decide(parts, "abort"),
  ];
}

function decide({ configuration }: ApiParts, kind: "promote" | "abort"): AnyRoute {
  return route({
    method: "POST",
    path: `/v1/rollouts/{id}/${kind}`,
    summary: kind === "promote" ? "Gives a change to all nodes now" : "Takes a change back now",
    tag: TAG,
    params,
    responses: one,
    async handle(request) {
      const decision = { kind, who: whoOf(request) };
      const { id } = request.params;
      const { rolloutControl, rollouts, submit } = configuration;
      const record = await submit(() => rolloutControl.decide(id, decision));
      return json(rolloutJson(rollouts.get(id) ?? record));
    },
  });
}
