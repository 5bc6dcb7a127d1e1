// SPDX-License-Identifier: Apache-2.0
/**
 * The part of the contract that is about health and reflection.
 * @module
 */
import { StatusCode } from "@denvoy/base";
import { type Init, loadRegistry, type MessageOf, serviceMethods } from "@denvoy/proto";
import assert from "node:assert/strict";
import type { GrpcClient } from "../client.ts";
import type { MethodDefinition } from "../port.ts";
import { collect, echoMethods } from "./call_contract.ts";
import type { Contract } from "./contract.ts";
import { echoServiceName } from "./echo_service.ts";
import { withServer } from "./harness.ts";

type ReflectionRequest = MessageOf<"grpc.reflection.v1.ServerReflectionRequest">;
type ReflectionResponse = MessageOf<"grpc.reflection.v1.ServerReflectionResponse">;
type ReflectionMethod = MethodDefinition<Init<ReflectionRequest>, ReflectionResponse>;

const healthService = serviceMethods("grpc.health.v1.Health");
const serving = { status: 1 };
const notServing = { status: 2 };
const serviceUnknown = { status: 3 };

const health: Contract = {
  "health answers for the server and each service": async (adapter) => {
    await withServer(adapter, { methods: echoMethods }, async ({ server, client }) => {
      assert.deepEqual(await client.unary(healthService.Check, { service: "" }), serving);
      assert.deepEqual(
        await client.unary(healthService.Check, { service: echoServiceName }),
        serving,
      );
      server.setServing(echoServiceName, false);
      assert.deepEqual(
        await client.unary(healthService.Check, { service: echoServiceName }),
        notServing,
      );
      const { statuses } = await client.unary(healthService.List, {});
      assert.deepEqual(statuses, { "": serving, [echoServiceName]: notServing });
      const unknown = client.unary(healthService.Check, { service: "nobody" });
      await assert.rejects(unknown, { code: StatusCode.NOT_FOUND });
    });
  },

  "a health watch gets the status at first and at each change": async (adapter) => {
    await withServer(adapter, { methods: echoMethods }, async ({ server, client }) => {
      const watch = client.serverStream(healthService.Watch, { service: "later" });
      assert.deepEqual((await watch.next()).value, serviceUnknown);
      server.setServing("later", true);
      assert.deepEqual((await watch.next()).value, serving);
      server.setServing("later", true);
      server.setServing("later", false);
      assert.deepEqual((await watch.next()).value, notServing);
      await watch.return?.();
    });
  },

  "drain tells health watches NOT_SERVING before it ends them": async (adapter) => {
    await withServer(adapter, { methods: echoMethods }, async ({ server, client }) => {
      const watch = client.serverStream(healthService.Watch, { service: "" });
      assert.deepEqual((await watch.next()).value, serving);
      const drained = server.drain(100);
      assert.deepEqual((await watch.next()).value, notServing);
      await assert.rejects(watch.next(), { code: StatusCode.UNAVAILABLE });
      await drained;
    });
  },
};

const reflection: Contract = {
  "reflection v1 lists services and gives descriptors": (adapter) =>
    withServer(adapter, { methods: echoMethods }, ({ client }) =>
      assertReflection(
        client,
        serviceMethods("grpc.reflection.v1.ServerReflection").ServerReflectionInfo,
      )),

  "reflection v1alpha lists services and gives descriptors": (adapter) =>
    withServer(adapter, { methods: echoMethods }, ({ client }) =>
      assertReflection(
        client,
        serviceMethods("grpc.reflection.v1alpha.ServerReflection").ServerReflectionInfo,
      )),
};

async function assertReflection(client: GrpcClient, method: ReflectionMethod): Promise<void> {
  const ads = "envoy.service.discovery.v3.AggregatedDiscoveryService";
  const requests = [
    { listServices: "" },
    { fileContainingSymbol: ads },
    { fileContainingSymbol: `${ads}.StreamAggregatedResources` },
    { fileByFilename: "google/protobuf/any.proto" },
    { fileContainingSymbol: "nobody.Knows" },
    {},
  ];
  const [list, file, again, known, unknown, empty] = await collect(
    client.bidiStream(method, requests),
  );
  assert.deepEqual(list?.listServicesResponse?.service.map((service) => service.name), [
    echoServiceName,
    "grpc.health.v1.Health",
    "grpc.reflection.v1.ServerReflection",
    "grpc.reflection.v1alpha.ServerReflection",
  ]);
  const [first, ...imports] = file?.fileDescriptorResponse?.fileDescriptorProto ?? [];
  assert.deepEqual(first, loadRegistry().fileContainingSymbol(ads)?.bytes);
  assert.ok(imports.length > 5, "imports come with the file");
  assert.equal(again?.fileDescriptorResponse?.fileDescriptorProto.length, 1);
  assert.equal(known?.fileDescriptorResponse?.fileDescriptorProto.length, 1);
  assert.equal(unknown?.errorResponse?.errorCode, StatusCode.NOT_FOUND);
  assert.equal(empty?.errorResponse?.errorCode, StatusCode.INVALID_ARGUMENT);
}

/** Health and reflection. */
export const standardContract: Contract = { ...health, ...reflection };
