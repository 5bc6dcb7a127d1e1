// SPDX-License-Identifier: Apache-2.0
/**
 * One ads with a folder of resources and one real Envoy that takes everything from it.
 * @module
 */
import {
  bootstrap,
  type DenvoyAds,
  type Envoy,
  eventually,
  freePort,
  Load,
  startDenvoyAds,
  startEnvoy,
  TempFolder,
  type XdsMode,
} from "../support/mod.ts";
import { fileText, type Resource } from "./resources.ts";

/** How a scene is set. */
export interface SceneOptions {
  /** How Envoy asks. @default "ads-delta" */
  readonly mode?: XdsMode;
  /** What is in the folder at the start: resources by file name. */
  readonly files?: Readonly<Record<string, readonly Resource[]>>;
  /** More flags of ads. */
  readonly adsFlags?: readonly string[];
  /** More files that ads may read. */
  readonly adsReads?: readonly string[];
  /** Merged over Envoy's bootstrap. */
  readonly bootstrapExtra?: Readonly<Record<string, unknown>>;
  /** Id of Envoy's node. @default "test-node" */
  readonly nodeId?: string;
  /** Metadata of Envoy's node. */
  readonly nodeMetadata?: Readonly<Record<string, unknown>>;
}

/** What came back for a request; `status` 0 when nothing listens. */
export interface Answer {
  /** HTTP status. */
  readonly status: number;
  /** The body. */
  readonly body: string;
}

/** How a request through Envoy differs from a plain GET of `/`. */
export interface AskOptions {
  /** Its path. @default "/" */
  readonly path?: string;
  /** Its port. @default the scene's */
  readonly port?: number;
  /** Its headers. */
  readonly headers?: Readonly<Record<string, string>>;
  /** What it is sent with. @default a client that keeps no connection */
  readonly client?: Deno.HttpClient;
}

