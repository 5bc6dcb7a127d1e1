// SPDX-License-Identifier: Apache-2.0
/**
 * Secrets from files, watched while running. Each secret is taken over when all of it can be used;
 * until then the one before is served, and everything that is wrong with any of them is said at once.
 * Sources that are gone are not believed.
 * @module
 */
import { dirname } from "node:path";
import { type Clock, type Logger, type Problem, ProblemError } from "@denvoy/base";
import { FileWatcher } from "@denvoy/runtime";
import { checkSecret } from "../domain/secret_check.ts";
import type { SecretBook } from "../domain/secret_book.ts";
import type { CheckedSecret } from "../domain/secret_facts.ts";
import { filesOf, type SecretSpec } from "../domain/secret_spec.ts";
import type { X509Reader } from "../domain/x509_reader.ts";
import { modeProblem } from "./private_files.ts";
import { type OwnTrust, readMaterial } from "./secret_material_reader.ts";
import { readSpecs, type SpecSources } from "./secret_specs.ts";

/** How the files are. */
export type SecretFilesState =
  | { readonly kind: "ok"; readonly secrets: number }
  | { readonly kind: "failed"; readonly problems: readonly Problem[] };

/** What secrets are read with. */
export interface SecretFilesOptions extends SpecSources {
  /** Where secrets go. */
  readonly book: SecretBook;
  /** Reads certificates. */
  readonly x509: X509Reader;
  /** Whom the own CA trusts now. */
  readonly ownTrust: () => OwnTrust;
  /** Returns the staple that was fetched for a chain; undefined while there is none. */
  readonly staple: (chainPem: string) => Uint8Array | undefined;
  /** Takes what is declared and made here: issued certificates, session ticket keys. */
  readonly onDeclared: (specs: readonly SecretSpec[]) => Promise<void>;
  /** Told after every look. */
  readonly onState: (state: SecretFilesState) => void;
  /** Where changes and problems are logged. */
  readonly logger: Logger;
  /** Where time comes from. */
  readonly clock: Clock;
}

/** A pair is replaced file by file: what does not fit is looked at again before it is reported. */
const SETTLE_MS = 300;
const READS_AT_ONCE = 16;

interface Look {
  readonly checked: ReadonlyMap<string, CheckedSecret>;
  readonly specs: readonly SecretSpec[];
  readonly problems: readonly Problem[];
  readonly isComplete: boolean;
}

/** The watched files. Dispose of it to stop watching. */
export class SecretFiles implements AsyncDisposable {
  readonly #options: SecretFilesOptions;
  #watcher: FileWatcher | undefined;
  #watched = "";
  #following: Promise<void> = Promise.resolve();
  #work: Promise<void> = Promise.resolve();
  #said = "";
  #closed = false;

  /** Nothing is read before {@linkcode load}. */
  constructor(options: SecretFilesOptions) {
    this.#options = options;
  }

  /**
   * Reads all files and begins to watch.
   * @throws ProblemError when something is wrong unless `allowInvalid`; nothing is watched then.
   */
  async load({ allowInvalid }: { readonly allowInvalid: boolean }): Promise<void> {
    const look = await this.#look();
    if (look.problems.length > 0 && !allowInvalid) throw new ProblemError(look.problems);
    await this.#take(look);
    await this.#watch(look.specs);
    await this.#warnOfOpen(look.specs);
  }

  /** Has all files read again, e.g. as the own roots changed. */
  refresh(): Promise<void> {
    return this.#enqueue(() => this.#reload());
  }

