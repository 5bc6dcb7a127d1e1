// SPDX-License-Identifier: Apache-2.0
/**
 * compose.mtls.yaml without containers: the entrypoints of its images with its command lines and its files,
 * only that paths are below a folder and names are ports of this machine.
 */
import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { parse } from "yaml";
import { Child } from "@denvoy/tools/child";
import { keysScript, startScript } from "@denvoy/tools/image";
import { repositoryRoot } from "@denvoy/tools/real_parts";
import {
  type Bootstrap,
  eventually,
  freePorts,
  startBackend,
  startEnvoy,
  TempFolder,
} from "../support/mod.ts";

interface ComposeService {
  readonly command?: readonly string[];
  readonly volumes?: readonly string[];
}

type Named = "keys" | "sds" | "ads" | "hds";

/** The machine that stands for all containers. */
class Machine {
  readonly #folder: TempFolder;
  readonly #services: Readonly<Record<string, ComposeService>>;
  readonly #ports: ReadonlyMap<number, number>;

  constructor(folder: TempFolder, used: readonly number[]) {
    const file = join(repositoryRoot, "compose.mtls.yaml");
    this.#services = parse(Deno.readTextFileSync(file)).services;
    this.#folder = folder;
    const free = freePorts(used.length);
    this.#ports = new Map(used.map((port, index) => [port, free[index] ?? 0]));
  }

  port(usual: number): number {
    return this.#ports.get(usual) ?? usual;
  }

  /** Where a path of a container is here. */
  path(container: string, path: string): string {
    return this.#folder.file(join(container, path));
  }

  /** Puts the files of a container where its mounts are. */
  async mount(container: string): Promise<void> {
    await Deno.mkdir(this.path(container, "var/lib/denvoy"), { recursive: true });
    for (const volume of this.#services[container]?.volumes ?? []) {
      const [source = "", target = ""] = volume.split(":");
      const from = source.startsWith(".")
        ? join(repositoryRoot, source)
        : this.path(source, "var/lib/denvoy");
      if (target !== "/var/lib/denvoy") {
        await copy(from, this.path(container, target), (text) => this.moved(text));
      }
    }
  }

  /** What a file of an Envoy says here. */
  moved(text: string): string {
    return text
      .replaceAll(
        /address: (?:0\.0\.0\.0|127\.0\.0\.1|ads), port_value: (\d+)/g,
        (_, port) => `address: 127.0.0.1, port_value: ${this.port(Number(port))}`,
      )
      .replaceAll(
        /address: (blue|green), port_value: 8080/g,
        (_, name) => `address: 127.0.0.1, port_value: ${this.port(name === "blue" ? 1 : 2)}`,
      )
      .replaceAll("/etc/envoy/", `${this.path("envoy", "etc/envoy")}/`);
  }

  /** Starts what an image starts with the command line of the file. */
  start(container: Named): Child {
    const script = container === "keys" ? keysScript() : startScript(container);
    const here = (text: string) =>
      text.replaceAll("/etc/denvoy", this.path(container, "etc/denvoy"))
        .replaceAll("/var/lib/denvoy", this.path(container, "var/lib/denvoy"))
        .replaceAll(
          /(?<![\w.])(?:0\.0\.0\.0|sds|ads):(\d+)/g,
          (_, port) => `127.0.0.1:${this.port(Number(port))}`,
        );
    const local = here(script).replaceAll(/(?<!\w)\/app\b/g, repositoryRoot)
      .replace("exec deno", `exec "${Deno.execPath()}"`);
    const { command = [] } = this.#services[container] ?? {};
    const args = ["-c", local, "start", ...command.map(here)];
    return Child.start({ name: container, command: "sh", args });
  }

  bootstrap(): Bootstrap {
    const path = this.path("envoy", "etc/envoy/envoy.yaml");
    const bootstrap = parse(Deno.readTextFileSync(path));
    bootstrap.admin.address.socket_address = { address: "127.0.0.1", port_value: 0 };
    return bootstrap as Bootstrap;
  }
}

async function copy(from: string, to: string, change: (text: string) => string): Promise<void> {
  if ((await Deno.stat(from)).isDirectory) {
    for await (const { name } of Deno.readDir(from)) {
      await copy(join(from, name), join(to, name), change);
    }
    return;
  }
  await Deno.mkdir(dirname(to), { recursive: true });
  await Deno.writeTextFile(to, change(await Deno.readTextFile(from)), { mode: 0o600 });
}

Deno.test("compose.mtls.yaml: an Envoy with a stream to ads alone has its keys from sds", async () => {
  await using folder = await TempFolder.create();
  const machine = new Machine(folder, [
    18000,
    18001,
    18010,
    18011,
    18020,
    18021,
    10000,
    10443,
    1,
    2,
  ]);
  await using _blue = startBackend("blue", { port: machine.port(1) });
  await using _green = startBackend("green", { port: machine.port(2) });
  await machine.mount("keys");
  await using keys = machine.start("keys");
  const { code } = await keys.exited;
  assert.equal(code, 0, keys.lastWords());
  for (const container of ["sds", "ads", "hds", "envoy"]) await machine.mount(container);
  await using sds = machine.start("sds");
  await using ads = machine.start("ads");
  await using hds = machine.start("hds");
  await using envoy = await startEnvoy({ bootstrap: machine.bootstrap() });
  await eventually(async () => {
    const response = await fetch(`http://127.0.0.1:${machine.port(10000)}/`);
    return /^(blue|green)$/.test(await response.text());
  }, {
    what: "an answer over mutual TLS",
    withinMs: 40_000,
    detail: () => [keys, sds, ads, hds, envoy.child].map((each) => each.lastWords()).join("\n"),
  });
  const { lines } = sds;
  const granted =
    /secret granted.*denvoy\.local\/quickstart.*"proof":"certificate".*"through":"spiffe:\/\/denvoy\.local\/ads"/;
  assert.ok(lines.some((line) => granted.test(line)), sds.lastWords());
  await eventually(() => hds.lines.some((line) => /xds stream established/.test(line)), {
    what: "hds to read from ads",
    withinMs: 20_000,
    detail: () => hds.lastWords(),
  });
});
