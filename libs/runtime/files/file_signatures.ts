// SPDX-License-Identifier: Apache-2.0
/**
 * What a file or folder tree looks like from outside: a signature per file that changes when the file
 * is written, replaced, or reached through another link. Contents are never read.
 * @module
 */

/** Signatures by path; paths start as the root was given. */
export type Signatures = Map<string, string>;

/** Bounds and selection of a scan. */
export interface ScanOptions {
  /** Which files count, by path. */
  readonly include: (path: string) => boolean;
  /** Files beyond this number are left out. */
  readonly maxFiles: number;
  /** Identities of folders above the root; a link that leads to one is not followed. */
  readonly above?: readonly string[];
}

const MAX_DEPTH = 32;
const STATS_AT_ONCE = 64;

/**
 * Returns the signatures of all files at or under `root`; empty when there is none. Links are
 * followed. Names that start with two dots are left out: they are where Kubernetes keeps the versions
 * of a mounted volume, whose files are seen through their links.
 */
export async function scanSignatures(root: string, options: ScanOptions): Promise<Signatures> {
  const found: Signatures = new Map();
  const info = await statOrUndefined(root);
  if (info?.isFile && options.include(root)) found.set(root, signatureOf(info));
  if (info?.isDirectory) {
    const parents = [...options.above ?? [], identityOf(info)];
    await scanFolder(root, { options, found, parents });
  }
  return found;
}

/** Returns the paths whose signatures differ, came or went. */
export function changedPaths(before: Signatures, after: Signatures): readonly string[] {
  const changed: string[] = [];
  for (const [path, signature] of after) if (before.get(path) !== signature) changed.push(path);
  for (const path of before.keys()) if (!after.has(path)) changed.push(path);
  return changed;
}

/** Returns the stat of what a path leads to; undefined when it leads nowhere or cannot be seen. */
export async function statOrUndefined(path: string): Promise<Deno.FileInfo | undefined> {
  try {
    return await Deno.stat(path);
  } catch {
    return undefined;
  }
}

/**
 * Returns the identities of the folders from `root` down to the one that holds `path`; undefined when
 * `path` is, or goes through, a link that leads back up: a scan of the root stops there, so what is
 * behind it does not count.
 */
export async function foldersAbove(
  root: string,
  path: string,
): Promise<readonly string[] | undefined> {
  const above: string[] = [];
  for (let end = root.length; end > 0 && end < path.length; end = path.indexOf("/", end + 1)) {
    const info = await statOrUndefined(path.slice(0, end));
    if (!info?.isDirectory) return above;
    if (above.includes(identityOf(info))) return undefined;
    above.push(identityOf(info));
  }
  const last = await statOrUndefined(path);
  return last?.isDirectory && above.includes(identityOf(last)) ? undefined : above;
}

/** Tells two files apart even when one has taken the other's path. */
export function identityOf(info: Deno.FileInfo): string {
  return `${info.dev}:${info.ino}`;
}

interface Scan {
  readonly options: ScanOptions;
  readonly found: Signatures;
  /** Identities of the folders above, to stop at a link that leads back up. */
  readonly parents: readonly string[];
}

async function scanFolder(folder: string, scan: Scan): Promise<void> {
  const names = await namesIn(folder);
  for (let at = 0; at < names.length; at += STATS_AT_ONCE) {
    const paths = names.slice(at, at + STATS_AT_ONCE).map((name) => joinPath(folder, name));
    const infos = await Promise.all(paths.map(statOrUndefined));
    for (const [index, path] of paths.entries()) await visit(path, infos[index], scan);
  }
}

async function visit(path: string, info: Deno.FileInfo | undefined, scan: Scan): Promise<void> {
  if (info === undefined || scan.found.size >= scan.options.maxFiles) return;
  if (info.isFile && scan.options.include(path)) scan.found.set(path, signatureOf(info));
  const identity = identityOf(info);
  if (info.isDirectory && !scan.parents.includes(identity) && scan.parents.length < MAX_DEPTH) {
    await scanFolder(path, { ...scan, parents: [...scan.parents, identity] });
  }
}

async function namesIn(folder: string): Promise<readonly string[]> {
  const names: string[] = [];
  try {
    for await (const { name } of Deno.readDir(folder)) if (!name.startsWith("..")) names.push(name);
  } catch {
    // Gone meanwhile, or not ours to read: its files are missing, which the reader will report.
  }
  return names.sort();
}

function signatureOf(info: Deno.FileInfo): string {
  const { size, mtime, ctime } = info;
  return `${identityOf(info)}:${size}:${mtime?.getTime()}:${ctime?.getTime()}`;
}

function joinPath(folder: string, name: string): string {
  return folder.endsWith("/") ? folder + name : `${folder}/${name}`;
}
