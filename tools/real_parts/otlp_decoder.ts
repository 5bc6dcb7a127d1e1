// SPDX-License-Identifier: Apache-2.0
/**
 * OpenTelemetry's own messages for Python: what they read is OTLP.
 * @module
 */
import { getPython, type PythonPackages, type PythonWithPackages } from "./python_packages.ts";

const packages: PythonPackages = {
  title: "messages of OpenTelemetry",
  requirements: ["opentelemetry-proto==1.45.2", "protobuf==7.36.2"],
  isCompiled: true,
};

/** Returns a Python that can `import opentelemetry.proto`. */
export function getOtlpDecoder(): Promise<PythonWithPackages> {
  return getPython(packages);
}
