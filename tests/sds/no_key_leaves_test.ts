// SPDX-License-Identifier: Apache-2.0
/** A key that is planted everywhere it may be, and everywhere it may not: no process says any of it. */
import assert from "node:assert/strict";
import {
  type DenvoySds,
  eventually,
  runDenvoySds,
  startDenvoySds,
  TempFolder,
} from "../support/mod.ts";
import { TestCa } from "./certificates.ts";

/** So much of a key is found, wherever it stands: what parsers quote around a fault is longer. */
const WINDOW = 10;

/** The secret of a test, and where it was looked for. */
class Planted {
  readonly chain: string;
  readonly pem: string;
  readonly body: string;
  readonly #said: string[] = [];

  constructor({ chain, key }: { readonly chain: string; readonly key: string }) {
    this.chain = chain;
    this.pem = key;
    this.body = key.replace(/-----[A-Z ]+-----|\s/g, "");
  }

  /** Remembers what was said. */
  hear(text: string): void {
    this.#said.push(text);
  }

  /** Fails if any part of the key was said; as it is, or in hexadecimal digits. */
  assertUnheard(): void {
    const said = this.#said.join("\n");
    const hex = Uint8Array.fromBase64(this.body).toHex();
    // What all keys of a kind begin with, and certificates too, is no secret.
    for (const [text, from] of [[this.body, 40], [hex, 56]] as const) {
      for (let at = from; at + WINDOW <= text.length - 88; at++) {
        const part = text.slice(at, at + WINDOW);
        assert.ok(
          !said.includes(part),
          `the part from ${at} of the key was said: ${whereIn(said, part)}`,
        );
      }
    }
    assert.ok(said.length > 10_000, "hardly anything was said");
  }
}

function whereIn(said: string, part: string): string {
  const line = said.split("\n").find((each) => each.includes(part)) ?? "";
  return line.slice(0, 200);
}

async function plant(folder: TempFolder): Promise<Planted> {
  const ca = await TestCa.create(folder.file("ca"));
  return new Planted(await ca.issue("planted.example"));
}

