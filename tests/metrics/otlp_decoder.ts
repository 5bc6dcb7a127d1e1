// SPDX-License-Identifier: Apache-2.0
/**
 * What OpenTelemetry's own messages make of the requests that a collector got.
 * @module
 */
import { getOtlpDecoder } from "@denvoy/tools/real_parts";
import type { ReceivedOtlp } from "./collector.ts";
import { runScript } from "./python_script.ts";

/** What was found in requests. */
export interface DecodedOtlp {
  /** Points by name, by type of metric: `sum`, `gauge`, `histogram`. */
  readonly metrics: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** Log records. */
  readonly logs: number;
  /** Keys of the attributes of each resource. */
  readonly resources: readonly (readonly string[])[];
}

/** Returns what is in the requests. @throws Error on what OpenTelemetry does not know */
export async function decodeOtlp(received: readonly ReceivedOtlp[]): Promise<DecodedOtlp> {
  const lines = received.map(({ signal, bytes }) => `${signal} ${bytes.toHex()}\n`);
  const python = await getOtlpDecoder();
  return await runScript({ python, script: "decode_otlp.py", text: lines.join("") }) as DecodedOtlp;
}
