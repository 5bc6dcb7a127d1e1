// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { parseProcessUsage, readProcessUsage } from "./process_usage.ts";

Deno.test("parseProcessUsage() adds user and system time and survives any program name", () => {
  const stat = "17 (a (b) c) S 1 17 17 0 -1 4194304 100 0 0 0 250 125 0 0 20 0 11 0 1 1 1";
  const status = "Name:\ta\nVmHWM:\t    2048 kB\nVmRSS:\t    1024 kB\n";
  assert.deepEqual(parseProcessUsage(stat, status), {
    cpuSeconds: 3.75,
    residentBytes: 1024 * 1024,
    peakBytes: 2048 * 1024,
  });
});

Deno.test("parseProcessUsage() refuses a process that has no memory any more", () => {
  assert.throws(
    () => parseProcessUsage("1 (a) Z 1", "Name:\ta\n"),
    /VmRSS as the process has ended/,
  );
});

Deno.test({
  name: "readProcessUsage() reads this process",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    const usage = await readProcessUsage(Deno.pid);
    assert.ok(usage.residentBytes > 0 && usage.peakBytes >= usage.residentBytes);
    assert.ok(usage.cpuSeconds > 0);
  },
});
