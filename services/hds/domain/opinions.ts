// SPDX-License-Identifier: Apache-2.0
/**
 * What one prober thinks of its endpoints. Reports repeat themselves: an opinion that is settled costs
 * nothing until a report differs.
 *
 * Envoy 1.40 reports each endpoint UNHEALTHY before it has probed it, also after its restart, which
 * looks like a reconnect, and after a change of what it is told of the endpoint. So failures count only
 * once a probe can have finished since then; a success can only come from a probe.
 * @module
 */
import { type Health, isFailing, isPassing } from "./health.ts";
import type { Vote } from "./tally.ts";
import { silenceMs, type VerdictSettings } from "./verdict_settings.ts";

/** What opinions are about. */
export interface Subject {
  /** How long the first probe may take, in milliseconds. */
  readonly firstProbeMs: number;
}

interface Opinion {
  /** What the last report said. */
  said: Health;
  /** The report with which it began to say so. */
  sinceReport: number;
  /** When the stream's reports first had it. */
  firstMs: number;
  /** What counts. */
  settled: Vote;
}

/** Opinions of one prober. */
export class Opinions<S extends Subject> {
  readonly #settings: VerdictSettings;
  readonly #opinions = new Map<S, Opinion>();
  /** Subjects of whom the last report says something else than what counts. */
  readonly #pending = new Set<S>();
  #reports = 0;
  #lastMs: number;
  #passing = 0;
  #failing = 0;
  #fresh = false;

  /** Knows nothing yet. */
  constructor(settings: VerdictSettings, nowMs: number) {
    this.#settings = settings;
    this.#lastMs = nowMs;
  }

  /** When it was last heard of, in milliseconds. */
  get lastMs(): number {
    return this.#lastMs;
  }

  /** Whether it has been heard of within three intervals. */
  get isFresh(): boolean {
    return this.#fresh;
  }

  /** Whether it fails everything, which more likely is its own fault. */
  get isDoubted(): boolean {
    const { doubtFrom } = this.#settings;
    return doubtFrom > 0 && this.#passing === 0 && this.#failing >= doubtFrom;
  }

  /** How many endpoints it has an opinion of. */
  get size(): number {
    return this.#passing + this.#failing;
  }

  /** A new stream begins: what it says first may come from before any probe. */
  restart(): void {
    for (const opinion of this.#opinions.values()) opinion.firstMs = Infinity;
  }

  /**
   * What is probed becomes another by `fromMs`: until a probe of it can have finished, a failure may
   * come from before any.
   */
  renew(subject: S, fromMs: number): void {
    const opinion = this.#opinions.get(subject);
    if (opinion !== undefined) opinion.firstMs = Math.max(opinion.firstMs, fromMs);
  }

  /** A report begins; call `say` for what differs from the one before, then `finish`. */
  begin(nowMs: number): void {
    this.#reports++;
    this.#lastMs = nowMs;
    this.#fresh = true;
  }

  /** The report says this of a subject. */
  say(subject: S, said: Health): void {
    const known = this.#opinions.get(subject);
    if (known === undefined) {
      const opinion: Opinion = {
        said,
        sinceReport: this.#reports,
        firstMs: this.#lastMs,
        settled: "none",
      };
      this.#opinions.set(subject, opinion);
      this.#pending.add(subject);
      return;
    }
    if (known.firstMs === Infinity) {
      known.firstMs = this.#lastMs;
      known.sinceReport = this.#reports;
    }
    if (known.said === said) return;
    known.said = said;
    known.sinceReport = this.#reports;
    if (voteFor(said) === known.settled) this.#pending.delete(subject);
    else this.#pending.add(subject);
  }

  /** The report is over; returns those of whom another opinion counts now. */
  finish(): readonly S[] {
    const changed: S[] = [];
    for (const subject of this.#pending) {
      const opinion = this.#opinions.get(subject);
      if (opinion === undefined || !this.#hasSettled(subject, opinion)) continue;
      this.#pending.delete(subject);
      const vote = voteFor(opinion.said);
      if (vote === opinion.settled) continue;
      this.#recount(opinion.settled, -1);
      this.#recount(vote, 1);
      opinion.settled = vote;
      changed.push(subject);
    }
    return changed;
  }

  /** Returns whether it has just fallen silent. */
  expire(nowMs: number): boolean {
    if (!this.#fresh || nowMs - this.#lastMs <= silenceMs(this.#settings)) return false;
    this.#fresh = false;
    return true;
  }

  /** Returns what counts of its opinion of a subject. */
  vote(subject: S): Vote {
    if (!this.#fresh || this.isDoubted) return "none";
    return this.#opinions.get(subject)?.settled ?? "none";
  }

  /** Returns its opinion, whether it counts or not. */
  opinionOf(subject: S): Vote {
    return this.#opinions.get(subject)?.settled ?? "none";
  }

  /** Forgets a subject that it does not probe any more. */
  forget(subject: S): void {
    const opinion = this.#opinions.get(subject);
    if (opinion === undefined) return;
    this.#recount(opinion.settled, -1);
    this.#opinions.delete(subject);
    this.#pending.delete(subject);
  }

  #hasSettled({ firstProbeMs }: S, { said, sinceReport, firstMs }: Opinion): boolean {
    const { rise, fall, reportIntervalMs } = this.#settings;
    const run = this.#reports - sinceReport + 1;
    if (isPassing(said)) return run >= rise;
    if (!isFailing(said)) return true;
    // A report may be on its way while the probe ends: one interval more.
    return run >= fall && this.#lastMs >= firstMs + firstProbeMs + reportIntervalMs;
  }

  #recount(vote: Vote, by: number): void {
    if (vote === "pass") this.#passing += by;
    else if (vote !== "none") this.#failing += by;
  }
}

function voteFor(said: Health): Vote {
  if (isPassing(said)) return "pass";
  if (said === "TIMEOUT") return "timeout";
  return isFailing(said) ? "fail" : "none";
}
