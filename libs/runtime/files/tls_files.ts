// SPDX-License-Identifier: Apache-2.0
/**
 * TLS keys from files, checked before they are used and read again when they change; and the lists of
 * client certificates that are revoked, which fail and come back for themselves.
 * @module
 */
import {
  type CertificateId,
  type Problem,
  ProblemError,
  type RevokedCertificates,
} from "@denvoy/base";
import { systemClock } from "../system_clock.ts";
import { checkTlsMaterial, type TlsMaterial } from "../tls_material.ts";
import { FollowedLists, type FollowedListsOptions } from "./followed_lists.ts";
import { ReloadedFiles, type ReloadedFilesOptions } from "./reloaded_files.ts";
import { readRevocationLists } from "./revocation_lists.ts";

/** Where the keys of a server are. */
export interface TlsPaths {
  /** Certificate chain, leaf first. */
  readonly cert: string;
  /** Private key of the leaf. */
  readonly key: string;
  /** Roots for client certificates. */
  readonly clientCa?: string;
  /** Revocation lists of client certificates; only beside `clientCa`. */
  readonly crl?: string;
}

/** Keys that follow their files. */
export interface TlsFiles extends AsyncDisposable {
  /** The last good ones. */
  readonly current: TlsMaterial;
  /** When the first of the revocation lists is over, in milliseconds since the epoch; absent without. */
  readonly listsEndMs: number | undefined;
  /**
   * Refuses these client certificates, too, from now on. The returned function is to be called when
   * there are more of them, so that those who are connected are cut off.
   */
  refuse(revoked: RevokedCertificates): () => void;
  /** Calls `listener` with each new good value, until the returned function is called. */
  subscribe(listener: (material: TlsMaterial) => void): () => void;
}

/** Where keys are followed from. */
export interface TlsFilesOptions
  extends Omit<ReloadedFilesOptions<TlsMaterial>, "what" | "paths" | "read"> {
  /** Who is told how the revocation lists are. */
  readonly lists?: Pick<FollowedListsOptions, "health" | "failures">;
}

/**
 * Loads the keys and keeps them up to date. A pair that does not belong together, as when only one
 * of the files has been replaced so far, is not used. Rejects with ProblemError when they cannot be
 * used at the start.
 */
export async function loadTlsFiles(
  paths: TlsPaths,
  { lists: told = {}, ...options }: TlsFilesOptions,
): Promise<TlsFiles> {
  const { clientCa, crl } = paths;
  const all = [paths.cert, paths.key, ...(clientCa === undefined ? [] : [clientCa])];
  await using opening = new AsyncDisposableStack();
  const keys = opening.use(
    await ReloadedFiles.load({
      ...options,
      what: "TLS keys",
      paths: all,
      read: () => readTlsMaterial(paths),
    }),
  );
  const { logger, clock = systemClock, pollMs } = options;
  const lists = crl === undefined || clientCa === undefined ? undefined : await FollowedLists.load({
    ...{ logger, clock, paths: [crl, clientCa], ...told },
    ...(pollMs !== undefined && { pollMs }),
    read: () => readRevocationLists({ crl, clientCa }, { nowMs: clock.nowMs() }),
  });
  opening.move();
  return new FollowedTls(keys, lists);
}

class FollowedTls implements TlsFiles {
  readonly #keys: ReloadedFiles<TlsMaterial>;
  readonly #lists: FollowedLists | undefined;
  readonly #refused: RevokedCertificates[] = [];
  readonly #listeners = new Set<(material: TlsMaterial) => void>();

  constructor(keys: ReloadedFiles<TlsMaterial>, lists: FollowedLists | undefined) {
    this.#keys = keys;
    this.#lists = lists;
    keys.subscribe(() => this.#tell());
    lists?.subscribe(() => this.#tell());
  }

  get current(): TlsMaterial {
    const lists = this.#lists?.current;
    const all = lists === undefined ? this.#refused : [lists, ...this.#refused];
    if (all.length === 0) return this.#keys.current;
    const revoked = { has: (id: CertificateId) => all.some((each) => each.has(id)) };
    return { ...this.#keys.current, revoked };
  }

  get listsEndMs(): number | undefined {
    return this.#lists?.current.nextUpdateMs;
  }

  refuse(revoked: RevokedCertificates): () => void {
    this.#refused.push(revoked);
    this.#tell();
    return () => this.#tell();
  }

  subscribe(listener: (material: TlsMaterial) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#lists?.[Symbol.asyncDispose]();
    await this.#keys[Symbol.asyncDispose]();
  }

  #tell(): void {
    const { current } = this;
    for (const listener of this.#listeners) listener(current);
  }
}

/** Reads the keys once. Rejects with ProblemError when they cannot be used. */
export async function readTlsMaterial(paths: TlsPaths): Promise<TlsMaterial> {
  const problems: Problem[] = [];
  const certificateChain = await readPem(paths.cert, problems);
  const privateKey = await readPem(paths.key, problems);
  const clientCa = paths.clientCa === undefined
    ? undefined
    : await readPem(paths.clientCa, problems);
  const material = {
    certificateChain,
    privateKey,
    ...(clientCa !== undefined && { clientCa }),
  };
  if (problems.length === 0) problems.push(...checkTlsMaterial(material, paths));
  if (problems.length > 0) throw new ProblemError(problems);
  return material;
}

async function readPem(path: string, problems: Problem[]): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    problems.push({ severity: "error", file: path, message: `cannot read file: ${why}` });
    return "";
  }
}
