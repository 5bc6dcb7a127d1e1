// SPDX-License-Identifier: Apache-2.0
/**
 * The layers of the source tree and who may import whom: the one place where both are written down.
 *
 * `base, proto <- xds <- domain <- handlers, adapters <- app <- main, cli`
 * @module
 */

/** A layer; within a service `edge` is everything between its domain and its app. */
export type Layer =
  | "base"
  | "proto"
  | "xds"
  | "grpc"
  | "runtime"
  | "discovery"
  | "redis"
  | "domain"
  | "handlers"
  | "adapters"
  | "edge"
  | "app"
  | "main"
  | "cli"
  | "free";

const libraries = ["base", "proto", "xds", "grpc", "runtime", "discovery", "redis"] as const;
const aroundDomain = [...libraries, "domain"] as const;
const wholeService = [...aroundDomain, "edge", "handlers", "adapters"] as const;

/** Which layers a layer may import, besides itself. `free` is not for products to import. */
export const allowedImports: Readonly<Record<Layer, readonly Layer[]>> = {
  base: [],
  proto: ["base"],
  xds: ["base", "proto"],
  grpc: ["base", "proto"],
  runtime: ["base", "proto"],
  discovery: ["base", "proto", "xds", "grpc", "runtime"],
  redis: ["base", "runtime"],
  domain: ["base", "proto", "xds"],
  edge: [...aroundDomain, "handlers", "adapters"],
  handlers: [...aroundDomain, "edge"],
  adapters: [...aroundDomain, "edge"],
  app: wholeService,
  main: [...wholeService, "app"],
  cli: ["base", "proto", "xds", "grpc", "runtime", "app"],
  free: [],
};

/** The npm packages and the folders that may import them. */
export const npmHomes: Readonly<Record<string, readonly string[]>> = {
  "@bufbuild/protobuf": ["libs/proto"],
  "@grpc/grpc-js": ["libs/grpc"],
  "@opentelemetry/api": ["libs/runtime", "services/metrics"],
  "@opentelemetry/exporter-logs-otlp-grpc": ["services/metrics"],
  "@opentelemetry/exporter-logs-otlp-proto": ["services/metrics"],
  "@opentelemetry/exporter-metrics-otlp-grpc": ["services/metrics"],
  "@opentelemetry/exporter-metrics-otlp-proto": ["services/metrics"],
  "@opentelemetry/exporter-prometheus": ["libs/runtime", "services/metrics"],
  "@opentelemetry/resources": ["services/metrics"],
  "@opentelemetry/sdk-logs": ["services/metrics"],
  "@opentelemetry/sdk-metrics": ["libs/runtime", "services/metrics"],
  "@peculiar/x509": ["services/sds"],
  "@types/node-forge": ["services/sds"],
  "hdr-histogram-js": ["services/metrics"],
  "ioredis": ["libs/redis"],
  "node-forge": ["services/sds"],
  "protobufjs": ["libs/proto"],
  "reflect-metadata": ["services/sds"],
  "yaml": ["libs/proto", "libs/runtime"],
};

/** Tells whether a file is a test or belongs to tests: those may import anything. */
export function isTest(path: string): boolean {
  return /_(test|bench)\.ts$|\/test_[^/]+\.ts$|_contract\.ts$|\/(testing|testdata)\/|\/testing\.ts$/
    .test(path);
}

/** Returns the folder of the package that a file belongs to, e.g. `libs/base` or `cli`. */
export function packageOf(path: string): string {
  const parts = path.split("/");
  return parts.slice(0, parts[0] === "libs" || parts[0] === "services" ? 2 : 1).join("/");
}

/** Returns the layer of a file. */
export function layerOf(path: string): Layer {
  const [top, name = "", part = ""] = path.split("/");
  if (top === "libs") return isLibrary(name) ? name : "free";
  if (top === "cli") return "cli";
  return top === "services" ? serviceLayer(part) : "free";
}

function isLibrary(name: string): name is typeof libraries[number] {
  return libraries.some((library) => library === name);
}

function serviceLayer(part: string): Layer {
  switch (part) {
    case "domain":
    case "adapters":
      return part;
    case "handlers":
    case "handlers.ts":
    case "http":
      return "handlers";
    case "app":
    case "app.ts":
    case "mod.ts":
      return "app";
    case "main.ts":
      return "main";
    default:
      return "edge";
  }
}
