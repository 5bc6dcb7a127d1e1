// SPDX-License-Identifier: Apache-2.0
/**
 * `deno task soak:grpc [--minutes 10]`: honest calls beside connects, floods, resets and half-open
 * peers. Fails when an honest call fails, the server ends, or its memory grows.
 * @module
 */
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { formatTable } from "../../benches/lib/table.ts";
import { JsonProcess } from "../../benches/lib/json_process.ts";
import { readProcessUsage } from "../../benches/lib/process_usage.ts";
import { type Attack, attacks, attackTls } from "./attacks.ts";
import type { HonestReport, SoakAddresses } from "./honest_load.ts";

const attackers = 34;
const sampleMs = 2_000;
/** Memory goes up and down with the garbage collector, and with what is under way. */
const tolerance = 1.2;
const toleratedBytes = 24 * 1024 ** 2;

interface ServerState extends SoakAddresses {
  readonly opened: number;
  readonly ended: number;
  readonly codes: Readonly<Record<string, number>>;
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { minutes: { type: "string", default: "10" } } });
  const minutes = Number(values.minutes);
  if (!(minutes > 0)) throw new Error(`cannot run as --minutes must be > 0: it is ${minutes}`);
  await using server = startScript("server.ts");
  await using honest = startScript("honest_load.ts");
  const soak = new Soak(await server.ask("state") as ServerState, server.pid);
  await honest.ask(await server.ask("state"));
  await soak.run(performance.now() + minutes * 60_000);
  const calls = await honest.ask("stop") as HonestReport;
  soak.report(await server.ask("state") as ServerState, calls);
}

function startScript(file: string): JsonProcess {
  const permissions = ["net", "read", "env", "sys"].map((name) => `--allow-${name}`);
  const script = fileURLToPath(new URL(file, import.meta.url));
  const args = ["run", "--quiet", ...permissions, script];
  return JsonProcess.start(file, { command: Deno.execPath(), args });
}

class Soak {
  readonly #addresses: SoakAddresses;
  readonly #pid: number;
  readonly #attacked = new Map<string, number>();
  readonly #resident: number[] = [];

  constructor(addresses: SoakAddresses, pid: number) {
    this.#addresses = addresses;
    this.#pid = pid;
  }

  async run(end: number): Promise<void> {
    const attacking = Array.from({ length: attackers }, (_, n) => this.#attack(n, end));
    while (performance.now() < end) {
      await pause(sampleMs);
      this.#resident.push((await readProcessUsage(this.#pid)).residentBytes);
    }
    await Promise.all(attacking);
  }

  report({ opened, ended, codes }: ServerState, { took, failures }: HonestReport): void {
    const { early, late } = tenths(this.#resident);
    print(formatTable(["attack", "times"], rowsOf(this.#attacked)));
    print(`\n${formatTable(["connections ended with", "times"], rowsOf(Object.entries(codes)))}`);
    print(`\nconnections: ${opened} opened, ${ended} ended`);
    const [p50, p99, most] = [0.5, 0.99, 1].map((part) => quantile(took, part).toFixed(0));
    print(
      `honest calls: ${took.length}, ${failures.length} failed; ms: ${p50}, p99 ${p99}, most ${most}`,
    );
    const course = this.#resident.filter((_, at) =>
      at % Math.ceil(this.#resident.length / 20) === 0
    );
    print(`resident MiB of the server over time: ${course.map(mebibytes).join(" ")}`);
    for (const failure of new Set(failures)) print(`failed: ${failure}`);
    const grew = late > early * tolerance + toleratedBytes;
    if (grew) {
      print(`failed: the server's memory grew from ${mebibytes(early)} to ${mebibytes(late)} MiB`);
    }
    if (failures.length > 0 || grew) Deno.exitCode = 1;
  }

  async #attack(number: number, end: number): Promise<void> {
    for (let turn = number; performance.now() < end; turn++) {
      const { name, port, attack } = pick(turn);
      this.#attacked.set(name, (this.#attacked.get(name) ?? 0) + 1);
      await attack(this.#addresses[port]);
      await pause(1);
    }
  }
}

interface NamedAttack {
  readonly name: string;
  readonly port: keyof SoakAddresses;
  readonly attack: Attack;
}

const allAttacks: readonly NamedAttack[] = [
  ...Object.entries(attacks).map(([name, attack]) => ({ name, port: "plain" as const, attack })),
  { name: "bytes that are no TLS", port: "secure", attack: attackTls },
];

/** All attacks in turn. */
function pick(turn: number): NamedAttack {
  const attack = allAttacks[turn % allAttacks.length];
  if (attack === undefined) throw new Error("cannot attack as there must be attacks");
  return attack;
}

/** Medians of the third and of the last tenth: before that it is warming up. */
function tenths(samples: readonly number[]): { early: number; late: number } {
  const tenth = Math.max(1, Math.floor(samples.length / 10));
  return {
    early: quantile(samples.slice(2 * tenth, 3 * tenth + 1), 0.5),
    late: quantile(samples.slice(-tenth), 0.5),
  };
}

function quantile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;
}

function rowsOf(counts: Iterable<readonly [string, number]>): readonly (readonly string[])[] {
  return Array.from(counts, ([name, times]) => [name, String(times)]);
}

function mebibytes(bytes: number): string {
  return (bytes / 1024 ** 2).toFixed(0);
}

function print(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

if (import.meta.main) await main();
