// SPDX-License-Identifier: Apache-2.0
/**
 * The servers that the ads bench compares. All take the same folder and the same PUT.
 * @module
 */
import { serviceCommand } from "@denvoy/tools/service_permissions";
import { join } from "node:path";
import { Server } from "../lib/server.ts";

/** A server that can be started on a folder of resources. */
export interface Side {
  /** Its name in tables. */
  readonly name: string;
  /** Starts it and waits until it is ready; `stateFolder` is empty and its own. */
  start(folders: { readonly resources: string; readonly state: string }): Promise<Server>;
}

/** Name of our side. */
export const denvoyName = "denvoy";

const anyPorts = ["--grpc-address", "127.0.0.1:0", "--http-address", "127.0.0.1:0"];

/** Denvoy's ads as users start it: their permissions, its state on disk. */
export const denvoy: Side = {
  name: denvoyName,
  start({ resources, state }) {
    const access = {
      addresses: ["127.0.0.1:0"],
      read: [resources],
      dataDir: state,
    };
    const flags = [...anyPorts, "--log-format", "json", "--resources", resources];
    return Server.start({
      name: "denvoy ads",
      command: Deno.execPath(),
      args: serviceCommand("ads", { access, flags: [...flags, "--data-dir", state] }),
    });
  },
};

/** The forms in which go-control-plane is used: `snapshot` by most, `linear` by the fastest. */
export type PeerForm = "snapshot" | "linear";

/** Returns the name of a form in tables. */
export function peerName(form: PeerForm): string {
  return `gcp ${form}`;
}

/** Returns the server on go-control-plane; `program` is the built benches/ads/peer. */
export function goControlPlane(program: string, form: PeerForm): Side {
  return {
    name: peerName(form),
    start({ resources }) {
      const args = [...anyPorts, "--cache", form, "--resources", resources];
      return Server.start({ name: `go-control-plane (${form})`, command: program, args });
    },
  };
}

/** Starts `side` on `resources`, hands it to `measure`, and leaves nothing behind. */
export async function withServer<T>(
  { side, resources }: { readonly side: Side; readonly resources: string },
  measure: (server: Server) => Promise<T>,
): Promise<T> {
  const root = await Deno.makeTempDir({ prefix: "denvoy-bench-" });
  try {
    const state = join(root, "state");
    await Deno.mkdir(state);
    await using server = await side.start({ resources, state });
    return await measure(server);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}
