// SPDX-License-Identifier: Apache-2.0
/**
 * Secrets as people look at them: what they are, until when, and who holds them.
 * @module
 */
import { type Cell, table } from "../output/columns.ts";
import { shortVersion } from "../output/short_version.ts";
import type { ViewOptions } from "./nodes_view.ts";

/** A secret as sds tells it. */
export interface SecretAnswer {
  /** Its name. */
  readonly name: string;
  /** Where it comes from. */
  readonly source: string;
  /** What it is. */
  readonly kind: string;
  /** Hash of its content; absent for certificates of workloads. */
  readonly version?: string;
  /** When it ends. */
  readonly notAfter?: string;
  /** Days until then. */
  readonly daysLeft?: number;
  /** What its certificate says. */
  readonly certificate?: { readonly issuer: string; readonly serial: string };
  /** Who holds it; in the answer for one secret. */
  readonly nodes?: readonly HolderAnswer[];
}

/** A node that holds a secret. */
export interface HolderAnswer {
  /** Who it is. */
  readonly identity: string;
  /** Its id. */
  readonly node: string;
  /** Where it calls from. */
  readonly address: string;
  /** How it stands. */
  readonly status: string;
}

const SOON_DAYS = 7;

/** Returns a line for each secret. */
export function secretsView(
  secrets: readonly SecretAnswer[],
  { styles }: ViewOptions,
): readonly string[] {
  if (secrets.length === 0) return ["there are no secrets"];
  const rows = secrets.map(({ name, source, kind, version, notAfter, daysLeft, certificate }) => {
    const isSoon = source !== "workload" && source !== "ca" && (daysLeft ?? Infinity) <= SOON_DAYS;
    const left: Cell = daysLeft === undefined
      ? ""
      : { text: `${daysLeft} d`, paint: isSoon ? styles.red : (text) => text };
    const until = notAfter?.slice(0, 16).replace("T", " ") ?? "";
    const shown = version === undefined ? "" : shortVersion(version);
    return [name, kind, source, shown, until, left, certificate?.issuer ?? ""];
  });
  return table(["NAME", "KIND", "FROM", "VERSION", "UNTIL (UTC)", "LEFT", "ISSUER"], rows);
}

/** Returns one secret with everything that may be told of it, and who holds it. */
export function secretView(secret: SecretAnswer, options: ViewOptions): readonly string[] {
  const { nodes = [], certificate } = secret;
  const facts = certificate === undefined ? [] : [
    "",
    ...Object.entries(certificate).map(([key, value]) =>
      `${key}: ${Array.isArray(value) ? value.join(", ") : value}`
    ),
  ];
  const holders = nodes.map(({ identity, node, address, status }) => [
    ...[identity, node, address, status],
  ]);
  const held = nodes.length === 0
    ? ["no node holds it"]
    : table(["IDENTITY", "NODE", "ADDRESS", "STATUS"], holders);
  return [...secretsView([secret], options), ...facts, "", ...held];
}