  /** Stops watching and waits for what is under way. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    await this.#watcher?.[Symbol.asyncDispose]();
    await this.#following;
    await this.#work;
    await this.#watcher?.[Symbol.asyncDispose]();
  }

  #enqueue(work: () => Promise<void>): Promise<void> {
    this.#work = this.#work.then(async () => {
      if (!this.#closed) await work();
    }).catch((error) => {
      this.#options.logger.error("cannot reload secret files", { error });
    });
    return this.#work;
  }

  async #reload(): Promise<void> {
    let look = await this.#look();
    if (look.problems.length > 0) {
      await new Promise<void>((resolve) => this.#options.clock.after(SETTLE_MS, resolve));
      look = await this.#look();
    }
    await this.#take(look);
    await this.#watch(look.specs);
  }

  async #look(): Promise<Look> {
    const { specs, problems, broken } = await readSpecs(this.#options);
    const emptied = this.#emptied(specs);
    const found: Problem[] = [...problems, ...emptied];
    const checked = new Map<string, CheckedSecret>();
    for (let at = 0; at < specs.length; at += READS_AT_ONCE) {
      const batch = specs.slice(at, at + READS_AT_ONCE);
      for (const outcome of await Promise.all(batch.map((spec) => this.#read(spec)))) {
        if (outcome.checked !== undefined) checked.set(outcome.spec.name, outcome.checked);
        found.push(...outcome.problems);
      }
    }
    return {
      checked,
      specs,
      problems: found,
      isComplete: broken.length === 0 && emptied.length === 0,
    };
  }

  /** All secrets gone at once is more likely an accident than meant. */
  #emptied(specs: readonly SecretSpec[]): readonly Problem[] {
    const { book, folder, file } = this.#options;
    if (specs.length > 0 || book.namesOf("files").length === 0) return [];
    const place = folder ?? file;
    const message = "no secret is left: what was there is still served";
    return [{ severity: "error", message, ...(place !== undefined && { file: place }) }];
  }

  async #read(spec: SecretSpec): Promise<{
    readonly spec: SecretSpec;
    readonly checked?: CheckedSecret;
    readonly problems: readonly Problem[];
  }> {
    const { from, name } = spec;
    if (from.kind === "issued" || from.kind === "generated-tickets") return { spec, problems: [] };
    const named = (problems: readonly Problem[]) =>
      problems.map((problem) => ({ ...problem, path: problem.path ?? name }));
    const read = await readMaterial(from, this.#options);
    if (!read.ok) return { spec, problems: named(read.error) };
    const { x509, clock } = this.#options;
    const { material, places } = read.value;
    const result = checkSecret(material, { x509, nowMs: clock.nowMs(), places });
    return result.ok
      ? { spec, checked: result.value, problems: [] }
      : { spec, problems: named(result.error) };
  }

  async #take({ checked, specs, problems, isComplete }: Look): Promise<void> {
    const { book, clock, logger, onDeclared, onState } = this.#options;
    const declared = new Set(specs.map(({ name }) => name));
    const gone = isComplete ? book.namesOf("files").filter((name) => !declared.has(name)) : [];
    const nowMs = clock.nowMs();
    const changed = book.change("files", { put: checked, remove: gone, nowMs });
    if (changed.length > 0) logger.info("took over secret files", { names: changed });
    if (isComplete) {
      const made = specs.filter(({ from }) =>
        from.kind === "issued" || from.kind === "generated-tickets"
      );
      await onDeclared(made);
    }
    this.#log([...problems, ...[...checked.values()].flatMap(({ warnings }) => warnings)]);
    onState(
      problems.length > 0 ? { kind: "failed", problems } : { kind: "ok", secrets: specs.length },
    );
  }

  /** Follows the folders of all files that matter: links are swapped in them. */
  async #watch(specs: readonly SecretSpec[]): Promise<void> {
    const { folder, file, logger, clock } = this.#options;
    const inside = (path: string) => folder !== undefined && path.startsWith(`${folder}/`);
    const others = specs.flatMap(({ from }) => filesOf(from)).filter((path) => !inside(path));
    const paths = [...new Set([folder, file, ...others].filter((path) => path !== undefined))];
    const watched = JSON.stringify(paths);
    if (watched === this.#watched || this.#closed) return;
    this.#watched = watched;
    const before = this.#watcher;
    const watcher = await FileWatcher.start({ paths, logger, clock });
    this.#watcher = watcher;
    const following = this.#following;
    this.#following = following.then(() => this.#follow(watcher));
    await before?.[Symbol.asyncDispose]();
  }

  async #follow(watcher: FileWatcher): Promise<void> {
    for await (const _changed of watcher.changes()) {
      // Not waited for: a reload may replace this watcher, which waits for its reader.
      void this.#enqueue(() => this.#reload());
    }
  }

  /** Once for each folder: mounted secrets are often like that, so that it is told and not refused. */
  async #warnOfOpen(specs: readonly SecretSpec[]): Promise<void> {
    const { folder, logger } = this.#options;
    const told = new Set<string>();
    for (const key of specs.flatMap(({ from }) => keyFileOf(from) ?? [])) {
      const place = folder !== undefined && key.startsWith(`${folder}/`) ? folder : dirname(key);
      if (told.has(place)) continue;
      const problem = await modeProblem(key, { strict: false }).catch(() => undefined);
      if (problem === undefined) continue;
      told.add(place);
      logger.warn("key files are open", { folder: place, file: key, problem });
    }
  }

  /** What is wrong is said once, not at every look. */
  #log(problems: readonly Problem[]): void {
    const said = JSON.stringify(problems);
    if (said === this.#said) return;
    this.#said = said;
    for (const { severity, message: problem, ...place } of problems) {
      if (severity === "warning") {
        this.#options.logger.warn("secret has a flaw", { problem, ...place });
      } else this.#options.logger.error("secret cannot be served", { problem, ...place });
    }
  }
}

function keyFileOf(from: SecretSpec["from"]): string | undefined {
  return from.kind === "certificate-files" ? from.key ?? from.pkcs12 : undefined;
}
