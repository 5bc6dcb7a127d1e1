// SPDX-License-Identifier: Apache-2.0
/**
 * Pushes of a rotated bundle to Envoys that hold three secrets each, each on a stream of its own, and
 * what a stream costs.
 * @module
 */
import { join } from "node:path";
import { serviceCommand } from "@denvoy/tools/service_permissions";
import { type Comparison, type Figure, median } from "../lib/comparison.ts";
import { Server } from "../lib/server.ts";
import { Fleet } from "../ads/fleet.ts";
import type { Change } from "../ads/work.ts";

/** What is measured, how, and who gets the values. */
export interface PushRun {
  /** The load client. */
  readonly program: string;
  /** Envoys; each has a connection and three streams. */
  readonly nodes: number;
  /** Changes of the bundle, one after another. */
  readonly changes: number;
  /** Who is measured. */
  readonly side: string;
  /** Number of the pair. */
  readonly pair: number;
  /** Gets the values. */
  readonly comparison: Comparison;
}

/** Its own certificate, whom the CA trusts, and a bundle that is replaced. */
const SECRETS = ["default", "ROOTCA", "bundle"];
const settleMs = 1_000;

/** Does it once. */
export async function runPushes(run: PushRun): Promise<void> {
  const state = await Deno.makeTempDir({ prefix: "denvoy-bench-" });
  try {
    const bundles = await makeBundles(state, run.changes + 1);
    await using server = await startSds(state);
    const [first = "", ...others] = bundles;
    await put(server, first);
    await measure(run, { server, changes: others.map((pem) => changeOf(server, pem)) });
  } finally {
    await Deno.remove(state, { recursive: true });
  }
}

async function measure(
  run: PushRun,
  { server, changes }: { readonly server: Server; readonly changes: readonly Change[] },
): Promise<void> {
  const streams = run.nodes * SECRETS.length;
  const before = await settledUsage(server);
  const shape = { streams, resources: 0, perConnection: SECRETS.length, secrets: SECRETS };
  await using fleet = new Fleet(run.program, server, shape);
  const start = await fleet.start();
  const open = await settledUsage(server);
  const begun = { what: "start", title: "until all have three secrets", unit: "ms" } as const;
  record(run, begun, last(start.lastMs));
  const startCpu = { what: "start_cpu", title: "CPU for that", unit: "ms" } as const;
  record(run, startCpu, (open.cpuSeconds - before.cpuSeconds) * 1000);
  const each = {
    what: "stream",
    title: "memory of a stream and its share",
    unit: "bytes",
  } as const;
  record(run, each, (open.residentBytes - before.residentBytes) / streams);
  const pushes = await fleet.changes(changes, { idleMs: 50 });
  const pushed = { what: "push", title: "a new bundle to the last Envoy", unit: "ms" } as const;
  record(run, pushed, median(pushes.lastMs) ?? NaN);
  const end = await settledUsage(server);
  const pushCpu = { what: "push_cpu", title: "CPU for that", unit: "ms" } as const;
  record(run, pushCpu, (end.cpuSeconds - open.cpuSeconds) * 1000 / changes.length);
  record(run, { what: "peak", title: "peak memory (RSS)", unit: "bytes" }, end.peakBytes);
}

type Measured = Pick<Figure, "title" | "unit"> & { readonly what: string };

function record(run: PushRun, { what, title, unit }: Measured, value: number): void {
  const { comparison, side, pair, nodes } = run;
  const name = `sds.bundle${nodes}.${what}`;
  comparison.record({ name, title, unit, better: "less" }, { side, pair, value });
}

async function startSds(state: string): Promise<Server> {
  const dataDir = join(state, "data");
  const ports = ["--grpc-address", "127.0.0.1:0", "--http-address", "127.0.0.1:0"];
  const flags = [...ports, "--log-format", "json", "--data-dir", dataDir];
  const access = { addresses: ["127.0.0.1:0"], dataDir };
  return await Server.start({
    name: "denvoy sds",
    command: Deno.execPath(),
    args: serviceCommand("sds", {
      access,
      flags: [...flags, "--allow-unauthenticated"],
    }),
  });
}

/** Roots that nobody has seen before, so that each bundle is known by its content. */
async function makeBundles(folder: string, count: number): Promise<readonly string[]> {
  const bundles: string[] = [];
  for (let number = 0; number < count; number++) {
    const subject = ["-subj", `/CN=bench ${number}`, "-days", "2"];
    const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
    const out = ["-keyout", join(folder, "root.key"), "-out", join(folder, "root.pem")];
    const extensions = ["-addext", "keyUsage=critical,keyCertSign,cRLSign"];
    const args = ["req", "-x509", ...key, ...out, ...subject, ...extensions];
    const { success } = await new Deno.Command("openssl", { args, stderr: "null" }).output();
    if (!success) throw new Error("cannot make a root: openssl failed");
    bundles.push(await Deno.readTextFile(join(folder, "root.pem")));
  }
  return bundles;
}

async function put(server: Server, pem: string): Promise<void> {
  const { url, body } = changeOf(server, pem);
  const headers = { "content-type": "application/json" };
  const response = await fetch(url ?? "", { method: "PUT", headers, body: body ?? "" });
  const text = await response.text();
  if (!response.ok) throw new Error(`cannot put the bundle: ${response.status} ${text}`);
}

function changeOf(server: Server, pem: string): Change {
  return {
    name: "bundle",
    url: `${server.httpUrl}/v1/secrets/bundle`,
    body: JSON.stringify({ trust: { bundle: pem } }),
    marker: pem.split("\n").at(-4) ?? "",
  };
}

async function settledUsage(server: Server) {
  await new Promise((resolve) => setTimeout(resolve, settleMs));
  return await server.usage();
}

function last(values: readonly number[]): number {
  return values.at(-1) ?? NaN;
}
