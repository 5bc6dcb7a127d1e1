// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { formatProblem } from "@denvoy/base";
import { checkFiles } from "./file_check.ts";

const CLUSTER = `"@type": type.googleapis.com/envoy.config.cluster.v3.Cluster`;
function routeTo(cluster: string): string {
  return `
- "@type": type.googleapis.com/envoy.config.route.v3.RouteConfiguration
  name: web
  virtual_hosts:
  - { name: all, domains: ["*"], routes: [{ match: { prefix: / }, route: { cluster: ${cluster} } }] }
`;
}

function check(files: Readonly<Record<string, string>>, policy: "warn" | "strict" = "warn") {
  const result = checkFiles(new Map(Object.entries(files)), policy);
  const lines = result.problems.map((one) => `${one.severity}: ${formatProblem(one)}`);
  return { ...result, lines };
}

Deno.test("checkFiles() finds nothing in files that fit together", () => {
  const files = {
    "clusters.yaml": `resources:\n- { ${CLUSTER}, name: a, connect_timeout: 1s }`,
    "routes.yaml": `resources:${routeTo("a")}`,
  };
  const { lines, drafts } = check(files, "strict");
  assert.deepEqual(lines, []);
  assert.equal(drafts.get("routes.yaml")?.length, 1);
});

Deno.test("checkFiles() reports errors of every kind at once, by file and place", () => {
  const { lines } = check({
    "b.yaml": `resources:${routeTo("nobody")}- { ${CLUSTER}, name: a }`,
    "a.yaml": `resources:\n- { ${CLUSTER}, name: a }\n- { ${CLUSTER}, name: x, nmae: y }\n` +
      `- { ${CLUSTER}, name: z, connect_timeout: 0s }`,
  });
  const typeEnd = `  envoy.config.cluster.v3.Cluster has no field "nmae"`.trim();
  assert.deepEqual(lines.map((line) => line.replace(/:\d+: /, ": ").split(" (")[0]), [
    'error: a.yaml: cluster "a" is given twice, also at b.yaml:6',
    `error: a.yaml:3: resources[1].nmae: ${typeEnd}`,
    "error: a.yaml:4: resources[2].connect_timeout: must be greater than 0s: value is 0s",
    'warning: b.yaml: route config "web" references cluster "nobody", which does not exist',
  ]);
});

Deno.test("checkFiles() follows references to resources that have errors themselves", async (t) => {
  const table: Readonly<Record<string, string>> = {
    "plain": `- { ${CLUSTER}, name: a, nmae: y }`,
    "in a wrapper": `- { "@type": type.googleapis.com/envoy.service.discovery.v3.Resource, ` +
      `name: a, resource: { ${CLUSTER}, nmae: y } }`,
  };
  for (const [name, broken] of Object.entries(table)) {
    await t.step(name, () => {
      const { lines } = check({ "a.yaml": `resources:\n${broken}${routeTo("a")}` }, "strict");
      assert.equal(lines.length, 1);
      assert.match(lines[0] ?? "", /has no field "nmae"/);
    });
  }
});

Deno.test("checkFiles() does not guess about references while a file cannot be parsed", () => {
  const files = { "a.yaml": "resources: [}", "b.yaml": `resources:${routeTo("a")}` };
  const { lines, referencesUnknown } = check(files, "strict");
  assert.equal(referencesUnknown, true);
  assert.equal(lines.length, 1);
  assert.match(lines[0] ?? "", /^error: a\.yaml:1:13: /);
});

Deno.test("checkFiles() finds selectors between which nothing decides", () => {
  const given = (nodes: string) =>
    `nodes: ${nodes}\nresources:\n- { ${CLUSTER}, name: a, connect_timeout: 1s }`;
  const files = {
    "a.yaml": given("{ metadata: { x: 1 } }"),
    "b.yaml": given("{ metadata: { y: 1 } }"),
  };
  assert.match(check(files).lines.join(), /a node could be both/);
});
