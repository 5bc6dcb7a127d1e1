// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { parseStartFlags } from "./flags.ts";
import { prepareQuickStart, requireFreePorts, shiftPorts, usualPorts } from "./quickstart.ts";
import { Session } from "./session.ts";

const none = { envoy: true, verbose: false, shiftPorts: 0, help: false };

Deno.test("parseStartFlags() reads every flag", () => {
  assert.deepEqual(parseStartFlags([]), none);
  assert.deepEqual(parseStartFlags(["--no-envoy"]), { ...none, envoy: false });
  assert.deepEqual(parseStartFlags(["--verbose"]), { ...none, verbose: true });
  assert.deepEqual(parseStartFlags(["-h"]), { ...none, help: true });
  assert.deepEqual(parseStartFlags(["--shift-ports", "100"]), { ...none, shiftPorts: 100 });
  assert.deepEqual(parseStartFlags(["--shift-ports=7"]), { ...none, shiftPorts: 7 });
});

Deno.test("parseStartFlags() refuses what it does not know", () => {
  assert.throws(() => parseStartFlags(["--envoy"]), /cannot start with --envoy/);
  assert.throws(() => parseStartFlags(["--shift-ports"]), /0 to 40000: it is undefined/);
  assert.throws(() => parseStartFlags(["--shift-ports=-1"]), /0 to 40000: it is -1/);
});

Deno.test("prepareQuickStart() runs the repository's own files when no port is moved", async () => {
  const { folder, ports } = await prepareQuickStart(0);
  assert.match(folder, /examples\/quickstart$/);
  assert.equal(ports.web, 10_000);
});

Deno.test("shiftPorts() moves the ports of the quick start and no other number", () => {
  const ports = { ...usualPorts, web: 1, admin: 2, "ads gRPC": 3, green: 6, blue: 5 };
  assert.equal(shiftPorts("10000 9901 18000 18081 50000 1", ports), "1 2 3 5 50000 1");
});

Deno.test("requireFreePorts() names every port that is taken, and what for", () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const taken = listener.addr.port;
  const ports = { ...usualPorts, web: taken, admin: 0, "ads gRPC": taken, "ads HTTP": 0 };
  requireFreePorts(ports, ["admin", "ads HTTP"]);
  const wanted = new RegExp(
    `port ${taken} \\(Envoy's listener\\) is in use\n {2}port ${taken} \\(ads gRPC\\) is in use`,
  );
  assert.throws(() => requireFreePorts(ports, ["web", "ads gRPC"]), wanted);
});

Deno.test("Session breaks with the last words of a child that ends by itself", async () => {
  await using session = new Session();
  session.start({ name: "sleep", command: "sleep", args: ["60"] });
  session.start({ name: "odd", command: "sh", args: ["-c", "echo no luck; exit 4"] });
  await assert.rejects(session.broken, /^Error: odd ended by itself with exit code 4:\nno luck$/);
});

Deno.test("Session.stop() ends all children, and none is started any more", async () => {
  const session = new Session();
  const child = session.start({ name: "sleep", command: "sleep", args: ["60"] });
  await session.stop();
  assert.equal(child.exit?.signal, "SIGTERM");
  assert.throws(() => session.start({ name: "late", command: "true", args: [] }));
});
