// SPDX-License-Identifier: Apache-2.0
/**
 * What `deno task test` consists of, in the order in which it is run: what fails fast comes first.
 * @module
 */

/** One stage. */
export interface Stage {
  /** The word that selects it: `deno task test <name>`. */
  readonly name: string;
  /** A check passes or fails as one; of tests each counts. */
  readonly kind: "check" | "tests";
  /** Arguments of `deno`. */
  readonly args: readonly string[];
  /** It may run beside the other stages that have this set: it shares nothing with them. */
  readonly isolated: boolean;
  /** Longer than this it cannot take; it is ended then, and has failed. */
  readonly withinMs: number;
}

const minute = 60_000;

// Types are checked once, by the stage of that name.
const testArgs = ["test", "--allow-all", "--no-check", "--frozen"];

/** Folders whose tests need nothing but Deno. */
export const unitFolders: readonly string[] = [
  ...["libs", "services", "cli", "tools", "examples", "benches"],
];

/** Folders under tests/ that begin; long ones, so that none of them is left for the end. */
const first = ["support", "envoy", "faults", "cli"];

/** Folders under tests/ with bounds on time in them: each runs by itself, at the end. */
const measuring = ["redis"];

/**
 * Returns the stages for the folders that have tests: of `unitFolders`, and all under tests/. Tests
 * against real parts mostly wait, so two folders run at a time, but for those that measure.
 */
export function allStages(folders: readonly string[]): readonly Stage[] {
  const units = unitFolders.filter((folder) => folders.includes(folder));
  const real = folders.filter((folder) => folder.startsWith("tests/"))
    .map((folder) => folder.slice("tests/".length))
    .filter((name) => name !== "structure");
  const others = real.filter((name) => ![...first, ...measuring].includes(name)).sort();
  const ordered = [...first, ...others, ...measuring].filter((name) => real.includes(name));
  return [
    ...checks,
    ...(units.length === 0 ? [] : [tests("unit", ["--parallel", ...units])]),
    ...ordered.map((name) => ({
      ...tests(name, [`tests/${name}`]),
      isolated: !measuring.includes(name),
    })),
  ];
}

/** Returns the stages that `names` select, in their order; all when there is no name. */
export function selectStages(
  stages: readonly Stage[],
  names: readonly string[],
): readonly Stage[] {
  const known = stages.map((stage) => stage.name);
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw new Error(`cannot run "${unknown}" as a stage must be one of ${known.join(", ")}`);
  }
  return names.length === 0 ? stages : stages.filter((stage) => names.includes(stage.name));
}

function check(name: string, args: readonly string[]): Stage {
  return { name, kind: "check", args, isolated: true, withinMs: 5 * minute };
}

function tests(name: string, args: readonly string[]): Stage {
  const all = [...testArgs, ...args];
  return { name, kind: "tests", args: all, isolated: false, withinMs: 10 * minute };
}

const checks: readonly Stage[] = [
  check("format", ["fmt", "--check"]),
  check("lint", ["lint"]),
  check("types", ["check", "--frozen"]),
  { ...tests("structure", ["tests/structure"]), isolated: true },
  check("generated", ["run", "--allow-all", "--frozen", "tools/gen_proto.ts", "--check"]),
  check("parts", ["run", "--allow-all", "--frozen", "tools/real_parts/main.ts"]),
];
