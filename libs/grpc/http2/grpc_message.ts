// SPDX-License-Identifier: Apache-2.0
/**
 * The `grpc-message` trailer: UTF-8, with all but printable ASCII, and the percent sign itself,
 * percent-encoded (gRPC over HTTP/2, "Status-Message").
 * @module
 */

const LONGEST_OCTETS = 4_096;

/** Returns `message` as a field value; a long one is cut, since peers bound their header lists. */
export function encodeGrpcMessage(message: string): string {
  let encoded = "";
  for (const octet of new TextEncoder().encode(message)) {
    if (encoded.length >= LONGEST_OCTETS) return encoded;
    const plain = octet >= 0x20 && octet <= 0x7e && octet !== 0x25;
    encoded += plain ? String.fromCharCode(octet) : `%${hex(octet)}`;
  }
  // A field value must not start or end with white space (RFC 9113 section 8.2.1).
  return encoded.replace(/^ | $/g, "%20");
}

function hex(octet: number): string {
  return octet.toString(16).toUpperCase().padStart(2, "0");
}
