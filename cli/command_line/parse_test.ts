// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { bool, integer, oneOf, string, stringList } from "@denvoy/runtime";
import { type CommandDefinition, defineCommand } from "./command.ts";
import { MemoryTerminal } from "./testing.ts";

const flags = {
  name: string({ doc: "A name." }),
  size: integer({ default: "3", doc: "A size." }),
  kind: oneOf(["small", "large"], { doc: "A kind." }),
  quick: bool({ doc: "Quickly." }),
  tags: stringList({ flag: "tag", doc: "Tags." }),
};

type Definition = CommandDefinition<typeof flags>;

async function call(
  args: readonly string[],
  { positionals = [], env = {} }: {
    readonly positionals?: NonNullable<Definition["positionals"]>;
    readonly env?: Readonly<Record<string, string>>;
  } = {},
) {
  let seen: { flags: unknown; positionals: readonly string[] } | undefined;
  const command = defineCommand({
    name: "do",
    summary: "Does it",
    positionals,
    flags,
    short: { name: "n" },
    env: { name: "DO_NAME" },
    examples: [{ line: "x do", does: "It." }],
    run({ flags, positionals }) {
      seen = { flags, positionals };
      return Promise.resolve(0);
    },
  });
  const terminal = new MemoryTerminal({ env });
  const exit = await command.invoke(args, { program: "x do", terminal });
  return { exit, seen, terminal };
}

const values = { name: undefined, size: 3, kind: undefined, quick: false, tags: [] };

Deno.test("defineCommand() gives a command the values of its flags", async (t) => {
  const table: Readonly<Record<string, Partial<Record<keyof typeof flags, unknown>>>> = {
    "": {},
    "--name a": { name: "a" },
    "--name=a=b": { name: "a=b" },
    "--name=--a": { name: "--a" },
    "-n a": { name: "a" },
    "-na": { name: "a" },
    "--size 7 --quick": { size: 7, quick: true },
    "--no-quick": { quick: false },
    "--tag a --tag b": { tags: ["a", "b"] },
    "--kind large": { kind: "large" },
  };
  for (const [line, expected] of Object.entries(table)) {
    await t.step(line || "no flag", async () => {
      const { seen } = await call(line === "" ? [] : line.split(" "));
      assert.deepEqual(seen?.flags, { ...values, ...expected });
    });
  }
});

Deno.test("defineCommand() takes a flag, else its variable, else its default", async () => {
  const env = { DO_NAME: "from env" };
  assert.deepEqual((await call([], { env })).seen?.flags, { ...values, name: "from env" });
  assert.deepEqual((await call(["-n", "a"], { env })).seen?.flags, { ...values, name: "a" });
  assert.deepEqual((await call([], { env: { DO_NAME: "" } })).seen?.flags, values);
});

Deno.test("defineCommand() gives positionals among flags, also after --", async () => {
  const positionals = [{ name: "PATH", doc: "Paths.", count: "some" as const }];
  const { seen } = await call(["a", "--quick", "-", "--", "--b"], { positionals });
  assert.deepEqual(seen?.positionals, ["a", "-", "--b"]);
});

Deno.test("defineCommand() says everything that is wrong and exits with 2", async (t) => {
  const one = [{ name: "PATH", doc: "A path." }];
  const table: readonly [line: string, expected: RegExp, positionals?: typeof one][] = [
    ["--nam a", /^error: --nam: .*unknown \(did you mean "--name"\?\)\nUsage:/],
    ["--zzz", /^error: --zzz: cannot use flag as it is unknown\n/],
    ["-z", /^error: -z: cannot use flag as it is unknown\n/],
    ["--name", /^error: --name: cannot use flag as it needs a value\n/],
    ["--name --quick", /^error: --name: cannot use flag as it needs a value\n/],
    ["--name a --name b", /--name: cannot use flag as it must be given once\n/],
    ["--size x", /--size: must be a whole number of at least 0: value is "x"\n/],
    ["--kind big", /--kind: must be one of "small", "large": value is "big"\n/],
    ["--size x --kind big", /--size.*\n.*--kind/],
    ["a", /^error: a: cannot use argument as only flags are taken\n/],
    ["", /^error: PATH is missing\nUsage: x do PATH \[options\]\nTry: x do --help\n$/, one],
    ["a b", /^error: b: cannot use argument as at most 1 can be given\n/, one],
  ];
  for (const [line, expected, positionals = []] of table) {
    await t.step(line || "nothing", async () => {
      const words = line === "" ? [] : line.split(" ");
      const { exit, seen, terminal } = await call(words, { positionals });
      assert.equal(exit, 2);
      assert.equal(seen, undefined);
      assert.match(terminal.stderr, expected);
    });
  }
});

Deno.test("defineCommand() prints help with every flag, whatever else is given", async () => {
  const { exit, terminal } = await call(["--size", "x", "--help"]);
  assert.equal(exit, 0);
  assert.equal(
    terminal.stdout,
    `Does it.

Usage: x do [options]

Options:
  -n, --name TEXT           A name.
                            env DO_NAME
  --size N                  A size.
                            default 3
  --kind small|large        A kind.
  --quick                   Quickly.
  --tag TEXT                Tags.
                            may be repeated
  -h, --help                Prints this text.

Examples:
  x do
      It.
`,
  );
});
