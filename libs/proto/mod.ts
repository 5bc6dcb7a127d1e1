// SPDX-License-Identifier: Apache-2.0
/**
 * The Envoy API: descriptors of everything, wire codecs for what the code speaks, canonical JSON and
 * YAML for what users write. Interfaces of single messages are in `@denvoy/proto/messages`.
 * @module
 */
export * from "./codec.ts";
export { loadRegistry, Registry, type RegistryFile, typeNameOf, typeUrlOf } from "./registry.ts";
