// SPDX-License-Identifier: Apache-2.0
/**
 * One type that is read: decodes what is offered, has the reader judge it, and holds what it accepted.
 * @module
 */
import type { Logger } from "@denvoy/base";
import type {
  Absence,
  AppliedEffect,
  ClientResource,
  Offer,
  ResourceRejection,
  TypeUrl,
} from "@denvoy/xds";
import type {
  XdsReader,
  XdsRejections,
  XdsResource,
  XdsSubscription,
} from "./xds_client_options.ts";

/** What a topic is made of. */
export interface XdsTopicOptions<T> {
  /** The type. */
  readonly typeUrl: TypeUrl;
  /** Who reads it. */
  readonly reader: XdsReader<T>;
  /** Where rejections and absences are logged. */
  readonly logger: Logger;
  /** Passes names on. */
  readonly setNames: (names: readonly string[]) => void;
  /** Whether a server answered. */
  readonly isSynced: () => boolean;
}

/** Rejections and absences of one response that are logged one by one. */
const LOGGED_AT_MOST = 10;

/** A type as its link sees it, whatever its messages are. */
export interface Topic {
  /** Judges an offer; never rejects. */
  judge(offer: Offer): Promise<XdsRejections>;
  /** Takes what was accepted. */
  applied(effect: AppliedEffect): void;
  /** Takes what is not there. */
  absent(absences: readonly Absence[]): void;
}

/** A type and its reader. */
export class XdsTopic<T> implements Topic, XdsSubscription<T> {
  readonly #options: XdsTopicOptions<T>;
  readonly #resources = new Map<string, XdsResource<T>>();
  /** What is being judged, decoded. */
  #offered: ReadonlyMap<string, XdsResource<T>> = new Map();
  #hasSynced = false;

  /** Holds nothing yet. */
  constructor(options: XdsTopicOptions<T>) {
    this.#options = options;
  }

  /** See {@linkcode XdsSubscription.typeUrl}. */
  get typeUrl(): TypeUrl {
    return this.#options.typeUrl;
  }

  /** See {@linkcode XdsSubscription.resources}. */
  get resources(): ReadonlyMap<string, XdsResource<T>> {
    return this.#resources;
  }

  /** See {@linkcode XdsSubscription.isSynced}. */
  get isSynced(): boolean {
    return this.#options.isSynced();
  }

  /** See {@linkcode XdsSubscription.setNames}. */
  setNames(names: readonly string[]): void {
    this.#options.setNames(names);
    if (names.includes("*")) return;
    const wanted = new Set(names);
    for (const name of this.#resources.keys()) {
      if (!wanted.has(name) && !isInCollection(name, names)) this.#resources.delete(name);
    }
  }

  /** See {@linkcode Topic.judge}. */
  async judge({ resources, removed }: Offer): Promise<XdsRejections> {
    const { decoded, rejections } = this.#decode(resources);
    this.#offered = new Map(decoded.map((resource) => [resource.name, resource]));
    const { reader, logger, typeUrl } = this.#options;
    try {
      const more = await reader.accept?.({ resources: decoded, removed });
      return new Map([...rejections, ...more ?? []]);
    } catch (error) {
      logger.error("cannot judge xds resources", { typeUrl, error });
      return new Map(resources.map(({ name }) => [name, "internal error"]));
    }
  }

  /** See {@linkcode Topic.applied}. */
  applied({ accepted, removed, rejected }: AppliedEffect): void {
    const resources = accepted.flatMap(({ name }) => this.#offered.get(name) ?? []);
    this.#offered = new Map();
    for (const resource of resources) this.#resources.set(resource.name, resource);
    for (const name of removed) this.#resources.delete(name);
    this.#logRejected(rejected);
    const { reader } = this.#options;
    if (resources.length + removed.length > 0) {
      this.#call(() => reader.changed?.({ resources, removed }));
    }
    if (rejected.length > 0) this.#call(() => reader.rejected?.(rejected));
    if (this.#hasSynced) return;
    this.#hasSynced = true;
    this.#call(() => reader.synced?.());
  }

  /** See {@linkcode Topic.absent}. */
  absent(absences: readonly Absence[]): void {
    const { logger, typeUrl, reader } = this.#options;
    for (const { name, reason } of absences.slice(0, LOGGED_AT_MOST)) {
      logger.info("xds resource is absent", { typeUrl, name, detail: reason });
    }
    this.#call(() => reader.absent?.(absences));
  }

  #decode(resources: readonly ClientResource[]): {
    readonly decoded: readonly XdsResource<T>[];
    readonly rejections: Map<string, string>;
  } {
    const decoded: XdsResource<T>[] = [];
    const rejections = new Map<string, string>();
    for (const { name, version, value } of resources) {
      try {
        decoded.push({ name, version, value, message: this.#options.reader.decode(value) });
      } catch (error) {
        rejections.set(name, error instanceof Error ? error.message : String(error));
      }
    }
    return { decoded, rejections };
  }

  #logRejected(rejected: readonly ResourceRejection[]): void {
    const { logger, typeUrl } = this.#options;
    for (const { name, version, message } of rejected.slice(0, LOGGED_AT_MOST)) {
      logger.warn("xds resource rejected: its last good content stays", {
        ...{ typeUrl, name, version, detail: message },
      });
    }
    const others = rejected.length - LOGGED_AT_MOST;
    if (others > 0) logger.warn("more xds resources rejected", { typeUrl, others });
  }

  /** A reader that throws where it must not is its own fault, and not the stream's. */
  #call(tell: () => void): void {
    try {
      tell();
    } catch (error) {
      const { logger, typeUrl } = this.#options;
      logger.error("cannot tell a reader of xds resources", { typeUrl, error });
    }
  }
}

function isInCollection(name: string, names: readonly string[]): boolean {
  return names.some((each) => each.endsWith("/*") && name.startsWith(each.slice(0, -1)));
}
