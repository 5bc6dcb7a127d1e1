// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { formatProblem } from "@denvoy/base";
import { checkExposure, type Exposure, exposureWarnings } from "./check_exposure.ts";

const closed: Exposure = {
  grpcAddress: { kind: "tcp", hostname: "127.0.0.1", port: 1 },
  httpAddress: { kind: "unix", path: "/run/x" },
  tlsCert: undefined,
  tlsKey: undefined,
  clientCa: undefined,
  httpTokenFiles: [],
  httpAdmins: [],
  insecure: false,
};
const wide = { kind: "tcp", hostname: "0.0.0.0", port: 1 } as const;
const tls = { tlsCert: "c", tlsKey: "k" };

Deno.test("checkExposure() refuses ports that others can reach unprotected", async (t) => {
  const table: readonly [string, Partial<Exposure>, readonly RegExp[]][] = [
    ["loopback", {}, []],
    ["gRPC wide", { grpcAddress: wide }, [/^--grpc-address 0.0.0.0:1: .*TLS.*--insecure/]],
    ["gRPC wide with TLS", { grpcAddress: wide, ...tls }, []],
    ["HTTP wide", { httpAddress: wide }, [
      /--http-address.*TLS/,
      /--http-token-file, or --client-ca with --http-admin/,
    ]],
    ["HTTP wide with TLS", { httpAddress: wide, ...tls }, [/token-file/]],
    ["HTTP wide with a token", { httpAddress: wide, httpTokenFiles: ["t"] }, [/TLS/]],
    ["HTTP wide with TLS and a token", { httpAddress: wide, ...tls, httpTokenFiles: ["t"] }, []],
    ["HTTP wide with mTLS, for whoever has a certificate", {
      httpAddress: wide,
      ...tls,
      clientCa: "ca",
    }, [/--http-address 0.0.0.0:1: .*--http-admin/]],
    ["HTTP wide with mTLS and administrators", {
      httpAddress: wide,
      ...tls,
      clientCa: "ca",
      httpAdmins: ["spiffe://shop/ops"],
    }, []],
    ["administrators that cannot show themselves", { ...tls, httpAdmins: ["spiffe://shop/ops"] }, [
      /^--http-admin: .*--client-ca/,
    ]],
    ["lists of what nobody can show", { ...tls, tlsCrl: "crl" }, [/^--tls-crl: .*--client-ca/]],
    ["all wide, insecure", { grpcAddress: wide, httpAddress: wide, insecure: true }, []],
    ["certificate alone", { tlsCert: "c", insecure: true }, [/^--tls-key: .*together/]],
    ["key alone", { tlsKey: "k" }, [/^--tls-cert: .*together/]],
    ["client CA alone", { clientCa: "ca" }, [/^--client-ca: .*--tls-cert/]],
  ];
  for (const [name, change, want] of table) {
    await t.step(name, () => {
      const found = checkExposure({ ...closed, ...change }).map(formatProblem);
      assert.equal(found.length, want.length, found.join("\n"));
      for (const [index, pattern] of want.entries()) assert.match(found[index] ?? "", pattern);
    });
  }
});

Deno.test("exposureWarnings() tells of an HTTP API that nobody may use", async (t) => {
  const table: readonly [string, Partial<Exposure>, readonly RegExp[]][] = [
    ["nothing is asked for", {}, []],
    ["certificates are, and make nobody an administrator", { ...tls, clientCa: "ca" }, [
      /^--client-ca: nobody .*--http-admin or --http-token-file/,
    ]],
    ["with an administrator", { ...tls, clientCa: "ca", httpAdmins: ["ops"] }, []],
    ["with a token", { ...tls, clientCa: "ca", httpTokenFiles: ["t"] }, []],
  ];
  for (const [name, change, want] of table) {
    await t.step(name, () => {
      const found = exposureWarnings({ ...closed, ...change }).map(formatProblem);
      assert.equal(found.length, want.length, found.join("\n"));
      for (const [index, pattern] of want.entries()) assert.match(found[index] ?? "", pattern);
    });
  }
});
