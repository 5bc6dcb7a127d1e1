// SPDX-License-Identifier: Apache-2.0
/** Nothing that is secret gets anywhere but to those who may have it. */
import assert from "node:assert/strict";
import { join } from "node:path";
import type { Secret } from "@denvoy/proto/messages";
import { strangeCa, TestSds } from "./testing.ts";

const PASSPHRASE = "open-sesame-passphrase";
const VALUE = "oauth-client-value-7391";

/** What was said anywhere, and what must not be in it. */
interface Gathered {
  readonly answers: string[];
  readonly log: string[];
  readonly files: string[];
  readonly wanted: (string | undefined)[];
}

Deno.test("no key, token or value is in a log, metric, answer or file, whatever is done", async () => {
  const folder = await Deno.makeTempDir();
  const data = join(folder, "data");
  const secrets = join(folder, "secrets.yaml");
  await Deno.writeTextFile(
    secrets,
    [
      "secrets:",
      "- { name: made, issue: { dns_names: [made.example] } }",
      "- { name: turning, session_tickets: { rotate: 1h } }",
    ].join("\n"),
  );
  const gathered: Gathered = { answers: [], log: [], files: [], wanted: [PASSPHRASE, VALUE] };
  for (const round of ["first", "after a restart"]) {
    const sources = ["--secrets-file", secrets, "--data-dir", data];
    await using sds = await TestSds.start([...sources, "--allow-unauthenticated"]);
    if (round === "first") await doEverything(sds, gathered);
    await readEverything(sds, gathered);
  }
  await readFiles(data, gathered);
  await Deno.remove(folder, { recursive: true });
  search(gathered);
});

type Call = TestSds["call"];

function recorded(sds: TestSds, { answers }: Gathered): Call {
  return async (...request) => {
    const answer = await sds.call(...request);
    answers.push(answer.text);
    return answer;
  };
}

async function doEverything(sds: TestSds, gathered: Gathered): Promise<void> {
  const call = recorded(sds, gathered);
  const strange = await strangeCa();
  const pair = await strange.issue({ dnsNames: ["shop.example"] });
  const other = await strange.issue({ dnsNames: ["other.example"] });
  const tickets = crypto.getRandomValues(new Uint8Array(80));
  await putAll(call, { pair, other, tickets });
  const { token: joinToken } = JSON.parse(
    (await sds.call("POST", "/v1/tokens", { identity: "web" })).text,
  );
  const joined = await sds.call("POST", "/v1/join", { token: joinToken });
  const { token } = JSON.parse(joined.text);
  gathered.wanted.push(tickets.toBase64(), joinToken, token);
  await call("POST", "/v1/join", { token: joinToken });
  await sds.fetch(["default"], { headers: { authorization: `Bearer ${token.slice(1)}` } });
}

async function readEverything(sds: TestSds, gathered: Gathered): Promise<void> {
  const call = recorded(sds, gathered);
  const names = ["pair", "keys", "value", "made", "turning", "default"];
  const secrets = await sds.fetch(names);
  assert.ok(typeof secrets === "object" && secrets.length === names.length);
  gathered.wanted.push(...secrets.flatMap(secretTexts));
  for (const path of ["/v1/rotate/made", "/v1/rotate/turning", "/v1/rotate/web"]) {
    await call("POST", path);
  }
  for (const path of ["/v1/secrets", "/v1/nodes", "/v1/tokens", "/v1/ca", "/v1/certificates"]) {
    await call("GET", path);
  }
  for (const name of names) await call("GET", `/v1/secrets/${name}`);
  for (const path of ["/metrics", "/readyz", "/openapi.json", "/v1/bundle", "/v1/bundle.pem"]) {
    await call("GET", path);
  }
  gathered.log.push(sds.log());
}

async function readFiles(folder: string, { files, wanted }: Gathered): Promise<void> {
  for await (const { name } of Deno.readDir(folder)) {
    const { mode } = await Deno.stat(join(folder, name));
    assert.equal((mode ?? 0) & 0o077, 0, `others may read ${name}`);
    if (name.endsWith(".key")) wanted.push((await Deno.readTextFile(join(folder, name))).trim());
    else files.push(new TextDecoder("latin1").decode(await Deno.readFile(join(folder, name))));
  }
}

function search({ wanted, log, answers, files }: Gathered): void {
  const places = { log: log.join(), answers: answers.join(), files: files.join() };
  assert.ok(wanted.length > 20);
  for (const [place, text] of Object.entries(places)) {
    assert.ok(text.length > 1000, place);
    assert.doesNotMatch(text, /-----BEGIN [A-Z ]*PRIVATE KEY/, place);
    for (const secret of wanted) {
      assert.ok(!text.includes(secret ?? "?"), `a secret is in ${place}`);
    }
  }
}

interface Pair {
  readonly chainPem: string;
  readonly keyPem: string;
}

/** Puts what is good, and everything that is refused, whose refusal could quote it. */
async function putAll(
  call: (...request: Parameters<TestSds["call"]>) => Promise<{ readonly status: number }>,
  { pair, other, tickets }: {
    readonly pair: Pair;
    readonly other: Pair;
    readonly tickets: Uint8Array;
  },
) {
  const { chainPem: chain, keyPem: key } = pair;
  const good = {
    "pair": { certificate: { chain, key } },
    "keys": { session_tickets: { keys: [tickets.toBase64()] } },
    "value": { generic: { secret: btoa(VALUE) } },
  };
  for (const [name, body] of Object.entries(good)) {
    const { status } = await call("PUT", `/v1/secrets/${name}`, body);
    assert.equal(status, 200, name);
  }
  const bad = [
    { certificate: { chain, key: other.keyPem } },
    { certificate: { chain: key, key: chain } },
    { certificate: { chain, key: key.slice(0, 80), password: PASSPHRASE } },
    {
      certificate: {
        chain,
        key: key.replace("PRIVATE", "ENCRYPTED PRIVATE"),
        password: PASSPHRASE,
      },
    },
    { certificate: { pkcs12: btoa(VALUE), password: PASSPHRASE } },
    { certificate: { chain, key, [PASSPHRASE.slice(0, 4)]: 1 } },
    { session_tickets: { keys: [tickets.slice(0, 48).toBase64()] } },
    { session_tickets: { keys: `not base64 ${PASSPHRASE}` } },
    { generic: { secret: 7, secrets: VALUE } },
    { trust: { bundle: key } },
  ];
  for (const body of bad) {
    const { status } = await call("PUT", "/v1/secrets/bad", body);
    assert.equal(status, 400, JSON.stringify(Object.keys(body)));
  }
}

/** The lines of a key, so that a part of it is found, too, and its bytes in other spellings. */
function secretTexts(secret: Secret): readonly string[] {
  const key = secret.tlsCertificate?.privateKey?.inlineString ?? "";
  const lines = key.split("\n").filter((line) => line.length > 30);
  const bytes = [
    ...(secret.sessionTicketKeys?.keys ?? []).map(({ inlineBytes }) => inlineBytes),
    secret.genericSecret?.secret?.inlineBytes,
    ...(lines.length > 0 ? [Uint8Array.fromBase64(lines.join(""))] : []),
  ].filter((each) => each !== undefined);
  return [
    ...lines,
    ...bytes.flatMap((each) => [
      ...[each.toBase64(), each.toHex(), new TextDecoder("latin1").decode(each)],
    ]),
  ];
}
