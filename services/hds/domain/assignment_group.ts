// SPDX-License-Identifier: Apache-2.0
/**
 * Shares endpoints out among Envoys that may all check them: as evenly as can be, by rendezvous
 * hashing, moving as little as that takes.
 * @module
 */
import { attraction, hashText } from "./hashing.ts";

/** An endpoint of the group. */
export interface GroupTarget {
  /** Unique. */
  readonly key: string;
  /** Hash of the key. */
  readonly hash: number;
}

/** What a group is made of. */
export interface GroupOptions<T extends GroupTarget> {
  /** Names of the Envoys, in order. */
  readonly eligible: readonly string[];
  /** The endpoints. */
  readonly targets: readonly T[];
  /** How many Envoys an endpoint should have. */
  readonly wanted: number;
  /** How many more endpoints each Envoy takes, over all groups; is counted down. */
  readonly room: Map<string, number>;
}

interface Member {
  readonly name: string;
  readonly hash: number;
  readonly targets: Set<GroupTarget>;
}

/** Who has less than this part of the mean gets more; to be more exact would move more. */
const LEAST_SHARE = 0.95;

/** One distribution. */
export class AssignmentGroup<T extends GroupTarget> {
  readonly #options: GroupOptions<T>;
  readonly #members: readonly Member[];
  readonly #byName: ReadonlyMap<string, Member>;
  readonly #holders = new Map<GroupTarget, Member[]>();
  readonly #copies: number;

  /** Nothing is distributed yet. */
  constructor(options: GroupOptions<T>) {
    this.#options = options;
    this.#members = options.eligible.map((name) => ({
      name,
      hash: hashText(name),
      targets: new Set(),
    }));
    this.#byName = new Map(this.#members.map((member) => [member.name, member]));
    this.#copies = Math.min(options.wanted, this.#members.length);
    for (const target of options.targets) this.#holders.set(target, []);
  }

  /** Shares the endpoints out; `previous` are the names of those who checked them, by key. */
  distribute(previous: ReadonlyMap<string, readonly string[]>): void {
    if (this.#members.length === 0) return;
    this.#keep(previous);
    const total = this.#options.targets.length * this.#copies;
    const most = Math.ceil(total / this.#members.length);
    for (const member of this.#members) this.#trim(member, most);
    // In rounds, so that where Envoys have no room for all, every endpoint has its first.
    for (let copies = 1; copies <= this.#copies; copies++) {
      for (const target of this.#options.targets) this.#fill(target, { copies, most });
    }
    this.#level(Math.floor(LEAST_SHARE * total / this.#members.length));
  }

  /** Returns the names of those who check an endpoint. */
  probersOf(target: T): readonly string[] {
    return (this.#holders.get(target) ?? []).map(({ name }) => name);
  }

  #keep(previous: ReadonlyMap<string, readonly string[]>): void {
    for (const target of this.#options.targets) {
      for (const name of previous.get(target.key) ?? []) {
        const member = this.#byName.get(name);
        const holders = this.#holders.get(target) ?? [];
        if (member === undefined || holders.length >= this.#copies) continue;
        if (this.#roomOf(member) > 0) this.#give(member, target);
      }
    }
  }

  /** Takes what is drawn to a member least while it has too much. */
  #trim(member: Member, most: number): void {
    const excess = member.targets.size - most;
    if (excess <= 0) return;
    const weakest = [...member.targets].sort((a, b) => pull(member, a) - pull(member, b));
    for (const target of weakest.slice(0, excess)) this.#take(member, target);
  }

  /** Gives an endpoint another Envoy unless it has `copies`. */
  #fill(target: GroupTarget, { copies, most }: { copies: number; most: number }): void {
    const holders = this.#holders.get(target) ?? [];
    if (holders.length >= copies) return;
    let best: Member | undefined;
    for (const member of this.#members) {
      if (holders.includes(member) || this.#roomOf(member) <= 0) continue;
      if (best === undefined || isBetter({ member, than: best }, { target, most })) best = member;
    }
    if (best !== undefined) this.#give(best, target);
  }

  /** Moves endpoints from those with more than `least` to those with less. */
  #level(least: number): void {
    for (const member of this.#members) {
      while (member.targets.size < least && this.#roomOf(member) > 0) {
        if (!this.#takeOver(member, least)) break;
      }
    }
  }

  #takeOver(member: Member, least: number): boolean {
    let best: { donor: Member; target: GroupTarget; pull: number } | undefined;
    for (const donor of this.#members) {
      if (donor.targets.size <= least) continue;
      for (const target of donor.targets) {
        if (member.targets.has(target)) continue;
        const strength = pull(member, target);
        if (best === undefined || strength > best.pull) best = { donor, target, pull: strength };
      }
    }
    if (best === undefined) return false;
    this.#take(best.donor, best.target);
    this.#give(member, best.target);
    return true;
  }

  #give(member: Member, target: GroupTarget): void {
    member.targets.add(target);
    this.#holders.get(target)?.push(member);
    this.#options.room.set(member.name, this.#roomOf(member) - 1);
  }

  #take(member: Member, target: GroupTarget): void {
    member.targets.delete(target);
    const holders = this.#holders.get(target) ?? [];
    holders.splice(holders.indexOf(member), 1);
    this.#options.room.set(member.name, this.#roomOf(member) + 1);
  }

  #roomOf({ name }: Member): number {
    return this.#options.room.get(name) ?? 0;
  }
}

function pull(member: Member, target: GroupTarget): number {
  return attraction(target.hash, member.hash);
}

/** Who has less than its share is better than who has not; then who is drawn to it more. */
function isBetter(
  { member, than }: { readonly member: Member; readonly than: Member },
  { target, most }: { readonly target: GroupTarget; readonly most: number },
): boolean {
  const isFree = member.targets.size < most;
  if (isFree !== than.targets.size < most) return isFree;
  if (!isFree && member.targets.size !== than.targets.size) {
    return member.targets.size < than.targets.size;
  }
  return pull(member, target) > pull(than, target);
}
