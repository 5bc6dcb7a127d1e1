// SPDX-License-Identifier: Apache-2.0
/**
 * House rules about the shape of functions and classes.
 * @module
 */
import { isGenerated, lineCount } from "./source_file.ts";

/** Most lines of one function, its signature included. */
export const maxFunctionLines = 60;

/** Most parameters: two positional ones, then an options object. */
export const maxParameters = 3;

type AnyFunction =
  | Deno.lint.FunctionDeclaration
  | Deno.lint.FunctionExpression
  | Deno.lint.ArrowFunctionExpression;

/** A function does one thing on one level of abstraction. */
export const functionLength: Deno.lint.Rule = {
  create(context) {
    if (isGenerated(context.filename)) return {};
    function check(node: AnyFunction): void {
      const lines = lineCount(context.sourceCode, node);
      if (lines <= maxFunctionLines) return;
      const message = `a function must have at most ${maxFunctionLines} lines: it has ${lines}`;
      // The first line alone is marked, so that an editor does not underline the whole function.
      const [start] = node.range;
      context.report({ range: [start, lineEnd(context.sourceCode.text, start)], message });
    }
    return {
      FunctionDeclaration: check,
      FunctionExpression: check,
      ArrowFunctionExpression: check,
    };
  },
};

/** Callers can read what each argument is. */
export const parameterCount: Deno.lint.Rule = {
  create(context) {
    if (isGenerated(context.filename)) return {};
    function check(node: AnyFunction): void {
      if (node.params.length <= maxParameters) return;
      const message = `a function must have at most ${maxParameters} parameters: ` +
        `it has ${node.params.length}`;
      context.report({ node, message, hint: "two positional ones, then one options object" });
    }
    return { FunctionDeclaration: check, FunctionExpression: check };
  },
};

/** Functions at the top level are declarations: they have a name and are hoisted. */
export const topLevelFunction: Deno.lint.Rule = {
  create: (context) => ({
    VariableDeclarator(node) {
      if (node.init?.type !== "ArrowFunctionExpression") return;
      const depth =
        context.sourceCode.getAncestors(node).filter((ancestor) =>
          ancestor.type !== "VariableDeclaration" && ancestor.type !== "ExportNamedDeclaration" &&
          ancestor.type !== "Program"
        ).length;
      if (depth > 0) return;
      context.report({ node, message: "a function at the top level must be a declaration" });
    },
  }),
};

/** Private means private at run time too. */
export const hashPrivate: Deno.lint.Rule = {
  create(context) {
    function check(node: Deno.lint.MethodDefinition | Deno.lint.PropertyDefinition): void {
      const isConstructor = node.type === "MethodDefinition" && node.kind === "constructor";
      if (node.accessibility !== "private" || isConstructor) return;
      context.report({ node, message: "a private member must be written #name" });
    }
    return { MethodDefinition: check, PropertyDefinition: check };
  },
};

function lineEnd(text: string, start: number): number {
  const end = text.indexOf("\n", start);
  return end < 0 ? text.length : end;
}
