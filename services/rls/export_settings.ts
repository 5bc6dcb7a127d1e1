// SPDX-License-Identifier: Apache-2.0
/**
 * The settings of what envoyproxy/ratelimit offers beside its service: debug port, Prometheus port,
 * statsd. All are off unless asked for: `/metrics`, `/stats` and `/rlconfig` are on the HTTP port.
 * @module
 */
import { address, duration, oneOf, string, stringMap } from "@denvoy/runtime";
import { statsdFormats } from "./domain/statsd_lines.ts";

/** The fields. */
export const exportFields = {
  debugAddress: address({
    doc: "Another port with `/rlconfig` and `/stats`, as the debug port of envoyproxy/ratelimit; " +
      "in cleartext, wider than loopback only with `--insecure`.",
  }),
  prometheusAddress: address({
    doc:
      "Another port with metrics under the names of envoyproxy/ratelimit, likewise; `/metrics` " +
      "of the HTTP port has more.",
  }),
  prometheusPath: string({ default: "/metrics", doc: "The path of that port." }),
  statsdAddress: address({
    peer: true,
    doc: "Sends what is counted to statsd there, under the names of envoyproxy/ratelimit.",
  }),
  statsdProtocol: oneOf(["tcp", "udp"], { default: "tcp", doc: "How statsd is reached." }),
  statsdFormat: oneOf(statsdFormats, {
    default: "statsd",
    doc: "How tags are written: into the name (`statsd`), or behind the value (`dogstatsd`).",
  }),
  statsdTags: stringMap({ flag: "statsd-tag", doc: "Tag of all that is sent to statsd." }),
  statsdIntervalMs: duration({
    default: "10s",
    minMs: 100,
    doc: "How often it is sent.",
  }),
};
