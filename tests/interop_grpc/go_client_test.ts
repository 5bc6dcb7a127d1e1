// SPDX-License-Identifier: Apache-2.0
/**
 * gRPC's own interoperability cases: the client of grpc-go against both transports, over cleartext
 * and TLS. Not here are the cases for credentials of Google's cloud. The client of grpc-go has no
 * cases for compression: python_client_test.ts looks after that.
 */
import { silentLogger } from "@denvoy/base";
import { serveGrpc, transportNames } from "@denvoy/grpc";
import { loopback, serverTls } from "@denvoy/grpc/testing";
import { fileURLToPath } from "node:url";
import { getInteropClient, type InteropTarget, runInteropCase } from "./go_client.ts";
import { interopMethods } from "./test_service.ts";

const loadBalancer = "test_backend_metrics_load_balancer";
const withLoadReports = [
  "--service_config_json",
  JSON.stringify({ loadBalancingConfig: [{ [loadBalancer]: {} }] }),
];

const plainCases: readonly string[] = [
  "empty_unary",
  "large_unary",
  "client_streaming",
  "server_streaming",
  "ping_pong",
  "empty_stream",
  "timeout_on_sleeping_server",
  "cancel_after_begin",
  "cancel_after_first_response",
  "status_code_and_message",
  "special_status_message",
  "custom_metadata",
  "unimplemented_method",
  "unimplemented_service",
  "pick_first_unary",
];

/** Flags beside the name of the case. */
const cases: Readonly<Record<string, readonly string[]>> = {
  ...Object.fromEntries(plainCases.map((name) => [name, []])),
  rpc_soak: ["--soak_iterations", "50", "--soak_num_threads", "2", ...soakBounds()],
  channel_soak: ["--soak_iterations", "10", "--soak_num_threads", "2", ...soakBounds()],
  orca_per_rpc: withLoadReports,
  orca_oob: withLoadReports,
};

/** Those of the client itself are for a machine that does nothing else. */
function soakBounds(): readonly string[] {
  const latency = ["--soak_per_iteration_max_acceptable_latency_ms", "10000"];
  return [...latency, "--soak_overall_timeout_seconds", "60"];
}

const client = await getInteropClient();
const skipped = client.kind === "built" ? "" : ` (skipped: ${client.reason})`;
const caFile = fileURLToPath(new URL("../../libs/grpc/testdata/ca.pem", import.meta.url));

for (const transport of transportNames) {
  for (const security of ["cleartext", "TLS"] as const) {
    Deno.test({
      name: `grpc-go interop passes on ${transport} over ${security}${skipped}`,
      ignore: client.kind !== "built",
      fn: async (t) => {
        const tls = security === "TLS" ? { tls: serverTls("server") } : {};
        const methods = interopMethods();
        const options = { address: loopback, methods, logger: silentLogger, transport };
        const server = await serveGrpc({ ...options, ...tls });
        const target = { address: server.address, ...(security === "TLS" ? { caFile } : {}) };
        try {
          await runCases(t, target);
        } finally {
          await server.drain(0);
        }
      },
    });
  }
}

async function runCases(t: Deno.TestContext, target: InteropTarget): Promise<void> {
  if (client.kind !== "built") return;
  for (const [name, flags] of Object.entries(cases)) {
    await t.step(name, () => runInteropCase(client.path, target, ["--test_case", name, ...flags]));
  }
}