/** A running pair. Disposing it stops both. */
export class Scene implements AsyncDisposable {
  /** How Envoy asks. */
  readonly mode: XdsMode;
  /** A free port for a listener of this Envoy. */
  readonly port: number = freePort();
  /** The folder that ads watches. */
  readonly folder: TempFolder;
  /** Envoy. */
  readonly envoy: Envoy;
  readonly #options: SceneOptions;
  readonly #data: TempFolder;
  readonly #client: Deno.HttpClient = Deno.createHttpClient({
    poolMaxIdlePerHost: 0,
    allowHost: true,
  });
  readonly #cleanUp: AsyncDisposableStack;
  #ads: DenvoyAds;

  private constructor(
    options: SceneOptions,
    { folder, data, ads, envoy, cleanUp }: SceneParts,
  ) {
    this.#options = options;
    this.mode = options.mode ?? "ads-delta";
    this.folder = folder;
    this.#data = data;
    this.#ads = ads;
    this.envoy = envoy;
    this.#cleanUp = cleanUp;
  }

  /** Starts both; returns when Envoy is LIVE. */
  static async start(options: SceneOptions = {}): Promise<Scene> {
    await using opening = new AsyncDisposableStack();
    const folder = opening.use(await TempFolder.create());
    const data = opening.use(await TempFolder.create());
    for (const [name, resources] of Object.entries(options.files ?? {})) {
      await folder.write(name, fileText(resources));
    }
    const ads = await startDenvoyAds(adsOptions(options, { folder, data }));
    // Whichever ads is the last one, it is stopped before its folders go.
    const running: { scene?: Scene } = {};
    opening.defer(() => (running.scene?.ads ?? ads)[Symbol.asyncDispose]());
    const envoy = opening.use(await startEnvoy({ bootstrap: sceneBootstrap(ads, options) }));
    await envoy.admin.ready();
    const scene = new Scene(options, { folder, data, ads, envoy, cleanUp: opening.move() });
    running.scene = scene;
    return scene;
  }

  /** The ads that runs now, or ran last. */
  get ads(): DenvoyAds {
    return this.#ads;
  }

  /** `http://` and the address of the scene's port. */
  get url(): string {
    return `http://127.0.0.1:${this.port}/`;
  }

  /** Replaces a file of the folder as a whole; `nodes` are those that it is for. */
  async write(file: string, resources: readonly Resource[], nodes?: Resource): Promise<void> {
    await this.folder.write(file, fileText(resources, nodes));
  }

  /** Replaces several files of the folder, each as a whole, with nothing between one and the next. */
  async writeTogether(files: Readonly<Record<string, readonly Resource[]>>): Promise<void> {
    const names = Object.keys(files);
    // Names that begin with a dot are nothing to ads.
    for (const name of names) await this.folder.write(`.${name}`, fileText(files[name] ?? []));
    for (const name of names) {
      Deno.renameSync(this.folder.file(`.${name}`), this.folder.file(name));
    }
  }

  /** Kills ads at once; what it left is there for {@linkcode restartAds}. */
  async crashAds(): Promise<void> {
    await this.#ads.crash();
  }

  /** Starts ads again on the same ports, with the same folder and data. */
  async restartAds(): Promise<void> {
    const { grpcAddress, httpAddress } = this.#ads;
    await this.#ads[Symbol.asyncDispose]();
    const again = adsOptions(this.#options, { folder: this.folder, data: this.#data });
    this.#ads = await startDenvoyAds({ ...again, grpcAddress, httpAddress });
  }

  /** Starts one more Envoy on the same ads. */
  async startEnvoy(options: Partial<SceneOptions>): Promise<Envoy> {
    const all = { ...this.#options, ...options };
    const envoy = await startEnvoy({ bootstrap: sceneBootstrap(this.#ads, all) });
    await envoy.admin.ready();
    return envoy;
  }

  /** Sends one request through Envoy. */
  async ask(options: AskOptions = {}): Promise<Answer> {
    const { path = "/", port = this.port, headers = {}, client = this.#client } = options;
    try {
      const signal = AbortSignal.timeout(5_000);
      const url = `http://127.0.0.1:${port}${path}`;
      const response = await fetch(url, { client, headers: { ...headers }, signal });
      return { status: response.status, body: await response.text() };
    } catch (error) {
      if (error instanceof TypeError) return { status: 0, body: "" };
      throw error;
    }
  }

  /** Waits until a request is answered with a status and, if given, a body. */
  async untilAnswers(
    expected: { readonly status: number; readonly body?: string | RegExp },
    options: AskOptions & { readonly withinMs?: number } = {},
  ): Promise<void> {
    let last: Answer | undefined;
    const what = `${options.path ?? "/"} to be answered with ${expected.status} ` +
      `${expected.body ?? ""}`;
    await eventually(async () => {
      last = await this.ask(options);
      return last.status === expected.status && bodyMatches(last.body, expected.body);
    }, {
      what,
      withinMs: options.withinMs ?? 10_000,
      detail: () => `last answer: ${last?.status} ${last?.body}\n${this.lastWords()}`,
    });
  }

  /** Waits for a condition; a failure shows the ends of both logs. */
  async until<T>(
    what: string,
    condition: () => T | Promise<T>,
    withinMs = 10_000,
  ): Promise<Exclude<T, undefined | false | void>> {
    return await eventually(condition, { what, withinMs, detail: () => this.lastWords() });
  }

  /** Starts steady requests to the scene's port. */
  load(requestsPerSecond: number): Load {
    return Load.start({ url: this.url, requestsPerSecond });
  }

  /** The ends of both logs. */
  lastWords(): string {
    const ads = this.#ads.child.lastWords(25);
    return `--- ads\n${ads}\n--- envoy\n${this.envoy.child.lastWords(25)}`;
  }

  /** Stops both. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#client.close();
    await this.#cleanUp.disposeAsync();
  }
}

interface SceneParts {
  readonly folder: TempFolder;
  readonly data: TempFolder;
  readonly ads: DenvoyAds;
  readonly envoy: Envoy;
  readonly cleanUp: AsyncDisposableStack;
}

function adsOptions(
  { adsFlags = [], adsReads = [] }: SceneOptions,
  { folder, data }: { readonly folder: TempFolder; readonly data: TempFolder },
) {
  return {
    resources: folder.path,
    dataDir: data.file("state"),
    flags: adsFlags,
    read: adsReads,
  };
}

function sceneBootstrap(ads: DenvoyAds, options: SceneOptions) {
  const { mode = "ads-delta", nodeId, nodeMetadata, bootstrapExtra } = options;
  return bootstrap({
    managementAddress: mode === "rest" ? ads.httpAddress : ads.grpcAddress,
    mode,
    ...(nodeId === undefined ? {} : { nodeId }),
    ...(nodeMetadata === undefined ? {} : { nodeMetadata }),
    ...(bootstrapExtra === undefined ? {} : { extra: bootstrapExtra }),
  });
}

function bodyMatches(body: string, expected: string | RegExp | undefined): boolean {
  if (expected === undefined) return true;
  return typeof expected === "string" ? body === expected : expected.test(body);
}
