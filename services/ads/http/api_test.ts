// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { CLUSTER } from "../domain/resource_types.ts";
import { defaultRolloutRules } from "../domain/rollout.ts";
import { testNode } from "../domain/testing.ts";
import { ApiWorld } from "./testing.ts";

const CLUSTER_TYPE = `"@type": type.googleapis.com/envoy.config.cluster.v3.Cluster`;
const ROUTE_TYPE = `"@type": type.googleapis.com/envoy.config.route.v3.RouteConfiguration`;
const SECRET_TYPE = `"@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret`;
const WRAPPER_TYPE = `"@type": type.googleapis.com/envoy.service.discovery.v3.Resource`;
const front = `{${CLUSTER_TYPE}, name: front, connect_timeout: 1s}`;
const slowFront = `{${CLUSTER_TYPE}, name: front, connect_timeout: 9s}`;

function route(cluster: string): string {
  const routes = `[{match: {prefix: /}, route: {cluster: ${cluster}}}]`;
  return `{${ROUTE_TYPE}, name: r, virtual_hosts: [{name: v, domains: ["*"], routes: ${routes}}]}`;
}

Deno.test("PUT /v1/resources writes JSON, YAML and wrapped messages", async (t) => {
  await using world = await ApiWorld.start();
  const cases: readonly (readonly [string, unknown, number])[] = [
    ["PUT /v1/resources/clusters/a", { name: "a", connectTimeout: "2s" }, 200],
    ["PUT /v1/resources/clusters/a", "name: a\nconnect_timeout: 3s", 200],
    [
      "PUT /v1/resources/type.googleapis.com%2Fenvoy.config.cluster.v3.Cluster/a",
      { name: "a" },
      200,
    ],
    ["PUT /v1/resources/envoy.config.cluster.v3.Cluster/a", `{${CLUSTER_TYPE}, name: a}`, 200],
    [
      "PUT /v1/resources/clusters/a",
      `{${WRAPPER_TYPE}, name: a, ttl: 9s, resource: {${CLUSTER_TYPE}, name: a}}`,
      200,
    ],
    ["PUT /v1/resources/clusters/a", `resources: [{${CLUSTER_TYPE}, name: a}]`, 200],
    [
      "PUT /v1/resources/virtual-hosts/r/v",
      `{${WRAPPER_TYPE}, name: r/v, resource: {"@type": type.googleapis.com/envoy.config.route.v3.VirtualHost, name: v, domains: [x]}}`,
      200,
    ],
    ["PUT /v1/resources/clusters/a", { name: "b" }, 400],
    ["PUT /v1/resources/clusters/a", { name: "a", tpe: "EDS" }, 400],
    ["PUT /v1/resources/clusters/a", { name: "a", connect_timeout: "-1s" }, 400],
    ["PUT /v1/resources/clusters/a", route("a"), 400],
    ["PUT /v1/resources/clusters/a", "resources: []", 400],
    ["PUT /v1/resources/things/a", { name: "a" }, 404],
  ];
  for (const [request, body, status] of cases) {
    await t.step(`${request} ${JSON.stringify(body)}`, async () => {
      const answer = await world.call(request, body);
      assert.equal(answer.status, status, answer.text);
      if (status === 200) assert.match(String(answer.at("result")), /applied|unchanged/);
      else assert.ok(answer.at("error.message"));
    });
  }
});

