// SPDX-License-Identifier: Apache-2.0
/**
 * gRPC for Python, the reference client that proves that Denvoy serves proxyless gRPC too.
 * @module
 */
import { getPython, type PythonPackages, type PythonWithPackages } from "./python_packages.ts";

const packages: PythonPackages = {
  title: "gRPC for Python",
  requirements: ["grpcio==1.85.1", "typing-extensions==4.16.0"],
  isCompiled: true,
};

/** Returns a Python that can `import grpc`. */
export function getPythonGrpc(): Promise<PythonWithPackages> {
  return getPython(packages);
}
