// SPDX-License-Identifier: Apache-2.0
/**
 * `denvoy serve`: services, side by side in this process.
 * @module
 */
import type { Command } from "../command_line/command.ts";

/** `denvoy serve`; its flags are those of the services. */
export const serveCommand: Command = {
  kind: "command",
  name: "serve",
  summary: "Runs services in this process, all unless some are named: ads, sds, hds, rls, metrics",
  about: [
    "Without names every service is run that has something to serve: rls only with `--limits`.",
  ],
  positionals: [{
    name: "SERVICE",
    count: "any",
    complete: ["ads", "sds", "hds", "rls", "metrics"],
    doc: "Services to run; they stand before the flags.",
  }],
  options: [],
  examples: [
    { line: "denvoy serve ads --resources resources/", does: "Serves a folder to Envoys." },
    {
      line: "denvoy serve ads rls --limits limits/",
      does: "Two services; a flag is for every service that has it, `--rls.log-level` for one.",
    },
    {
      line: "denvoy serve --config denvoy.yaml --log-level debug",
      does: "All services, each with its section of the file.",
    },
  ],
  async invoke(args, context) {
    const { serveServices } = await import("../serve/serve_services.ts");
    return await serveServices(args, context);
  },
};