Deno.test("GET /v1/resources shows what is served and from where", async (t) => {
  await using world = await ApiWorld.start(`nodes: {cluster: x}\nresources: [${slowFront}]`);
  await world.call("PUT /v1/resources/clusters/front", front);
  await world.call("PUT /v1/clusters/eds/endpoints/e1", { address: "10.0.0.1", port: 80 });
  await t.step("in a list", async () => {
    const answer = await world.call("GET /v1/resources");
    assert.equal(answer.at("resources.0.name"), "front");
    assert.equal(answer.at("resources.0.owner"), "files");
    assert.equal(answer.at("resources.0.file"), "a.yaml:2");
    assert.deepEqual(answer.at("resources.0.nodes"), [{ cluster: ["x"] }]);
    assert.equal(answer.at("resources.1.owner"), "api");
    assert.equal(answer.at("resources.1.who"), "anonymous");
    assert.equal(answer.at("resources.2.type"), "endpoints");
    assert.equal(answer.at("resources.2.registeredEndpoints"), 1);
  });
  await t.step("filtered and by pages", async () => {
    for (const name of ["b1", "b2", "b3"]) {
      await world.call(`PUT /v1/resources/clusters/${name}`, { name });
    }
    const page = await world.call("GET /v1/resources?type=clusters&name=b*&limit=2");
    assert.deepEqual(page.at("resources.length"), 2);
    const next = encodeURIComponent(String(page.at("next")));
    const rest = await world.call(`GET /v1/resources?type=clusters&name=b*&limit=2&after=${next}`);
    assert.equal(rest.at("resources.0.name"), "b3");
    assert.equal(rest.at("next"), undefined);
    const files = await world.call("GET /v1/resources?owner=files");
    assert.equal(files.at("resources.length"), 1);
  });
  await t.step("alone, as JSON and YAML, by nodes", async () => {
    const json = await world.call("GET /v1/resources/clusters/front");
    assert.equal(json.at("resource.connect_timeout"), "1s");
    const yaml = await world.call("GET /v1/resources/clusters/front?nodes=cluster=x", undefined, {
      accept: "application/yaml",
    });
    assert.match(yaml.text, /connect_timeout: 9s/);
    const missing = await world.call("GET /v1/resources/clusters/front?nodes=cluster=y");
    assert.equal(missing.status, 404);
    assert.match(missing.text, /only for cluster=x; every node/);
  });
  await t.step("with the endpoints that registered", async () => {
    const answer = await world.call("GET /v1/resources/endpoints/eds");
    const path = "resource.endpoints.0.lb_endpoints.0.endpoint.address.socket_address.address";
    assert.equal(answer.at(path), "10.0.0.1");
  });
  await t.step("not again when it is known", async () => {
    const first = await world.call("GET /v1/resources/clusters/front");
    const headers = { "if-none-match": first.headers.get("etag") ?? "" };
    assert.equal(
      (await world.call("GET /v1/resources/clusters/front", undefined, headers)).status,
      304,
    );
  });
});

Deno.test("answers of the API never hold key material", async () => {
  await using world = await ApiWorld.start();
  const secret = (key: string) =>
    `{${SECRET_TYPE}, name: s, tls_certificate: {certificate_chain: {inline_string: CHAIN}, ` +
    `private_key: {inline_string: ${key}}}}`;
  const put = "PUT /v1/resources/secrets/s";
  const accept = { accept: "application/yaml" };
  const answers = [
    await world.call(put, secret("hush-1")),
    await world.call(`${put}?dryRun`, secret("hush-2")),
    await world.call(put, secret("hush-2")),
    await world.call("GET /v1/resources/secrets/s"),
    await world.call("GET /v1/resources/secrets/s", undefined, accept),
    await world.call("GET /v1/revisions/2?diff"),
    await world.call("GET /v1/diff", undefined, { accept: "text/plain" }),
    await world.call(put, secret("hush-3").replace("inline_string: hush", "inline_strng: hush")),
  ];
  for (const { text } of answers) assert.doesNotMatch(text, /hush/);
  assert.match(answers[3]?.text ?? "", /CHAIN/);
});