/** A start that fails: files by name, which flags may name, and more. */
interface BadStart {
  readonly files?: Readonly<Record<string, string>>;
  readonly flags?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

type BadStarts = Readonly<Record<string, BadStart>>;

/** Keys of servers, and settings, with the key where something else should be. */
function badSettings({ pem, body, chain }: Planted): BadStarts {
  return {
    "a key for a certificate": {
      files: { "a.pem": pem, "a.key": chain },
      flags: ["--tls-cert", "a.pem", "--tls-key", "a.key"],
    },
    "half a key": {
      files: { "a.pem": chain, "a.key": pem.slice(0, 150) },
      flags: ["--tls-cert", "a.pem", "--tls-key", "a.key"],
    },
    "a key for roots and lists": {
      files: { "a.pem": chain, "a.key": pem, "crl.pem": pem },
      flags: [
        ...["--tls-cert", "a.pem", "--tls-key", "a.key", "--client-ca", "a.pem"],
        ...["--tls-crl", "crl.pem"],
      ],
    },
    "a sealing key that is too short": {
      env: { DENVOY_SDS_KEY_ENCRYPTION_KEY: body.slice(60, 85) },
    },
    "a sealing key in the wrong form": {
      files: { "denvoy.yaml": `sds:\n  key_encryption_key: [${body}]\n` },
      flags: ["--config", "denvoy.yaml"],
    },
    "a configuration that is no YAML": {
      files: { "denvoy.yaml": `sds:\n  key_encryption_key: "${body}\n  log_level: ]` },
      flags: ["--config", "denvoy.yaml"],
    },
    "tokens that are keys": {
      files: { "tokens": `${body.slice(50, 62)}\n` },
      flags: ["--http-token-file", "tokens"],
    },
  };
}

/** The same for files of sds. */
function badFiles({ pem, body, chain }: Planted): BadStarts {
  const oneLine = pem.replaceAll("\n", "\\n");
  return {
    "caller tokens that are keys": {
      files: { "tokens": pem },
      flags: ["--caller-tokens", "tokens"],
    },
    "private keys of JWTs": {
      files: { "jwks.json": `{"keys": [{"kty": "EC", "d": ${body}}]}` },
      flags: ["--jwt-keys", "jwks.json", "--jwt-issuer", "i", "--jwt-audience", "a"],
    },
    "a policy that is a key": {
      files: { "policy.yaml": pem },
      flags: ["--policy", "policy.yaml"],
    },
    "secrets with keys for paths": {
      files: {
        "secrets.yaml": `secrets:\n- name: a\n  certificate: { chain: "${oneLine}", key: 7 }\n` +
          `- name: b\n  generic: { file: [ "${oneLine}" ] }\n`,
      },
      flags: ["--secrets-file", "secrets.yaml"],
    },
    "secrets that are no YAML": {
      files: { "secrets.yaml": `secrets:\n- { name: a, certificate: { key: "${pem}\n` },
      flags: ["--secrets-file", "secrets.yaml"],
    },
    "an outside CA whose key is another's": {
      files: { "a.pem": chain, "a.key": pem },
      flags: ["--ca-cert", "a.pem", "--ca-key", "a.key"],
    },
    "a password of Redis": {
      flags: ["--redis-url", `redis://:${body.slice(50, 80).replaceAll("/", "_")}@127.0.0.1:1:2`],
    },
  };
}

Deno.test("sds that cannot start says why without any part of a key", async (t) => {
  await using folder = await TempFolder.create();
  const planted = await plant(folder);
  const starts = Object.entries({ ...badSettings(planted), ...badFiles(planted) });
  for (const [name, { files = {}, flags = [], env = {} }] of starts) {
    await t.step(name, async () => {
      await using own = await TempFolder.create();
      for (const [file, text] of Object.entries(files)) {
        await own.write(file, text);
        await Deno.chmod(own.file(file), 0o600);
      }
      const placed = flags.map((flag) => Object.hasOwn(files, flag) ? own.file(flag) : flag);
      const given = { flags: [...placed, "--log-level", "debug"], env, read: [own.path] };
      const { code, output } = await runDenvoySds(given);
      assert.notEqual(code, 0, output);
      assert.ok(output.length > 20, output);
      planted.hear(`${output}\n${" ".repeat(10_000)}`);
      planted.assertUnheard();
    });
  }
});

/** What is asked of the API with the key in it, rightly and wrongly. */
function bodies({ pem, body, chain }: Planted): readonly string[] {
  const good = JSON.stringify({ certificate: { chain, key: pem } });
  const cut = good.indexOf(body.slice(0, 30)) + 90;
  return [
    good,
    // The fault is in the middle of the key.
    good.slice(0, cut) + '"' + good.slice(cut),
    good.slice(0, cut),
    `${good.slice(0, cut)}\n${good.slice(cut)}`,
    body,
    JSON.stringify({ certificate: { chain: pem, key: pem } }),
    JSON.stringify({ certificate: { chain, key: pem.slice(0, 150) } }),
    JSON.stringify({ certificate: { chain, key: pem, password: body.slice(50, 80) } }),
    JSON.stringify({ certificate: body }),
    JSON.stringify({ session_tickets: { keys: [body] } }),
    JSON.stringify({ generic: { secret: [pem] } }),
    JSON.stringify({ trust: { bundle: pem, crl: pem } }),
    JSON.stringify({ csr: pem, identity: "a" }),
    JSON.stringify({ token: body.slice(0, 100) }),
  ];
}

async function sayEverything(sds: DenvoySds, planted: Planted): Promise<void> {
  const send = async (method: string, path: string, body?: string) => {
    const headers = { "content-type": "application/json" };
    const init = body === undefined ? {} : { headers, body };
    const response = await fetch(`${sds.httpUrl}${path}`, { method, ...init });
    planted.hear(JSON.stringify([...response.headers]) + await response.text());
    return response.status;
  };
  const statuses: number[] = [];
  for (const body of bodies(planted)) {
    statuses.push(await send("PUT", "/v1/secrets/planted", body));
    for (const path of ["/v1/certificates", "/v1/tokens", "/v1/join"]) {
      await send("POST", path, body);
    }
    await send("POST", "/v3/discovery:secrets", body);
  }
  assert.ok(statuses.includes(200) && statuses.includes(400), statuses.join());
  assert.ok(statuses.every((status) => status < 500), statuses.join());
  const lists = [
    "secrets",
    "nodes",
    "tokens",
    "certificates",
    "ca",
    "bundle",
    "bundle.pem",
    "crl.pem",
  ];
  for (const path of lists) await send("GET", `/v1/${path}`);
  for (const path of ["/v1/secrets/planted", "/v1/secrets/mounted"]) await send("GET", path);
  for (const path of ["/metrics", "/readyz", "/healthz", "/openapi.json"]) await send("GET", path);
}

Deno.test("sds at debug says no part of a key: not in its log, its metrics, its API or its refusals", async () => {
  await using folder = await TempFolder.create();
  const planted = await plant(folder);
  await folder.write("secrets/mounted/tls.crt", planted.chain);
  await folder.write("secrets/mounted/tls.key", planted.pem);
  {
    await using sds = await startDenvoySds({
      read: [folder.path],
      dataDir: folder.file("data"),
      flags: [
        ...["--secrets", folder.file("secrets"), "--log-level", "debug"],
        ...["--allow-unauthenticated", "--trust-domain", "shop"],
      ],
    });
    const { kind } = await sds.call("GET", "/v1/secrets/mounted");
    assert.equal(kind, "tls-certificate");
    await sayEverything(sds, planted);
    await folder.write("secrets/mounted/tls.key", planted.pem.slice(0, 150));
    await eventually(
      () =>
        sds.child.lines.some((line) =>
          /tls\.key/.test(line) && /"level":"(error|warn)"/.test(line)
        ),
      { what: "the broken key to be told", withinMs: 20_000, detail: () => sds.child.lastWords() },
    );
    await sayEverything(sds, planted);
    await sds.child.stop();
    for (const line of sds.child.lines) planted.hear(line);
  }
  for await (const { name } of Deno.readDir(folder.file("data"))) {
    const bytes = await Deno.readFile(folder.file(`data/${name}`));
    planted.hear(new TextDecoder("latin1").decode(bytes));
  }
  planted.assertUnheard();
});
