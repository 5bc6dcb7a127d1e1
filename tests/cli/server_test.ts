// SPDX-License-Identifier: Apache-2.0
// The commands that ask a server, against a real ads and a real Envoy.
import assert from "node:assert/strict";
import { Child } from "@denvoy/tools/child";
import {
  bootstrap,
  type DenvoyAds,
  type Envoy,
  eventually,
  freePort,
  startDenvoyAds,
  startEnvoy,
  TempFolder,
} from "../support/mod.ts";
import { certificateFile } from "../envoy/certificates.ts";
import { cluster, fileText, inlineRoutes, listener, type Resource } from "../envoy/resources.ts";
import { denvoyCommand, type DenvoyRun, runDenvoy } from "./run_denvoy.ts";

/** A server with an Envoy, and the folder that it serves. */
interface Stage extends AsyncDisposable {
  readonly ads: DenvoyAds;
  readonly envoy: Envoy;
  readonly folder: TempFolder;
  /** Files for the commands, not served. */
  readonly files: TempFolder;
  /** Runs denvoy against the server. */
  run(line: string): Promise<DenvoyRun>;
  /** Runs denvoy, which must succeed, and returns its output. */
  out(line: string): Promise<string>;
}

const SLOT = "type.googleapis.com/envoy.service.discovery.v3.Resource";