Deno.test("writes keep to versions, references and rollouts under way", async (t) => {
  await using world = await ApiWorld.start();
  const put = "PUT /v1/resources/clusters/front";
  await t.step("If-None-Match: *", async () => {
    assert.equal((await world.call(put, front, { "if-none-match": "*" })).status, 200);
    assert.equal((await world.call(put, front, { "if-none-match": "*" })).status, 412);
  });
  await t.step("If-Match", async () => {
    const etag = (await world.call("GET /v1/resources/clusters/front")).headers.get("etag") ?? "";
    assert.equal((await world.call(put, slowFront, { "if-match": '"other"' })).status, 412);
    assert.equal((await world.call(put, slowFront, { "if-match": etag })).status, 200);
    assert.equal((await world.call(put, front, { "if-match": etag })).status, 412);
    assert.equal((await world.call(put, front, { "if-match": "nonsense" })).status, 400);
  });
  await t.step("references", async () => {
    const refused = await world.call("PUT /v1/resources/routes/r", route("gone"));
    assert.equal(refused.status, 422);
    assert.match(String(refused.at("error.problems.0.message")), /references cluster "gone"/);
    const warned = await world.call("PUT /v1/resources/routes/r?dangling=warn", route("gone"));
    assert.equal(warned.at("warnings.0.severity"), "warning");
    assert.equal((await world.call("GET /v1/consistency")).at("problems.length"), 1);
    assert.equal((await world.call("PUT /v1/resources/routes/r", route("front"))).status, 200);
    assert.equal((await world.call("DELETE /v1/resources/clusters/front")).status, 422);
  });
  await t.step("a rollout", async () => {
    const started = await world.call(`${put}?rollout=id=edge-*&soak=1s`, front);
    assert.equal(started.status, 202);
    const id = started.at("rollout.id");
    assert.equal((await world.call(put, slowFront)).status, 409);
    const edge = world.config.views.peek(testNode("edge-1")).get(CLUSTER, "front");
    assert.notEqual(
      edge?.version,
      world.config.views.peek(testNode("x")).get(CLUSTER, "front")?.version,
    );
    assert.equal((await world.call(`GET /v1/rollouts/${id}`)).at("status"), "canary");
    assert.equal((await world.call(`POST /v1/rollouts/${id}/promote`)).at("status"), "promoted");
    assert.equal((await world.call(`POST /v1/rollouts/${id}/abort`)).status, 400);
    assert.equal((await world.call("GET /v1/rollouts")).at("rollouts.length"), 1);
    assert.equal((await world.call("POST /v1/rollouts/rollout-9/abort")).status, 404);
    assert.equal((await world.call(`${put}?rollout=nonsense`, front)).status, 400);
  });
  await t.step("a rollout that nobody decides ends by itself", async () => {
    await world.call(`${put}?rollout=id=nobody`, slowFront);
    world.clock.advance(defaultRolloutRules.timeoutMs);
    world.config.tick();
    assert.equal((await world.call("GET /v1/rollouts")).at("rollouts.0.status"), "reverted");
  });
});

Deno.test("DELETE /v1/resources deletes what the API wrote, and nothing else", async () => {
  await using world = await ApiWorld.start(`resources: [${slowFront}]`);
  await world.call("PUT /v1/resources/clusters/front", front);
  assert.equal((await world.call("DELETE /v1/resources/clusters/front")).status, 200);
  const below = await world.call("GET /v1/resources/clusters/front");
  assert.equal(below.at("resource.connect_timeout"), "9s");
  const file = await world.call("DELETE /v1/resources/clusters/front");
  assert.equal(file.status, 409);
  assert.match(file.text, /as it is of a\.yaml:1: delete it there/);
  assert.equal((await world.call("DELETE /v1/resources/clusters/none")).status, 404);
});

Deno.test("POST /v1/apply writes all or nothing", async (t) => {
  await using world = await ApiWorld.start();
  await t.step("together", async () => {
    const both = `resources: [${route("front")}, ${front}]`;
    const plan = await world.call("POST /v1/apply?dryRun", both);
    assert.equal(plan.at("result"), "planned");
    assert.match(String(plan.at("changes.0.diff")), /^--- \/dev\/null\n\+\+\+ routes\/r /);
    assert.equal((await world.call("GET /v1/resources")).at("resources.length"), 0);
    assert.equal((await world.call("POST /v1/apply", both)).at("changes.length"), 2);
  });
  await t.step("nothing, with every error and its place", async () => {
    const bad =
      `resources:\n- ${front}\n- {${CLUSTER_TYPE}, nam: x}\n- {${CLUSTER_TYPE}, name: y, z: 1}`;
    const answer = await world.call("POST /v1/apply", bad);
    assert.equal(answer.status, 400);
    assert.deepEqual([answer.at("error.problems.0.line"), answer.at("error.problems.1.line")], [
      3,
      4,
    ]);
    const twice = await world.call("POST /v1/apply", `resources: [${front}, ${front}]`);
    assert.match(twice.text, /is given twice/);
  });
  await t.step("for some nodes", async () => {
    await world.call("POST /v1/apply", `nodes: {id: edge}\nresources: [${slowFront}]`);
    const answer = await world.call("GET /v1/resources/clusters/front?nodes=id=edge");
    assert.equal(answer.at("resource.connect_timeout"), "9s");
    await world.call("POST /v1/apply?nodes=id=edge&delete=clusters/front", "resources: []");
  });
  await t.step("and deletes", async () => {
    await world.call("PUT /v1/resources/clusters/old", { name: "old" });
    const answer = await world.call("POST /v1/apply?delete=clusters/old", "resources: []");
    assert.equal(answer.at("changes.0.what"), "removed");
    const pruned = await world.call("POST /v1/apply?prune", `resources: [${front}]`);
    assert.deepEqual([pruned.at("changes.length"), pruned.at("changes.0.name")], [1, "r"]);
  });
});

