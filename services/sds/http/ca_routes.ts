// SPDX-License-Identifier: Apache-2.0
/**
 * The CA over HTTP: certificates from a CSR, what was issued, revocation, the steps by which the root
 * is replaced, and the bundle for everybody.
 * @module
 */
import { isoTime } from "@denvoy/base";
import type { FieldReader, MapAt } from "@denvoy/proto";
import { anyObject, type AnyRoute, json, pageQuery, route, text, whoOf } from "@denvoy/runtime";
import type { RevocationReason } from "../domain/certificate_authority.ts";
import type { SignCsrRequest } from "../domain/certificate_authority.ts";
import { writeSpiffeBundle } from "../domain/spiffe_bundle.ts";
import { type ApiParts, identityOf, readBody } from "./api_parts.ts";
import { certificateJson } from "./secret_json.ts";

const TAG = "ca";
/** Other trust domains ask again after this long: well within the overlap of two roots. */
const REFRESH_HINT_MS = 300_000;
const REASONS: readonly RevocationReason[] = [
  ...["unspecified", "keyCompromise", "affiliationChanged"] as const,
  ...["superseded", "cessationOfOperation"] as const,
];

/** Returns the routes. */
export function caRoutes(parts: ApiParts): readonly AnyRoute[] {
  return [
    caRoute(parts),
    stepRoute(parts),
    issueRoute(parts),
    issuedRoute(parts),
    revokeRoute(parts),
    pemRoute(parts),
    listsRoute(parts),
    bundleRoute(parts),
  ];
}

function caRoute({ ca }: ApiParts): AnyRoute {
  return route({
    method: "GET",
    path: "/v1/ca",
    summary: "The trust domain and its roots",
    tag: TAG,
    responses: { 200: { doc: "The CA.", schema: anyObject } },
    handle: () => json(caJson({ ca })),
  });
}

function stepRoute({ ca, audit }: ApiParts): AnyRoute {
  return route({
    method: "POST",
    path: "/v1/ca/{step}",
    summary: "Take a step of a root rotation: prepare, activate, retire",
    description: "Each waits for its time unless `force` is given, which may break handshakes.",
    tag: TAG,
    params: { step: "`prepare`, `activate` or `retire`." },
    query: { force: { type: "boolean", doc: "Does not wait for the overlap." } },
    responses: { 200: { doc: "The CA after the step.", schema: anyObject } },
    async handle(request) {
      const { params: { step }, query: { force } } = request;
      if (step === "prepare") await ca.prepareRoot();
      else if (step === "activate") await ca.activateRoot({ force });
      else if (step === "retire") await ca.retireRoot({ force });
      else return json({ error: { code: "NOT_FOUND", message: "no such step" } }, { status: 404 });
      audit.changed("root rotation", { step, by: whoOf(request) });
      return json(caJson({ ca }));
    },
  });
}

function issueRoute({ ca, audit }: ApiParts): AnyRoute {
  return route({
    method: "POST",
    path: "/v1/certificates",
    summary: "Issue a certificate for a key that stays where it is, from a CSR",
    description: "`csr` (PEM), `identity` (SPIFFE ID or its path), `dns_names`, `ip_addresses`, " +
      "`lifetime` (10 seconds or more). The names in the CSR are ignored.",
    tag: TAG,
    body: { doc: "What is asked for.", schema: anyObject },
    responses: { 200: { doc: "`chain` and `bundle` in PEM, and its facts.", schema: anyObject } },
    async handle(request) {
      const asked = await readBody(request, (fields, root) => readIssue(fields, { root, ca }));
      const { chainPem, facts } = await ca.signCsr(asked);
      const { uriSans, serial } = facts;
      audit.changed("certificate issued", { name: uriSans[0], serial, by: whoOf(request) });
      const bundle = ca.trustBundle().bundlePem;
      return json({ chain: chainPem, bundle, certificate: certificateJson(facts) });
    },
  });
}

function readIssue(
  fields: FieldReader,
  { root, ca }: { readonly root: MapAt; readonly ca: ApiParts["ca"] },
): SignCsrRequest | undefined {
  fields.keys(root, ["csr", "identity", "dns_names", "ip_addresses", "lifetime"]);
  const csrPem = fields.required(root, "csr");
  const identity = fields.filled(root, "identity");
  const lifetimeMs = fields.durationMs(root, "lifetime");
  if (csrPem === undefined) return undefined;
  return {
    csrPem,
    ...(identity !== undefined && { spiffeId: identityOf(identity, ca.trustDomain) }),
    dnsNames: fields.texts(root, "dns_names"),
    ipAddresses: fields.texts(root, "ip_addresses"),
    ...(lifetimeMs !== undefined && { lifetimeMs }),
  };
}

