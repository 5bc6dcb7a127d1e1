// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { servicePermissions } from "../service_permissions.ts";
import { healthScript, keysScript, startScript } from "./entrypoint.ts";

Deno.test("startScript() runs main.ts with narrow permissions and passes flags on", () => {
  const script = startScript("ads");
  assert.match(script, /^#!\/bin\/sh\nset -eu\n/);
  assert.match(script, /\nnet=--allow-net=0\.0\.0\.0:18000,0\.0\.0\.0:18001\n/);
  assert.match(script, / --no-prompt "\$net" --allow-read/);
  assert.match(script, / --allow-read=\/app\/libs\/proto\/gen,\/etc\/denvoy,\/var\/lib\/denvoy /);
  assert.match(script, / --allow-write=\/var\/lib\/denvoy /);
  assert.match(script, /\/app\/services\/ads\/main\.ts "\$@"\n$/);
  assert.doesNotMatch(script, /--allow-(all|run|ffi|sys)|-A /);
});

Deno.test("startScript() lets ads reach others only where it is told of sds or Redis", async () => {
  const [, lines = ""] = /(net=[^]*esac)/.exec(startScript("ads")) ?? [];
  const netOf = async (args: readonly string[], env: Readonly<Record<string, string>> = {}) => {
    const command = ["-c", `set -eu\n${lines}\necho "$net"`, "start", ...args];
    const { stdout } = await new Deno.Command("sh", { args: command, env }).output();
    return new TextDecoder().decode(stdout).trim();
  };
  const narrow = "--allow-net=0.0.0.0:18000,0.0.0.0:18001";
  assert.equal(await netOf(["--resources", "/etc/denvoy/sds"]), narrow);
  assert.equal(await netOf(["--insecure", "--sds", "sds:18010"]), "--allow-net");
  assert.equal(await netOf(["--sds=sds:18010"]), "--allow-net");
  assert.equal(await netOf([], { DENVOY_ADS_SDS: "sds:18010" }), "--allow-net");
  assert.equal(await netOf(["--redis-url", "redis:6379"]), "--allow-net");
  assert.equal(await netOf([], { DENVOY_ADS_REDIS_URL: "redis:6379" }), "--allow-net");
});

Deno.test("keysScript() may write its volume, and reach nobody", () => {
  const script = keysScript();
  assert.match(
    script,
    /--allow-write=\/var\/lib\/denvoy .*mesh_keys\.ts \/var\/lib\/denvoy "\$@"\n$/,
  );
  assert.doesNotMatch(script, /--allow-(net|all|run|ffi|sys)|-A /);
});

/** Runs the health script of ads with this port in place of its own. */
async function runHealthScript(port: number): Promise<{ code: number; said: string }> {
  const script = healthScript("ads").replaceAll(":18001", `:${port}`)
    .replace("cd /app\n", "").replace("deno eval", `"${Deno.execPath()}" eval`);
  const { code, stdout } = await new Deno.Command("sh", { args: ["-c", script] }).output();
  return { code, said: new TextDecoder().decode(stdout).trim() };
}

for (const status of [200, 503]) {
  Deno.test(`healthScript() judges an answer of ${status}`, async () => {
    const options = { hostname: "127.0.0.1", port: 0, onListen: () => {} };
    await using server = Deno.serve(options, (request) => {
      assert.equal(new URL(request.url).pathname, "/healthz");
      return new Response(null, { status });
    });
    const result = await runHealthScript(server.addr.port);
    assert.deepEqual(result, { code: status === 200 ? 0 : 1, said: `/healthz: ${status}` });
  });
}

Deno.test("healthScript() fails and says why when nobody listens", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  const { code, said } = await runHealthScript(port);
  assert.equal(code, 1);
  assert.match(said, /^\/healthz: .*refused/i);
});

Deno.test("servicePermissions() gives no writing without a data folder", () => {
  const flags = servicePermissions({ addresses: ["127.0.0.1:0"], root: "/app" });
  assert.equal(flags.some((flag) => flag.startsWith("--allow-write")), false);
  assert.ok(flags.includes("--allow-net=127.0.0.1:0"));
  assert.ok(flags.includes("--no-prompt"));
});
