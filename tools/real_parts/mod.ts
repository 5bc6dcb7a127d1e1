// SPDX-License-Identifier: Apache-2.0
/**
 * Real programs to run Denvoy with: Envoy, Redis, gRPC for Python. Each is taken from PATH when it
 * fits, else downloaded once, pinned and checked, into the cache folder. Peers in Go are built there.
 * @module
 */
export * from "./cache.ts";
export * from "./envoy.ts";
export * from "./go_install.ts";
export * from "./grpcio.ts";
export * from "./otlp_decoder.ts";
export * from "./process.ts";
export * from "./prometheus_parser.ts";
export * from "./prometheus_scrape.ts";
export * from "./python_packages.ts";
export * from "./rate_limit_reference.ts";
export * from "./redis.ts";
export * from "./wheel.ts";
