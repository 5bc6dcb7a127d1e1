// SPDX-License-Identifier: Apache-2.0
/**
 * Reads what endpoints and health checkers say in bodies; every flaw is reported with its field.
 * @module
 */
import { type Problem, ProblemError } from "@denvoy/base";
import { parseDuration } from "@denvoy/runtime";
import {
  type EndpointHealth,
  endpointHealths,
  type HealthVerdict,
  type Registration,
} from "../domain/registration.ts";

/** Where a registration belongs, and what it has when it does not say. */
export interface RegistrationDefaults {
  /** The load assignment. */
  readonly cluster: string;
  /** Its id. */
  readonly id: string;
  /** Without `ttl`, in milliseconds. */
  readonly ttlMs: number;
  /** What it said before, for a body that changes only some of it. */
  readonly before?: Registration;
}

const REGISTRATION_FIELDS = [
  "address",
  "port",
  "hostname",
  "weight",
  "locality",
  "priority",
  "metadata",
  "health",
  "ttl",
];
const VERDICT_FIELDS = ["cluster", "address", "port", "health"];
const LOCALITY_FIELDS = ["region", "zone", "sub_zone"];
const MAX_TTL_MS = 86_400_000;
const MIN_TTL_MS = 1000;
const MAX_PRIORITY = 128;
const MAX_UINT32 = 0xffffffff;
const DEFAULT_VERDICT_TTL_MS = 60_000;

/** Returns the registration in a body. @throws ProblemError with all that is wrong */
export function readRegistration(body: unknown, defaults: RegistrationDefaults): Registration {
  const reader = new FieldReader(body, REGISTRATION_FIELDS);
  const { before, cluster, id } = defaults;
  const registration: Registration = {
    cluster,
    id,
    address: reader.text("address", before?.address),
    port: reader.integer("port", { min: 1, max: 65535, fallback: before?.port }),
    hostname: reader.text("hostname", before?.hostname ?? ""),
    weight: reader.integer("weight", { min: 1, max: MAX_UINT32, fallback: before?.weight ?? 1 }),
    locality: reader.locality(before?.locality),
    priority: reader.integer("priority", {
      min: 0,
      max: MAX_PRIORITY,
      fallback: before?.priority ?? 0,
    }),
    metadata: reader.metadata(before?.metadata),
    health: reader.health(before?.health ?? "healthy"),
    ttlMs: reader.duration("ttl", before?.ttlMs ?? defaults.ttlMs),
  };
  reader.finish();
  return registration;
}

/** Returns the verdicts in a body: `{ttl?, endpoints: [...]}`. @throws ProblemError */
export function readVerdicts(body: unknown): readonly HealthVerdict[] {
  const reader = new FieldReader(body, ["ttl", "endpoints"]);
  const ttlMs = reader.duration("ttl", DEFAULT_VERDICT_TTL_MS);
  const verdicts = reader.list("endpoints").map((item, index): HealthVerdict => {
    const fields = reader.child(`endpoints[${index}]`, item, VERDICT_FIELDS);
    return {
      cluster: fields.text("cluster"),
      address: fields.text("address"),
      port: fields.integer("port", { min: 1, max: 65535 }),
      health: fields.health(),
      ttlMs,
    };
  });
  reader.finish();
  return verdicts;
}

/** Reads the fields of one object and collects what is wrong with them. */
class FieldReader {
  readonly #fields: Readonly<Record<string, unknown>>;
  readonly #path: string;
  readonly #problems: Problem[];

  constructor(
    body: unknown,
    known: readonly string[],
    inner?: { path: string; problems: Problem[] },
  ) {
    this.#path = inner?.path ?? "";
    this.#problems = inner?.problems ?? [];
    this.#fields = isObject(body) ? body : {};
    if (!isObject(body)) this.#add("", "must be an object");
    for (const field of Object.keys(this.#fields)) {
      if (known.includes(field)) continue;
      this.#add(field, `unknown field, expected one of ${known.join(", ")}`);
    }
  }

  child(path: string, body: unknown, known: readonly string[]): FieldReader {
    return new FieldReader(body, known, {
      path: `${this.#path}${path}.`,
      problems: this.#problems,
    });
  }

  text(field: string, fallback?: string): string {
    const value = this.#fields[field] ?? fallback;
    if (typeof value === "string" && (value !== "" || fallback === "")) return value;
    this.#add(field, `must be a non-empty string: current value is ${JSON.stringify(value)}`);
    return "";
  }

  integer(
    field: string,
    { min, max, fallback }: { min: number; max: number; fallback?: number | undefined },
  ): number {
    const value = this.#fields[field] ?? fallback;
    if (typeof value === "number" && Number.isInteger(value) && value >= min && value <= max) {
      return value;
    }
    const rule = `must be a whole number between ${min} and ${max}`;
    this.#add(field, `${rule}: current value is ${JSON.stringify(value)}`);
    return min;
  }

  duration(field: string, fallbackMs: number): number {
    const value = this.#fields[field];
    if (value === undefined) return fallbackMs;
    const ms = typeof value === "string" ? parseDuration(value) : undefined;
    if (ms !== undefined && ms >= MIN_TTL_MS && ms <= MAX_TTL_MS) return ms;
    const rule = 'must be a duration between "1s" and "24h"';
    this.#add(field, `${rule}: current value is ${JSON.stringify(value)}`);
    return fallbackMs;
  }

  health(fallback?: EndpointHealth): EndpointHealth {
    const value = this.#fields.health ?? fallback;
    const known = endpointHealths.find((health) => health === value);
    if (known !== undefined) return known;
    const rule = `must be one of ${endpointHealths.join(", ")}`;
    this.#add("health", `${rule}: current value is ${JSON.stringify(value)}`);
    return "unknown";
  }

  locality(fallback = { region: "", zone: "", subZone: "" }): Registration["locality"] {
    const value = this.#fields.locality;
    if (value === undefined) return fallback;
    const fields = this.child("locality", value, LOCALITY_FIELDS);
    return {
      region: fields.text("region", ""),
      zone: fields.text("zone", ""),
      subZone: fields.text("sub_zone", ""),
    };
  }

  metadata(fallback: Registration["metadata"] = {}): Registration["metadata"] {
    const value = this.#fields.metadata;
    if (value === undefined) return fallback;
    if (isObject(value)) {
      const entries = Object.entries(value);
      if (entries.every(([, fields]) => isObject(fields))) {
        return Object.fromEntries(
          entries.map(([filter, fields]) => [filter, { ...Object(fields) }]),
        );
      }
    }
    this.#add("metadata", 'must be an object of objects, e.g. {"envoy.lb": {"canary": true}}');
    return {};
  }

  list(field: string): readonly unknown[] {
    const value = this.#fields[field];
    if (Array.isArray(value)) return value;
    this.#add(field, "must be a list");
    return [];
  }

  finish(): void {
    if (this.#problems.length > 0) throw new ProblemError(this.#problems);
  }

  #add(field: string, message: string): void {
    const path = `${this.#path}${field}`.replace(/\.$/, "");
    this.#problems.push({ severity: "error", message, ...(path !== "" && { path }) });
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
