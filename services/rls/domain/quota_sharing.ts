// SPDX-License-Identifier: Apache-2.0
/**
 * How one limit is divided: max-min fair. Whoever wants little gets it, the others get equal parts
 * of the rest, and what nobody asked for is spread evenly, so that anyone may begin at once.
 * @module
 */

/** Room above what was used last, so that growing demand is not cut before it is seen. */
const HEADROOM = 1.1;
/** Of an equal share, what those keep who want nothing now. */
const IDLE_PART = 0.05;
/** A share grows only for one who would get this much more. */
const MATERIAL = 1.05;
/** Of the whole, what may be left that nobody has. */
const MAX_SPARE = 0.05;

/** Returns what one asks for whose demand is `demand`: a bit more. */
export function wantOf(demand: number): number {
  return demand * HEADROOM;
}

/** Returns what each of several asks for, of `capacity` units; also the idle ask for something. */
export function wantsOf(capacity: number, demands: readonly number[]): readonly number[] {
  const idle = IDLE_PART * capacity / Math.max(1, demands.length);
  return demands.map((demand) => Math.max(wantOf(demand), idle));
}

/**
 * Divides `capacity` whole units by `wants` (Infinity: as much as is fair). The shares are whole
 * and their sum is `capacity`, unless nobody is there. Equal wants differ by one unit at most.
 */
export function divide(capacity: number, wants: readonly number[]): number[] {
  if (wants.length === 0) return [];
  return wholeShares(Math.max(0, Math.floor(capacity)), fairShares(capacity, wants));
}

/**
 * Goes from one division to another by as few steps as serve somebody, as each is a message: those
 * grow who want more than they have and would get clearly more, and those who have most more than
 * is fair give it. Where much is left that nobody has, all get their fair share. Returns the shares,
 * whose sum is at most that of `fair`.
 */
export function rearrange(
  before: readonly number[],
  { fair, wants }: { readonly fair: readonly number[]; readonly wants: readonly number[] },
): readonly number[] {
  const capacity = sumOf(fair);
  let spare = capacity - sumOf(before);
  if (spare > capacity * MAX_SPARE) return fair;
  const shares = [...before];
  for (const [index, share] of fair.entries()) {
    const old = before[index] ?? 0;
    if ((wants[index] ?? 0) <= old || share <= old * MATERIAL) continue;
    shares[index] = share;
    spare -= share - old;
  }
  if (spare >= 0) return shares;
  const excess = before.map((old, index) => ({ index, units: old - (fair[index] ?? 0) }));
  for (const { index, units } of excess.sort((a, b) => b.units - a.units)) {
    if (spare >= 0) break;
    shares[index] = fair[index] ?? 0;
    spare += units;
  }
  return shares;
}

function sumOf(shares: readonly number[]): number {
  let sum = 0;
  for (const share of shares) sum += share;
  return sum;
}

function fairShares(capacity: number, wants: readonly number[]): readonly number[] {
  const shares = new Array<number>(wants.length).fill(0);
  const order = wants.map((_, index) => index).sort((a, b) => (wants[a] ?? 0) - (wants[b] ?? 0));
  let rest = Math.max(0, capacity);
  let open = order.length;
  for (const index of order) {
    const share = Math.min(wants[index] ?? 0, rest / open);
    shares[index] = share;
    rest -= share;
    open--;
  }
  const surplus = rest / wants.length;
  return shares.map((share) => share + surplus);
}

/** By largest remainder, to the millionth; the first of equals gets the unit. */
function wholeShares(capacity: number, exact: readonly number[]): number[] {
  const shares = exact.map(Math.floor);
  let rest = capacity - sumOf(shares);
  const order = exact.map((share, index) => ({ index, part: Math.round((share % 1) * 1e6) }))
    .sort((a, b) => b.part - a.part || a.index - b.index);
  for (const { index } of order) {
    if (rest <= 0) break;
    shares[index] = (shares[index] ?? 0) + 1;
    rest--;
  }
  return shares;
}
