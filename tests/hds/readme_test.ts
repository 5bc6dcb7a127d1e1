// SPDX-License-Identifier: Apache-2.0
/**
 * The lines of examples/hds/README.md, run as they stand there, but on free ports.
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { Child } from "@denvoy/tools/child";
import { repositoryRoot } from "@denvoy/tools/real_parts";
import { denvoyCommand } from "../cli/run_denvoy.ts";
import { eventually, exitSignal, freePort, TempFolder } from "../support/mod.ts";
import { type EndpointHealth, readHealth } from "./scene.ts";

const text = await Deno.readTextFile(join(repositoryRoot, "examples", "hds", "README.md"));
const lines = text.split("\n");

/** The commands of a kind, in the page's order. */
function commandsOf(start: string): readonly string[] {
  return lines.filter((line) => line.startsWith(start)).map((line) => line.slice(start.length));
}

/** Free ports in the place of those on the page. */
class Ports {
  readonly #free = { 18000: freePort(), 18001: freePort() };
  readonly hdsGrpc = freePort();
  readonly hdsHttp = freePort();

  /** Returns the line with these ports. */
  apply(line: string): string {
    return line.replaceAll("127.0.0.1:18000", `127.0.0.1:${this.#free[18000]}`)
      .replaceAll("127.0.0.1:18001", `127.0.0.1:${this.#free[18001]}`);
  }

  /** Flags that make services listen there. */
  get flags(): readonly string[] {
    return [
      ...["--ads.grpc-address", this.apply("127.0.0.1:18000")],
      ...["--ads.http-address", this.apply("127.0.0.1:18001")],
      ...["--hds.grpc-address", `127.0.0.1:${this.hdsGrpc}`],
      ...["--hds.http-address", `127.0.0.1:${this.hdsHttp}`],
    ];
  }
}

/** Runs what stands behind `denvoy serve` until the test is over, and waits for these endpoints. */
class Served implements AsyncDisposable {
  readonly ports = new Ports();
  readonly #child: Child;
  readonly #folder: TempFolder;

  static async start(words: string): Promise<Served> {
    return new Served(words, await TempFolder.create());
  }

  private constructor(words: string, folder: TempFolder) {
    const data = ["--ads.data-dir", folder.file("ads"), "--hds.data-dir", folder.file("hds")];
    const given = this.ports.apply(words).split(" ");
    this.#folder = folder;
    this.#child = Child.start({
      name: "denvoy",
      command: Deno.execPath(),
      args: denvoyCommand(["serve", ...given, ...this.ports.flags, ...data]),
      cwd: repositoryRoot,
    });
  }

  async checks(...addresses: readonly string[]): Promise<void> {
    let seen: readonly EndpointHealth[] = [];
    await eventually(async () => {
      seen = await readHealth(`http://127.0.0.1:${this.ports.hdsHttp}`).catch(() => []);
      return seen.length === addresses.length &&
        addresses.every((wanted) => seen.some(({ address }) => address === wanted));
    }, {
      what: `${addresses.join(", ")} to be checked`,
      withinMs: 40_000,
      detail: () => `${JSON.stringify(seen)}\n${this.#child.lastWords()}`,
      signal: exitSignal(this.#child),
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#child.stop();
    await this.#folder[Symbol.asyncDispose]();
  }
}

/** Does what the words behind `curl` say. */
async function curl(words: string): Promise<void> {
  const [, method, url, body] = /^-X (\w+) (\S+)(?: -d '(.+)')?$/.exec(words) ?? [];
  assert.ok(url && method, words);
  const headers = { "content-type": "application/x-www-form-urlencoded" };
  const response = await fetch(url, { method, ...(body && { body, headers }) });
  assert.equal(response.status, 200, await response.text());
}

const [fromFiles = "", registering = "", ...others] = commandsOf("deno task denvoy serve ");

Deno.test("examples/hds/README.md: its two ways to serve have what they name", async (t) => {
  assert.deepEqual(others, []);
  await t.step("clusters of files", async () => {
    await using served = await Served.start(fromFiles);
    await served.checks("127.0.0.1:3000", "127.0.0.1:3001", "127.0.0.1:6379");
  });
  await t.step("services that register themselves", async () => {
    await using served = await Served.start(registering);
    await served.checks("127.0.0.1:3000", "127.0.0.1:3001");
    for (const line of commandsOf("curl ")) await curl(served.ports.apply(line));
    await served.checks("127.0.0.1:3000", "127.0.0.1:3001", "127.0.0.1:3002");
  });
});
