// SPDX-License-Identifier: Apache-2.0
/**
 * What is to be checked in messages of one type, worked out once from the options in its descriptor.
 * @module
 */
import {
  type DescExtension,
  type DescField,
  type DescMessage,
  type DescOneof,
  getOption,
  hasOption,
} from "@bufbuild/protobuf";
import { type FieldEntry, isWrapper } from "./field_table.ts";
import { fieldTablesOf } from "./message_reader.ts";
import type { Registry } from "./registry.ts";
import { type Check, compileChecks, ignoresEmpty, type RuleMessage } from "./validate_rules.ts";

/** Checks of one value, be it a field, an item of a list, or a key or value of a map. */
export interface ValuePlan {
  /** Rules of the value itself. */
  readonly checks: readonly Check[];
  /** The zero value passes whatever the rules. */
  readonly ignoreEmpty: boolean;
  /** Messages in it are checked, too. */
  readonly descend: boolean;
}

/** Checks of one field. */
export interface FieldPlan {
  /** The field. */
  readonly entry: FieldEntry;
  /** It must be set. */
  readonly required: boolean;
  /** Checks of the list or map as a whole. */
  readonly container: readonly Check[];
  /** An empty list or map passes whatever the rules. */
  readonly ignoreEmpty: boolean;
  /** Checks of the value, or of each item or map value. */
  readonly value: ValuePlan;
  /** Checks of map keys. */
  readonly key: readonly Check[];
}

/** Checks of a message. */
export interface MessagePlan {
  /** Fields that have something to check, in order of declaration. */
  readonly fields: readonly FieldPlan[];
  /** Oneofs of which one member must be set. */
  readonly requiredOneofs: readonly DescOneof[];
}

const NOTHING: MessagePlan = { fields: [], requiredOneofs: [] };

/** Makes plans; one for each registry. */
export class ValidationPlans {
  readonly #plans = new WeakMap<DescMessage, MessagePlan>();
  readonly #registry: Registry;
  readonly #rules: DescExtension;
  readonly #required: DescExtension;
  readonly #switches: readonly DescExtension[];

  /** `registry` holds validate/validate.proto. */
  constructor(registry: Registry) {
    this.#registry = registry;
    const extension = (name: string): DescExtension => {
      const found = registry.files.getExtension(name);
      if (found === undefined) throw new Error(`cannot validate as ${name} is not in the registry`);
      return found;
    };
    this.#rules = extension("validate.rules");
    this.#required = extension("validate.required");
    this.#switches = [extension("validate.disabled"), extension("validate.ignored")];
  }

  /** Returns the plan of a message type; the same for the same type. */
  of(message: DescMessage): MessagePlan {
    let plan = this.#plans.get(message);
    if (plan === undefined) {
      plan = this.#isSwitchedOff(message) ? NOTHING : this.#build(message);
      this.#plans.set(message, plan);
    }
    return plan;
  }

