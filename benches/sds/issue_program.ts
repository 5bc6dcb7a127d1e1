// SPDX-License-Identifier: Apache-2.0
/**
 * Issues certificates with the built-in CA as sds opens it: sealed keys and a record of each certificate
 * in SQLite. A line `{"keyType", "count"}` on stdin is answered with a line `{"ms"}`.
 * @module
 */
import { silentLogger } from "@denvoy/base";
import { systemClock } from "@denvoy/runtime";
import {
  type CertificateAuthority,
  defaultCaSettings,
  KeyPool,
  type KeyType,
  openCa,
  WebCryptoKeys,
} from "@denvoy/sds/ca";
import { TextLineStream } from "../../tools/text_lines.ts";

/** As many as sds issues at the same time. */
const CONCURRENCY = 8;

interface Work {
  readonly keyType: KeyType;
  readonly count: number;
}

async function issueAll(ca: CertificateAuthority, { keyType, count }: Work): Promise<number> {
  const start = performance.now();
  let next = 0;
  const lanes = Array.from({ length: CONCURRENCY }, async () => {
    for (let number = next++; number < count; number = next++) {
      await ca.issue({ spiffeId: `spiffe://denvoy.local/workload/${number}`, keyType });
    }
  });
  await Promise.all(lanes);
  return performance.now() - start;
}

async function main(dataDir: string): Promise<void> {
  const lines = Deno.stdin.readable.pipeThrough(new TextDecoderStream())
    .pipeThrough(new TextLineStream());
  for await (const line of lines) {
    const work: Work = JSON.parse(line);
    // So many that no more are made meanwhile.
    await using leafKeys = new KeyPool({ keys: new WebCryptoKeys(), size: work.count * 2 });
    await using opened = await openCa({
      ...{ dataDir, clock: systemClock, logger: silentLogger, leafKeys },
      settings: defaultCaSettings,
    });
    if (work.keyType.startsWith("rsa-")) await leafKeys.fill(work.keyType);
    const ms = await issueAll(opened.ca, work);
    await Deno.stdout.write(new TextEncoder().encode(`${JSON.stringify({ ms })}\n`));
  }
}

if (import.meta.main) await main(Deno.args[0] ?? ".");
