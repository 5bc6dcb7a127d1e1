// SPDX-License-Identifier: Apache-2.0
/**
 * Whether a service can serve, by component: each says how it is, `/readyz` and the metrics tell it.
 * @module
 */
import type { Clock } from "@denvoy/base";
import type { Metrics } from "../metrics/metrics.ts";

/** `degraded` serves, but an operator should look; `failed` and `starting` make the service not ready. */
export type ComponentStatus = "starting" | "ok" | "degraded" | "failed";

/** How one component is. */
export interface ComponentReport {
  /** Its status. */
  readonly status: ComponentStatus;
  /** Why, for people; empty when there is nothing to say. Never holds secrets. */
  readonly message: string;
  /** Since when it has this status (ISO 8601). */
  readonly since: string;
}

/** How a service is. */
export interface ReadinessReport {
  /** False while draining and while a component is `starting` or `failed`. */
  readonly ready: boolean;
  /** The worst status of its components, or `draining`. */
  readonly status: ComponentStatus | "draining";
  /** Its components by name. */
  readonly components: Readonly<Record<string, ComponentReport>>;
}

/** A component's way to say how it is. Each call replaces what it said before. */
export interface ComponentHealth {
  /** It works. */
  ok(message?: string): void;
  /** It serves what it had; `message` says what is wrong. */
  degraded(message: string): void;
  /** It cannot serve; `message` says why. */
  failed(message: string): void;
}

const WORST: readonly ComponentStatus[] = ["failed", "starting", "degraded", "ok"];

/** The components of one service and how they are. */
export class Readiness {
  readonly #clock: Pick<Clock, "nowMs">;
  readonly #components = new Map<string, ComponentReport>();
  #draining = false;

  /** Nothing registered is ready. */
  constructor(clock: Pick<Clock, "nowMs">) {
    this.#clock = clock;
  }

  /** Registers a component as `starting`. @throws {TypeError} if the name is taken */
  component(name: string): ComponentHealth {
    if (this.#components.has(name)) {
      throw new TypeError(`Cannot register component as its name must be new: "${name}"`);
    }
    this.#set(name, { status: "starting", message: "" });
    return {
      ok: (message = "") => this.#set(name, { status: "ok", message }),
      degraded: (message) => this.#set(name, { status: "degraded", message }),
      failed: (message) => this.#set(name, { status: "failed", message }),
    };
  }

  /** From now on the service is not ready, so that nobody sends it anything new. */
  drain(): void {
    this.#draining = true;
  }

  /** How the service is now. */
  report(): ReadinessReport {
    const components = Object.fromEntries(this.#components);
    const found = new Set([...this.#components.values()].map(({ status }) => status));
    const worst = WORST.find((status) => found.has(status)) ?? "ok";
    const ready = !this.#draining && (worst === "ok" || worst === "degraded");
    return { ready, status: this.#draining ? "draining" : worst, components };
  }

  /** Registers `<service>_component_status{component,status}`: 1 for the status it has, else 0. */
  registerMetrics(metrics: Metrics): void {
    const options = {
      help: "1 for the status that a component has.",
      labels: ["component", "status"],
    } as const;
    metrics.observeGauge("component_status", options, () => {
      const all = [...this.#components];
      return all.flatMap(([component, report]) =>
        WORST.map((status) => ({
          value: report.status === status ? 1 : 0,
          labels: { component, status },
        }))
      );
    });
  }

  #set(name: string, next: Pick<ComponentReport, "status" | "message">): void {
    const before = this.#components.get(name);
    const since = before !== undefined && before.status === next.status
      ? before.since
      : new Date(this.#clock.nowMs()).toISOString();
    this.#components.set(name, { ...next, since });
  }
}
