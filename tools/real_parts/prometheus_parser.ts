// SPDX-License-Identifier: Apache-2.0
/**
 * The parsers of Prometheus's own client for Python, which are stricter than Prometheus itself.
 * @module
 */
import { getPython, type PythonPackages, type PythonWithPackages } from "./python_packages.ts";

const packages: PythonPackages = {
  title: "parsers of Prometheus",
  requirements: ["prometheus-client==0.26.0"],
  isCompiled: false,
};

/** Returns a Python that can `import prometheus_client`. */
export function getPrometheusParser(): Promise<PythonWithPackages> {
  return getPython(packages);
}
