// SPDX-License-Identifier: Apache-2.0
/**
 * House rule: libs/base, libs/xds and every domain/ do no I/O, read no clock, draw no random
 * number. Those come in as arguments or ports, so that each rule is a table row in a test.
 * @module
 */
import { isPureZone } from "./source_file.ts";

/** Global names that bring in the world outside. */
const impureGlobals: ReadonlySet<string> = new Set([
  ...["Deno", "process", "Buffer", "globalThis", "window", "self", "navigator", "location"],
  ...["fetch", "WebSocket", "EventSource", "Worker", "BroadcastChannel", "XMLHttpRequest"],
  ...["setTimeout", "setInterval", "setImmediate", "clearTimeout", "clearInterval"],
  ...["console", "performance", "crypto", "localStorage", "sessionStorage", "caches"],
  ...["alert", "confirm", "prompt"],
]);

/** Members of harmless globals that bring in time or chance. */
const impureMembers: ReadonlySet<string> = new Set(["Date.now", "Math.random"]);

/** A pure zone uses nothing that is not pure. */
export const pureZone: Deno.lint.Rule = {
  create(context) {
    if (!isPureZone(context.filename)) return {};
    const reported = new Set<number>();
    function report(node: Deno.lint.Node, what: string): void {
      // The shorthand `{ fetch }` is two nodes in one place.
      if (reported.has(node.range[0])) return;
      reported.add(node.range[0]);
      const message = `${what} must not be used in a pure zone`;
      context.report({ node, message, hint: "take it as an argument or through a port" });
    }
    return {
      Identifier(node) {
        if (impureGlobals.has(node.name) && isReference(node)) report(node, node.name);
      },
      MemberExpression(node) {
        const text = context.sourceCode.getText(node);
        if (impureMembers.has(text)) report(node, text);
      },
      NewExpression(node) {
        const isDate = node.callee.type === "Identifier" && node.callee.name === "Date";
        if (isDate && node.arguments.length === 0) report(node, "new Date() without a time");
      },
      ImportDeclaration(node) {
        const from = node.source.value;
        if (/^(node|npm|jsr|https?):/.test(from)) report(node, from);
      },
      ImportExpression(node) {
        report(node, "a dynamic import");
      },
    };
  },
};

/** Tells whether an identifier stands for a variable, not for the name of a property. */
function isReference(node: Deno.lint.Identifier): boolean {
  const { parent } = node;
  switch (parent.type) {
    case "MemberExpression":
      return parent.computed || !sameNode(parent.property, node);
    case "TSQualifiedName":
      return sameNode(parent.left, node);
    case "Property":
      return parent.shorthand || parent.computed || !sameNode(parent.key, node);
    case "PropertyDefinition":
    case "MethodDefinition":
    case "TSPropertySignature":
    case "TSMethodSignature":
      return parent.computed || !sameNode(parent.key, node);
    default:
      return true;
  }
}

function sameNode(a: Deno.lint.Node, b: Deno.lint.Node): boolean {
  return a.range[0] === b.range[0] && a.range[1] === b.range[1];
}
