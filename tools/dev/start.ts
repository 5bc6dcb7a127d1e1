// SPDX-License-Identifier: Apache-2.0
/**
 * `deno task start`: gets everything, runs Denvoy with the quick start, two backends and a real
 * Envoy, and says what to try. Ctrl-C ends all of it.
 * @module
 */
import { join } from "node:path";
import { getEnvoy } from "../real_parts/mod.ts";
import { type ServiceName, serviceNames } from "../service_permissions.ts";
import { parseStartFlags, type StartFlags, startHelp } from "./flags.ts";
import {
  backendPart,
  envoyPart,
  fetchDependencies,
  logFolder,
  type PartContext,
  servicePart,
  url,
  waitForHttp,
} from "./parts.ts";
import {
  type PortName,
  prepareQuickStart,
  requireFreePorts,
  shortPath,
  usualPorts,
} from "./quickstart.ts";
import { Screen } from "./screen.ts";
import { Session, StopSignals } from "./session.ts";

/** Runs until a signal comes or a part ends; returns the exit code. */
export async function start(flags: StartFlags): Promise<number> {
  const screen = new Screen();
  const session = new Session();
  using signals = new StopSignals(() => session.kill());
  const stopped = signals.first.then(() => "stopped" as const);
  try {
    await Promise.race([stopped, session.broken, bringUp(flags, { screen, session })]);
    await Promise.race([stopped, session.broken]);
    screen.heading("Stopping");
    return 0;
  } catch (error) {
    // Ctrl-C reaches the children too: one that ends by it may be seen before our own signal.
    if (await isSettledSoon(stopped)) return 0;
    screen.error(error instanceof Error ? error.message : String(error));
    return 1;
  } finally {
    await session.stop();
  }
}

interface Stage {
  readonly screen: Screen;
  readonly session: Session;
}

async function bringUp(flags: StartFlags, { screen, session }: Stage): Promise<void> {
  const quickStart = await prepareQuickStart(flags.shiftPorts);
  const context: PartContext = { quickStart, flags, screen };
  const services = serviceNames.flatMap((name): readonly PortName[] => [
    `${name} gRPC`,
    `${name} HTTP`,
  ]);
  const others: readonly PortName[] = ["web", "admin", "blue", "green"];
  requireFreePorts(quickStart.ports, flags.envoy ? [...others, ...services] : services);
  await fetchDependencies();
  const envoy = flags.envoy ? await getEnvoy() : undefined;
  screen.heading("Denvoy");
  if (envoy !== undefined) await startBackends(context, session);
  await startServices(context, session);
  if (envoy === undefined) return sayServicesReady(context);
  await startEnvoy(envoy, { context, session });
  sayReady(context);
}

async function startBackends(context: PartContext, session: Session): Promise<void> {
  for (const name of ["blue", "green"] as const) {
    session.start(backendPart(name, context));
    await waitForHttp(url(context.quickStart, name), session.signal);
    context.screen.step(`${name} backend`, url(context.quickStart, name));
  }
}

/** First ads, as others read from it; then all at once. */
async function startServices(context: PartContext, session: Session): Promise<void> {
  await startService("ads", context, session);
  const others = serviceNames.filter((name) => name !== "ads");
  await Promise.all(others.map((name) => startService(name, context, session)));
}

async function startService(
  name: ServiceName,
  context: PartContext,
  session: Session,
): Promise<void> {
  const { quickStart, screen } = context;
  await Deno.mkdir(join(quickStart.dataDir, name), { recursive: true });
  session.start(servicePart(name, context));
  const http = url(quickStart, `${name} HTTP`);
  await waitForHttp(`${http}/readyz`, session.signal);
  screen.step(name, `gRPC 127.0.0.1:${quickStart.ports[`${name} gRPC`]}, HTTP ${http}`);
}

async function startEnvoy(
  command: string,
  { context, session }: { readonly context: PartContext; readonly session: Session },
): Promise<void> {
  const web = url(context.quickStart, "web");
  session.start(envoyPart(command, context));
  for (const path of ["/", "/blue", "/green"]) await waitForHttp(web + path, session.signal);
  context.screen.step("Envoy", `${web}, admin ${url(context.quickStart, "admin")}`);
}

function sayReady({ screen, quickStart }: PartContext): void {
  const web = url(quickStart, "web");
  screen.heading("Ready. Try:");
  screen.hint(`curl ${web}/`, "blue or green, about half each");
  screen.hint(`curl ${web}/blue`, "always blue");
  screen.hint(`curl -i ${web}/limited`, "429 from the fourth in a minute on");
  screen.hint(`curl ${url(quickStart, "ads HTTP")}/v1/nodes`, "what each Envoy has and accepted");
  const server = quickStart.ports.web !== usualPorts.web
    ? ` --server ${url(quickStart, "metrics HTTP")}`
    : "";
  screen.hint(`deno task denvoy top${server}`, "requests, success and latency of each service");
  screen.heading("Then change something:");
  const folder = shortPath(quickStart.folder);
  screen.line(`  Edit ${folder}/routes.yaml, e.g. the weights, save, and curl again.`);
  screen.line(`  More to edit: ${folder}/README.md`);
  screen.line(`\nLogs are in ${shortPath(logFolder())}. Ctrl-C ends everything.\n`);
}

function sayServicesReady({ screen, quickStart }: PartContext): void {
  screen.heading("Ready. Try:");
  screen.hint(`curl ${url(quickStart, "ads HTTP")}/v1/nodes`, "the Envoys that are connected");
  screen.hint(`curl ${url(quickStart, "ads HTTP")}/metrics`, "Denvoy's own metrics");
  screen.line(`\n  An Envoy connects with the bootstrap in ${shortPath(quickStart.bootstrap)}.`);
  screen.line(`  Serving ${shortPath(quickStart.folder)}. Ctrl-C ends everything.\n`);
}

async function isSettledSoon(promise: Promise<unknown>): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const later = new Promise<false>((resolve) => timer = setTimeout(() => resolve(false), 200));
  const settled = await Promise.race([promise.then(() => true), later]);
  clearTimeout(timer);
  return settled;
}

if (import.meta.main) {
  try {
    const flags = parseStartFlags(Deno.args);
    if (flags.help) new Screen().line(startHelp);
    else Deno.exit(await start(flags));
  } catch (error) {
    new Screen().error(error instanceof Error ? error.message : String(error));
    Deno.exit(1);
  }
}
