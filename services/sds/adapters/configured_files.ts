// SPDX-License-Identifier: Apache-2.0
/**
 * Files that settings name and that are read once, at the start: other trust domains, and the
 * intermediate of an outside CA.
 * @module
 */
import { dirname, resolve } from "node:path";
import { ProblemError } from "@denvoy/base";
import { readFileContent, textOf } from "@denvoy/runtime";
import type { OutsideCa } from "../domain/ca/outside_authority.ts";
import type { FederatedDomain } from "../domain/federation.ts";
import { readFederationFile } from "../domain/federation_file.ts";
import { readPrivateKey } from "./private_key_reader.ts";

/** Reads the trust domains of a file. Rejects with ProblemError for what is wrong with it. */
export async function loadFederatedDomains(file: string): Promise<readonly FederatedDomain[]> {
  const read = readFederationFile(await readText(file), { file });
  if (!read.ok) throw new ProblemError(read.error);
  const beside = (path: string) => readText(resolve(dirname(file), path));
  const domains: FederatedDomain[] = [];
  for (const { trustDomain, url, caFile, spiffeId, bundleFile } of read.value) {
    const profile = spiffeId !== undefined && bundleFile !== undefined
      ? { kind: "https_spiffe", spiffeId, bootstrapPem: await beside(bundleFile) } as const
      : {
        kind: "https_web",
        ...(caFile !== undefined && { caPem: await beside(caFile) }),
      } as const;
    domains.push({ trustDomain, url, profile });
  }
  return domains;
}

/** Where the intermediate of an outside CA is. */
export interface OutsideCaFiles {
  /** PEM of the intermediate, then of those between it and the root. */
  readonly chain: string;
  /** PEM key of the intermediate. */
  readonly key: string;
  /** PEM of the root; it may be in `chain` instead. */
  readonly roots: string | undefined;
}

/** Reads the intermediate of an outside CA. Rejects with ProblemError for what cannot be read. */
export async function loadOutsideCa({ chain, key, roots }: OutsideCaFiles): Promise<OutsideCa> {
  const privateKey = readPrivateKey({ pem: await readText(key), file: key });
  if (!privateKey.ok) throw new ProblemError(privateKey.error);
  return {
    chainPem: await readText(chain),
    keyPem: privateKey.value,
    rootsPem: roots === undefined ? "" : await readText(roots),
    files: { chain, key, ...(roots !== undefined && { bundle: roots }) },
  };
}

async function readText(file: string): Promise<string> {
  const content = await readFileContent(file);
  const text = content.kind === "bytes" ? textOf(content.bytes) : undefined;
  if (text !== undefined) return text;
  throw new ProblemError([{ severity: "error", file, message: "cannot read file as text" }]);
}
