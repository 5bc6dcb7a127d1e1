// SPDX-License-Identifier: Apache-2.0
/**
 * The settings under which Denvoy and the reference are compared.
 * @module
 */
import type { Variant } from "./agreement.ts";

const plain = {
  quotaMode: false,
  seconds: false,
  overrides: true,
  collisions: true,
  json: true,
  perSecond: false,
  contents: true,
  statistics: false,
} as const;

const headers = {
  LIMIT_RESPONSE_HEADERS_ENABLED: "true",
  LIMIT_REMAINING_HEADER: "X-Left",
  RESPONSE_DYNAMIC_METADATA: "true",
} as const;

/** All variants. */
export const variants: readonly Variant[] = [
  {
    ...plain,
    title: "limits of minutes to years, headers and dynamic metadata, a key prefix",
    env: { ...headers, CACHE_KEY_PREFIX: "prefix:" },
  },
  {
    ...plain,
    title: "limits of seconds in a Redis of their own",
    seconds: true,
    perSecond: true,
    env: {},
  },
  {
    ...plain,
    title: "counters that stop when a limit of the request is over",
    env: { ...headers, STOP_CACHE_KEY_INCREMENT_WHEN_OVERLIMIT: "true" },
  },
  {
    ...plain,
    title: "limits in quota mode",
    quotaMode: true,
    json: false,
    env: headers,
  },
  {
    ...plain,
    title: "what is counted of each limit",
    overrides: false,
    collisions: false,
    statistics: true,
    env: { NEAR_LIMIT_RATIO: "0.5" },
  },
  {
    ...plain,
    title: "shadow mode of the service, with a local cache",
    overrides: false,
    collisions: false,
    contents: false,
    env: { SHADOW_MODE: "true", LOCAL_CACHE_SIZE_IN_BYTES: "1000000", ...headers },
  },
];
