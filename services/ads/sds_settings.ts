// SPDX-License-Identifier: Apache-2.0
/**
 * The settings of asking sds for the secrets of nodes.
 * @module
 */
import { type Problem, ProblemError } from "@denvoy/base";
import { parseAddress, path, secretFile, string, stringList } from "@denvoy/runtime";

/** Fields of ads's configuration. */
export const sdsFields = {
  sds: stringList({
    value: "ADDRESS",
    doc: "SDS server that is asked for the secrets of nodes that have only a stream to ads, in " +
      "the name of the identity that ads has verified; several are tried in turn. Needs " +
      "`--client-ca`, `--sds-cert` and `--sds-key`.",
  }),
  sdsCa: path({
    value: "FILE",
    doc: "Roots (PEM) that the certificate of `--sds` must chain to; the system's unless given. " +
      "Reloaded when it changes, as are the next two.",
  }),
  sdsCert: path({
    value: "FILE",
    doc: "Certificate (PEM) to show to `--sds`, by which it believes for whom ads asks.",
  }),
  sdsKey: secretFile({ doc: "Private key (PEM) of `--sds-cert`." }),
  sdsServerName: string({
    value: "NAME",
    doc: "Name that the certificate of `--sds` must have, if not the host of its address.",
  }),
};

/** What is checked together. */
export interface SdsSettings {
  /** Addresses of sds. */
  readonly sds: readonly string[];
  /** Certificate for sds. */
  readonly sdsCert: string | undefined;
  /** Its key. */
  readonly sdsKey: string | undefined;
  /** Roots of nodes' certificates. */
  readonly clientCa: string | undefined;
}

/** @throws ProblemError when sds is to be asked and could not believe what it is told */
export function checkSdsSettings({ sds, sdsCert, sdsKey, clientCa }: SdsSettings): void {
  if (sds.length === 0) return;
  const messages = sds.filter((one) => parseAddress(one, { lowestPort: 1 }) === undefined).map(
    (one) => `--sds must be "host:port", "[ip6]:port" or "unix:path": is ${JSON.stringify(one)}`,
  );
  if (clientCa === undefined) {
    messages.push("--sds needs --client-ca: without it no node has an identity to ask for");
  }
  if (sdsCert === undefined || sdsKey === undefined) {
    messages.push(
      "--sds needs --sds-cert and --sds-key: sds believes ads by its certificate alone",
    );
  }
  const problems = messages.map((message): Problem => ({ severity: "error", message }));
  if (problems.length > 0) throw new ProblemError(problems);
}
