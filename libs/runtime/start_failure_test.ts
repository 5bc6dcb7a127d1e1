// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { ProblemError, StatusCode, StatusError } from "@denvoy/base";
import { listenFailure, startFailure } from "./start_failure.ts";

const grpc = {
  flag: "--grpc-address",
  address: { kind: "tcp", hostname: "127.0.0.1", port: 18_000 },
} as const;

const unavailable: readonly (readonly [name: string, error: Error, why: RegExp])[] = [
  ["a port in use", new Deno.errors.AddrInUse("x"), /another process uses the port/],
  ["a port in use, as node tells it", new Error("listen EADDRINUSE: x"), /another process uses/],
  ["an address elsewhere", new Deno.errors.AddrNotAvailable("x"), /machine does not have/],
  [
    "a port for root",
    new Deno.errors.PermissionDenied("Permission denied (os error 13)"),
    /1024 or more/,
  ],
];
for (const [name, error, why] of unavailable) {
  Deno.test(`listenFailure() names the flag, the address and what to do about ${name}`, () => {
    const failure = listenFailure(error, grpc);
    assert.ok(failure instanceof ProblemError);
    assert.match(failure.message, /^--grpc-address 127\.0\.0\.1:18000: cannot listen as /);
    assert.match(failure.message, why);
  });
}

const others: readonly Error[] = [
  new Error("x"),
  new Deno.errors.PermissionDenied("Permission denied (os error 13): mkdir '/x'"),
];
for (const error of others) {
  Deno.test(`listenFailure() leaves ${error.name} "${error.message}" alone`, () => {
    assert.equal(listenFailure(error, grpc), error);
  });
}

Deno.test("startFailure() says what was not permitted, and a status in its own words", () => {
  const denied = new Deno.errors.NotCapable(
    'Requires write access to "/x", run again with the --allow-write flag',
  );
  const permission = startFailure(denied);
  assert.ok(permission instanceof ProblemError);
  assert.match(permission.message, /permissions do not allow it: requires write access to "\/x";/);
  const status = startFailure(new StatusError(StatusCode.UNAVAILABLE, "cannot open x as y"));
  assert.ok(status instanceof ProblemError);
  assert.equal(status.message, "cannot open x as y");
});

Deno.test("startFailure() keeps the stack of what nobody foresaw", () => {
  const defects = [new Error("x"), StatusError.from(new Error("x")), new TypeError("x")];
  for (const defect of defects) assert.equal(startFailure(defect), defect);
});
