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
/** A share is changed only for one who would get this much more. */
const MATERIAL = 1.05;

/** Returns what each of several is to have in mind when asking for `demand`, of `capacity` units. */
export function wantsOf(capacity: number, demands: readonly number[]): readonly number[] {
  const idle = IDLE_PART * capacity / Math.max(1, demands.length);
  return demands.map((demand) => Math.max(demand * HEADROOM, idle));
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
 * Tells whether going from one division to another serves anybody: someone wants more than before
 * and would get clearly more.
 */
export function isWorthwhile(
  before: readonly number[],
  { after, wants }: { readonly after: readonly number[]; readonly wants: readonly number[] },
): boolean {
  return after.some((share, index) => {
    const old = before[index] ?? 0;
    return (wants[index] ?? 0) > old && share > old * MATERIAL;
  });
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
  let rest = capacity - shares.reduce((sum, share) => sum + share, 0);
  const order = exact.map((share, index) => ({ index, part: Math.round((share % 1) * 1e6) }))
    .sort((a, b) => b.part - a.part || a.index - b.index);
  for (const { index } of order) {
    if (rest <= 0) break;
    shares[index] = (shares[index] ?? 0) + 1;
    rest--;
  }
  return shares;
}
