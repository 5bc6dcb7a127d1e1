// SPDX-License-Identifier: Apache-2.0
/**
 * Huffman strings of HPACK (RFC 7541 section 5.2), both ways. Decoding walks a table made from the
 * code once at load, half an octet at a time: a half octet ends at most one symbol, since the
 * shortest code has five bits.
 * @module
 */
import { EOS_SYMBOL, HUFFMAN_CODES, HUFFMAN_LENGTHS } from "./huffman_code.ts";

// A table entry packs: next state, whether a symbol ended, whether the string may end here, whether
// the bits are wrong, and the symbol.
const EMITS = 1 << 16;
const MAY_END = 1 << 17;
const WRONG = 1 << 18;
const STATE_SHIFT = 8;
const STATE_MASK = 0xff;
const SYMBOL_MASK = 0xff;
const LONGEST_PADDING_BITS = 7;

const TRANSITIONS = buildTransitions();

interface TreeNode {
  readonly children: [TreeNode | undefined, TreeNode | undefined];
  symbol: number;
  state: number;
  mayEnd: boolean;
}

function newNode(): TreeNode {
  return { children: [undefined, undefined], symbol: -1, state: -1, mayEnd: false };
}

function buildTransitions(): Uint32Array {
  const root = buildTree();
  const states = numberStates(root);
  markEndings(root);
  const table = new Uint32Array(states.length * 16);
  for (const node of states) {
    for (let half = 0; half < 16; half++) {
      table[node.state * 16 + half] = transition(node, half, root);
    }
  }
  return table;
}

function buildTree(): TreeNode {
  const root = newNode();
  for (const [symbol, length] of HUFFMAN_LENGTHS.entries()) {
    let node = root;
    for (let bit = length - 1; bit >= 0; bit--) {
      const side = ((HUFFMAN_CODES[symbol] ?? 0) >>> bit) & 1;
      node = node.children[side] ??= newNode();
    }
    node.symbol = symbol;
  }
  return root;
}

/** Inner nodes are the states; the root is state 0. */
function numberStates(root: TreeNode): TreeNode[] {
  const states: TreeNode[] = [root];
  root.state = 0;
  for (let at = 0; at < states.length; at++) {
    for (const child of states[at]?.children ?? []) {
      if (child === undefined || child.symbol >= 0) continue;
      child.state = states.length;
      states.push(child);
    }
  }
  return states;
}

/** A string may end between symbols, or after up to seven 1-bits: the start of EOS. */
function markEndings(root: TreeNode): void {
  let node: TreeNode | undefined = root;
  for (let bits = 0; bits <= LONGEST_PADDING_BITS && node !== undefined; bits++) {
    node.mayEnd = true;
    node = node.children[1];
  }
}

function transition(from: TreeNode, half: number, root: TreeNode): number {
  let node = from;
  let emitted = 0;
  for (let bit = 3; bit >= 0; bit--) {
    const next: TreeNode | undefined = node.children[((half >>> bit) & 1) as 0 | 1];
    if (next === undefined || next.symbol === EOS_SYMBOL) return WRONG;
    node = next;
    if (node.symbol < 0) continue;
    emitted = EMITS | node.symbol;
    node = root;
  }
  return (node.state << STATE_SHIFT) | emitted | (node.mayEnd ? MAY_END : 0);
}

let scratch = new Uint8Array(1_024);

/**
 * Returns the string whose code lies in `bytes` between `start` and `end`, one character per octet
 * (Latin-1); undefined when it holds EOS or its padding is not the start of EOS, or too long.
 */
export function decodeHuffman(bytes: Uint8Array, start: number, end: number): string | undefined {
  // No code is shorter than five bits, so eight octets hold at most 13 symbols.
  const most = Math.ceil((end - start) * 8 / 5);
  if (scratch.byteLength < most) scratch = new Uint8Array(most * 2);
  let length = 0;
  let entry = MAY_END;
  for (let at = start; at < end; at++) {
    const octet = bytes[at] ?? 0;
    entry = step(entry, octet >>> 4);
    if ((entry & EMITS) !== 0) scratch[length++] = entry & SYMBOL_MASK;
    if ((entry & WRONG) !== 0) return undefined;
    entry = step(entry, octet & 15);
    if ((entry & EMITS) !== 0) scratch[length++] = entry & SYMBOL_MASK;
    if ((entry & WRONG) !== 0) return undefined;
  }
  if ((entry & MAY_END) === 0) return undefined;
  return latin1(scratch, 0, length);
}

function step(entry: number, half: number): number {
  return TRANSITIONS[((entry >>> STATE_SHIFT) & STATE_MASK) * 16 + half] ?? WRONG;
}

const LONGEST_SPREAD = 2_048;

/** Returns octets as a string, one character each. */
export function latin1(bytes: Uint8Array, start: number, end: number): string {
  if (end - start <= 24) {
    let text = "";
    for (let at = start; at < end; at++) text += String.fromCharCode(bytes[at] ?? 0);
    return text;
  }
  let text = "";
  for (let at = start; at < end; at += LONGEST_SPREAD) {
    text += String.fromCharCode(...bytes.subarray(at, Math.min(end, at + LONGEST_SPREAD)));
  }
  return text;
}

/** Returns how many octets {@linkcode encodeHuffman} writes for a Latin-1 string. */
export function huffmanLength(text: string): number {
  let bits = 0;
  for (let at = 0; at < text.length; at++) bits += HUFFMAN_LENGTHS[text.charCodeAt(at) & 0xff] ?? 0;
  return (bits + 7) >>> 3;
}

/** Appends the code of a Latin-1 string to `out`, padded with the start of EOS. */
export function encodeHuffman(text: string, out: number[]): void {
  let bits = 0;
  let count = 0;
  for (let at = 0; at < text.length; at++) {
    const symbol = text.charCodeAt(at) & 0xff;
    const length = HUFFMAN_LENGTHS[symbol] ?? 0;
    const code = HUFFMAN_CODES[symbol] ?? 0;
    // At most 7 bits wait and a code has at most 30: kept below 2^53 by arithmetic, not bit shifts.
    bits = bits * 2 ** length + code;
    count += length;
    while (count >= 8) {
      count -= 8;
      const octet = Math.floor(bits / 2 ** count);
      out.push(octet);
      bits -= octet * 2 ** count;
    }
  }
  if (count > 0) out.push((bits * 2 ** (8 - count)) | (0xff >>> count));
}
