// SPDX-License-Identifier: Apache-2.0
/**
 * House rules about whole files: licence line, module comment, length, exports.
 * @module
 */
import { docComment, isGenerated, isTestFile } from "./source_file.ts";

/** The first line of every file that people write. */
export const licenceLine = "// SPDX-License-Identifier: Apache-2.0";

/** Most lines of one file. */
export const maxFileLines = 400;

/** The first line names the licence. */
export const spdxFirstLine: Deno.lint.Rule = {
  create: (context) => ({
    Program() {
      const { text } = context.sourceCode;
      if (isGenerated(context.filename) || text.startsWith(`${licenceLine}\n`)) return;
      context.report({ range: [0, 0], message: `the first line must be "${licenceLine}"` });
    },
  }),
};

/** After the licence line a doc comment with `@module` says what the file decides. */
export const moduleComment: Deno.lint.Rule = {
  create: (context) => ({
    Program() {
      if (isGenerated(context.filename) || isTestFile(context.filename)) return;
      const text = context.sourceCode.text.replace(/^\/\/[^\n]*\n/, "");
      if (/^\s*\/\*\*(?:(?!\*\/)[\s\S])*@module\b/.test(text)) return;
      const message = "a doc comment with @module must follow the licence line";
      context.report({ range: [0, 0], message, hint: "say what this file decides, not its name" });
    },
  }),
};

/** A file holds one concept. */
export const fileLength: Deno.lint.Rule = {
  create: (context) => ({
    Program() {
      if (isGenerated(context.filename)) return;
      const lines = context.sourceCode.text.split("\n").length - 1;
      if (lines <= maxFileLines) return;
      const message = `a file must have at most ${maxFileLines} lines: this one has ${lines}`;
      context.report({ range: [0, 0], message });
    },
  }),
};

/** Imports name what they take, and it has the same name everywhere. */
export const namedExports: Deno.lint.Rule = {
  create: (context) => ({
    ExportDefaultDeclaration(node) {
      // Deno's lint plugins are the one thing that must be a default export.
      if (docComment(context.sourceCode, node)?.includes("@defaultexport")) return;
      context.report({ node, message: "exports must be named, not default" });
    },
  }),
};
