// SPDX-License-Identifier: Apache-2.0
/**
 * gRPC for Python, the reference implementation, as the other side of Denvoy.
 * @module
 */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { Child } from "@denvoy/tools/child";
import { getPythonGrpc } from "@denvoy/tools/real_parts";
import { type DenvoyAds, eventually, TempFolder } from "../support/mod.ts";

/** Outcome of one call of proxyless_client.py. */
export type CallOutcome =
  | { readonly answer: string; readonly ms: number }
  | { readonly code: string; readonly details: string; readonly ms: number };

/** Starts a script of this folder; `ads` is the management server of `xds:` targets. */
export async function startPython(
  script: string,
  { args, ads }: { readonly args: readonly string[]; readonly ads?: DenvoyAds },
): Promise<Child> {
  const python = await getPythonGrpc();
  const file = fileURLToPath(new URL(script, import.meta.url));
  const bootstrap = ads === undefined ? {} : {
    GRPC_XDS_BOOTSTRAP_CONFIG: JSON.stringify(grpcBootstrap(ads.grpcAddress)),
  };
  return Child.start({
    name: script,
    command: python.command,
    args: [file, ...args],
    env: { ...python.env, ...bootstrap },
  });
}

/** A client that calls a target all the time. Disposing it stops it. */
export class ProxylessClient implements AsyncDisposable {
  readonly #child: Child;
  readonly #folder: TempFolder;
  readonly #outcomes: CallOutcome[] = [];

  private constructor(child: Child, folder: TempFolder) {
    this.#child = child;
    this.#folder = folder;
  }

  /** Starts calling; its bootstrap is a file, named by GRPC_XDS_BOOTSTRAP as in most deployments. */
  static async start(
    ads: DenvoyAds,
    { target, timeoutSeconds = 10 }: { readonly target: string; readonly timeoutSeconds?: number },
  ): Promise<ProxylessClient> {
    const folder = await TempFolder.create({
      "bootstrap.json": JSON.stringify(grpcBootstrap(ads.grpcAddress)),
    });
    const python = await getPythonGrpc();
    const script = fileURLToPath(new URL("proxyless_client.py", import.meta.url));
    const client: ProxylessClient = new ProxylessClient(
      Child.start({
        name: "proxyless_client.py",
        command: python.command,
        args: [script, target, String(timeoutSeconds)],
        env: {
          ...python.env,
          GRPC_XDS_BOOTSTRAP: folder.file("bootstrap.json"),
          // Makes this version read `resource_errors` (gRPC proposal A88); without it a client
          // waits 15 seconds for a name that does not exist, whatever the server says.
          GRPC_EXPERIMENTAL_XDS_DATA_ERROR_HANDLING: "true",
        },
        onLine: (line) => client.#take(line),
      }),
      folder,
    );
    return client;
  }

  /** Outcomes so far, in order. */
  get outcomes(): readonly CallOutcome[] {
    return this.#outcomes;
  }

  /** Calls that failed so far. */
  get failures(): readonly CallOutcome[] {
    return this.#outcomes.filter((outcome) => "code" in outcome);
  }

  /** Waits until the latest call was answered by a backend. */
  async answeredBy(name: string): Promise<void> {
    const isLast = () => {
      const last = this.#outcomes.at(-1);
      return last !== undefined && "answer" in last && last.answer === name;
    };
    await eventually(isLast, {
      what: `an answer of ${name}`,
      withinMs: 15_000,
      detail: this.#tell,
    });
  }

  /** Waits for a number of calls that begin after this moment. */
  async calls(count: number): Promise<readonly CallOutcome[]> {
    // One more: that which is under way may have begun earlier.
    const start = this.#outcomes.length + 1;
    await eventually(() => this.#outcomes.length >= start + count, {
      what: `${count} more calls`,
      withinMs: 30_000,
      detail: this.#tell,
    });
    return this.#outcomes.slice(start);
  }

  /** Stops it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#child.stop();
    await this.#folder[Symbol.asyncDispose]();
  }

  #tell = (): string => `${JSON.stringify(this.#outcomes.at(-1))}\n${this.#child.lastWords(10)}`;

  #take(line: string): void {
    if (line.startsWith("{")) this.#outcomes.push(JSON.parse(line));
  }
}

/** Makes one call with Python and returns the messages of its answer. */
export async function callWithPython(
  address: string,
  call: {
    readonly path: string;
    readonly kind: "unary" | "stream";
    readonly request: Uint8Array;
    /** PEM files of a TLS client: roots, certificate chain, private key. */
    readonly keyFiles?: readonly string[];
  },
): Promise<readonly Uint8Array[]> {
  const { path, kind, request, keyFiles = [] } = call;
  const args = [address, path, kind, request.toBase64(), ...keyFiles];
  await using child = await startPython("plain_call.py", { args });
  const exit = await child.exited;
  assert.equal(exit.code, 0, child.lastWords());
  return child.lines.map((line) => Uint8Array.fromBase64(line));
}

/** A gRPC bootstrap (gRPC proposal A27) that names one management server. */
function grpcBootstrap(serverUri: string): Readonly<Record<string, unknown>> {
  return {
    xds_servers: [{
      server_uri: serverUri,
      channel_creds: [{ type: "insecure" }],
      server_features: ["xds_v3"],
    }],
    node: { id: "grpc-node", cluster: "grpc", locality: { region: "test" } },
    server_listener_resource_name_template: "grpc/server?xds.resource.listening_address=%s",
  };
}