Deno.test("revisions tell who changed what, and lead back", async () => {
  await using world = await ApiWorld.start();
  await world.call("PUT /v1/resources/clusters/front?summary=first", front);
  await world.call("PUT /v1/resources/clusters/front", slowFront);
  const list = await world.call("GET /v1/revisions?type=clusters&name=front");
  assert.deepEqual([list.at("revisions.length"), list.at("current"), list.at("oldest")], [2, 2, 1]);
  assert.equal(list.at("revisions.1.summary"), "first");
  assert.equal(list.at("revisions.0.summary"), 'put cluster "front"');
  const text = await world.call("GET /v1/diff?from=1&to=2", undefined, { accept: "text/plain" });
  assert.match(text.text, /-connect_timeout: 1s\n\+connect_timeout: 9s/);
  const back = await world.call("GET /v1/diff?from=2&to=1");
  assert.match(String(back.at("changes.0.diff")), /-connect_timeout: 9s\n\+connect_timeout: 1s/);
  assert.equal((await world.call("GET /v1/diff?from=1&to=7")).status, 404);
  const plan = await world.call("POST /v1/revisions/1/rollback?dryRun");
  assert.equal(plan.at("result"), "planned");
  const done = await world.call("POST /v1/revisions/1/rollback");
  assert.equal(done.at("revision.source"), "rollback");
  const now = await world.call("GET /v1/resources/clusters/front");
  assert.equal(now.at("resource.connect_timeout"), "1s");
  assert.equal((await world.call("POST /v1/revisions/99/rollback")).status, 422);
  assert.equal((await world.call("GET /v1/revisions/x")).status, 400);
  assert.equal((await world.call("GET /v1/revisions/99")).status, 404);
});

Deno.test("endpoints register, renew, change and leave", async (t) => {
  await using world = await ApiWorld.start();
  const path = "/v1/clusters/a%2Fb/endpoints/e1";
  await t.step("registered", async () => {
    const body = { address: "10.0.0.1", port: 80, locality: { zone: "z" }, ttl: "10s" };
    const answer = await world.call(`PUT ${path}`, body);
    assert.equal(answer.status, 200, answer.text);
    assert.deepEqual([answer.at("cluster"), answer.at("weight"), answer.at("ttl")], [
      "a/b",
      1,
      "10s",
    ]);
    assert.match(String(answer.at("warnings.0.message")), /no cluster has its endpoints/);
    assert.equal(answer.at("expiresAt"), "2026-01-01T00:00:10.000Z");
  });
  await t.step("renewed", async () => {
    world.clock.advance(5000);
    const answer = await world.call(`POST ${path}/heartbeat`);
    assert.equal(answer.at("expiresAt"), "2026-01-01T00:00:15.000Z");
  });
  await t.step("changed", async () => {
    const answer = await world.call(`PATCH ${path}`, { health: "draining", weight: 5 });
    assert.deepEqual([answer.at("health"), answer.at("weight"), answer.at("port")], [
      "draining",
      5,
      80,
    ]);
    assert.equal(answer.at("locality.zone"), "z");
  });
  await t.step("judged by health checkers", async () => {
    const endpoints = [{ cluster: "a/b", address: "10.0.0.1", port: 80, health: "unhealthy" }];
    assert.equal((await world.call("PUT /v1/endpoint-health", { endpoints })).status, 204);
    assert.equal((await world.call(`GET ${path}`)).at("verdict"), "unhealthy");
    await using other = await ApiWorld.start();
    const instances = await Promise.all(
      [world, world, other].map(async (one) =>
        (await one.call("GET /v1/endpoint-health")).at("instance")
      ),
    );
    assert.equal(instances[0], instances[1]);
    assert.notEqual(instances[0], instances[2], "one for each start");
  });
  await t.step("listed", async () => {
    await world.call("PUT /v1/clusters/c/endpoints/e2", { address: "10.0.0.2", port: 81 });
    assert.equal((await world.call("GET /v1/clusters/c/endpoints")).at("endpoints.length"), 1);
    const page = await world.call("GET /v1/endpoints?limit=1");
    const after = encodeURIComponent(String(page.at("next")));
    assert.equal((await world.call(`GET /v1/endpoints?after=${after}`)).at("endpoints.0.id"), "e2");
  });
  await t.step("gone by themselves", async () => {
    world.clock.advance(10_000);
    world.config.tick();
    assert.equal((await world.call(`POST ${path}/heartbeat`)).status, 404);
  });
  await t.step("gone by hand", async () => {
    assert.equal((await world.call("DELETE /v1/clusters/c/endpoints/e2")).status, 204);
    assert.equal((await world.call("DELETE /v1/clusters/c/endpoints/e2")).status, 404);
    assert.equal((await world.call("PATCH /v1/clusters/c/endpoints/e2", {})).status, 404);
  });
});

