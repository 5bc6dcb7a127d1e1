// SPDX-License-Identifier: Apache-2.0
/**
 * Which secrets the files declare: a folder for each certificate, as Kubernetes mounts a TLS secret,
 * and the secrets file for everything else.
 * @module
 */
import { dirname, join, resolve } from "node:path";
import type { Problem } from "@denvoy/base";
import { readFileContent, textOf } from "@denvoy/runtime";
import type { SecretSpec } from "../domain/secret_spec.ts";
import { readSecretsFile } from "../domain/secrets_file.ts";

/** Where secrets are declared. */
export interface SpecSources {
  /** Folder of folders. */
  readonly folder: string | undefined;
  /** The secrets file. */
  readonly file: string | undefined;
}

/** What is declared. */
export interface DeclaredSpecs {
  /** The secrets; those of a source with problems are left out. */
  readonly specs: readonly SecretSpec[];
  /** What is wrong. */
  readonly problems: readonly Problem[];
  /** Sources that could not be read, whose secrets stay as they were. */
  readonly broken: readonly string[];
}

/** Returns all that is declared. */
export async function readSpecs({ folder, file }: SpecSources): Promise<DeclaredSpecs> {
  const parts = [
    ...(folder === undefined ? [] : [await readFolder(folder)]),
    ...(file === undefined ? [] : [await readFile(file)]),
  ];
  const specs = parts.flatMap((part) => part.specs);
  const problems = parts.flatMap((part) => part.problems);
  return {
    specs: firstOfEach(specs),
    problems: [...problems, ...duplicates(specs)],
    broken: parts.flatMap((part) => part.broken),
  };
}

async function readFolder(folder: string): Promise<DeclaredSpecs> {
  try {
    const names: string[] = [];
    for await (const { name } of Deno.readDir(folder)) if (!name.startsWith(".")) names.push(name);
    const found = await Promise.all(names.sort().map((name) => specsOf(folder, name)));
    return { specs: found.flat(), problems: [], broken: [] };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    const message = `cannot read folder of secrets: ${why}`;
    return {
      specs: [],
      problems: [{ severity: "error", file: folder, message }],
      broken: [folder],
    };
  }
}

/** What lies in one folder: `tls.crt` with `tls.key` or a `tls.p12`, and `ca.crt`. */
async function specsOf(folder: string, name: string): Promise<readonly SecretSpec[]> {
  const inside = (file: string) => join(folder, name, file);
  const has = await filesIn(join(folder, name));
  const optional = (key: string, file: string) => has.has(file) ? { [key]: inside(file) } : {};
  const password = optional("password", "password");
  const ocsp = optional("ocsp", "ocsp.der");
  const specs: SecretSpec[] = [];
  if (has.has("tls.p12")) {
    const from = {
      kind: "certificate-files",
      pkcs12: inside("tls.p12"),
      fetchOcsp: false,
    } as const;
    specs.push({ name, place: folder, from: { ...from, ...password, ...ocsp } });
  } else if (has.has("tls.crt") || has.has("tls.key")) {
    const pair = { chain: inside("tls.crt"), key: inside("tls.key") };
    const from = { kind: "certificate-files", ...pair, fetchOcsp: false } as const;
    specs.push({ name, place: folder, from: { ...from, ...password, ...ocsp } });
  }
  if (has.has("ca.crt")) {
    const rules = { ownCa: false, onlyVerifyLeafCrl: false, sanMatchers: [] };
    const from = { kind: "trust", bundle: inside("ca.crt"), ...rules } as const;
    const crl = optional("crl", "ca.crl");
    specs.push({ name: `${name}-ca`, place: folder, from: { ...from, ...crl } });
  }
  return specs;
}

async function filesIn(folder: string): Promise<ReadonlySet<string>> {
  const names = new Set<string>();
  try {
    for await (const { name } of Deno.readDir(folder)) names.add(name);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotADirectory)) throw error;
  }
  return names;
}

async function readFile(file: string): Promise<DeclaredSpecs> {
  const content = await readFileContent(file);
  const text = content.kind === "bytes" ? textOf(content.bytes) : undefined;
  if (text === undefined) {
    const message = "cannot read secrets file";
    return { specs: [], problems: [{ severity: "error", file, message }], broken: [file] };
  }
  const folder = dirname(file);
  const read = readSecretsFile(text, { file, resolve: (path) => resolve(folder, path) });
  return read.ok
    ? { specs: read.value, problems: [], broken: [] }
    : { specs: [], problems: read.error, broken: [file] };
}

function firstOfEach(specs: readonly SecretSpec[]): readonly SecretSpec[] {
  return [...new Map(specs.toReversed().map((spec) => [spec.name, spec])).values()].reverse();
}

function duplicates(specs: readonly SecretSpec[]): readonly Problem[] {
  const seen = new Set<string>();
  return specs.flatMap(({ name, place }): readonly Problem[] => {
    const isNew = !seen.has(name);
    seen.add(name);
    const message = `secret is declared twice, and the first counts: "${name}"`;
    return isNew ? [] : [{ severity: "error", file: place, message }];
  });
}
