// SPDX-License-Identifier: Apache-2.0
/**
 * The part of the contract that is about health and reflection.
 * @module
 */
import { StatusCode } from "@denvoy/base";
import { type Init, loadRegistry, type MessageOf, serviceMethods } from "@denvoy/proto";
import assert from "node:assert/strict";
import type { GrpcClient } from "../client.ts";
import type { MethodDefinition, ServerAdapter } from "../port.ts";
import { collect, echoMethods } from "./call_contract.ts";
import { echoServiceName } from "./echo_service.ts";
import { withServer } from "./harness.ts";

type ReflectionRequest = MessageOf<"grpc.reflection.v1.ServerReflectionRequest">;
type ReflectionResponse = MessageOf<"grpc.reflection.v1.ServerReflectionResponse">;
type ReflectionMethod = MethodDefinition<Init<ReflectionRequest>, ReflectionResponse>;

const health = serviceMethods("grpc.health.v1.Health");
const serving = { status: 1 };
const notServing = { status: 2 };
const serviceUnknown = { status: 3 };

/** Registers the tests for one adapter. */
export function standardContract(name: string, adapter: ServerAdapter): void {
  healthContract(name, adapter);
  reflectionContract(name, adapter);
}

function healthContract(name: string, adapter: ServerAdapter): void {
  Deno.test(`${name}: health answers for the server and each service`, async () => {
    await withServer(adapter, { methods: echoMethods }, async ({ server, client }) => {
      assert.deepEqual(await client.unary(health.Check, { service: "" }), serving);
      assert.deepEqual(await client.unary(health.Check, { service: echoServiceName }), serving);
      server.setServing(echoServiceName, false);
      assert.deepEqual(await client.unary(health.Check, { service: echoServiceName }), notServing);
      const { statuses } = await client.unary(health.List, {});
      assert.deepEqual(statuses, { "": serving, [echoServiceName]: notServing });
      const unknown = client.unary(health.Check, { service: "nobody" });
      await assert.rejects(unknown, { code: StatusCode.NOT_FOUND });
    });
  });

  Deno.test(`${name}: a health watch gets the status at first and at each change`, async () => {
    await withServer(adapter, { methods: echoMethods }, async ({ server, client }) => {
      const watch = client.serverStream(health.Watch, { service: "later" });
      assert.deepEqual((await watch.next()).value, serviceUnknown);
      server.setServing("later", true);
      assert.deepEqual((await watch.next()).value, serving);
      server.setServing("later", true);
      server.setServing("later", false);
      assert.deepEqual((await watch.next()).value, notServing);
      await watch.return?.();
    });
  });

  Deno.test(`${name}: drain tells health watches NOT_SERVING before it ends them`, async () => {
    await withServer(adapter, { methods: echoMethods }, async ({ server, client }) => {
      const watch = client.serverStream(health.Watch, { service: "" });
      assert.deepEqual((await watch.next()).value, serving);
      const drained = server.drain(100);
      assert.deepEqual((await watch.next()).value, notServing);
      await assert.rejects(watch.next(), { code: StatusCode.UNAVAILABLE });
      await drained;
    });
  });
}

function reflectionContract(name: string, adapter: ServerAdapter): void {
  const versions: Record<string, ReflectionMethod> = {
    v1: serviceMethods("grpc.reflection.v1.ServerReflection").ServerReflectionInfo,
    v1alpha: serviceMethods("grpc.reflection.v1alpha.ServerReflection").ServerReflectionInfo,
  };
  for (const [version, method] of Object.entries(versions)) {
    Deno.test(`${name}: reflection ${version} lists services and gives descriptors`, async () => {
      await withServer(adapter, { methods: echoMethods }, async ({ client }) => {
        await assertReflection(client, method);
      });
    });
  }
}

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
