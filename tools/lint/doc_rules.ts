// SPDX-License-Identifier: Apache-2.0
/**
 * House rule: every exported symbol, and each of its public members, has a doc comment.
 * @module
 */
import { docComment, isGenerated, isTestFile } from "./source_file.ts";

// Deno's own types leave AccessorProperty (the `accessor` keyword) out of Node.
type Member = Extract<
  Deno.lint.ClassBody["body"][number] | Deno.lint.TSInterfaceBody["body"][number],
  Deno.lint.Node
>;

/** Exported symbols and their public members are documented. */
export const exportedDoc: Deno.lint.Rule = {
  create(context) {
    if (isGenerated(context.filename) || isTestFile(context.filename)) return {};
    const seen = new Set<string>();
    return {
      ExportNamedDeclaration(node) {
        const { declaration } = node;
        if (declaration === null || isOverload(declaration, seen)) return;
        if (docComment(context.sourceCode, node) === undefined) {
          const message = `${declaredName(declaration)} is exported and must have a doc comment`;
          context.report({ node: declaration, message });
        }
        for (const member of members(declaration)) reportMember(context, member);
      },
    };
  },
};

type Declaration = NonNullable<Deno.lint.ExportNamedDeclaration["declaration"]>;

/** The first declaration of an overloaded function carries the comment of all. */
function isOverload(declaration: Declaration, seen: Set<string>): boolean {
  if (declaration.type !== "FunctionDeclaration" && declaration.type !== "TSDeclareFunction") {
    return false;
  }
  const name = declaredName(declaration);
  if (seen.has(name)) return true;
  seen.add(name);
  return false;
}

function reportMember(context: Deno.lint.RuleContext, member: Member): void {
  const name = publicName(context, member);
  if (name === undefined || docComment(context.sourceCode, member) !== undefined) return;
  context.report({ node: member, message: `member ${name} must have a doc comment` });
}

function members(declaration: Declaration): readonly Member[] {
  if (declaration.type === "ClassDeclaration") return declaration.body.body as readonly Member[];
  if (declaration.type === "TSInterfaceDeclaration") return declaration.body.body;
  return [];
}

/** Returns the name of a member that others see and that inherits no comment. */
function publicName(context: Deno.lint.RuleContext, member: Member): string | undefined {
  switch (member.type) {
    case "TSPropertySignature":
    case "TSMethodSignature":
      return context.sourceCode.getText(member.key);
    case "MethodDefinition":
    case "PropertyDefinition":
      if (member.key.type === "PrivateIdentifier" || member.override) return undefined;
      if (member.accessibility === "private") return undefined;
      if (member.type === "MethodDefinition" && member.kind === "constructor") return undefined;
      return context.sourceCode.getText(member.key);
    default:
      return undefined;
  }
}

function declaredName(declaration: Declaration): string {
  if (declaration.type === "VariableDeclaration") {
    const id = declaration.declarations[0]?.id;
    return id?.type === "Identifier" ? id.name : "a binding";
  }
  const id = "id" in declaration ? declaration.id : undefined;
  return id !== null && id !== undefined && "name" in id ? id.name : "a declaration";
}
