// SPDX-License-Identifier: Apache-2.0
/**
 * `/v1/secrets`: what is served, without what is secret; and how to put, rotate and remove it.
 * @module
 */
import { anyObject, type AnyRoute, empty, json, notFound, route, whoOf } from "@denvoy/runtime";
import { type ApiParts, identityOf, readBody } from "./api_parts.ts";
import { holdersOf } from "./node_routes.ts";
import { readSecretBody } from "./secret_body.ts";
import { secretJson, workloadJson } from "./secret_json.ts";

const TAG = "secrets";
const NAME = { name: "Name of the secret, or the SPIFFE ID of a workload." };
const MAX_BODY_BYTES = 1024 * 1024;

/** Returns the routes. */
export function secretRoutes(parts: ApiParts): readonly AnyRoute[] {
  return [
    listRoute(parts),
    inspectRoute(parts),
    putRoute(parts),
    removeRoute(parts),
    rotateRoute(parts),
  ];
}

function listRoute({ book, workloads, clock }: ApiParts): AnyRoute {
  return route({
    method: "GET",
    path: "/v1/secrets",
    summary: "All secrets and certificates of workloads, without key material",
    tag: TAG,
    responses: { 200: { doc: "The secrets.", schema: anyObject } },
    handle() {
      const nowMs = clock.nowMs();
      const secrets = book.list().map((secret) => secretJson(secret, nowMs));
      const issued = workloads.list().map((certificate) => workloadJson(certificate, nowMs));
      return json({ secrets: [...secrets, ...issued] });
    },
  });
}

function inspectRoute({ book, workloads, clock, sessions, ca }: ApiParts): AnyRoute {
  return route({
    method: "GET",
    path: "/v1/secrets/{name...}",
    summary: "One secret, with the nodes that hold it",
    tag: TAG,
    params: NAME,
    responses: { 200: { doc: "The secret.", schema: anyObject } },
    handle({ params: { name } }) {
      const nowMs = clock.nowMs();
      const secret = book.get(name);
      if (secret !== undefined) {
        return json({ ...secretJson(secret, nowMs), nodes: holdersOf(sessions, { name }) });
      }
      const certificate = workloads.get(name) ??
        (/^[\w./-]+$/.test(name) ? workloads.get(identityOf(name, ca.trustDomain)) : undefined);
      if (certificate === undefined) return notFound(`no secret has the name "${name}"`);
      const nodes = holdersOf(sessions, { name: certificate.id, workload: certificate.id });
      return json({ ...workloadJson(certificate, nowMs), nodes });
    },
  });
}

function putRoute({ api, audit, clock, importer }: ApiParts): AnyRoute {
  return route({
    method: "PUT",
    path: "/v1/secrets/{name...}",
    summary: "Put a secret: checked first, kept sealed",
    description: "`certificate: {chain, key, password?}` or `{pkcs12, password?}`, " +
      "`trust: {bundle, crl?, only_leaf_crl?, sans?}`, `session_tickets: {keys}` or " +
      "`generic: {secret}` or `{secrets}`. PEM is text, everything else Base64.",
    tag: TAG,
    params: NAME,
    body: { doc: "The secret.", schema: anyObject, maxBytes: MAX_BODY_BYTES },
    responses: { 200: { doc: "What is served now.", schema: anyObject } },
    async handle(request) {
      const { name } = request.params;
      const material = await readBody(request, (fields, root) => {
        if (name.length > 512) fields.error([], "name must be at most 512 characters long");
        return readSecretBody(fields, { root, importer });
      });
      const served = await api.put(name, material);
      audit.changed("secret put", { name, by: whoOf(request), version: served.resource.version });
      return json(secretJson(served, clock.nowMs()));
    },
  });
}

function removeRoute({ api, audit }: ApiParts): AnyRoute {
  return route({
    method: "DELETE",
    path: "/v1/secrets/{name...}",
    summary: "Remove a secret that was put",
    description: "An Envoy that has it goes on using it: to revoke trust, put another bundle.",
    tag: TAG,
    params: NAME,
    responses: { 204: { doc: "It is not served any more." } },
    async handle(request) {
      const { name } = request.params;
      await api.remove(name);
      audit.changed("secret removed", { name, by: whoOf(request) });
      return empty();
    },
  });
}

function rotateRoute(parts: ApiParts): AnyRoute {
  return route({
    method: "POST",
    path: "/v1/rotate/{name...}",
    summary: "Make a new key and certificate, or new session ticket keys, now",
    tag: TAG,
    params: NAME,
    responses: { 200: { doc: "What is served now.", schema: anyObject } },
    async handle(request) {
      const { name } = request.params;
      const rotated = await rotate(parts, name);
      parts.audit.changed("secret rotated", { name, by: whoOf(request) });
      return json(rotated);
    },
  });
}

async function rotate(
  { book, workloads, certificates, tickets, clock, ca }: ApiParts,
  name: string,
) {
  if (certificates.get(name) !== undefined) await certificates.renew(name);
  else if (!await tickets.rotate(name)) {
    if (book.get(name) !== undefined) {
      return notFound(`cannot rotate "${name}" as it is not made here`);
    }
    const certificate = await workloads.renew(identityOf(name, ca.trustDomain));
    return workloadJson(certificate, clock.nowMs());
  }
  const secret = book.get(name);
  return secret === undefined ? {} : secretJson(secret, clock.nowMs());
}
