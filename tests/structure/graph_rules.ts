// SPDX-License-Identifier: Apache-2.0
/**
 * Rules about the import graph. Each returns the breaches that it finds, one line each.
 * @module
 */
import { allowedImports, isTest, layerOf, npmHomes, packageOf } from "./layers.ts";
import type { Module, ModuleImport } from "./module_graph.ts";

/** Every import leads to a module that can be read. */
export function missingBreaches(modules: readonly Module[]): readonly string[] {
  return modules.flatMap(({ path, imports }) =>
    imports.filter(({ target }) => target.kind === "missing")
      .map(({ specifier }) => `${path} imports ${specifier}, which cannot be read`)
  );
}

/** A layer imports only what `allowedImports` says; nothing but tests imports tests and tools. */
export function layerBreaches(modules: readonly Module[]): readonly string[] {
  return eachFileImport(modules, (from, to) => {
    if (isTest(from) || layerOf(from) === "free") return undefined;
    if (isTest(to)) return "which is for tests only";
    const [importer, imported] = [layerOf(from), layerOf(to)];
    if (importer === imported || allowedImports[importer].includes(imported)) return undefined;
    return `but ${importer} must not import ${imported}`;
  });
}

/** Services meet over Envoy's APIs or each other's HTTP API. */
export function serviceBreaches(modules: readonly Module[]): readonly string[] {
  return eachFileImport(modules, (from, to) => {
    if (!from.startsWith("services/") || !to.startsWith("services/")) return undefined;
    if (packageOf(from) === packageOf(to)) return undefined;
    return "but a service must not import another";
  });
}

/** Packages import each other by name, and themselves by relative path. */
export function specifierBreaches(modules: readonly Module[]): readonly string[] {
  return eachFileImport(modules, (from, to, { specifier }) => {
    const isRelative = specifier.startsWith(".");
    if (packageOf(from) === packageOf(to)) {
      return isRelative ? undefined : `as ${specifier}, but must use a relative path`;
    }
    // These are no products: tests and benches beside them may reach into them.
    const isReachable = ["tools", "benches"].includes(packageOf(to));
    if (layerOf(from) === "free" && isReachable) return undefined;
    return isRelative ? `as ${specifier}, but must use the package's name` : undefined;
  });
}

/** Each npm package has one home, and nothing is loaded from the web. */
export function npmBreaches(modules: readonly Module[]): readonly string[] {
  return modules.flatMap(({ path, imports }) =>
    imports.flatMap(({ specifier, target }) => {
      if (target.kind === "remote") return [`${path} imports ${specifier} from the web`];
      if (target.kind !== "npm" || isTest(path) || layerOf(path) === "free") return [];
      const homes = npmHomes[target.name];
      if (homes === undefined) return [`${path} imports ${target.name}, which has no home`];
      if (homes.includes(packageOf(path))) return [];
      return [`${path} imports ${target.name}, whose home is ${homes.join(" and ")}`];
    })
  );
}

/** No module imports itself through others at run time, where the order of loading would count. */
export function cycleBreaches(modules: readonly Module[]): readonly string[] {
  const edges = new Map(modules.map((module) => [module.path, runTimeImports(module)]));
  const finished = new Set<string>();
  const breaches: string[] = [];
  function visit(path: string, trail: readonly string[]): void {
    const start = trail.indexOf(path);
    if (start >= 0) breaches.push([...trail.slice(start), path].join(" -> "));
    if (start >= 0 || finished.has(path)) return;
    for (const next of edges.get(path) ?? []) visit(next, [...trail, path]);
    finished.add(path);
  }
  for (const { path } of modules) visit(path, []);
  return breaches;
}

/**
 * A folder under libs/ has two users. While there are fewer than three services, one user is enough:
 * the libraries were made for all services, which come one after the other.
 */
export function libraryBreaches(modules: readonly Module[]): readonly string[] {
  const packages = new Set(modules.map(({ path }) => packageOf(path)));
  const services = [...packages].filter((name) => name.startsWith("services/"));
  const wanted = services.length > 2 ? 2 : 1;
  return [...packages].filter((name) => name.startsWith("libs/")).flatMap((library) => {
    const users = usersOf(library, modules);
    if (users.size >= wanted) return [];
    return [`${library} must have ${wanted} users: it has ${users.size}`];
  });
}

function usersOf(library: string, modules: readonly Module[]): ReadonlySet<string> {
  const users = new Set<string>();
  for (const module of modules) {
    const user = packageOf(module.path);
    if (user === library || isTest(module.path) || layerOf(module.path) === "free") continue;
    if (fileImports(module).some((path) => packageOf(path) === library)) users.add(user);
  }
  return users;
}

type ImportRule = (from: string, to: string, entry: ModuleImport) => string | undefined;

function eachFileImport(modules: readonly Module[], rule: ImportRule): readonly string[] {
  return modules.flatMap(({ path, imports }) =>
    imports.flatMap((entry) => {
      if (entry.target.kind !== "file") return [];
      const breach = rule(path, entry.target.path, entry);
      return breach === undefined ? [] : [`${path} imports ${entry.target.path} ${breach}`];
    })
  );
}

function runTimeImports({ path, imports }: Module): readonly string[] {
  return fileImports({ path, imports: imports.filter(({ typeOnly }) => typeOnly !== true) });
}

function fileImports({ imports }: Module): readonly string[] {
  return imports.flatMap(({ target }) => target.kind === "file" ? [target.path] : []);
}
