// SPDX-License-Identifier: Apache-2.0
/**
 * What each service needs to be started for a test.
 * @module
 */
import {
  type DenvoyService,
  runDenvoyService,
  type ServiceOptions,
  type ServiceSetup,
  startDenvoyService,
} from "./denvoy_service.ts";

/** How to start ads. */
export interface DenvoyAdsOptions extends ServiceOptions {
  /** Folder or file with resources; none if absent. */
  readonly resources?: string;
}

/** How to start hds. */
export interface DenvoyHdsOptions extends ServiceOptions {
  /** File or folder of clusters; none if absent. */
  readonly clusters?: string;
}

/** How to start rls. */
export interface DenvoyRlsOptions extends Omit<ServiceOptions, "dataDir"> {
  /** Limit files by name, in a folder that goes with the process; none where limits come by xDS. */
  readonly limits?: Readonly<Record<string, string>>;
}

/** How to start sds. */
export interface DenvoySdsOptions extends ServiceOptions {
  /** Sockets of workloads by identity; in the data folder, which it may write. */
  readonly sockets?: Readonly<Record<string, string>>;
}

/** How to start metrics. */
export type DenvoyMetricsOptions = ServiceOptions;

/** A running ads. */
export type DenvoyAds = DenvoyService;
/** A running hds. */
export type DenvoyHds = DenvoyService;
/** A running rls. */
export type DenvoyRls = DenvoyService;
/** A running sds. */
export type DenvoySds = DenvoyService;
/** A running metrics service. */
export type DenvoyMetrics = DenvoyService;

/** Starts ads; see {@linkcode startDenvoyService}. */
export function startDenvoyAds(options: DenvoyAdsOptions = {}): Promise<DenvoyAds> {
  return startDenvoyService(adsSetup(options), options);
}

/** Runs ads to its end; see {@linkcode runDenvoyService}. */
export function runDenvoyAds(options: DenvoyAdsOptions): ReturnType<typeof runDenvoyService> {
  return runDenvoyService(adsSetup(options), options);
}

/** Starts hds; see {@linkcode startDenvoyService}. */
export function startDenvoyHds(options: DenvoyHdsOptions = {}): Promise<DenvoyHds> {
  const input = inputOf("--clusters", options.clusters);
  return startDenvoyService({ name: "hds", hasData: true, ...input }, options);
}

/** Starts rls; see {@linkcode startDenvoyService}. */
export function startDenvoyRls(options: DenvoyRlsOptions): Promise<DenvoyRls> {
  return startDenvoyService(rlsSetup(options), options);
}

/** Runs rls to its end; see {@linkcode runDenvoyService}. */
export function runDenvoyRls(options: DenvoyRlsOptions): ReturnType<typeof runDenvoyService> {
  return runDenvoyService(rlsSetup(options), options);
}

/** Starts sds; see {@linkcode startDenvoyService}. */
export function startDenvoySds(options: DenvoySdsOptions = {}): Promise<DenvoySds> {
  const sockets = Object.entries(options.sockets ?? {});
  const flags = sockets.flatMap(([identity, path]) => ["--socket", `${identity}=${path}`]);
  const paths = sockets.map(([, path]) => `unix:${path}`);
  const connects = [...options.connects ?? [], ...paths];
  return startDenvoyService({ name: "sds", hasData: true, flags }, { ...options, connects });
}

/** Runs sds to its end; see {@linkcode runDenvoyService}. */
export function runDenvoySds(options: ServiceOptions): ReturnType<typeof runDenvoyService> {
  return runDenvoyService({ name: "sds", hasData: true }, options);
}

/** Starts metrics; see {@linkcode startDenvoyService}. */
export function startDenvoyMetrics(options: DenvoyMetricsOptions = {}): Promise<DenvoyMetrics> {
  return startDenvoyService({ name: "metrics", hasData: true }, options);
}

function adsSetup({ resources }: DenvoyAdsOptions): ServiceSetup {
  return { name: "ads", hasData: true, ...inputOf("--resources", resources) };
}

function rlsSetup({ limits: texts }: DenvoyRlsOptions): ServiceSetup {
  const files = texts === undefined ? {} : { files: { flag: "--limits", texts } };
  return { name: "rls", hasData: false, ...files };
}

function inputOf(flag: string, path: string | undefined): Pick<ServiceSetup, "input"> {
  return path === undefined ? {} : { input: { flag, path } };
}
