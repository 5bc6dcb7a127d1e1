// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";

const main = new URL("./testdata/service_main.ts", import.meta.url).pathname;

/** The service as a process, with its log lines as they come. */
class Process implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #lines: Record<string, unknown>[] = [];
  readonly #reading: Promise<void>;
  text = "";

  constructor(args: readonly string[], env: Record<string, string> = {}) {
    this.#child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-lock", main, ...args],
      stdout: "piped",
      stderr: "piped",
      env,
    }).spawn();
    this.#reading = Promise.all([this.#read(this.#child.stdout), this.#read(this.#child.stderr)])
      .then(() => {});
  }

  /** The first log line with this message. */
  async line(message: string): Promise<Record<string, unknown>> {
    const end = performance.now() + 20_000;
    for (;;) {
      const found = this.#lines.find((line) => line.message === message);
      if (found !== undefined) return found;
      if (performance.now() > end) assert.fail(`no line "${message}" in: ${this.text}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  /** Its process id. */
  get pid(): number {
    return this.#child.pid;
  }

  /** Sends a signal. */
  kill(signal: Deno.Signal): void {
    this.#child.kill(signal);
  }

  /** The exit code, once all output is read. */
  async code(): Promise<number> {
    const { code } = await this.#child.status;
    await this.#reading;
    return code;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // It has ended by itself.
    }
    await this.code();
  }

  async #read(stream: ReadableStream<Uint8Array>): Promise<void> {
    let rest = "";
    for await (const part of stream.pipeThrough(new TextDecoderStream())) {
      this.text += part;
      const lines = (rest + part).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) if (line.startsWith("{")) this.#lines.push(JSON.parse(line));
    }
  }
}

Deno.test("runService() exits with 0 for help and version, 2 for bad usage, 1 for a failed start", async (t) => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const taken = `127.0.0.1:${listener.addr.port}`;
  const table: readonly [readonly string[], number, RegExp][] = [
    [["--help"], 0, /^ads: A service of the tests\.\n[\s\S]*--stop DURATION/],
    [["--version"], 0, /^1\.2\.3\n$/],
    [
      ["--nope", "--stop", "x"],
      2,
      /cannot start ads:\n {2}error: --nope: .*\n {2}error: --stop: .*\nTry --help/,
    ],
    [["--fail"], 1, /cannot start:\n {2}error: a.yaml: must be good\n$/],
    [["--http-address", "0.0.0.0:0"], 1, /--http-address 0.0.0.0:0: .*TLS[\s\S]*--insecure/],
    [["--http-address", taken], 1, /error: --http-address [\d.:]+: cannot listen as another .*\n$/],
    [["--tls-cert", "/nowhere", "--tls-key", "/nowhere"], 1, /error: \/nowhere: cannot read file/],
  ];
  for (const [args, code, pattern] of table) {
    await t.step(args.join(" "), async () => {
      await using process = new Process(args);
      assert.equal(await process.code(), code, process.text);
      assert.match(process.text, pattern);
    });
  }
});

Deno.test("runService() drains at SIGTERM and SIGINT and exits with 0", async (t) => {
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    await t.step(signal, async () => {
      await using process = new Process(["--stop", "200ms"]);
      const { http, grpc } = await process.line("service started");
      assert.equal(grpc, "127.0.0.1:1");
      assert.equal((await fetch(`http://${http}/readyz`).then((r) => r.json())).status, "ok");
      process.kill(signal);
      assert.equal((await process.line("draining")).signal, signal);
      const during = await fetch(`http://${http}/readyz`);
      assert.equal((await during.json()).status, "draining");
      assert.equal(await process.code(), 0, process.text);
      await process.line("service stopped");
    });
  }
});

Deno.test("runService() cuts the drain short at a second signal", async () => {
  await using process = new Process(["--stop", "1m", "--shutdown-grace", "1m"]);
  await process.line("service started");
  process.kill("SIGTERM");
  await process.line("draining");
  process.kill("SIGTERM");
  assert.equal(await process.code(), 130);
});

Deno.test("runService() ends a stop that outlasts its grace", async () => {
  await using process = new Process(["--stop", "1m", "--shutdown-grace", "100ms"]);
  await process.line("service started");
  process.kill("SIGTERM");
  assert.equal(await process.code(), 0);
  await process.line("service did not stop cleanly");
});

Deno.test("runService() can be interrupted while it starts", async () => {
  await using process = new Process(["--hang", "--http-address", "unix:/dev/null/no"]);
  assert.equal(await process.code(), 1);
  await using hanging = new Process(["--hang"]);
  await hanging.line("hanging");
  hanging.kill("SIGINT");
  assert.equal(await hanging.code(), 0, hanging.text);
});

Deno.test("runService() outlives errors that nobody caught, logs and counts them", async () => {
  await using process = new Process([], { DENVOY_ADS_LOG_LEVEL: "info" });
  const { http } = await process.line("service started");
  await fetch(`http://${http}/v1/reject`, { method: "POST" }).then((r) => r.body?.cancel());
  await process.line("unhandled rejection");
  const { error } = await process.line("uncaught error");
  assert.equal((error as { message: string }).message, "escaped throw");
  const metrics = await fetch(`http://${http}/metrics`).then((r) => r.text());
  assert.match(metrics, /^ads_escaped_errors_total 2$/m);
});

Deno.test("runService() lets no key out, whatever escapes, is thrown, or keeps it from starting", async () => {
  await using process = new Process(["--log-level", "debug"]);
  const { http } = await process.line("service started");
  const post = async (path: string) => {
    const response = await fetch(`http://${http}${path}`, { method: "POST" });
    return await response.text();
  };
  const answer = await post("/v1/leak");
  const { leaks } = JSON.parse(answer);
  const escaped = async () => {
    const metrics = await fetch(`http://${http}/metrics`).then((r) => r.text());
    return Number(/^ads_escaped_errors_total (\d+)$/m.exec(metrics)?.[1] ?? 0);
  };
  const end = performance.now() + 20_000;
  while (await escaped() < 2 * leaks) {
    assert.ok(performance.now() < end, "not all errors have escaped");
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  assert.match(await post("/v1/throw"), /"internal error"/);
  await process.line("HTTP request failed");
  process.kill("SIGTERM");
  assert.equal(await process.code(), 0);
  assert.equal(process.text.split('"unhandled rejection"').length - 1, leaks);
  assert.doesNotMatch(process.text, /hunter2/);

  await using failing = new Process(["--leak"]);
  assert.equal(await failing.code(), 1);
  assert.match(failing.text, /cannot start: Error: cannot use \[redacted PRIVATE KEY\]/);
  assert.doesNotMatch(failing.text, /hunter2/);
});

Deno.test("runService() survives running out of file descriptors", async () => {
  await using process = new Process([]);
  const { http } = await process.line("service started");
  const [hostname = "", port] = String(http).split(":");
  const limit = await new Deno.Command("prlimit", {
    args: ["--version"],
    stdout: "null",
    stderr: "null",
  }).output().then((output) => output.success, () => false);
  if (!limit) return;
  await new Deno.Command("prlimit", { args: [`--pid=${process.pid}`, "--nofile=80:80"] }).output();
  const conns: Deno.Conn[] = [];
  for (let index = 0; index < 200; index++) {
    conns.push(await Deno.connect({ hostname, port: Number(port) }));
  }
  await process.line("cannot accept connection");
  for (const conn of conns) conn.close();
  const response = await fetch(`http://${http}/healthz`);
  assert.equal(response.status, 200);
  await response.body?.cancel();
});
