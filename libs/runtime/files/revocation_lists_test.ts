// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { formatProblem, ProblemError } from "@denvoy/base";
import { FakeClock, RecordingLogger } from "@denvoy/base/testing";
import { Readiness } from "../http/readiness.ts";
import { FollowedLists } from "./followed_lists.ts";
import { readRevocationLists } from "./revocation_lists.ts";

const folder = new URL("../testdata/revocation/", import.meta.url).pathname;
const NOW = Date.UTC(2030, 0, 1);
const ROOT = "CN=list root";
const BETWEEN = "CN=list intermediate";

/** A file of lists for one test. */
class ListFile implements AsyncDisposable {
  readonly path: string;
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
    this.path = `${folder}/lists.pem`;
  }

  static async of(...parts: readonly string[]): Promise<ListFile> {
    const file = new ListFile(await Deno.makeTempDir());
    await file.write(...parts);
    return file;
  }

  /** Writes files of testdata after each other; what is no name of one is written as it is. */
  async write(...parts: readonly string[]): Promise<void> {
    const bytes = await Promise.all(
      parts.map((part) =>
        /\.(pem|der)$/.test(part) ? Deno.readFile(folder + part) : new TextEncoder().encode(part)
      ),
    );
    await Deno.writeFile(`${this.path}.new`, await new Blob(bytes).bytes());
    await Deno.rename(`${this.path}.new`, this.path);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.#folder, { recursive: true });
  }
}

function read(crl: string, nowMs = NOW, clientCa = `${folder}root.pem`) {
  return readRevocationLists({ crl, clientCa }, { nowMs });
}

Deno.test("readRevocationLists() takes what a CA of the roots says, or one below that is shown", async (t) => {
  const onRoot = [{ issuer: ROOT, serial: "a1b" }];
  const onBoth = [...onRoot, { issuer: BETWEEN, serial: "c2d" }];
  const table: readonly (readonly [string, readonly string[], typeof onRoot])[] = [
    ["PEM", ["root_list.pem"], onRoot],
    ["DER", ["root_list.der"], onRoot],
    ["text around it", ["Certificate Revocation List:\n", "root_list.pem", "\n"], onRoot],
    ["a CA between", ["between.pem", "root_list.pem", "between_list.pem"], onBoth],
    ["a CA between after its list", ["root_list.pem", "between_list.pem", "between.pem"], onBoth],
    ["another root that is shown", ["root_list.pem", "stranger.pem", "stranger_list.pem"], onRoot],
    ["a list of some certificates", ["partial_list.pem"], onRoot],
  ];
  const all = [...onBoth, { issuer: "CN=stranger root", serial: "e3f" }];
  for (const [name, parts, want] of table) {
    await t.step(name, async () => {
      await using file = await ListFile.of(...parts);
      const lists = await read(file.path);
      assert.deepEqual(all.filter((id) => lists.has(id)), want);
      assert.ok(!lists.has({ issuer: ROOT, serial: "c2d" }));
      assert.ok(!lists.has({ issuer: BETWEEN, serial: "a1b" }));
      assert.equal(lists.nextUpdateMs, Date.UTC(2126, 0, 1));
    });
  }
});

Deno.test("readRevocationLists() says which list breaks which rule", async (t) => {
  const table: readonly (readonly [string, readonly string[], RegExp, number?])[] = [
    ["a forged list", ["forged_list.pem"], /list 1 of 1 as a CA of the roots .* "CN=list root"/],
    [
      "a CA between that is not shown",
      ["root_list.pem", "between_list.pem"],
      /list 2 of 2 as a CA of the roots .* whose certificate is in the file: .*intermediate"/,
    ],
    ["another root", ["stranger_list.pem"], /list 1 of 1 as a CA of the roots/],
    [
      "nothing but another root's that is shown",
      ["stranger.pem", "stranger_list.pem"],
      /one must be of a CA of .*root\.pem: there are 1, and none is/,
    ],
    [
      "a list that is over",
      ["root_list.pem"],
      /"CN=list root" must not be over: was so on 2126/,
      Date.UTC(2126, 0, 1),
    ],
    [
      "a list from the future",
      ["root_list.pem"],
      /must have begun: is from 2026-01-01T00:00/,
      Date.UTC(2025, 0, 1),
    ],
    ["SHA-1", ["sha1_list.pem"], /SHA-256 or more: is 1\.2\.840\.10045\.4\.1$/],
    ["a delta list", ["delta_list.pem"], /must not need extension 2\.5\.29\.27/],
    ["an indirect list", ["indirect_list.pem"], /must be of its own issuer's certificates/],
    ["nothing", [""], /there are 0, and none is/],
    ["a certificate alone", ["between.pem"], /there are 0, and none is/],
    ["no PEM", ["hello"], /there are 0, and none is/],
    ["a list that was cut", ["root_list.pem", "-----BEGIN X509 CRL-----\nMII"], /whole PEM or DER/],
    ["DER that is none", ["0\x03\x02\x01\x01"], /list 1 of 1 as /],
    [
      "a key",
      ["-----BEGIN PRIVATE KEY-----\nMIIC\n-----END PRIVATE KEY-----"],
      /each block must be "X509 CRL" or "CERTIFICATE": one is "PRIVATE KEY"$/,
    ],
  ];
  for (const [name, parts, why, nowMs] of table) {
    await t.step(name, async () => {
      await using file = await ListFile.of(...parts);
      const error = await read(file.path, nowMs).then(() => undefined, (thrown) => thrown);
      assert.ok(error instanceof ProblemError, String(error));
      const [line = ""] = error.problems.map(formatProblem);
      assert.match(line, why);
      assert.ok(line.startsWith(file.path), line);
      assert.doesNotMatch(line, /MII/);
    });
  }
  await t.step("no file", async () => {
    await assert.rejects(read("/no/lists"), /\/no\/lists: cannot read file: there is none/);
  });
});

Deno.test("FollowedLists keeps the last good lists, and tells when they are over", async () => {
  await using file = await ListFile.of("root_list.pem");
  const clock = new FakeClock(NOW);
  const logger = new RecordingLogger();
  const readiness = new Readiness(clock);
  let failures = 0;
  await using lists = await FollowedLists.load({
    ...{ logger, clock, paths: [file.path], pollMs: 1000 },
    health: readiness.component("tls_crl"),
    failures: { add: () => void failures++ },
    read: () => read(file.path, clock.nowMs()),
  });
  const state = () => readiness.report().components.tls_crl;
  assert.equal(state()?.status, "ok");
  const id = { issuer: ROOT, serial: "a1b" };
  const inUse = () => lists.current.has(id);
  assert.ok(inUse());
  clock.advance(Date.UTC(2126, 0, 1) - NOW - 1);
  assert.equal(state()?.status, "ok");
  clock.advance(600_001);
  assert.equal(state()?.status, "degraded");
  assert.match(state()?.message ?? "", /over since 2126-01-01T00:00:00\.000Z: .*still counts/);
  assert.ok(inUse());
  assert.match(JSON.stringify(logger.lines), /revocation list is over/);
  assert.equal(failures, 0);
});
