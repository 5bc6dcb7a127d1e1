// SPDX-License-Identifier: Apache-2.0
/**
 * A foreign ADS server: the one on go-control-plane that the ads bench measures itself against.
 * @module
 */
import { join } from "node:path";
import { Child } from "@denvoy/tools/child";
import { cacheFolder } from "@denvoy/tools/real_parts";
import { eventually, startupAddresses, TempFolder } from "../support/mod.ts";

/** How it keeps resources: a snapshot of everything, or a list by type. */
export type CacheForm = "snapshot" | "linear";

/** Where the bench leaves it; to build it takes longer than a test may. */
const program = join(cacheFolder(), "benches", "ads-peer");

/** Why there is none on this machine; undefined when there is one. */
export function whyAbsent(): string | undefined {
  try {
    Deno.statSync(program);
    return undefined;
  } catch {
    return "its server is not built; `deno task bench:ads` does that where Go is";
  }
}

/** A running server. Disposing it ends it; twice is once. */
export interface GoControlPlane extends AsyncDisposable {
  /** `host:port` of gRPC. */
  readonly grpcAddress: string;
  /** Replaces endpoints. */
  putEndpoints(name: string, assignment: object): Promise<void>;
}

/** Starts a server with resources in the shape of a DiscoveryResponse. */
export async function startGoControlPlane(options: {
  readonly form: CacheForm;
  readonly resources: readonly object[];
  /** Where gRPC listens; give the one of a stopped server to restart it. */
  readonly grpcAddress?: string;
}): Promise<GoControlPlane> {
  const { form, resources, grpcAddress: listen = "127.0.0.1:0" } = options;
  const folder = await TempFolder.create({ "all.json": JSON.stringify({ resources }) });
  const args = ["--grpc-address", listen, "--cache", form, "--resources", folder.path];
  let ending: Promise<void> | undefined;
  const child = Child.start({ name: "go-control-plane", command: program, args });
  try {
    const { grpcAddress, httpAddress } = await eventually(() => startupAddresses(child.lines), {
      what: "go-control-plane to print its addresses",
      detail: () => child.lastWords(),
    });
    return {
      grpcAddress,
      async putEndpoints(name, assignment) {
        const url = `http://${httpAddress}/v1/resources/endpoints/${name}`;
        const response = await fetch(url, { method: "PUT", body: JSON.stringify(assignment) });
        if (!response.ok) throw new Error(`${url}: ${await response.text()}`);
        await response.body?.cancel();
      },
      async [Symbol.asyncDispose]() {
        ending ??= child.stop(0).then(() => folder[Symbol.asyncDispose]());
        await ending;
      },
    };
  } catch (error) {
    await child.stop(0);
    await folder[Symbol.asyncDispose]();
    throw error;
  }
}
