// SPDX-License-Identifier: Apache-2.0
/**
 * Certificates that the CA issued for those who ask here, renewed at half of their life, each time
 * with a new key. A renewal that fails is tried again; until then the old one is served.
 * @module
 */
import { type Clock, type Logger, StatusCode, StatusError, type Timer } from "@denvoy/base";
import type { CertificateAuthority, Issued, IssueRequest } from "./certificate_authority.ts";

/** What certificates are issued with. */
export interface IssuedCertificatesParts {
  /** Who issues. */
  readonly ca: Pick<CertificateAuthority, "issue">;
  /** When they are renewed. */
  readonly clock: Clock;
  /** Where failures are logged. */
  readonly logger: Logger;
  /** A random number from 0 to 1, which spreads renewals. */
  readonly random: () => number;
  /** Certificates at once; more are RESOURCE_EXHAUSTED. @default 100000 */
  readonly maxCertificates?: number;
  /** Issued at the same time. @default 8 */
  readonly concurrency?: number;
  /** Is told of outcomes. */
  readonly onIssued?: (outcome: "ok" | "failed") => void;
}

/** A certificate that is kept up to date. */
export interface IssuedCertificate {
  /** Who or what it is for. */
  readonly id: string;
  /** What it was issued with. */
  readonly request: IssueRequest;
  /** What is served; not for logs or answers. */
  readonly issued: Issued;
  /** When it is renewed, in milliseconds since the epoch. */
  readonly renewAtMs: number;
}

interface Entry {
  readonly id: string;
  request: IssueRequest;
  certificate: IssuedCertificate | undefined;
  issuing: Promise<void> | undefined;
  timer: Timer | undefined;
  holders: number;
  failures: number;
}

/** Renewals differ by up to this share of a life, so that not all come at once. */
const JITTER = 0.1;
const RETRY_MS = 1000;
const MAX_RETRY_MS = 300_000;
/** Timers stand still while a machine sleeps, and clocks jump: what is due is looked at this often. */
const LOOK_MS = 60_000;

/** All certificates that were issued here, by whom or what they are for. */
export class IssuedCertificates implements Disposable {
  readonly #parts: IssuedCertificatesParts;
  readonly #entries = new Map<string, Entry>();
  readonly #listeners = new Set<(id: string) => void>();
  readonly #waiting: (() => void)[] = [];
  #running = 0;
  #closed = false;

  /** There are none. */
  constructor(parts: IssuedCertificatesParts) {
    this.#parts = parts;
  }

  /** Returns the certificate of `id`, if it was issued. */
  get(id: string): IssuedCertificate | undefined {
    return this.#entries.get(id)?.certificate;
  }

