// SPDX-License-Identifier: Apache-2.0
/**
 * Calls ads' HTTP API. Whatever goes wrong becomes a CommandError that says what to do.
 * @module
 */
import { formatProblem, type Problem } from "@denvoy/base";
import { CommandError, Exit } from "../command_line/exit_code.ts";

/** How a server is reached. */
export interface AdsClientOptions {
  /** Its URL, e.g. `http://127.0.0.1:18001`. */
  readonly server: string;
  /** How long an answer may take. */
  readonly timeoutMs: number;
  /** Which service it is, for advice. @default "ads" */
  readonly service?: string;
  /** Bearer token. */
  readonly token?: string;
  /** Roots (PEM); the system's if absent. */
  readonly ca?: string;
  /** Client certificate and key (PEM). */
  readonly client?: { readonly cert: string; readonly key: string };
}

/** Query parameters; absent, false and empty ones are left out. */
export type Query = Readonly<
  Record<string, string | number | boolean | readonly string[] | undefined>
>;

/** One call. */
export interface AdsRequest {
  /** The method. @default "GET" */
  readonly method?: "GET" | "PUT" | "POST" | "DELETE";
  /** Query parameters. */
  readonly query?: Query;
  /** Media type that is wanted. @default "application/json" */
  readonly accept?: string;
  /** The body with its media type. */
  readonly body?: { readonly text: string; readonly type: string };
}

/** A JSON object. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** A client of one server. Dispose it. */
export class AdsClient implements Disposable {
  readonly #options: AdsClientOptions;
  readonly #http: Deno.HttpClient;

