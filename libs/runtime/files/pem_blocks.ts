// SPDX-License-Identifier: Apache-2.0
/**
 * Takes a file of certificates or revocation lists apart, whether it is PEM or DER.
 * @module
 */

/** One block of PEM, or a whole file of DER. */
export interface PemBlock {
  /** What stands after BEGIN, e.g. `CERTIFICATE`. */
  readonly label: string;
  /** What it holds. */
  readonly der: Uint8Array;
}

const DER_SEQUENCE = 0x30;
const BLOCK = /-----BEGIN ([A-Z0-9 ]+)-----([A-Za-z0-9+/=\s]*?)-----END \1-----/g;

/**
 * Returns the blocks of a file in order; one, of `derLabel`, for DER. Undefined for a file that is
 * neither, or that ends within a block.
 */
export function readPemBlocks(
  bytes: Uint8Array,
  derLabel: string,
): readonly PemBlock[] | undefined {
  if (bytes[0] === DER_SEQUENCE) return [{ label: derLabel, der: bytes }];
  const text = new TextDecoder("latin1").decode(bytes);
  try {
    const blocks = Array.from(text.matchAll(BLOCK), ([, label = "", base64 = ""]) => ({
      label,
      der: Uint8Array.fromBase64(base64),
    }));
    return blocks.length === text.split("-----BEGIN ").length - 1 ? blocks : undefined;
  } catch {
    return undefined;
  }
}
