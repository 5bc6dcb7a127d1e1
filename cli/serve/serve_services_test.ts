// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { formatProblem } from "@denvoy/base";
import { MemoryTerminal } from "../command_line/testing.ts";
import { serveCommand } from "../commands/serve.ts";
import { prepareServices } from "./serve_services.ts";
import { services } from "./services.ts";

Deno.test("denvoy serve offers the services that it can run", () => {
  const names = services.map(({ schema }) => schema.service);
  assert.deepEqual(serveCommand.positionals[0]?.complete, names);
});

Deno.test("prepareServices() tells everything that is wrong with the settings", async () => {
  const file = await Deno.makeTempFile({ suffix: ".yaml" });
  await Deno.writeTextFile(file, "ads:\n  revisions: many\n  resorces: x\n");
  const prepared = prepareServices(services, {
    flags: ["--ads.rest-wait", "soon", "--log-level=loud", "--config", file],
    env: { DENVOY_ADS_MAX_NAMES: "0" },
    named: false,
  });
  await Deno.remove(file);
  assert.ok(prepared.kind === "invalid");
  const lines = prepared.problems.map(formatProblem).join("\n");
  for (
    const expected of [
      /--rest-wait: .*"soon"/,
      /--log-level: .*"loud"/,
      /:2:14: ads\.revisions: .*"many"/,
      /:3:3: ads\.resorces: .*did you mean "resources"/,
      /DENVOY_ADS_MAX_NAMES: .*"0"/,
    ]
  ) assert.match(lines, expected);
});

Deno.test("prepareServices() returns how to start each service", () => {
  const flags = ["--ads.grpc-address", "127.0.0.1:0", "--ads.http-address=127.0.0.1:0"];
  const prepared = prepareServices(services, { flags, env: {}, named: true });
  assert.equal(prepared.kind === "ready" && prepared.starters.length, services.length);
});

Deno.test("prepareServices() leaves out what nobody named and what has nothing to serve", () => {
  const leftOut = (flags: readonly string[], env: Readonly<Record<string, string>>) => {
    const prepared = prepareServices(services, { flags, env, named: false });
    assert.ok(prepared.kind === "ready");
    assert.equal(prepared.starters.length + prepared.leftOut.length, services.length);
    return prepared.leftOut.map(({ service, missing }) => `${service} ${missing}`);
  };
  assert.ok(leftOut([], {}).includes("rls --limits"));
  const given = [
    leftOut(["--limits", "limits"], {}),
    leftOut([], { DENVOY_RLS_LIMITS: "limits" }),
    leftOut([], { RUNTIME_ROOT: "/srv" }),
  ];
  for (const others of given) assert.ok(!others.includes("rls --limits"));
});

Deno.test("denvoy serve starts nothing for a command line that is wrong", async () => {
  const table: Readonly<Record<string, RegExp>> = {
    "nothing": /^error: nothing: cannot serve an unknown service \(expected ads, /,
    "ads extra": /extra: cannot serve an unknown service/,
    "ads --resorces x": /--resorces: .*did you mean "--resources"/,
    "ads --resources": /--resources: cannot use flag as it needs a value/,
  };
  for (const [line, expected] of Object.entries(table)) {
    const terminal = new MemoryTerminal();
    const exit = await serveCommand.invoke(line.split(" "), { program: "denvoy serve", terminal });
    assert.equal(exit, 2, line);
    assert.match(terminal.stderr, expected);
  }
});
