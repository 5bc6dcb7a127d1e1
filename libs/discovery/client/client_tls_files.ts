// SPDX-License-Identifier: Apache-2.0
/**
 * Keys of a TLS client from files, checked before they are used and read again when they change.
 * @module
 */
import { type Problem, ProblemError } from "@denvoy/base";
import type { ClientTls } from "@denvoy/grpc";
import {
  checkCertificates,
  readTlsMaterial,
  ReloadedFiles,
  type ReloadedFilesOptions,
} from "@denvoy/runtime";

/** Where the keys of a client are. */
export interface ClientTlsPaths {
  /** Roots for the server's certificate; the system's where left out. */
  readonly ca?: string | undefined;
  /** Certificate chain to show, leaf first; needs `key`. */
  readonly cert?: string | undefined;
  /** Private key of the leaf; needs `cert`. */
  readonly key?: string | undefined;
  /** Name that the server's certificate must have. @default the host of the address */
  readonly serverName?: string | undefined;
}

/** Keys that follow their files; `connectXds` takes them as `tls`. */
export type ClientTlsFiles = ReloadedFiles<ClientTls>;

/**
 * Loads the keys and keeps them up to date. A pair that does not belong together is not used. Rejects
 * with ProblemError when they cannot be used at the start.
 */
export function loadClientTls(
  paths: ClientTlsPaths,
  options: Omit<ReloadedFilesOptions<ClientTls>, "what" | "paths" | "read">,
): Promise<ClientTlsFiles> {
  const all = [paths.ca, paths.cert, paths.key].filter((path) => path !== undefined);
  return ReloadedFiles.load({
    ...options,
    what: "TLS keys of the client",
    paths: all,
    read: () => readClientTls(paths),
  });
}

async function readClientTls({ ca, cert, key, serverName }: ClientTlsPaths): Promise<ClientTls> {
  if ((cert === undefined) !== (key === undefined)) {
    const message = `certificate and private key must be given together: only ${cert ?? key} is`;
    throw new ProblemError([{ severity: "error", message }]);
  }
  const roots = ca === undefined ? undefined : await readRoots(ca);
  const pair = cert === undefined || key === undefined
    ? undefined
    : await readTlsMaterial({ cert, key });
  return {
    ...roots !== undefined && { serverCa: roots },
    ...pair !== undefined && {
      certificateChain: pair.certificateChain,
      privateKey: pair.privateKey,
    },
    ...serverName !== undefined && { serverName },
  };
}

async function readRoots(file: string): Promise<string> {
  const problems: Problem[] = [];
  let pem = "";
  try {
    pem = await Deno.readTextFile(file);
    problems.push(...checkCertificates(pem, file));
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    problems.push({ severity: "error", file, message: `cannot read file: ${why}` });
  }
  if (problems.length > 0) throw new ProblemError(problems);
  return pem;
}
