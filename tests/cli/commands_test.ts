// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { denvoy, runCommandLine } from "@denvoy/cli";
import { MemoryTerminal } from "@denvoy/cli/testing";
import { TempFolder } from "../support/mod.ts";
import { runDenvoy } from "./run_denvoy.ts";

const TYPO = `resources:
- "@type": type.googleapis.com/envoy.config.cluster.v3.Cluster
  name: a
  conect_timeout: 1s
- "@type": type.googleapis.com/envoy.config.cluster.v3.Cluster
  name: b
  connect_timeout: 0s
`;
const DANGLING = `resources:
- "@type": type.googleapis.com/envoy.config.route.v3.RouteConfiguration
  name: web
  virtual_hosts:
  - { name: all, domains: ["*"], routes: [{ match: { prefix: / }, route: { cluster: nobody } }] }
`;

Deno.test("denvoy check finds nothing wrong with the examples", async () => {
  const paths = ["quickstart", "compose", "bootstrap/local.yaml", "rls/limits"];
  for (const path of paths.map((name) => `examples/${name}`)) {
    const run = await runDenvoy(["check", "--strict", path]);
    assert.equal(run.code, 0, run.out);
    assert.match(run.out, /: no problems\n$/);
  }
});

Deno.test("denvoy check tells every error with its place, and exits with 1", async () => {
  await using folder = await TempFolder.create({ "typo.yaml": TYPO, "dangling.yaml": DANGLING });
  const run = await runDenvoy(["check", "."], { cwd: folder.path });
  assert.equal(run.code, 1);
  assert.equal(
    run.out,
    'warning: ./dangling.yaml:2: route config "web" references cluster "nobody", which does not exist\n' +
      "error: ./typo.yaml:4:3: resources[0].conect_timeout: envoy.config.cluster.v3.Cluster has no " +
      'field "conect_timeout" (did you mean "connect_timeout"?)\n' +
      "error: ./typo.yaml:7:20: resources[1].connect_timeout: must be greater than 0s: value is 0s\n" +
      "2 files, 1 resource: 2 errors, 1 warning\n",
  );
});

Deno.test("denvoy check fails for warnings when they are to count", async (t) => {
  await using folder = await TempFolder.create({ "dangling.yaml": DANGLING });
  const table: readonly [flags: readonly string[], code: number][] = [
    [[], 0],
    [["--strict"], 1],
    [["--dangling-files", "refuse"], 1],
  ];
  for (const [flags, code] of table) {
    await t.step(flags.join(" ") || "no flags", async () => {
      assert.equal((await runDenvoy(["check", ...flags, folder.path])).code, code);
    });
  }
});

Deno.test("denvoy check reports to programs and to GitHub", async () => {
  const json = await runDenvoy(["check", "-", "--format", "json"], { input: TYPO });
  assert.equal(json.code, 1);
  const { errors, problems } = JSON.parse(json.out);
  assert.equal(errors, 2);
  const { file, line, column, path, hint } = problems[0];
  assert.deepEqual({ file, line, column, path, hint }, {
    file: "(standard input)",
    line: 4,
    column: 3,
    path: "resources[0].conect_timeout",
    hint: 'did you mean "connect_timeout"?',
  });
  await using folder = await TempFolder.create({ "typo.yaml": TYPO });
  const github = await runDenvoy(["check", "typo.yaml", "--format=github"], { cwd: folder.path });
  assert.match(
    github.out,
    /^::error file=typo\.yaml,line=4,col=3::resources\[0\]\.conect_timeout: /,
  );
});

Deno.test("denvoy check checks bootstraps that are named, and refuses them in folders", async () => {
  const bootstrap = "node: { id: a, cluster: b }\nadmin: { adress: {} }\n";
  await using folder = await TempFolder.create({ "envoy.yaml": bootstrap });
  const named = await runDenvoy(["check", "envoy.yaml"], { cwd: folder.path });
  assert.equal(named.code, 1);
  assert.match(named.out, /^error: envoy\.yaml:2:10: admin\.adress: .*did you mean "address"/);
  const inside = await runDenvoy(["check", folder.path]);
  assert.match(inside.out, /unknown field "admin", expected one of resources, nodes/);
});

const LIMITS = `domain: shop
descriptors:
- { key: client, rate_limit: { unit: minute, requests_per_unit: 10 } }
- { key: token, rate_limit: { unit: minuet, requests_per_unit: 10 } }
`;

