// SPDX-License-Identifier: Apache-2.0
/**
 * What sds counts of itself. Every series and label is named here.
 * @module
 */
import { type DiscoveryInstruments, discoveryInstruments, observeStreams } from "@denvoy/discovery";
import type { Counter, Metrics } from "@denvoy/runtime";
import type { Hub } from "@denvoy/xds";
import type { CertificateAuthority } from "./domain/certificate_authority.ts";
import type { IssuedCertificates } from "./domain/issued_certificates.ts";
import { expiryOf } from "./domain/secret_expiry.ts";
import type { SecretBook } from "./domain/secret_book.ts";
import type { SecretSessions } from "./handlers/secret_sessions.ts";

/** The instruments that events are counted in. */
export interface SdsInstruments extends DiscoveryInstruments {
  /** Names that callers were given, by proof. */
  readonly grants: Counter<"proof">;
  /** Names and calls that were refused, by status. */
  readonly refusals: Counter<"code">;
  /** Certificates issued for callers, by outcome. */
  readonly issued: Counter<"outcome">;
  /** Loads of secret files, by outcome. */
  readonly fileLoads: Counter<"outcome">;
}

/** Makes the instruments. */
export function sdsInstruments(metrics: Metrics): SdsInstruments {
  return {
    ...discoveryInstruments(metrics),
    grants: metrics.counter("grants_total", {
      help: "Names that callers were given, by how they proved who they are.",
      labels: ["proof"],
    }),
    refusals: metrics.counter("refusals_total", {
      help: "Names and calls that were refused, by status.",
      labels: ["code"],
    }),
    issued: metrics.counter("issued_total", {
      help: "Certificates issued for callers and declared names, by outcome: ok or failed.",
      labels: ["outcome"],
    }),
    fileLoads: metrics.counter("file_loads_total", {
      help: "Loads of secret files, by outcome: applied or refused.",
      labels: ["outcome"],
    }),
  };
}

/** What gauges are read from. */
export interface GaugeSources {
  /** The streams. */
  readonly hub: Hub;
  /** The callers. */
  readonly sessions: SecretSessions;
  /** The secrets. */
  readonly book: SecretBook;
  /** Certificates of workloads. */
  readonly workloads: IssuedCertificates;
  /** The CA. */
  readonly ca: CertificateAuthority;
  /** How the files are. */
  readonly files: { readonly problems: number };
  /** Certificates that are not written down yet. */
  readonly unwritten: () => number;
}

/** Adds gauges whose values are read at each scrape. */
export function observeSds(metrics: Metrics, sources: GaugeSources): void {
  const { hub, sessions, book, workloads, ca, files, unwritten } = sources;
  observeStreams(metrics, hub);
  metrics.observeGauge("connected_identities", {
    help: "Identities that have at least one open stream.",
  }, () => new Set([...sessions.list()].map(({ caller }) => caller.identity)).size);
  metrics.observeGauge("secrets", { help: "Secrets by kind.", labels: ["kind"] }, () => {
    const kinds = Object.groupBy(book.list(), ({ checked }) => checked.facts.kind);
    return Object.entries(kinds).map(([kind, list]) => ({ value: list.length, labels: { kind } }));
  });
  metrics.observeGauge("workload_certificates", {
    help: "Certificates of workloads that are kept up to date.",
  }, () => workloads.list().length);
  metrics.observeGauge("workload_first_expiry_timestamp_seconds", {
    help: "When the first of the workloads' certificates ends; nothing while there is none.",
    labels: [],
  }, () => {
    const ends = workloads.list().map(({ issued }) => issued.facts.notAfterMs / 1000);
    if (ends.length === 0) return [];
    return [{ value: ends.reduce((first, end) => Math.min(first, end)), labels: {} }];
  });
  metrics.observeGauge("secret_expiry_timestamp_seconds", {
    help: "When a secret ends.",
    labels: ["name"],
  }, () =>
    book.list().flatMap(({ name, checked }) => {
      const expiry = expiryOf(checked.facts);
      return expiry === undefined ? [] : [{ value: expiry / 1000, labels: { name } }];
    }));
  metrics.observeGauge("authority_expiry_timestamp_seconds", {
    help: "When a trusted root ends.",
    labels: ["state"],
  }, () =>
    ca.trustBundle().authorities.map(({ state, certificate }) => ({
      value: certificate.notAfterMs / 1000,
      labels: { state },
    })));
  metrics.observeGauge("unwritten_certificates", {
    help: "Certificates that were issued while Redis was away and are not written down yet.",
  }, unwritten);
  metrics.observeGauge("file_problems", {
    help: "Problems of the secret files as they are now; what was good before is served.",
  }, () => files.problems);
}
