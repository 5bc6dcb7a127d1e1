// SPDX-License-Identifier: Apache-2.0
/**
 * Rules about compose.yaml that hold without a Docker daemon: a subset of the Compose schema, and
 * that everything it names is there.
 * @module
 */

/** What a rule needs to know of the repository. */
export interface Repository {
  /** Tells whether there is a file or folder at a path relative to the root. */
  readonly exists: (path: string) => boolean;
}

type Fields = Readonly<Record<string, unknown>>;

/** Returns what `docker compose -f base -f over` reads: lists of mounts by target, maps by key, the rest replaced. */
export function composeOver(base: Fields, over: Fields): Fields {
  return {
    ...base,
    ...over,
    ...bothMaps("volumes", base, over),
    services: merge(base.services, over.services, (one, other) => ({
      ...one,
      ...other,
      ...bothMaps("environment", one, other),
      ...bothMaps("depends_on", one, other),
      volumes: [
        ...new Map(
          [...strings(one.volumes), ...strings(other.volumes)].map((
            each,
          ) => [each.split(":")[1], each]),
        ).values(),
      ],
    })),
  };
}

function bothMaps(key: string, base: Fields, over: Fields): Fields {
  if (base[key] === undefined && over[key] === undefined) return {};
  return { [key]: { ...base[key] ?? {}, ...over[key] ?? {} } };
}

function merge(
  base: unknown,
  over: unknown,
  both: (one: Fields, other: Fields) => Fields,
): Fields {
  const result: Record<string, unknown> = isFields(base) ? { ...base } : {};
  for (const [name, other] of Object.entries(isFields(over) ? over : {})) {
    const one = result[name];
    result[name] = isFields(one) && isFields(other) ? both(one, other) : other;
  }
  return result;
}

const topKeys: ReadonlySet<string> = new Set(["name", "services", "volumes"]);

const serviceKeys: ReadonlySet<string> = new Set([
  ...["build", "image", "command", "volumes", "ports", "restart", "depends_on", "environment"],
  ...["user", "read_only", "cap_drop", "security_opt", "entrypoint"],
]);

/** Returns everything that is wrong with a parsed compose.yaml, one line each. */
export function composeBreaches(compose: unknown, repository: Repository): readonly string[] {
  if (!isFields(compose)) return ["compose.yaml must be a mapping"];
  const services = isFields(compose.services) ? compose.services : {};
  const volumes = isFields(compose.volumes) ? Object.keys(compose.volumes) : [];
  return [
    ...unknownKeys("compose.yaml", compose, topKeys),
    ...(Object.keys(services).length === 0 ? ["services must not be empty"] : []),
    ...Object.entries(services).flatMap(([name, service]) => {
      const context = { name, services, volumes, repository };
      return isFields(service) ? serviceBreaches(service, context) : [`${name} must be a mapping`];
    }),
    ...portBreaches(services),
  ];
}

interface ServiceContext {
  readonly name: string;
  readonly services: Fields;
  readonly volumes: readonly string[];
  readonly repository: Repository;
}

function serviceBreaches(service: Fields, context: ServiceContext): readonly string[] {
  const { name } = context;
  const isBuilt = service.build !== undefined;
  return [
    ...unknownKeys(name, service, serviceKeys),
    ...(isBuilt === (service.image !== undefined) ? [`${name} must have an image or a build`] : []),
    ...(isBuilt ? buildBreaches(service.build, context) : imageBreaches(service.image, name)),
    ...strings(service.volumes).flatMap((volume) => volumeBreaches(volume, context)),
    ...dependencyBreaches(service.depends_on, context),
    ...commandBreaches(service.command, name),
  ];
}

function buildBreaches(build: unknown, { name, repository }: ServiceContext): readonly string[] {
  if (!isFields(build) || !isFields(build.args)) return [`${name}.build must have args`];
  const dockerfile = `${build.context}/${build.dockerfile ?? "Dockerfile"}`;
  const main = `services/${build.args.SERVICE}/main.ts`;
  return [dockerfile, main].filter((path) => !repository.exists(path))
    .map((path) => `${name}.build needs ${path}, which is not there`);
}

function imageBreaches(image: unknown, name: string): readonly string[] {
  if (typeof image === "string" && /^[\w./-]+:v?\d+\.\d+\.\d+$/.test(image)) return [];
  return [`${name}.image must have an exact version: it is ${image}`];
}

function volumeBreaches(volume: string, context: ServiceContext): readonly string[] {
  const { name, volumes, repository } = context;
  const [source = "", target = ""] = volume.split(":");
  if (!target.startsWith("/")) return [`${name} must mount ${volume} at an absolute path`];
  const isKnown = source.startsWith(".") ? repository.exists(source) : volumes.includes(source);
  return isKnown ? [] : [`${name} mounts ${source}, which is not there`];
}

function dependencyBreaches(dependencies: unknown, context: ServiceContext): readonly string[] {
  const names = isFields(dependencies) ? Object.keys(dependencies) : strings(dependencies);
  return names.filter((name) => !Object.hasOwn(context.services, name))
    .map((name) => `${context.name} depends on ${name}, which is no service`);
}

function commandBreaches(command: unknown, name: string): readonly string[] {
  const isList = Array.isArray(command) && command.every((part) => typeof part === "string");
  return command === undefined || isList ? [] : [`${name}.command must be a list of strings`];
}

/** Published ports are on loopback and each is published once. */
function portBreaches(services: Fields): readonly string[] {
  const seen = new Set<string>();
  return Object.entries(services).flatMap(([name, service]) =>
    strings(isFields(service) ? service.ports : undefined).flatMap((port) => {
      const match = /^127\.0\.0\.1:(\d+):\d+$/.exec(port);
      if (match === null) return [`${name} must publish ${port} on 127.0.0.1`];
      const [, host = ""] = match;
      if (seen.has(host)) return [`${name} publishes port ${host} a second time`];
      seen.add(host);
      return [];
    })
  );
}

function unknownKeys(where: string, fields: Fields, known: ReadonlySet<string>): readonly string[] {
  return Object.keys(fields).filter((key) => !known.has(key))
    .map((key) => `${where} has the unknown key ${key}`);
}

function strings(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.map(String) : [];
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
