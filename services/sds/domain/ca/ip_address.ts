// SPDX-License-Identifier: Apache-2.0
/**
 * IP addresses as they stand in a certificate: 4 or 16 bytes (RFC 5280, 4.2.1.6).
 * @module
 */

/** Returns the bytes of an address. @throws RangeError for text that is none. */
export function ipAddressBytes(text: string): Uint8Array {
  const bytes = text.includes(":") ? ipv6Bytes(text) : ipv4Bytes(text);
  if (bytes !== undefined) return Uint8Array.from(bytes);
  throw new RangeError(`cannot read IP address as it must be IPv4 or IPv6: is "${text}"`);
}

function ipv4Bytes(text: string): number[] | undefined {
  const parts = text.split(".");
  const numbers = parts.map(Number);
  const right = parts.length === 4 &&
    parts.every((part, i) => /^(0|[1-9]\d{0,2})$/.test(part) && (numbers[i] ?? 256) < 256);
  return right ? numbers : undefined;
}

function ipv6Bytes(text: string): number[] | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const [head, tail] = [halves[0] ?? "", halves[1]].map((half) => groups(half ?? ""));
  if (head === undefined || tail === undefined) return undefined;
  const missing = 16 - head.length - tail.length;
  if (halves.length === 1) return missing === 0 ? head : undefined;
  return missing >= 2 ? [...head, ...new Array<number>(missing).fill(0), ...tail] : undefined;
}

function groups(text: string): number[] | undefined {
  if (text === "") return [];
  const bytes: number[] = [];
  const parts = text.split(":");
  for (const [index, part] of parts.entries()) {
    const last = index === parts.length - 1;
    const dotted = last && part.includes(".") ? ipv4Bytes(part) : undefined;
    if (dotted !== undefined) bytes.push(...dotted);
    else if (/^[0-9a-f]{1,4}$/i.test(part)) {
      bytes.push(parseInt(part, 16) >> 8, parseInt(part, 16) & 255);
    } else return undefined;
  }
  return bytes;
}