  /** Returns all certificates. */
  list(): readonly IssuedCertificate[] {
    return [...this.#entries.values()].flatMap(({ certificate }) => certificate ?? []);
  }

  /**
   * Resolves when `id` has a certificate for the names and kind of `request`.
   * @throws StatusError when it cannot be issued, or there are too many
   */
  async ensure(id: string, request: IssueRequest): Promise<void> {
    const entry = this.#entries.get(id) ?? this.#add(id, request);
    entry.request = request;
    const { certificate } = entry;
    if (certificate !== undefined && isSame(certificate.request, request)) return;
    await this.#issueOnce(entry);
  }

  /** Keeps the certificate of `id` up to date until the returned function is called. */
  hold(id: string): () => void {
    const entry = this.#entries.get(id);
    if (entry === undefined) return () => {};
    entry.holders += 1;
    let held = true;
    return () => {
      if (held) entry.holders -= 1;
      held = false;
    };
  }

  /** Renews the certificate of `id` now. @throws StatusError NOT_FOUND, or why it cannot be issued */
  async renew(id: string): Promise<IssuedCertificate> {
    const entry = this.#entries.get(id);
    if (entry !== undefined) await this.#issueOnce(entry);
    const { certificate } = entry ?? {};
    if (certificate !== undefined) return certificate;
    throw new StatusError(StatusCode.NOT_FOUND, `no certificate was issued here for "${id}"`);
  }

  /** Renews all now, e.g. after the root changed. Resolves when each was tried. */
  async renewAll(): Promise<void> {
    const entries = [...this.#entries.values()];
    await Promise.allSettled(entries.map((entry) => this.#issueOnce(entry)));
  }

  /** Forgets a certificate. */
  forget(id: string): void {
    this.#entries.get(id)?.timer?.cancel();
    this.#entries.delete(id);
  }

  /** Calls `listener` with the `id` of each new certificate, until the returned function is called. */
  subscribe(listener: (id: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Renews nothing any more. */
  [Symbol.dispose](): void {
    this.#closed = true;
    for (const entry of this.#entries.values()) entry.timer?.cancel();
  }

  #add(id: string, request: IssueRequest): Entry {
    const { maxCertificates = 100_000 } = this.#parts;
    if (this.#entries.size >= maxCertificates) {
      const message = `cannot issue more than ${maxCertificates} certificates at once`;
      throw new StatusError(StatusCode.RESOURCE_EXHAUSTED, message);
    }
    const entry: Entry = {
      id,
      request,
      certificate: undefined,
      issuing: undefined,
      timer: undefined,
      holders: 0,
      failures: 0,
    };
    this.#entries.set(id, entry);
    return entry;
  }

  #issueOnce(entry: Entry): Promise<void> {
    entry.issuing ??= this.#issue(entry).finally(() => entry.issuing = undefined);
    return entry.issuing;
  }

  async #issue(entry: Entry): Promise<void> {
    await this.#turn();
    try {
      const { issued, request } = await this.#issueWanted(entry);
      entry.failures = 0;
      this.#take(entry, { issued, request });
      this.#parts.onIssued?.("ok");
    } catch (error) {
      this.#parts.onIssued?.("failed");
      this.#fail(entry, error);
      throw error;
    } finally {
      this.#running -= 1;
      this.#waiting.shift()?.();
    }
  }

  /** What was asked for meanwhile counts: a name that was withdrawn must not be served any more. */
  async #issueWanted(entry: Entry): Promise<Pick<IssuedCertificate, "issued" | "request">> {
    for (;;) {
      const { request } = entry;
      const issued = await this.#parts.ca.issue(request);
      if (isSame(request, entry.request)) return { issued, request };
    }
  }

  async #turn(): Promise<void> {
    while (this.#running >= (this.#parts.concurrency ?? 8)) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    this.#running += 1;
  }

  #take(
    entry: Entry,
    { issued, request }: Pick<IssuedCertificate, "issued" | "request">,
  ): void {
    const { clock, random } = this.#parts;
    const nowMs = clock.nowMs();
    const lifeMs = Math.max(0, issued.facts.notAfterMs - nowMs);
    const renewAtMs = nowMs + lifeMs * (0.5 + JITTER * (random() - 0.5));
    entry.certificate = { id: entry.id, request, issued, renewAtMs };
    this.#schedule(entry, renewAtMs - nowMs);
    for (const listener of this.#listeners) listener(entry.id);
  }

  #fail(entry: Entry, error: unknown): void {
    const { logger, random } = this.#parts;
    logger.error("cannot issue certificate", { certificate: entry.id, error });
    if (entry.certificate === undefined) {
      this.forget(entry.id);
      return;
    }
    const delayMs = Math.min(MAX_RETRY_MS, RETRY_MS * 2 ** entry.failures++);
    this.#schedule(entry, delayMs * (0.5 + random() / 2));
  }

  #schedule(entry: Entry, delayMs: number): void {
    entry.timer?.cancel();
    if (this.#closed || this.#entries.get(entry.id) !== entry) return;
    const { clock } = this.#parts;
    const dueAtMs = clock.nowMs() + delayMs;
    const waitMs = Math.min(Math.max(0, delayMs), LOOK_MS);
    entry.timer = clock.after(waitMs, () => this.#look(entry, dueAtMs));
  }

  /**
   * What nobody holds any more is forgotten instead of renewed. A certificate that begins later than
   * now, as the clock was set back, is worth as little as one that has ended.
   */
  #look(entry: Entry, dueAtMs: number): void {
    const nowMs = this.#parts.clock.nowMs();
    const beginsMs = entry.certificate?.issued.facts.notBeforeMs ?? -Infinity;
    if (nowMs < dueAtMs && nowMs >= beginsMs) this.#schedule(entry, dueAtMs - nowMs);
    else if (entry.holders === 0) this.forget(entry.id);
    else this.#issueOnce(entry).catch(() => {});
  }
}

function isSame(one: IssueRequest, other: IssueRequest): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
