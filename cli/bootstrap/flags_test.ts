// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { MemoryTerminal } from "../command_line/testing.ts";
import { bootstrapCommand } from "../commands/bootstrap.ts";
import { CommandError } from "../command_line/exit_code.ts";

async function made(line: string): Promise<unknown> {
  const terminal = new MemoryTerminal();
  const args = ["--node-id", "n", "--format", "json", ...line.split(" ").filter(Boolean)];
  const exit = await bootstrapCommand.invoke(args, { program: "denvoy bootstrap", terminal });
  assert.equal(exit, 0, terminal.stderr);
  return JSON.parse(terminal.stdout);
}

/** Follows a dotted path; `*` collects what every item of a list has. */
function at(json: unknown, path: string): unknown {
  const [key = "", ...rest] = path.split(".");
  if (path === "" || json === undefined || json === null) return json;
  if (key === "*") return (json as unknown[]).map((item) => at(item, rest.join(".")));
  return at(Reflect.get(json as object, key), rest.join("."));
}

const CLUSTER = "static_resources.clusters.0";
const HOSTS = `${CLUSTER}.load_assignment.endpoints.0.lb_endpoints.*.endpoint.address`;
const TLS = `${CLUSTER}.transport_socket.typed_config`;
const SAN = `${TLS}.common_tls_context.validation_context.match_typed_subject_alt_names`;

function san(type: string, name: string): unknown {
  return [{ san_type: type, matcher: { exact: name } }];
}

Deno.test("denvoy bootstrap asks for delta ADS, names the node once, and listens on loopback", async () => {
  const json = await made("");
  assert.deepEqual(at(json, "node"), { id: "n", cluster: "default" });
  assert.equal(at(json, "dynamic_resources.ads_config.api_type"), "DELTA_GRPC");
  assert.equal(at(json, "dynamic_resources.ads_config.set_node_on_first_message_only"), true);
  const ads = { ads: {}, resource_api_version: "V3" };
  assert.deepEqual(at(json, "dynamic_resources.cds_config"), ads);
  assert.equal(at(json, "admin.address.socket_address.address"), "127.0.0.1");
  assert.equal(at(json, "layered_runtime"), undefined);
});

Deno.test("denvoy bootstrap turns flags into a bootstrap", async (t) => {
  const table: readonly [line: string, path: string, expected: unknown][] = [
    ["--metadata a=1 --metadata b=true", "node.metadata", { a: 1, b: true }],
    ["--metadata c=x=y", "node.metadata", { c: "x=y" }],
    ['--metadata a={"b":[1]} --metadata c="1"', "node.metadata", { a: { b: [1] }, c: "1" }],
    ["--zone z --sub-zone s", "node.locality", { zone: "z", sub_zone: "s" }],
    ["--admin-port 0", "admin", undefined],
    ["--mode rest", "dynamic_resources.lds_config.api_config_source.api_type", "REST"],
    ["--mode sotw", "dynamic_resources.ads_config.api_type", "GRPC"],
    [
      "--ads 10.0.0.1:1 --ads [::1]:2",
      `${HOSTS}.socket_address.address`,
      ["10.0.0.1", "::1"],
    ],
    ["--ads unix:/run/x", `${HOSTS}.pipe.path`, ["/run/x"]],
    ["--ads 10.0.0.1:1", `${CLUSTER}.type`, "STATIC"],
    ["--ads a.test:1", `${CLUSTER}.type`, "STRICT_DNS"],
    ["--connect-timeout 250ms", `${CLUSTER}.connect_timeout`, "0.250s"],
    ["--ads a.test:1 --tls-ca c", `${TLS}.sni`, "a.test"],
    ["--ads a.test:1 --tls-ca c", SAN, san("DNS", "a.test")],
    ["--ads 10.0.0.1:1 --tls-ca c", `${TLS}.sni`, undefined],
    ["--ads 10.0.0.1:1 --tls-ca c", SAN, san("IP_ADDRESS", "10.0.0.1")],
    ["--ads a.test:1 --tls-ca c --sni b.test", SAN, san("DNS", "b.test")],
    ["--tls-ca c --server-san spiffe://x/y", SAN, san("URI", "spiffe://x/y")],
    ["--tls-ca c --server-san spiffe://x/y", `${TLS}.sni`, undefined],
    ["--rtds base --runtime a=1", "layered_runtime.layers.*.name", ["static", "denvoy", "admin"]],
    ["--rtds base --admin-port 0", "layered_runtime.layers.*.name", ["denvoy"]],
  ];
  for (const [line, path, expected] of table) {
    await t.step(`${line}: ${path}`, async () => {
      assert.deepEqual(at(await made(line), path), expected);
    });
  }
});

Deno.test("denvoy bootstrap refuses flags that do not go together", async (t) => {
  const table: Readonly<Record<string, RegExp>> = {
    "--tls-cert a --tls-key b": /--tls-ca must be given/,
    "--tls-ca c --tls-cert a": /--tls-cert and --tls-key must be given together/,
    "--ads nowhere": /--ads must be "host:port"/,
    "--ads a.test:0": /with a port from 1 to 65535: value is "a.test:0"/,
    "--ads a.test:1 --ads unix:/x": /cannot be a Unix socket and a name at once/,
    "--ads a.test:1 --ads b.test:1 --tls-ca c": /--sni or --server-san must be given/,
    "--metadata a={b": /the value of "a" must be JSON/,
  };
  for (const [line, expected] of Object.entries(table)) {
    await t.step(line, async () => {
      await assert.rejects(made(line), (error) => {
        assert.ok(error instanceof CommandError);
        assert.equal(error.exit, 2);
        assert.match(error.message, expected);
        return true;
      });
    });
  }
});
