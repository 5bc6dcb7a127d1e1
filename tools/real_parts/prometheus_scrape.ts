// SPDX-License-Identifier: Apache-2.0
/**
 * What Prometheus itself reads scrapes with, and `promtool` checks them with, in one small program:
 * promtool cannot be built by `go install`.
 * @module
 */
import { fileURLToPath } from "node:url";
import { type InstalledGoProgram, installGoProgram } from "./go_install.ts";

/** As in its go.mod. */
const version = "v0.305.0";

/** Returns the program, built the first time; or why it cannot be had here. */
export function getPrometheusScrape(): Promise<InstalledGoProgram> {
  return installGoProgram({
    title: "the parsers of Prometheus",
    source: { folder: fileURLToPath(new URL("prometheus_scrape", import.meta.url)) },
    name: `prometheus-scrape-${version}`,
    program: "prometheus_scrape",
  });
}
