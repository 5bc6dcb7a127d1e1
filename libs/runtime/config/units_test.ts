// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { formatAddress, isLoopback, parseAddress } from "./address.ts";
import { formatDuration, formatSize, parseDuration, parseSize } from "./units.ts";

Deno.test("parseDuration() takes ms, s, m and h with fractions and nothing else", () => {
  const table = { "250ms": 250, "1.5s": 1500, "2m": 120_000, "1h": 3_600_000, "0s": 0 };
  for (const [text, ms] of Object.entries(table)) assert.equal(parseDuration(text), ms);
  for (const text of ["", "10", "s", "-1s", "1 s", "1d", "1e3s"]) {
    assert.equal(parseDuration(text), undefined, text);
  }
});

Deno.test("parseSize() takes bytes, KiB, MiB and GiB and nothing else", () => {
  const table = { "4096": 4096, "64KiB": 65_536, "1.5MiB": 1_572_864, "1GiB": 2 ** 30, "7B": 7 };
  for (const [text, bytes] of Object.entries(table)) assert.equal(parseSize(text), bytes);
  for (const text of ["", "KiB", "-1", "1KB", "0.3B"]) {
    assert.equal(parseSize(text), undefined, text);
  }
});

Deno.test("formatDuration() and formatSize() are read back as the same value", () => {
  for (const ms of [0, 1, 250, 1500, 90_000, 3_600_000]) {
    assert.equal(parseDuration(formatDuration(ms)), ms);
  }
  for (const bytes of [0, 1, 4096, 65_536, 2 ** 30]) {
    assert.equal(parseSize(formatSize(bytes)), bytes);
  }
});

Deno.test("parseAddress() and formatAddress() agree", () => {
  for (
    const text of ["127.0.0.1:80", "[::1]:0", "ads.mesh:18000", "unix:/run/x", "unix:@abstract"]
  ) {
    const address = parseAddress(text);
    assert.ok(address, text);
    assert.equal(formatAddress(address), text);
  }
  for (
    const text of ["", ":80", "host", "host:", "host:65536", "::1:80", "[zz]:1", "unix:", "a b:1"]
  ) {
    assert.equal(parseAddress(text), undefined, text);
  }
});

Deno.test("isLoopback() is true only for what other machines cannot reach", () => {
  const local = [
    "127.0.0.1:1",
    "127.9.8.7:1",
    "[::1]:1",
    "[0:0:0:0:0:0:0:1]:1",
    "localhost:1",
    "unix:/a",
  ];
  const wide = ["0.0.0.0:1", "[::]:1", "10.0.0.1:1", "example.com:1", "127.evil.com:1"];
  for (const text of local) assert.ok(isLoopback(parseAddress(text) ?? assert.fail()), text);
  for (const text of wide) assert.ok(!isLoopback(parseAddress(text) ?? assert.fail()), text);
});