async function stage(served: readonly Resource[]): Promise<Stage> {
  await using opening = new AsyncDisposableStack();
  const folder = opening.use(await TempFolder.create({ "served.yaml": fileText(served) }));
  const files = opening.use(await TempFolder.create());
  const ads = opening.use(await startDenvoyAds({ resources: folder.path }));
  const envoy = opening.use(
    await startEnvoy({
      bootstrap: bootstrap({
        managementAddress: ads.grpcAddress,
        nodeId: "web-1",
        nodeCluster: "web",
        nodeMetadata: { stage: "test" },
      }),
    }),
  );
  await envoy.admin.ready();
  const env = { DENVOY_SERVER: ads.httpUrl };
  const run = (line: string) => runDenvoy(line.split(" "), { cwd: files.path, env });
  const opened = opening.move();
  return {
    ads,
    envoy,
    folder,
    files,
    run,
    async out(line) {
      const { code, out, error } = await run(line);
      assert.equal(code, 0, `${line}: ${out}${error}`);
      return out;
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

function staticCluster(name: string): Resource {
  return {
    "@type": "type.googleapis.com/envoy.config.cluster.v3.Cluster",
    name,
    type: "STATIC",
    connect_timeout: "1s",
  };
}

/** Waits until a command prints what is expected: nodes answer when they can. */
async function untilOut(on: Stage, line: string, expected: RegExp): Promise<string> {
  return await eventually(async () => {
    const out = await on.out(line);
    if (expected.test(out)) return out;
    throw new Error(out);
  }, { what: `denvoy ${line} to print ${expected}`, withinMs: 20_000 });
}

Deno.test("denvoy inspect shows nodes, and what one has and rejects, in Envoy's words", async () => {
  const port = freePort();
  const web = listener("web", { port, manager: inlineRoutes() });
  await using on = await stage([staticCluster("front"), web]);
  assert.match(
    await untilOut(on, "inspect nodes", /SYNCED 1 +SYNCED 1/),
    /^NODE +CLUSTER +STATUS +MODE +CONNECTED +LISTENERS +CLUSTERS\nweb-1 +web +SYNCED +delta +\d+s +SYNCED 1 +SYNCED 1\n$/,
  );
  const detail = await on.out("inspect nodes web-1");
  assert.match(detail, /^Node +web-1\nCluster +web\nLocality +none\nMetadata +stage=test\n/);
  assert.match(detail, /\nclusters +front +SYNCED +([0-9a-f]{12}) +\1\n/);

  const clash = listener("clash", { port, manager: inlineRoutes() });
  await on.files.write("clash.yaml", fileText([clash]));
  assert.match(await on.out("apply clash.yaml"), /^\+ listeners\/clash\napplied as revision 2\n$/);
  await untilOut(on, "inspect nodes", /web-1 +web +ERROR .*ERROR 1\/2/);
  assert.match(
    await on.out("inspect nodes web-1"),
    /listeners +clash +ERROR[\s\S]*\nrejected listeners\/clash .*:\n {2}.*duplicate address/,
  );
  assert.match(
    await on.out("inspect rejections"),
    /^listeners\/clash version [0-9a-f]{12}: 1 connection, [\s\S]*duplicate address[\s\S]*denvoy retry/,
  );
  assert.match(await on.out("retry listener clash"), /^listeners\/clash is sent again/);
  const { nodes } = JSON.parse(await on.out("inspect nodes --json"));
  assert.deepEqual(nodes.map(({ id, cluster }: Resource) => [id, cluster]), [["web-1", "web"]]);
  const gone = await on.run("inspect nodes web-2");
  assert.deepEqual(gone, {
    code: 1,
    out: "",
    error: 'error: no node with this id is connected: "web-2"\n',
  });
});

Deno.test("denvoy apply, diff, delete and rollback change what is served, and say what", async () => {
  await using on = await stage([staticCluster("front")]);
  const { files } = on;
  const served = `${on.folder.path}/served.yaml`;
  assert.equal(await on.out(`diff --path ${served} --exit-code`), "no differences\n");

  await files.write("red.yaml", fileText([staticCluster("red")], { cluster: "web" }));
  const planned = await on.out("apply red.yaml --dry-run");
  assert.match(planned, /^\+ clusters\/red \(nodes cluster=web\)\n--- \/dev\/null\n/);
  assert.match(planned, /\nnothing was changed; it would concern 1 connected node: web-1\n$/);
  assert.match(await on.out("apply red.yaml --summary red"), /\napplied as revision 2\n$/);
  assert.equal(await on.out("apply red.yaml"), "nothing to change\n");
  assert.match(await on.out("inspect revisions"), /\n2 +\d+s +\S+ +api +1 +red\n1 /);
  assert.match(await on.out("inspect revisions 2"), /\n\+ clusters\/red[\s\S]*\n\+name: red\n/);
  assert.match(await on.out("diff 1 2"), /^\+ clusters\/red/);

  const drift = await on.run(`diff --path ${served} --exit-code`);
  assert.deepEqual([drift.code, drift.out], [1, "- clusters/red (nodes cluster=web)\n"]);
  const list = await on.out("inspect resources cds");
  assert.match(list, /\nclusters +front +all +[0-9a-f]{12} +\S*served\.yaml:1\n/);
  assert.match(list, /\nclusters +red +cluster=web +[0-9a-f]{12} +api, /);
  const yaml = await on.out("inspect resources cluster red --nodes cluster=web");
  assert.match(yaml, /^"@type": .*Cluster\nname: red\n/);
  await files.write("again.yaml", yaml);
  assert.equal((await on.run("check again.yaml")).code, 0);

  const wide = await on.run("delete clusters red");
  assert.equal(wide.code, 1);
  assert.match(wide.error, /^error: .*only for cluster=web\n$/);
  assert.match(await on.out("delete clusters red --nodes cluster=web"), /^- clusters\/red/);
  assert.match(await on.out("rollback 2 --dry-run"), /^\+ clusters\/red[\s\S]*nothing was changed/);
  assert.match(await on.out("rollback 2"), /^\+ clusters\/red[\s\S]*applied as revision 4\n$/);
  assert.match((await on.run("delete clusters front")).error, /served\.yaml:1: delete it there\n$/);
  assert.match(
    await on.out("apply red.yaml served.yaml --prune --dry-run").catch(String),
    /served/,
  );
});

Deno.test("denvoy apply sends nothing when a file has an error, and tells them all", async () => {
  await using on = await stage([]);
  const bad = { ...staticCluster("bad"), conect_timeout: "1s" };
  const zero = { ...staticCluster("zero"), connect_timeout: "0s" };
  await on.files.write("bad.json", fileText([bad, zero, staticCluster("good")]));
  const run = await on.run("apply bad.json");
  assert.equal(run.code, 1);
  assert.match(
    run.error,
    /^error: nothing was sent: 2 problems\n {2}bad\.json:1:\d+: resources\[0\]/,
  );
  assert.match(
    run.error,
    /\n {2}bad\.json:1:\d+: resources\[1\]\.connect_timeout: must be greater/,
  );
  assert.equal(await on.out("inspect resources"), "nothing of that is served\n");
});

Deno.test("denvoy apply says how to insist on a reference that leads nowhere", async () => {
  await using on = await stage([]);
  const route = { match: { prefix: "/" }, route: { cluster: "nobody" } };
  const routes = {
    "@type": "type.googleapis.com/envoy.config.route.v3.RouteConfiguration",
    name: "web",
    virtual_hosts: [{ name: "all", domains: ["*"], routes: [route] }],
  };
  await on.files.write("routes.yaml", fileText([routes]));
  assert.deepEqual(await on.run("apply routes.yaml"), {
    code: 1,
    out: "",
    error: 'error: route config "web" references cluster "nobody", which does not exist\n' +
      "To have it nevertheless: --dangling warn\n",
  });
  const insisted = await on.run("apply routes.yaml --dangling warn");
  assert.equal(insisted.code, 0);
  assert.match(insisted.error, /^warning: route config "web" references cluster "nobody"/);
});

Deno.test("denvoy apply takes wrapped resources and secrets, which it never prints", async () => {
  await using on = await stage([]);
  const virtualHost = {
    "@type": SLOT,
    name: "web/shop example",
    ttl: "60s",
    resource: {
      "@type": "type.googleapis.com/envoy.config.route.v3.VirtualHost",
      name: "shop",
      domains: ["shop.example"],
    },
  };
  const secret = {
    "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret",
    name: "key",
    generic_secret: { secret: { inline_string: "quite-secret-indeed" } },
  };
  await on.files.write("all.yaml", fileText([virtualHost, secret]));
  const planned = await on.out("apply all.yaml --dry-run");
  assert.match(planned, /\[redacted\]/);
  assert.doesNotMatch(planned, /quite-secret/);
  assert.match(await on.out("apply all.yaml"), /applied as revision \d+\n$/);
  assert.equal(await on.out("diff --path all.yaml"), "no differences\n");
  assert.match(await on.out("inspect resources secret key"), /\[redacted\]/);
  const path = ["inspect", "resources", "virtual-hosts", "web/shop example"];
  const env = { DENVOY_SERVER: on.ads.httpUrl };
  const run = await runDenvoy(path, { env });
  assert.match(run.out, /\nname: shop\n/, run.error);
});

Deno.test("denvoy apply --rollout --wait goes on when the first nodes accept, else back", async () => {
  const port = freePort();
  const web = listener("web", { port, manager: inlineRoutes() });
  await using on = await stage([web]);
  await untilOut(on, "inspect nodes", /SYNCED 1 +SYNCED 0\n/);
  const flags = "--rollout id=web-1 --soak 100ms --wait";
  await on.files.write("good.yaml", fileText([staticCluster("good")]));
  const good = await on.run(`apply good.yaml ${flags}`);
  assert.equal(good.code, 0, good.error);
  assert.match(good.out, /^\+ clusters\/good\nstarted rollout-1; /);
  assert.equal(good.error, "rollout-1 promoted: accepted by 1 node\n");

  const clash = listener("clash", { port, manager: inlineRoutes() });
  await on.files.write("clash.yaml", fileText([clash]));
  const bad = await on.run(`apply clash.yaml ${flags}`);
  assert.equal(bad.code, 1);
  assert.match(bad.error, /^rollout-2 reverted: /);
  assert.match(
    await on.out("inspect rollouts"),
    /\nrollout-2 +reverted .*\nrollout-1 +promoted .* id=web-1 +1\/1 /,
  );

  await on.files.write("later.yaml", fileText([staticCluster("later")]));
  await on.out("apply later.yaml --rollout id=web-1 --soak 1h --rollout-timeout 2h");
  assert.match(await on.out("inspect rollouts rollout-3"), /^rollout-3 canary\nstarted \d+s ago/);
  assert.match(await on.out("rollout promote rollout-3"), /^rollout-3 promoted: /);
  assert.match((await on.run("rollout abort rollout-3")).error, /promoted already\n$/);
  const usage = await on.run("apply later.yaml --wait");
  assert.deepEqual([usage.code, usage.error], [
    2,
    "error: --wait needs --rollout: it says which nodes come first\n",
  ]);
});

Deno.test("denvoy inspect --watch goes on while the server restarts", async () => {
  await using on = await stage([cluster("front", "ads-delta")]);
  const address = on.ads.httpAddress;
  await using child = Child.start({
    name: "denvoy",
    command: Deno.execPath(),
    args: denvoyCommand([
      ...["inspect", "resources", "--watch", "--interval", "100ms", "--json"],
      ...["--server", on.ads.httpUrl],
    ]),
  });
  const shown = (name: string) => child.lines.some((line) => line.includes(`"name":"${name}"`));
  const detail = () => child.lastWords();
  await eventually(() => shown("front"), { what: "the cluster", withinMs: 20_000, detail });
  await on.ads.crash();
  await eventually(() => child.lines.some((line) => line.includes("cannot reach ads")), {
    what: "the loss to be told",
    detail,
  });
  await on.folder.write("more.yaml", fileText([staticCluster("more")]));
  await using _again = await startDenvoyAds({ resources: on.folder.path, httpAddress: address });
  await eventually(() => shown("more"), { what: "the new cluster", withinMs: 20_000, detail });
});

Deno.test("denvoy shows who it is: token, client certificate, trusted roots", async (t) => {
  const token = "0123456789abcdef-token";
  await using files = await TempFolder.create({ token: `# mine\n${token}\n` });
  const [cert = "", key = "", roots = ""] = ["server.pem", "server.key", "ca.pem"]
    .map(certificateFile);
  const tls = ["--tls-cert", cert, "--tls-key", key, "--client-ca", roots];
  const admin = ["--http-admin", "spiffe://denvoy.test/node/envoy-1"];
  await using ads = await startDenvoyAds({
    flags: [...tls, ...admin, "--http-token-file", files.file("token")],
    read: [cert, key, roots, files.path],
    waitReady: false,
  });
  const server = ["--server", `https://${ads.httpAddress}`];
  const own = ["--cert", certificateFile("client.pem"), "--key", certificateFile("client.key")];
  const table: readonly {
    readonly name: string;
    readonly flags: readonly string[];
    readonly code: number;
    readonly expected: RegExp;
  }[] = [
    {
      name: "with a token",
      flags: ["--ca", roots, "--token-file", files.file("token")],
      code: 0,
      expected: /^no node is connected\n$/,
    },
    {
      name: "with a certificate",
      flags: ["--ca", roots, ...own],
      code: 0,
      expected: /^no node is connected\n$/,
    },
    {
      name: "with neither",
      flags: ["--ca", roots],
      code: 1,
      expected: /^error: [\s\S]*--token-file FILE, or --cert and --key\.\n$/,
    },
    {
      name: "without the roots",
      flags: ["--token-file", files.file("token")],
      code: 3,
      expected: /^error: cannot reach ads at https:.*certificate/i,
    },
  ];
  for (const { name, flags, code, expected } of table) {
    await t.step(name, async () => {
      const run = await runDenvoy(["inspect", "nodes", ...server, ...flags]);
      assert.equal(run.code, code, run.error);
      assert.match(run.out + run.error, expected);
      assert.doesNotMatch(run.out + run.error, new RegExp(token));
    });
  }
});
