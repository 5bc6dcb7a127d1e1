// SPDX-License-Identifier: Apache-2.0
/**
 * Binds a node to the certificate that it connects with: which URI SAN a node must show to be
 * believed. Without the binding any client may call itself any node.
 * @module
 */
import { err, ok, type Result } from "./result.ts";

/** What a node says of itself, as far as it can be bound. */
export interface ClaimedNode {
  /** `node.id`. */
  readonly id: string;
  /** `node.cluster`. */
  readonly cluster: string;
}

const PLACEHOLDER = /\{([^}]*)\}/g;
const KNOWN = new Set(["id", "cluster"]);

/**
 * A URI with the placeholders `{id}` and `{cluster}`, e.g. `spiffe://shop/{cluster}/{id}`. A node is
 * believed when one of its URI SANs is the URI with its own id and cluster put in.
 */
export class NodeIdentityTemplate {
  readonly #template: string;

  private constructor(template: string) {
    this.#template = template;
  }

  /** Returns the template, or the rule that the text breaks. */
  static parse(text: string): Result<NodeIdentityTemplate, string> {
    const names = [...text.matchAll(PLACEHOLDER)].map((match) => match[1] ?? "");
    const unknown = names.find((name) => !KNOWN.has(name));
    if (unknown !== undefined) return err(`placeholders must be {id} or {cluster}: "{${unknown}}"`);
    if (!names.includes("id")) return err(`must hold the placeholder {id}: "${text}"`);
    if (!URL.canParse(text.replaceAll(PLACEHOLDER, "x"))) return err(`must be a URI: "${text}"`);
    return ok(new NodeIdentityTemplate(text));
  }

  /** Returns the URI SAN that the node must show. An id with a slash or more cannot fake another's. */
  expectedUri(node: ClaimedNode): string {
    const values: Readonly<Record<string, string>> = { id: node.id, cluster: node.cluster };
    return this.#template.replaceAll(
      PLACEHOLDER,
      (_, name: string) => encodeURIComponent(values[name] ?? ""),
    );
  }

  /** Returns undefined when one of the URI SANs speaks for the node, else why the node is refused. */
  refusal(node: ClaimedNode, uriSans: readonly string[]): string | undefined {
    if (node.id === "") return "node id must be set to be bound to a certificate";
    const expected = this.expectedUri(node);
    if (uriSans.includes(expected)) return undefined;
    const shown = uriSans.length === 0 ? "none" : uriSans.join(", ");
    return `node "${node.id}" must show the URI SAN "${expected}": it shows ${shown}`;
  }
}
