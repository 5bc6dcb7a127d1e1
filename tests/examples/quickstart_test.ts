// SPDX-License-Identifier: Apache-2.0
// `deno task start` as a person runs it, on ports of its own.
import assert from "node:assert/strict";
import { join } from "node:path";
import { Child } from "@denvoy/tools/child";
import { cacheFolder, repositoryRoot } from "@denvoy/tools/real_parts";
import { usualPorts } from "@denvoy/tools/dev/quickstart";
import { eventually, exitSignal, TempFolder } from "../support/mod.ts";

const ports = Object.values(usualPorts);

function freeShift(): number {
  for (let shift = 1_000; shift <= 20_000; shift += 37) {
    if (ports.every((port) => isFree(port + shift))) return shift;
  }
  throw new Error("cannot find a shift under which all ports are free");
}

function isFree(port: number): boolean {
  try {
    Deno.listen({ hostname: "127.0.0.1", port }).close();
    return true;
  } catch {
    return false;
  }
}

interface Started extends AsyncDisposable {
  readonly child: Child;
  readonly shift: number;
  readonly resources: string;
}

async function startQuickStart(...flags: readonly string[]): Promise<Started> {
  const shift = freeShift();
  const cache = await TempFolder.create();
  // The quick start copies its files into the cache; what is downloaded stays where it is.
  for (const entry of Deno.readDirSync(cacheFolder())) {
    const isPart = /-\d+\.\d+\./.test(entry.name);
    if (isPart) await Deno.symlink(join(cacheFolder(), entry.name), cache.file(entry.name));
  }
  const child = Child.start({
    name: "start",
    command: Deno.execPath(),
    args: ["task", "--quiet", "start", "--shift-ports", String(shift), ...flags],
    cwd: repositoryRoot,
    env: { DENVOY_CACHE: cache.path, NO_COLOR: "1" },
  });
  return {
    child,
    shift,
    resources: cache.file(`quickstart-${shift}/resources`),
    [Symbol.asyncDispose]: async () => {
      await child.stop(20_000);
      await cache[Symbol.asyncDispose]();
    },
  };
}

async function ready({ child }: Started): Promise<void> {
  await eventually(() => child.lines.includes("Ready. Try:"), {
    what: "the quick start to be ready",
    withinMs: 60_000,
    detail: () => child.lastWords(),
    signal: exitSignal(child),
  });
}

async function answers(url: string, count: number): Promise<ReadonlySet<string>> {
  const found = new Set<string>();
  for (let index = 0; index < count; index++) {
    found.add((await (await fetch(url)).text()).trim());
  }
  return found;
}

async function statusesOf(url: string, count: number): Promise<readonly number[]> {
  const statuses: number[] = [];
  for (let index = 0; index < count; index++) {
    const response = await fetch(url);
    await response.body?.cancel();
    statuses.push(response.status);
  }
  return statuses;
}

Deno.test("deno task start answers through Envoy, and a saved file changes the routing", async () => {
  await using started = await startQuickStart();
  await ready(started);
  const web = `http://127.0.0.1:${10_000 + started.shift}`;
  assert.deepEqual([...await answers(`${web}/`, 60)].sort(), ["blue /", "green /"]);
  assert.deepEqual([...await answers(`${web}/blue`, 5)], ["blue /blue"]);

  const routes = join(started.resources, "routes.yaml");
  const text = await Deno.readTextFile(routes);
  await Deno.writeTextFile(routes, text.replaceAll("cluster: blue", "cluster: green"));
  await eventually(async () => (await answers(`${web}/blue`, 1)).has("green /blue"), {
    what: "the new route",
  });

  // A new minute may begin in between.
  const statuses = await statusesOf(`${web}/limited`, 12);
  assert.equal(statuses[0], 200);
  assert.ok(statuses.includes(429), `three a minute pass: ${statuses}`);
});

Deno.test("deno task start ends with exit code 0 and leaves no port open", async () => {
  await using started = await startQuickStart();
  await ready(started);
  const exit = await started.child.stop(20_000);
  assert.deepEqual(exit, { code: 0, signal: undefined }, started.child.lastWords());
  for (const port of ports) {
    await eventually(() => isFree(port + started.shift), { what: `port ${port} to be free` });
  }
});

Deno.test("deno task start --no-envoy runs the services alone", async () => {
  await using started = await startQuickStart("--no-envoy");
  await ready(started);
  const response = await fetch(`http://127.0.0.1:${18_001 + started.shift}/readyz`);
  await response.body?.cancel();
  assert.equal(response.status, 200);
  assert.equal(isFree(10_000 + started.shift), true);
});
