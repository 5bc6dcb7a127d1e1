// SPDX-License-Identifier: Apache-2.0
/**
 * Checks messages by the rules of protoc-gen-validate in their descriptors, as Envoy does when it
 * gets them: at any depth, also within an Any.
 * @module
 */
import type { Problem } from "@denvoy/base";
import { type DescField, type Message, ScalarType } from "@bufbuild/protobuf";
import type { FieldEntry } from "./field_table.ts";
import { contentOf, type Described, isAny, localValue } from "./described.ts";
import type { AnyMessage } from "./message.ts";
import { formatPath, type Path } from "./path.ts";
import { quote } from "./plain.ts";
import { loadRegistry, type Registry } from "./registry.ts";
import type { SourceDocument } from "./source.ts";
import { type FieldPlan, ValidationPlans, type ValuePlan } from "./validate_plan.ts";
import { type Check, showTimeValue } from "./validate_rules.ts";

/** Where the message came from, for places in problems. */
export interface ValidateOptions {
  /** The document that it was read from. */
  readonly source?: SourceDocument;
  /** Where it stands there. @default the root */
  readonly path?: Path;
}

/** More problems than this in one message are not reported. */
const MAX_PROBLEMS = 100;

/** An Any in an Any in an Any … deeper than this is refused. */
const MAX_DEPTH = 200;

/** Returns every rule that the message breaks, in order of its fields; empty when it breaks none. */
export function validate(message: AnyMessage, options: ValidateOptions = {}): readonly Problem[] {
  const validation = new Validation(loadRegistry(), options);
  validation.message(message.described);
  return validation.problems;
}

const plansByRegistry = new WeakMap<Registry, ValidationPlans>();

function plansOf(registry: Registry): ValidationPlans {
  const known = plansByRegistry.get(registry);
  if (known) return known;
  const made = new ValidationPlans(registry);
  plansByRegistry.set(registry, made);
  return made;
}

class Validation {
  readonly problems: Problem[] = [];
  readonly #registry: Registry;
  readonly #plans: ValidationPlans;
  readonly #source: SourceDocument | undefined;
  readonly #path: (string | number)[];
  #depth = 0;
  #secret = 0;

  constructor(registry: Registry, { source, path = [] }: ValidateOptions) {
    this.#registry = registry;
    this.#plans = plansOf(registry);
    this.#source = source;
    this.#path = [...path];
  }

  message({ desc, message }: Described): void {
    if (this.#depth === MAX_DEPTH) return this.#fail(`must not be nested deeper than ${MAX_DEPTH}`);
    this.#depth++;
    if (isAny(message)) {
      const content = contentOf(this.#registry, message);
      if (content) this.message(content);
    } else this.#fields({ desc, message });
    this.#depth--;
  }

  #fields({ desc, message }: Described): void {
    const { fields, requiredOneofs } = this.#plans.of(desc);
    for (const plan of fields) this.#field(plan, localValue(plan.entry.field, message));
    for (const oneof of requiredOneofs) {
      if (oneof.fields.some((field) => localValue(field, message) !== undefined)) continue;
      this.#fail(`one of ${oneof.fields.map(nameOf).join(", ")} must be set`);
    }
  }

  #field(plan: FieldPlan, value: unknown): void {
    const { field, sensitive } = plan.entry;
    this.#path.push(field.name);
    if (sensitive) this.#secret++;
    if (value !== undefined) this.#present(plan, value);
    else if (plan.required) this.#fail("must be set");
    if (sensitive) this.#secret--;
    this.#path.pop();
  }

  #present(plan: FieldPlan, value: unknown): void {
    const { fieldKind } = plan.entry.field;
    if (fieldKind === "list") return this.#list(plan, value as readonly unknown[]);
    if (fieldKind === "map") return this.#map(plan, value as Readonly<Record<string, unknown>>);
    this.#value(plan.entry, plan.value, value);
  }

  #list(plan: FieldPlan, list: readonly unknown[]): void {
    if (list.length === 0 && plan.ignoreEmpty) return;
    this.#run(plan.container, list);
    const { checks, descend } = plan.value;
    if (checks.length === 0 && !descend) return;
    for (let index = 0; index < list.length; index++) {
      this.#path.push(index);
      this.#value(plan.entry, plan.value, list[index]);
      this.#path.pop();
    }
  }

  #map(plan: FieldPlan, map: Readonly<Record<string, unknown>>): void {
    const entries = Object.entries(map);
    if (entries.length === 0 && plan.ignoreEmpty) return;
    this.#run(plan.container, map);
    for (const [key, value] of entries) {
      this.#path.push(key);
      this.#run(plan.key, keyValue(plan.entry.field, key));
      this.#value(plan.entry, plan.value, value);
      this.#path.pop();
    }
  }

  #value(entry: FieldEntry, plan: ValuePlan, value: unknown): void {
    if (!(plan.ignoreEmpty && isZero(value))) this.#run(plan.checks, value);
    const desc = entry.field.message;
    if (plan.descend && desc) this.message({ desc, message: value as Message });
  }

  #run(checks: readonly Check[], value: unknown): void {
    for (const check of checks) {
      const rule = check(value);
      if (rule !== undefined) this.#fail(this.#secret > 0 ? rule : rule + showValue(value));
    }
  }

  #fail(message: string): void {
    if (this.problems.length >= MAX_PROBLEMS) return;
    const file = this.#source?.file;
    this.problems.push({
      severity: "error",
      message,
      ...(file === undefined ? {} : { file }),
      ...this.#source?.place(this.#path),
      ...(this.#path.length === 0 ? {} : { path: formatPath(this.#path) }),
    });
  }
}

function nameOf({ name }: { readonly name: string }): string {
  return name;
}

function keyValue(field: DescField, key: string): unknown {
  // Keys of integer maps are text in the message.
  if (field.fieldKind !== "map" || field.mapKey === ScalarType.STRING) return key;
  return field.mapKey === ScalarType.BOOL ? key === "true" : Number(key);
}

function isZero(value: unknown): boolean {
  if (value instanceof Uint8Array) return value.length === 0;
  return value === "" || value === 0 || value === 0n || value === false;
}

function showValue(value: unknown): string {
  if (typeof value === "string") return `: value is ${quote(value)}`;
  if (value instanceof Uint8Array) return `: value is ${value.length} bytes long`;
  if (Array.isArray(value)) return `: it has ${value.length}`;
  if (typeof value !== "object" || value === null) return `: value is ${value}`;
  const time = showTimeValue(value);
  if (time !== undefined) return `: value is ${time}`;
  if ("typeUrl" in value) return `: value is ${quote(String(value.typeUrl))}`;
  return "$typeName" in value ? "" : `: it has ${Object.keys(value).length}`;
}
