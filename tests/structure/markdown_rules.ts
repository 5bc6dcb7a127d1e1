// SPDX-License-Identifier: Apache-2.0
/**
 * What a page of documentation may name: links and paths that lead somewhere, tasks and commands
 * that exist.
 * @module
 */
import { posix } from "node:path";

/** What the rules need to know of the repository. */
export interface DocumentedRepository {
  /** Tells whether there is a file or folder at a path relative to the root. */
  readonly exists: (path: string) => boolean;
  /** Returns the text of a Markdown file. */
  readonly read: (path: string) => string;
  /** Names of the tasks in deno.json. */
  readonly tasks: ReadonlySet<string>;
  /** Commands of `denvoy`, e.g. `inspect nodes`. */
  readonly commands: ReadonlySet<string>;
}

/** One page. */
export interface Page {
  /** Relative to the root. */
  readonly path: string;
  /** Its Markdown. */
  readonly text: string;
}

/** Names at the root that make a word in code style a path. */
const rootNames = "libs|services|cli|tools|tests|examples|benches|docs|\\.ci";
const rootPath = new RegExp(`^(${rootNames})/[\\w./-]*$`);

/** Returns everything that a page names and the repository does not have, one line each. */
export function pageBreaches(page: Page, repository: DocumentedRepository): readonly string[] {
  return [
    ...linkBreaches(page, repository),
    ...pathBreaches(page, repository),
    ...taskBreaches(page, repository),
    ...commandBreaches(page, repository),
  ];
}

function linkBreaches(page: Page, repository: DocumentedRepository): readonly string[] {
  return matches(withoutCode(page.text), /\]\(([^)\s]+)\)/g).flatMap((target) => {
    if (/^(https?|mailto):/.test(target)) return [];
    const [file = "", anchor] = target.split("#");
    const path = file === "" ? page.path : posix.join(posix.dirname(page.path), file);
    if (!repository.exists(path)) return [`${page.path} links to ${target}, which is not there`];
    if (anchor === undefined || !path.endsWith(".md")) return [];
    const isThere = headingAnchors(repository.read(path)).has(anchor);
    return isThere ? [] : [`${page.path} links to ${target}, but ${path} has no such heading`];
  });
}

function pathBreaches(page: Page, repository: DocumentedRepository): readonly string[] {
  return matches(withoutBlocks(page.text), /`([^`\n]+)`/g).flatMap((code) => {
    const isRelative = /^\.\.?\/[\w./-]+$/.test(code);
    if (!isRelative && !rootPath.test(code)) return [];
    const path = isRelative ? posix.join(posix.dirname(page.path), code) : code;
    return repository.exists(path) ? [] : [`${page.path} names ${code}, which is not there`];
  });
}

function taskBreaches(page: Page, { tasks }: DocumentedRepository): readonly string[] {
  return matches(page.text, /\bdeno(?:@[\d.]+)? task(?: --quiet)? ([a-z][\w:-]*)/g)
    .filter((task) => !tasks.has(task))
    .map((task) => `${page.path} names the task ${task}, which deno.json does not have`);
}

/** Only what stands as a command: at the start of a line of a block, or of a word in code style. */
function commandBreaches(page: Page, { commands }: DocumentedRepository): readonly string[] {
  const starts = /(?:^(?:\$ )?|`)(?:deno task )?denvoy ([a-z][a-z-]*)(?: ([a-z][a-z-]*))?/gm;
  return Array.from(page.text.matchAll(starts)).flatMap(([, command = "", word = ""]) => {
    if (commands.has(command) || commands.has(`${command} ${word}`)) return [];
    // `denvoy inspect` alone stands for all that it has.
    const isGroup = word === "" && [...commands].some((name) => name.startsWith(`${command} `));
    const name = `${command} ${word}`.trim();
    return isGroup ? [] : [`${page.path} names denvoy ${name}, which does not exist`];
  });
}

/** Returns the anchors of a page's headings as they are made on the web. */
export function headingAnchors(text: string): ReadonlySet<string> {
  const headings = matches(withoutBlocks(text), /^#{1,6} +(.+?) *$/gm);
  return new Set(headings.map(anchorOf));
}

function anchorOf(heading: string): string {
  return heading.toLowerCase().replaceAll(/[^\p{L}\p{N}\s_-]/gu, "").replaceAll(" ", "-");
}

function withoutCode(text: string): string {
  return withoutBlocks(text).replaceAll(/`[^`\n]*`/g, "");
}

function withoutBlocks(text: string): string {
  return text.replaceAll(/^ *```[\s\S]*?^ *```/gm, "");
}

function matches(text: string, pattern: RegExp): readonly string[] {
  return Array.from(text.matchAll(pattern), ([, group = ""]) => group);
}
