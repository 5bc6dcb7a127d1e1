// SPDX-License-Identifier: Apache-2.0
/**
 * What the quick start consists of: its folder, its bootstrap and its ports.
 * @module
 */
import { join, relative } from "node:path";
import { cacheFolder, repositoryRoot } from "../real_parts/mod.ts";
import { type ServiceName, serviceNames, servicePorts } from "../service_permissions.ts";

/** One of the quick start's ports. */
export type PortName =
  | "web"
  | "admin"
  | "blue"
  | "green"
  | `${ServiceName} gRPC`
  | `${ServiceName} HTTP`;

/** The ports that are not a service's, as the files of the example name them. */
const otherPorts = {
  web: { port: 10_000, purpose: "Envoy's listener" },
  admin: { port: 9_901, purpose: "Envoy's admin API" },
  blue: { port: 18_081, purpose: "the blue backend" },
  green: { port: 18_082, purpose: "the green backend" },
};

/** The ports without a shift. */
export const usualPorts: QuickStart["ports"] = Object.fromEntries([
  ...Object.entries(otherPorts).map(([name, { port }]) => [name, port]),
  ...serviceNames.flatMap((name) => [
    [`${name} gRPC`, servicePorts[name].grpc],
    [`${name} HTTP`, servicePorts[name].http],
  ]),
]) as Record<PortName, number>;

/** The quick start as it is run. */
export interface QuickStart {
  /** Folder with the resources that ads serves. */
  readonly folder: string;
  /** Folder where services keep their state, each in one of its own. */
  readonly dataDir: string;
  /** The Envoy's bootstrap. */
  readonly bootstrap: string;
  /** The ports, all on 127.0.0.1. */
  readonly ports: Readonly<Record<PortName, number>>;
}

/** Returns the quick start with every port moved by `shift`; 0 runs the files of the repository. */
export async function prepareQuickStart(shift: number): Promise<QuickStart> {
  const examples = join(repositoryRoot, "examples");
  const ports = shiftedPorts(shift);
  const folder = join(examples, "quickstart");
  const bootstrap = join(examples, "bootstrap", "local.yaml");
  const dataDir = join(repositoryRoot, "data");
  if (shift === 0) return { folder, bootstrap, ports, dataDir };
  return await copyShifted({ folder, bootstrap, ports, dataDir }, shift);
}

/** Returns `text` with every usual port replaced by the one that is used. */
export function shiftPorts(text: string, ports: QuickStart["ports"]): string {
  return text.replaceAll(/\b\d{4,5}\b/g, (digits) => {
    for (const [name, usual] of Object.entries(usualPorts)) {
      if (Number(digits) === usual) return String(ports[name as PortName]);
    }
    return digits;
  });
}

/** Throws, naming each port that is taken and what to do, unless all of `names` are free. */
export function requireFreePorts(ports: QuickStart["ports"], names: readonly PortName[]): void {
  const taken = names.filter((name) => !isFree(ports[name]));
  if (taken.length === 0) return;
  const lines = taken.map((name) => `  port ${ports[name]} (${purposeOf(name)}) is in use`);
  throw new Error(
    `cannot start as every port must be free:\n${lines.join("\n")}\n` +
      `End what uses it (lsof -i :${ports[taken[0] ?? "web"]} shows it), ` +
      "or move all ports with --shift-ports 100.",
  );
}

/** Returns `path` as a person in the repository would type it. */
export function shortPath(path: string): string {
  const short = relative(Deno.cwd(), path);
  return short.startsWith("..") ? path : short;
}

function purposeOf(name: PortName): string {
  return name in otherPorts ? otherPorts[name as keyof typeof otherPorts].purpose : name;
}

function shiftedPorts(shift: number): QuickStart["ports"] {
  const moved = Object.entries(usualPorts).map(([name, port]) => [name, port + shift]);
  return Object.fromEntries(moved) as Record<PortName, number>;
}

async function copyShifted(original: QuickStart, shift: number): Promise<QuickStart> {
  const root = join(cacheFolder(), `quickstart-${shift}`);
  const folder = join(root, "resources");
  await Deno.mkdir(folder, { recursive: true });
  for await (const entry of Deno.readDir(original.folder)) {
    if (!entry.isFile) continue;
    const text = await Deno.readTextFile(join(original.folder, entry.name));
    await Deno.writeTextFile(join(folder, entry.name), shiftPorts(text, original.ports));
  }
  const bootstrap = join(root, "bootstrap.yaml");
  const text = await Deno.readTextFile(original.bootstrap);
  await Deno.writeTextFile(bootstrap, shiftPorts(text, original.ports));
  return { ...original, folder, bootstrap, dataDir: join(root, "data") };
}

function isFree(port: number): boolean {
  try {
    Deno.listen({ hostname: "127.0.0.1", port }).close();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.AddrInUse) return false;
    throw error;
  }
}