function issuedRoute({ ca }: ApiParts): AnyRoute {
  return route({
    method: "GET",
    path: "/v1/certificates",
    summary: "Certificates that the CA issued and that are still valid, newest first",
    tag: TAG,
    query: {
      name: { type: "string", doc: "Only those with this name." },
      limit: { ...pageQuery.limit, default: 100 },
    },
    responses: { 200: { doc: "The certificates.", schema: anyObject } },
    async handle({ query: { name, limit } }) {
      const listed = await ca.listIssued({ limit, ...(name !== undefined && { name }) });
      const certificates = listed.map(({ notBeforeMs, notAfterMs, revocation, ...record }) => ({
        ...record,
        notBefore: isoTime(notBeforeMs),
        notAfter: isoTime(notAfterMs),
        ...(revocation !== undefined && {
          revoked: { at: isoTime(revocation.revokedAtMs), reason: revocation.reason },
        }),
      }));
      return json({ certificates });
    },
  });
}

function revokeRoute({ ca, audit }: ApiParts): AnyRoute {
  return route({
    method: "POST",
    path: "/v1/certificates/{serial}/revoke",
    summary: "Revoke a certificate: it is on the lists of all bundles at once",
    tag: TAG,
    params: { serial: "Serial number in hexadecimal digits." },
    query: { reason: { type: "string", doc: "Why.", words: REASONS } },
    responses: { 200: { doc: "The revocation.", schema: anyObject } },
    async handle(request) {
      const { params: { serial }, query: { reason } } = request;
      const revocation = await ca.revoke(serial, reason);
      audit.changed("certificate revoked", { serial, by: whoOf(request) });
      return json({
        serial: revocation.serial,
        reason: revocation.reason,
        revokedAt: isoTime(revocation.revokedAtMs),
      });
    },
  });
}

function pemRoute({ ca }: ApiParts): AnyRoute {
  return route({
    method: "GET",
    path: "/v1/bundle.pem",
    summary: "The roots to trust, in PEM",
    tag: TAG,
    access: "open",
    responses: {
      200: { doc: "PEM.", schema: { type: "string" }, types: ["application/x-pem-file"] },
    },
    handle: () => text(ca.trustBundle().bundlePem, { type: "application/x-pem-file" }),
  });
}

function listsRoute({ ca }: ApiParts): AnyRoute {
  return route({
    method: "GET",
    path: "/v1/crl.pem",
    summary: "The revocation lists, with the certificates of the CAs that signed them, in PEM",
    description:
      "What `--tls-crl` of the services takes. There are lists while nothing is revoked, " +
      "too; they are good for eight days.",
    tag: TAG,
    access: "open",
    hosts: "any",
    responses: {
      200: { doc: "PEM.", schema: { type: "string" }, types: ["application/x-pem-file"] },
    },
    handle: async () => text(await ca.publishedLists(), { type: "application/x-pem-file" }),
  });
}

function bundleRoute({ ca, x509 }: ApiParts): AnyRoute {
  return route({
    method: "GET",
    path: "/v1/bundle",
    summary: "The SPIFFE bundle endpoint: the roots as a JWK set, for other trust domains",
    description: "SPIFFE Trust Domain and Bundle, sections 4 and 5.",
    tag: TAG,
    access: "open",
    hosts: "any",
    responses: { 200: { doc: "The bundle.", schema: anyObject } },
    handle() {
      const { bundlePem, sequence } = ca.trustBundle();
      const bundle = { bundlePem, sequence, refreshHintMs: REFRESH_HINT_MS };
      return json(writeSpiffeBundle(bundle, x509));
    },
  });
}

function caJson({ ca }: Pick<ApiParts, "ca">) {
  const { trustDomain, sequence, authorities } = ca.trustBundle();
  return {
    trustDomain,
    sequence,
    authorities: authorities.map(({ id, state, certificate, signer }) => ({
      id,
      state,
      root: certificateJson(certificate),
      signer: certificateJson(signer),
    })),
  };
}
