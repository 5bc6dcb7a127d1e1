// SPDX-License-Identifier: Apache-2.0
import { deepEqual } from "node:assert/strict";
import { completeLimits } from "@denvoy/grpc";
import { grpcLimits, loadConfig } from "@denvoy/runtime";
import { adsSchema } from "./config.ts";

Deno.test("adsSchema has a flag for each bound of the gRPC server, with its default", () => {
  const outcome = loadConfig(adsSchema, { args: [], env: {}, readFile: () => undefined });
  if (outcome.kind !== "config") throw new Error(outcome.kind);
  deepEqual(grpcLimits(outcome.config), completeLimits());
});
