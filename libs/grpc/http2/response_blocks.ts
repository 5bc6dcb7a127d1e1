// SPDX-License-Identifier: Apache-2.0
/**
 * Header blocks of responses. Those of nearly every call are encoded once, without the dynamic
 * table, and copied from then on.
 * @module
 */
import { StatusCode, type StatusError } from "@denvoy/base";
import { ACCEPTED_ENCODINGS } from "./compression.ts";
import { encodeGrpcMessage } from "./grpc_message.ts";
import { encodeStateless, type HeaderPair } from "./hpack_encoder.ts";

const CONTENT_TYPE: HeaderPair = ["content-type", "application/grpc"];

/** Fields that open every gRPC response. */
export const RESPONSE_PAIRS: readonly HeaderPair[] = [[":status", "200"], CONTENT_TYPE];

/** {@linkcode RESPONSE_PAIRS} as a block. */
export const RESPONSE_BLOCK: Uint8Array = encodeStateless(RESPONSE_PAIRS);

/** Trailers of a call that ended well and set none of its own. */
export const OK_TRAILERS_BLOCK: Uint8Array = encodeStateless([["grpc-status", "0"]]);

/** Returns the trailers of an outcome; `status` is absent when all went well. */
export function trailersBlock(
  status: StatusError | undefined,
  own: readonly HeaderPair[] = [],
): Uint8Array {
  if (status === undefined && own.length === 0) return OK_TRAILERS_BLOCK;
  return encodeStateless([...statusPairs(status), ...own]);
}

/** Returns the one block of a response that has no messages ("Trailers-Only"). */
export function trailersOnlyBlock(
  status: StatusError,
  own: readonly HeaderPair[] = [],
): Uint8Array {
  return encodeStateless([...RESPONSE_PAIRS, ...statusPairs(status), ...own]);
}

function statusPairs(status: StatusError | undefined): HeaderPair[] {
  const pairs: HeaderPair[] = [["grpc-status", String(status?.code ?? StatusCode.OK)]];
  if (status !== undefined && status.message !== "") {
    pairs.push(["grpc-message", encodeGrpcMessage(status.message)]);
  }
  if (status?.code === StatusCode.UNIMPLEMENTED) {
    pairs.push(["grpc-accept-encoding", ACCEPTED_ENCODINGS]);
  }
  return pairs;
}