  /** Nothing is sent yet. */
  constructor(options: AdsClientOptions) {
    this.#options = options;
    const { ca, client } = options;
    this.#http = Deno.createHttpClient({
      ...(ca !== undefined && { caCerts: [ca] }),
      ...client,
    });
  }

  /**
   * Returns the JSON object that the server answers; `key` must be in it.
   * @throws {CommandError} when there is no such answer
   */
  async json<T extends object>(
    path: readonly string[],
    request: AdsRequest & { readonly key: keyof T & string },
  ): Promise<T> {
    const text = await this.text(path, request);
    try {
      const value: unknown = JSON.parse(text);
      if (typeof value === "object" && value !== null && request.key in value) return value as T;
    } catch {
      // Not JSON: told below.
    }
    throw new CommandError(
      `cannot read the answer of ${this.#options.server} as it lacks "${request.key}"`,
      {
        advice: `Is this the HTTP address of ${serviceOf(this.#options)}, and of the same version?`,
      },
    );
  }

  /**
   * Returns the body of an answer with status 2xx. `path` is encoded segment by segment.
   * @throws {CommandError} for any other status, or when the server cannot be reached
   */
  async text(path: readonly string[], request: AdsRequest = {}): Promise<string> {
    const { server } = this.#options;
    const service = serviceOf(this.#options);
    const response = await this.#fetch(urlOf(server, path, request.query), request);
    const text = await response.text().catch((error) => {
      throw unreachable({ server, service }, error);
    });
    if (response.ok) return text;
    throw refusal({ status: response.status, text }, request, this.#options);
  }

  /**
   * Yields the lines of an answer that goes on, until it ends or `signal` fires.
   * @throws {CommandError} for a status other than 2xx, or when the server cannot be reached
   */
  async *lines(
    path: readonly string[],
    request: AdsRequest & { readonly signal: AbortSignal },
  ): AsyncGenerator<string> {
    const { server } = this.#options;
    const service = serviceOf(this.#options);
    const response = await this.#fetch(urlOf(server, path, request.query), request);
    if (!response.ok || response.body === null) {
      throw refusal(
        { status: response.status, text: await response.text() },
        request,
        this.#options,
      );
    }
    let rest = "";
    try {
      for await (const text of response.body.pipeThrough(new TextDecoderStream())) {
        const lines = (rest + text).split("\n");
        rest = lines.pop() ?? "";
        yield* lines;
      }
    } catch (error) {
      if (!request.signal.aborted) throw unreachable({ server, service }, error);
    }
  }

  /** Closes its connections. */
  [Symbol.dispose](): void {
    this.#http.close();
  }

  async #fetch(
    url: string,
    { method = "GET", accept, body, signal }: AdsRequest & { readonly signal?: AbortSignal },
  ): Promise<Response> {
    const { server, timeoutMs, token } = this.#options;
    const headers = {
      accept: accept ?? "application/json",
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(body !== undefined && { "content-type": body.type }),
    };
    try {
      return await fetch(url, {
        method,
        headers,
        client: this.#http,
        redirect: "error",
        signal: signal ?? AbortSignal.timeout(timeoutMs),
        ...(body !== undefined && { body: body.text }),
      });
    } catch (error) {
      throw unreachable({ server, service: serviceOf(this.#options) }, error);
    }
  }
}

function urlOf(server: string, path: readonly string[], query: Query = {}): string {
  const url = new URL(`${server.replace(/\/+$/, "")}/${path.map(encodeURIComponent).join("/")}`);
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined || value === false || value === "") continue;
    const values = Array.isArray(value) ? value : [value];
    for (const each of values) url.searchParams.append(name, String(each));
  }
  return url.href;
}

function serviceOf({ service = "ads" }: Pick<AdsClientOptions, "service">): string {
  return service;
}

function unreachable(
  { server, service }: { readonly server: string; readonly service: string },
  error: unknown,
): CommandError {
  const late = error instanceof DOMException && error.name === "TimeoutError";
  const reason = error instanceof Error ? rootCause(error) : String(error);
  const message = late ? "it did not answer in time" : reason;
  return new CommandError(`cannot reach ${service} at ${server}: ${message}`, {
    exit: Exit.unreachable,
    advice: `Start it with: denvoy serve ${service}\n` +
      "or say where it is with --server URL or DENVOY_SERVER.",
  });
}

function rootCause(error: Error): string {
  if (error.cause instanceof Error) return rootCause(error.cause);
  // The address is said already.
  return error.message.replace(/^error sending request .*?: client error \(Connect\): /, "");
}

interface Refusal {
  readonly message?: string;
  readonly problems: readonly Problem[];
}

function refusal(
  { status, text }: { readonly status: number; readonly text: string },
  ...[request, options]: [AdsRequest, AdsClientOptions]
): CommandError {
  const told = errorIn(text);
  if (told === undefined) {
    const message = `${options.server} answered with status ${status} and no reason`;
    return new CommandError(message, {
      advice: `Is this the HTTP address of ${serviceOf(options)}?`,
    });
  }
  const { message = `the server answered with status ${status}`, problems } = told;
  const lines = problems.map((problem) => `  ${problem.severity}: ${formatProblem(problem)}`);
  // One problem is told by the message already.
  const more = problems.length === 1 && lines[0]?.endsWith(message) ? [] : lines;
  const advice = adviceFor(status, { request, options, problems });
  return new CommandError([message, ...more].join("\n"), advice === undefined ? {} : { advice });
}

function errorIn(text: string): Refusal | undefined {
  try {
    const { error } = JSON.parse(text) as { error?: Partial<Refusal> };
    return error && { problems: [], ...error };
  } catch {
    return undefined;
  }
}

function adviceFor(
  status: number,
  { request, options, problems }: {
    readonly request: AdsRequest;
    readonly options: AdsClientOptions;
    readonly problems: readonly Problem[];
  },
): string | undefined {
  const { token, client } = options;
  if (status === 401 && token === undefined && client === undefined) {
    return "Say who you are with --token-file FILE, or --cert and --key.";
  }
  if (status === 413) return "Apply it in several parts.";
  const isDangling = problems.some(({ message }) => / references .+, which /.test(message));
  const canInsist = "dangling" in (request.query ?? {});
  return isDangling && canInsist ? "To have it nevertheless: --dangling warn" : undefined;
}
