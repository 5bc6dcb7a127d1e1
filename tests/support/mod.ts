// SPDX-License-Identifier: Apache-2.0
/**
 * What tests against real parts are made of.
 * @module
 */
export * from "./backend.ts";
export * from "./bootstrap.ts";
export * from "./denvoy_service.ts";
export * from "./denvoy_services.ts";
export * from "./envoy.ts";
export * from "./envoy_admin.ts";
export * from "./eventually.ts";
export * from "./grpc_backend.ts";
export * from "./load.ts";
export * from "./ports.ts";
export * from "./redis.ts";
export * from "./temp_folder.ts";