Deno.test("denvoy check tells limits by their form, and checks them as rls would", async () => {
  const good = LIMITS.replace("minuet", "hour");
  await using folder = await TempFolder.create({
    "limits.yaml": LIMITS,
    "more.yaml": good.replace("shop", "other"),
    "odd.yaml": "domian: shop\n",
    "dangling.yaml": DANGLING,
  });
  const bad = await runDenvoy(["check", "limits.yaml", "dangling.yaml"], { cwd: folder.path });
  assert.equal(bad.code, 1);
  assert.match(bad.out, /^error: limits\.yaml:4:.*unit: must be one of .*"minute"/m);
  assert.match(bad.out, /2 files, 1 resource: 1 error, 1 warning/);
  const fine = await runDenvoy(["check", "more.yaml", "dangling.yaml"], { cwd: folder.path });
  assert.match(fine.out, /2 files, 1 resource, 2 limit rules: 1 warning/);
  const told = await runDenvoy(["check", "--limits", "odd.yaml"], { cwd: folder.path });
  assert.match(told.out, /^error: odd\.yaml:1:1: domian: unknown key .*did you mean "domain"/);
  const nothing = await runDenvoy(["check"], { cwd: folder.path });
  assert.deepEqual([nothing.code, /PATH or --limits/.test(nothing.error)], [2, true]);
});

Deno.test("denvoy check exits with 1 for what is not there, with 2 for bad usage", async () => {
  const gone = await runDenvoy(["check", "no/such/folder"]);
  assert.deepEqual([gone.code, gone.out.split("\n")[0]], [
    1,
    "error: no/such/folder: no such file or folder",
  ]);
  const usage = await runDenvoy(["check", "--fromat", "json", "x"]);
  assert.equal(usage.code, 2);
  assert.match(usage.error, /^error: --fromat: .*did you mean "--format"/);
});

Deno.test("denvoy helps with every command", async (t) => {
  const overview = await runDenvoy(["--help"]);
  assert.equal(overview.code, 0);
  const commands = [...overview.out.matchAll(/^ {2}([a-z]+)(?: ([a-z|]+))?(?: {2,}\S|$)/gm)];
  const lines = commands.flatMap(([, name = "", below]) =>
    below === undefined ? [[name]] : below.split("|").map((word) => [name, word])
  );
  assert.ok(lines.length >= 16, overview.out);
  for (const line of lines.filter(([name]) => name !== "serve")) {
    await t.step(line.join(" "), async () => {
      // In this process: a process for each would take a second for each.
      const terminal = new MemoryTerminal();
      const code = await runCommandLine(denvoy, [...line, "--help"], terminal);
      assert.equal(code, 0, terminal.stderr);
      assert.match(terminal.stdout, new RegExp(`Usage: denvoy ${line.join(" ")}`));
      assert.match(terminal.stdout, /\nExamples:\n {2}\S/);
    });
  }
});

Deno.test("denvoy serve prints the settings of its services and refuses unknown ones", async () => {
  const help = await runDenvoy(["serve", "ads", "--help"]);
  assert.equal(help.code, 0);
  assert.match(help.out, /--resources PATH[\s\S]*env DENVOY_ADS_RESOURCES/);
  const unknown = await runDenvoy(["serve", "adss"]);
  assert.equal(unknown.code, 2);
  assert.match(unknown.error, /did you mean "ads"/);
  const flag = await runDenvoy(["serve", "--ads.resorces", "x"]);
  assert.equal(flag.code, 2);
  assert.match(flag.error, /^error: --ads\.resorces: .*did you mean "--ads\.resources"/);
});

Deno.test("denvoy serve exits with 1 and every error when files cannot be served", async () => {
  await using folder = await TempFolder.create({ "typo.yaml": TYPO });
  const ports = ["--grpc-address", "127.0.0.1:0", "--http-address", "127.0.0.1:0"];
  const run = await runDenvoy([
    ...["serve", "ads", "--resources", folder.file("typo.yaml"), ...ports],
    ...["--data-dir", folder.file("data")],
  ]);
  assert.equal(run.code, 1);
  assert.match(run.error, /typo\.yaml:4:3: resources\[0\]\.conect_timeout/);
  assert.match(run.error, /typo\.yaml:7:20: resources\[1\]\.connect_timeout/);
});

const shells: Readonly<Record<string, RegExp>> = {
  bash: /complete -F _denvoy denvoy\n$/,
  zsh: /^#compdef denvoy\n/,
  fish: /complete -c denvoy -n "__denvoy_at 'inspect'" -a nodes/,
};

for (const [shell, expected] of Object.entries(shells)) {
  Deno.test(`denvoy completion ${shell} writes a script that ${shell} reads`, async () => {
    const run = await runDenvoy(["completion", shell]);
    assert.equal(run.code, 0, run.error);
    assert.match(run.out, expected);
    assert.match(run.out, /http-token-file/);
    await using folder = await TempFolder.create({ script: run.out });
    const command = new Deno.Command(shell, { args: ["-n", folder.file("script")] });
    const checked = await command.output().catch((error) => {
      // zsh and fish are not on every machine; then the text alone is looked at.
      if (error instanceof Deno.errors.NotFound && shell !== "bash") return undefined;
      throw error;
    });
    if (checked === undefined) return;
    assert.equal(new TextDecoder().decode(checked.stderr), "");
    assert.equal(checked.code, 0);
  });
}

Deno.test("denvoy completion names the shells that it knows", async () => {
  const run = await runDenvoy(["completion", "tcsh"]);
  assert.deepEqual(run, {
    code: 2,
    out: "",
    error: 'error: SHELL must be one of bash, zsh, fish: value is "tcsh"\n',
  });
});