  #isSwitchedOff(message: DescMessage): boolean {
    return this.#switches.some((option) =>
      hasOption(message, option) && getOption(message, option) === true
    );
  }

  #build(message: DescMessage): MessagePlan {
    const plans = fieldTablesOf(this.#registry).of(message).entries
      .map((entry) => planField(entry, this.#rulesOf(entry.field)));
    return {
      fields: plans.filter(hasWork),
      requiredOneofs: message.oneofs.filter((oneof) =>
        hasOption(oneof, this.#required) && getOption(oneof, this.#required) === true
      ),
    };
  }

  #rulesOf(field: DescField): RuleMessage {
    if (!hasOption(field, this.#rules)) return {};
    return getOption(field, this.#rules) as unknown as RuleMessage;
  }
}

function hasWork(plan: FieldPlan): boolean {
  const { required, container, value, key } = plan;
  return required || container.length > 0 || key.length > 0 || value.checks.length > 0 ||
    value.descend;
}

interface TypedRules {
  readonly kind: string;
  readonly rules: RuleMessage;
}

function typed(rules: RuleMessage): TypedRules | undefined {
  const type = rules["type"] as { readonly case?: string; readonly value?: unknown } | undefined;
  return type?.case === undefined
    ? undefined
    : { kind: type.case, rules: type.value as RuleMessage };
}

function planField(entry: FieldEntry, rules: RuleMessage): FieldPlan {
  const { fieldKind } = entry.field;
  const type = typed(rules);
  if (fieldKind === "list" || fieldKind === "map") return planContainer(entry, type?.rules ?? {});
  return {
    entry,
    // Of a oneof, only the member that is set counts.
    required: !entry.field.oneof && (isRequired(rules) || flag(type?.rules, "required")),
    container: [],
    ignoreEmpty: false,
    value: planValue(entry, rules),
    key: [],
  };
}

function planContainer(entry: FieldEntry, rules: RuleMessage): FieldPlan {
  const [item, key] = entry.field.fieldKind === "list" ? ["items"] : ["values", "keys"];
  return {
    entry,
    required: false,
    container: compileContainer(rules),
    ignoreEmpty: ignoresEmpty(rules),
    value: planValue(entry, (rules[item ?? ""] ?? {}) as RuleMessage),
    key: key === undefined ? [] : planKey((rules[key] ?? {}) as RuleMessage),
  };
}

function planKey(rules: RuleMessage): readonly Check[] {
  const type = typed(rules);
  return type ? compileChecks(type.kind, type.rules) : [];
}

function planValue({ field, local }: FieldEntry, rules: RuleMessage): ValuePlan {
  const type = typed(rules);
  const checks = type ? compileChecks(type.kind, type.rules) : [];
  // A rule on a wrapper is meant for what it wraps; in a oneof or a list it is still a message.
  const boxed = local === "message" && isWrapper(field.message?.typeName ?? "");
  return {
    checks: boxed ? checks.map(onWrapped) : definedOnly(field, type).concat(checks),
    ignoreEmpty: type !== undefined && ignoresEmpty(type.rules),
    descend: local === "message" && !boxed && !skipped(rules),
  };
}

function onWrapped(check: Check): Check {
  return (value) => check((value as { readonly value: unknown }).value);
}

function definedOnly(field: DescField, type: TypedRules | undefined): Check[] {
  const { enum: desc } = field;
  if (desc === undefined || type?.kind !== "enum" || !flag(type.rules, "definedOnly")) return [];
  const rule = `must be a value that ${desc.typeName} defines`;
  return [(value) => desc.value[value as number] ? undefined : rule];
}

function isRequired(rules: RuleMessage): boolean {
  return flag(rules["message"] as RuleMessage | undefined, "required");
}

function skipped(rules: RuleMessage): boolean {
  return flag(rules["message"] as RuleMessage | undefined, "skip");
}

function flag(rules: RuleMessage | undefined, name: string): boolean {
  return rules !== undefined && Object.hasOwn(rules, name) && rules[name] === true;
}

function compileContainer(rules: RuleMessage): Check[] {
  const checks: Check[] = [];
  const limit = (
    names: readonly string[],
    passes: (size: number, limit: number) => boolean,
    what: string,
  ): void => {
    const value = names.map((name) => Object.hasOwn(rules, name) ? rules[name] : undefined)
      .find((found) => found !== undefined);
    if (value === undefined) return;
    const wanted = Number(value);
    const rule = `must have ${what} ${wanted} ${wanted === 1 ? "entry" : "entries"}`;
    checks.push((container) => passes(sizeOf(container), wanted) ? undefined : rule);
  };
  limit(["minItems", "minPairs"], (size, wanted) => size >= wanted, "at least");
  limit(["maxItems", "maxPairs"], (size, wanted) => size <= wanted, "at most");
  if (flag(rules, "unique")) checks.push(checkUnique);
  return checks;
}

function sizeOf(container: unknown): number {
  return Array.isArray(container) ? container.length : Object.keys(container as object).length;
}

function checkUnique(list: unknown): string | undefined {
  const items = (list as readonly unknown[]).map((item) =>
    item instanceof Uint8Array ? item.toBase64() : item
  );
  return new Set(items).size === items.length ? undefined : "must not have equal entries";
}
