// SPDX-License-Identifier: Apache-2.0
/**
 * The words that people use for types of resources.
 * @module
 */

/** Words of the API in the order in which people think of them; ads has the same. */
export const typeWords: readonly string[] = [
  "listeners",
  "routes",
  "scoped-routes",
  "virtual-hosts",
  "clusters",
  "endpoints",
  "lb-endpoints",
  "lb-endpoint-collections",
  "secrets",
  "runtimes",
  "extension-configs",
  "rate-limits",
];

const SERVICES: Readonly<Record<string, string>> = {
  lds: "listeners",
  rds: "routes",
  srds: "scoped-routes",
  vhds: "virtual-hosts",
  cds: "clusters",
  eds: "endpoints",
  leds: "lb-endpoints",
  sds: "secrets",
  rtds: "runtimes",
  ecds: "extension-configs",
};

/** Returns the word of the API for a type: also of a singular, or of a service such as `cds`. */
export function typeWord(text: string): string {
  const plural = `${text}s`;
  return SERVICES[text.toLowerCase()] ?? (typeWords.includes(plural) ? plural : text);
}
