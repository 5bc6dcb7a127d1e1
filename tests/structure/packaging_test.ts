// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { capture, envoyRelease, repositoryRoot } from "@denvoy/tools/real_parts";
import { servicePorts } from "@denvoy/tools/service_permissions";
import { composeBreaches, composeOver } from "./compose_rules.ts";

function read(path: string): string {
  return Deno.readTextFileSync(join(repositoryRoot, path));
}

function existsHere(path: string): boolean {
  return existsSync(join(repositoryRoot, path));
}

Deno.test("compose.yaml is well formed and everything it names is there", () => {
  assert.deepEqual(composeBreaches(parse(read("compose.yaml")), { exists: existsHere }), []);
});

Deno.test("compose.mtls.yaml is well formed over compose.yaml, and nothing in it is insecure but hds", () => {
  const merged = composeOver(parse(read("compose.yaml")), parse(read("compose.mtls.yaml")));
  assert.deepEqual(composeBreaches(merged, { exists: existsHere }), []);
  const services = merged.services as Readonly<
    Record<string, { readonly command?: readonly string[] }>
  >;
  for (const name of ["ads", "sds"]) {
    assert.ok(!services[name]?.command?.includes("--insecure"), name);
  }
});

const dockerCompose = await capture("docker", ["compose", "version"]);
Deno.test({
  name: "compose.yaml is accepted by docker compose config (where docker compose is installed)",
  ignore: dockerCompose.code !== 0,
  fn: async () => {
    const file = join(repositoryRoot, "compose.yaml");
    const over = join(repositoryRoot, "compose.mtls.yaml");
    for (const files of [["-f", file], ["-f", file, "-f", over]]) {
      const result = await capture("docker", ["compose", ...files, "config", "--quiet"]);
      assert.equal(result.code, 0, result.stderr);
    }
  },
});

Deno.test("compose.yaml runs every service", () => {
  const { services } = parse(read("compose.yaml"));
  const missing = Object.keys(servicePorts).filter((name) => services[name] === undefined);
  assert.deepEqual(missing, []);
});

Deno.test("every service has its permissions written down", () => {
  const folders = Array.from(Deno.readDirSync(join(repositoryRoot, "services")))
    .map(({ name }) => name).filter((name) => existsHere(`services/${name}/main.ts`));
  assert.deepEqual(folders.filter((name) => !Object.hasOwn(servicePorts, name)), []);
});

Deno.test("one version of Deno is used everywhere", () => {
  const versions = [".ci/run", "Dockerfile", "compose.yaml", "CONTRIBUTING.md"].flatMap((path) =>
    Array.from(read(path).matchAll(/\bdeno[@:](\d+\.\d+\.\d+)/g), ([, version]) => version)
  );
  assert.deepEqual([...new Set(versions)], ["2.9.5"]);
});

Deno.test("one version of Envoy is used everywhere", () => {
  const { services } = parse(read("compose.yaml"));
  assert.equal(services.envoy.image, `envoyproxy/envoy:v${envoyRelease.version}`);
});

Deno.test("Dockerfile runs as a user that is not root, with the tested permissions", () => {
  const dockerfile = read("Dockerfile");
  assert.match(dockerfile, /^USER deno$/m);
  assert.match(dockerfile, /tools\/image\/entrypoint\.ts \$\{SERVICE\} \/app/);
  assert.match(dockerfile, /^ENTRYPOINT \["\/app\/start"\]$/m);
  assert.doesNotMatch(dockerfile, /allow-all| -A\b/);
});

const good = {
  services: {
    ads: {
      build: { context: ".", args: { SERVICE: "ads" } },
      volumes: ["./examples:/etc/x:ro", "data:/var/lib/denvoy"],
      ports: ["127.0.0.1:1:1"],
    },
    envoy: { image: "envoyproxy/envoy:v1.40.0", command: ["-c", "x"], depends_on: ["ads"] },
  },
  volumes: { data: {} },
};

function withEnvoy(fields: Readonly<Record<string, unknown>>): unknown {
  return { ...good, services: { ...good.services, envoy: { ...good.services.envoy, ...fields } } };
}

const rows: Readonly<Record<string, readonly [compose: unknown, breaches: readonly string[]]>> = {
  "takes a good one": [good, []],
  "refuses a list": [[], ["compose.yaml must be a mapping"]],
  "refuses no services": [{ services: {} }, ["services must not be empty"]],
  "refuses unknown keys": [
    { ...withEnvoy({ imagee: 1 }) as object, networks: {} },
    ["compose.yaml has the unknown key networks", "envoy has the unknown key imagee"],
  ],
  "refuses an image without an exact version": [
    withEnvoy({ image: "envoy:latest" }),
    ["envoy.image must have an exact version: it is envoy:latest"],
  ],
  "refuses neither image nor build": [
    withEnvoy({ image: undefined }),
    [
      "envoy must have an image or a build",
      "envoy.image must have an exact version: it is undefined",
    ],
  ],
  "refuses to build a service that is not there": [
    withEnvoy({ image: undefined, build: { context: ".", args: { SERVICE: "no" } } }),
    ["envoy.build needs services/no/main.ts, which is not there"],
  ],
  "refuses mounts of what is not there": [
    withEnvoy({ volumes: ["./no:/x", "no:/x", "./examples:x"] }),
    [
      "envoy mounts ./no, which is not there",
      "envoy mounts no, which is not there",
      "envoy must mount ./examples:x at an absolute path",
    ],
  ],
  "refuses ports beyond loopback, and twice": [
    withEnvoy({ ports: ["10000:10000", "127.0.0.1:1:2"] }),
    ["envoy must publish 10000:10000 on 127.0.0.1", "envoy publishes port 1 a second time"],
  ],
  "refuses to depend on nobody": [
    withEnvoy({ depends_on: { sds: {} } }),
    ["envoy depends on sds, which is no service"],
  ],
  "refuses a command for a shell": [
    withEnvoy({ command: "-c x" }),
    ["envoy.command must be a list of strings"],
  ],
};
for (const [name, [compose, breaches]] of Object.entries(rows)) {
  Deno.test(`composeBreaches() ${name}`, () => {
    const exists = (path: string) => !path.includes("no");
    assert.deepEqual(composeBreaches(compose, { exists }), breaches);
  });
}
