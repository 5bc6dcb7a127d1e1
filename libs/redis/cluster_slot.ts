// SPDX-License-Identifier: Apache-2.0
/**
 * Which of a cluster's 16384 slots a key is in: CRC-16/XMODEM of the key, or of what stands between
 * its first braces (Redis Cluster specification, "Hash tags").
 * @module
 */
import { Buffer } from "node:buffer";

const table = new Uint16Array(256).map((_, byte) => {
  let crc = byte << 8;
  for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1;
  return crc;
});

/** Returns the slot of a key, 0 to 16383. */
export function clusterSlot(key: string): number {
  let crc = 0;
  for (const byte of Buffer.from(hashedPart(key))) {
    crc = ((crc << 8) & 0xffff) ^ (table[(crc >> 8) ^ byte] ?? 0);
  }
  return crc & 0x3fff;
}

function hashedPart(key: string): string {
  const open = key.indexOf("{");
  if (open < 0) return key;
  const close = key.indexOf("}", open + 1);
  return close > open + 1 ? key.slice(open + 1, close) : key;
}