Deno.test("endpoints are refused with every flaw of what they say", async () => {
  await using world = await ApiWorld.start();
  const path = "/v1/clusters/c/endpoints/e1";
  const answer = await world.call(`PUT ${path}`, {
    adress: "x",
    port: 0,
    weight: 0.5,
    locality: { zone: 1 },
    health: "fine",
    ttl: "1ms",
    metadata: { a: 1 },
  });
  assert.equal(answer.status, 400);
  const problems = answer.at("error.problems");
  assert.ok(Array.isArray(problems));
  assert.deepEqual(problems.map(({ path }) => path), [
    "adress",
    "address",
    "port",
    "weight",
    "locality.zone",
    "metadata",
    "health",
    "ttl",
  ]);
  const bad = { endpoints: [{ cluster: "c", address: "a", port: 1, health: "?" }] };
  assert.match((await world.call("PUT /v1/endpoint-health", bad)).text, /endpoints\[0\]\.health/);
});

interface Line {
  readonly event: string;
  readonly id?: string;
  readonly data: { readonly changes?: readonly { readonly name: string }[] };
}

/** Reads lines of a watch until there are `count`. */
async function readLines(response: Response, count: number): Promise<readonly Line[]> {
  const lines: Line[] = [];
  let text = "";
  const decoder = new TextDecoder();
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk, { stream: true });
    const parts = text.split("\n");
    text = parts.pop() ?? "";
    for (const part of parts) if (part.trim() !== "") lines.push(JSON.parse(part));
    if (lines.length >= count) break;
  }
  return lines;
}

Deno.test("GET /v1/watch tells of changes, from any revision that is kept", async (t) => {
  await using world = await ApiWorld.start();
  await world.call("PUT /v1/resources/clusters/front", front);
  await t.step("missed ones first", async () => {
    const watch = await world.fetch("/v1/watch?from=0");
    const lines = readLines(watch, 4);
    await world.call("PUT /v1/clusters/front/endpoints/e1", { address: "10.0.0.1", port: 80 });
    await world.call("PUT /v1/resources/clusters/front", slowFront);
    assert.deepEqual((await lines).map(({ event, id }) => [event, id]), [
      ["revision", "1"],
      ["ready", "1"],
      ["endpoint", undefined],
      ["revision", "2"],
    ]);
  });
  await t.step("filtered", async () => {
    const watch = await world.fetch("/v1/watch?type=clusters&name=other");
    const lines = readLines(watch, 2);
    await world.call("PUT /v1/resources/clusters/front", front);
    await world.call("DELETE /v1/clusters/front/endpoints/e1");
    await world.call("PUT /v1/resources/clusters/other", { name: "other" });
    const [, change] = await lines;
    assert.deepEqual(change?.data.changes?.map(({ name }) => name), ["other"]);
  });
  await t.step("from a revision that is no longer kept", async () => {
    for (let index = 0; index < 12; index++) {
      await world.call("PUT /v1/resources/clusters/front", index % 2 ? front : slowFront);
    }
    const answer = await world.call("GET /v1/watch?from=1");
    assert.equal(answer.status, 410);
  });
});
