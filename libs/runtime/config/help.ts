// SPDX-License-Identifier: Apache-2.0
/**
 * What people read about a schema: the `--help` text and the reference page.
 * @module
 */
import type { NamedField, Schema } from "./schema.ts";

const WIDTH = 96;
const INDENT = 30;

/** Returns the `--help` text: usage, the service's own options, then those that all services share. */
export function renderHelp(schema: Schema, options: { readonly program?: string } = {}): string {
  const own = schema.fields.filter((field) => field.group === "service");
  const shared = schema.fields.filter((field) => field.group === "shared");
  const lines = [
    `${schema.service}: ${plain(schema.summary)}`,
    "",
    `Usage: ${options.program ?? `denvoy serve ${schema.service}`} [options]`,
    "",
    ...(own.length > 0 ? [`Options of ${schema.service}:`, ...own.flatMap(helpOf), ""] : []),
    "Options of every service:",
    ...shared.flatMap(helpOf),
    ...entry("--config FILE", [
      `YAML file with a section "${schema.service}".`,
      "env DENVOY_CONFIG, default ./denvoy.yaml if it exists",
    ]),
    ...entry("-h, --help", ["Prints this text."]),
    ...entry("--version", ["Prints the version."]),
    "",
    `A flag wins over its environment variable, that over the section "${schema.service}" of the ` +
    "YAML file,",
    "that over the default. In YAML a field has the flag's name with underscores.",
  ];
  return lines.join("\n") + "\n";
}

/** Returns the reference page of a service as Markdown: one table row per field. */
export function renderReference(schema: Schema): string {
  const own = schema.fields.filter((field) => field.group === "service");
  const shared = schema.fields.filter((field) => field.group === "shared");
  return [
    `# Configuration of ${schema.service}`,
    "",
    schema.summary,
    "",
    "A flag wins over its environment variable, that over the section " +
    `\`${schema.service}\` of \`denvoy.yaml\` (\`--config\`, \`DENVOY_CONFIG\`), that over the default.`,
    "Unknown flags, variables and keys are errors.",
    "",
    ...(own.length > 0 ? [`## Options of ${schema.service}`, "", ...table(own), ""] : []),
    "## Options of every service",
    "",
    ...table(shared),
    "",
  ].join("\n");
}

function helpOf(named: NamedField): readonly string[] {
  const { field } = named;
  const facts = [`env ${named.env}`];
  if (field.required) facts.push("required");
  if (field.shape === "list" || field.shape === "map") facts.push("may be repeated");
  const fallback = defaultText(named);
  if (fallback !== "") facts.push(`default ${fallback}`);
  if (field.noFlag) facts.push("no flag");
  return entry(field.noFlag ? named.env : flagText(named), [
    plain(field.doc),
    facts.join(", "),
  ]);
}

/** A flag on the left, its paragraphs wrapped on the right; a long flag has a line of its own. */
function entry(flag: string, paragraphs: readonly string[]): readonly string[] {
  const right = paragraphs.flatMap((paragraph) => wrap(paragraph, WIDTH - INDENT));
  const left = `  ${flag}`;
  const pad = " ".repeat(INDENT);
  const [first = "", ...rest] = right;
  const head = left.length < INDENT - 1 ? [left.padEnd(INDENT) + first] : [left, pad + first];
  return [...head, ...rest.map((line) => pad + line)];
}

/** Returns the text broken into lines of at most `width`; a longer word has a line of its own. */
export function wrap(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line];
}

function table(fields: readonly NamedField[]): readonly string[] {
  return [
    "| flag | environment | YAML | value | default | meaning |",
    "|---|---|---|---|---|---|",
    ...fields.map((named) => {
      const { field } = named;
      const flag = field.noFlag ? "" : `\`${flagText(named)}\``;
      const fallback = defaultText(named);
      const shown = fallback === "" ? field.required ? "required" : "" : `\`${fallback}\``;
      const cells = [
        flag,
        `\`${named.env}\``,
        `\`${named.yamlKey}\``,
        field.rule,
        shown,
        field.doc,
      ];
      return `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
    }),
  ];
}

function flagText({ flag, field: { value } }: NamedField): string {
  return `--${flag}${value === "" ? "" : ` ${value}`}`;
}

function defaultText(named: NamedField): string {
  const { field } = named;
  if (field.defaultTexts.length > 0) return field.defaultTexts.join(",");
  return field.shape === "switch" ? "false" : "";
}

function plain(markdown: string): string {
  return markdown.replaceAll("`", "");
}
