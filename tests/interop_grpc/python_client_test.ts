// SPDX-License-Identifier: Apache-2.0
/**
 * gRPC for Python (the C core's client) against both transports, over cleartext and mutual TLS.
 */
import { silentLogger, StatusCode, StatusError } from "@denvoy/base";
import { type CallContext, implement, serveGrpc, transportNames } from "@denvoy/grpc";
import { aborted, echoMethod, echoMethods, loopback, serverTls } from "@denvoy/grpc/testing";
import { Child } from "@denvoy/tools/child";
import { getPythonGrpc } from "@denvoy/tools/real_parts";
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";

const script = fileURLToPath(new URL("python_client.py", import.meta.url));
const caseCount = 14;

for (const transport of transportNames) {
  for (const security of ["cleartext", "TLS"] as const) {
    Deno.test(`gRPC for Python passes on ${transport} over ${security}`, async () => {
      const tls = security === "TLS" ? { tls: serverTls("server", true) } : {};
      const methods = [...echoMethods, ...moreMethods()];
      const options = { address: loopback, methods, logger: silentLogger, transport };
      const server = await serveGrpc({ ...options, ...tls });
      try {
        await runPython(server.address, security === "TLS" ? clientFiles() : []);
      } finally {
        await server.drain(0);
      }
    });
  }
}

/** Beside the echoes: metadata, failure, and calls that only their client ends. */
function moreMethods() {
  const events: string[] = [];
  return [
    implement(echoMethod("Metadata", "unary"), (request: string, context: CallContext) => {
      for (const name of ["x-text", "x-octets-bin"]) {
        const [value = ""] = context.metadata.get(name) ?? [];
        context.setHeader(name, value);
        context.setTrailer(name, value);
      }
      return request;
    }),
    implement(echoMethod("Fail", "unary"), (_request: string, context: CallContext): string => {
      context.setTrailer("x-trailer", "t");
      throw new StatusError(StatusCode.NOT_FOUND, "no such thing: größe \t\n 100% ✓");
    }),
    implement(echoMethod("Hang", "unary"), async (request: string, context: CallContext) => {
      events.push(`started ${request}`);
      await aborted(context.signal);
      events.push(`ended ${request}`);
      return request;
    }),
    implement(echoMethod("Events", "unary"), () => events.join("\n")),
    implement(echoMethod("Packed", "unary"), (request: string, context: CallContext) => {
      context.compressResponses(true);
      return request;
    }),
    implement(
      echoMethod("PackedStream", "server-stream"),
      async function* (request: string, context: CallContext) {
        context.compressResponses(true);
        yield* [request, "", request];
      },
    ),
  ];
}

function clientFiles(): readonly string[] {
  return ["ca.pem", "client.pem", "client.key"].map((file) =>
    fileURLToPath(new URL(`../../libs/grpc/testdata/${file}`, import.meta.url))
  );
}

async function runPython(address: string, files: readonly string[]): Promise<void> {
  const python = await getPythonGrpc();
  await using child = Child.start({
    name: "python_client.py",
    command: python.command,
    args: [script, address, ...files],
    env: python.env,
  });
  const { code } = await child.exited;
  assert.equal(code, 0, child.lastWords());
  assert.equal(child.lines.filter((line) => line.startsWith("passed ")).length, caseCount);
}
