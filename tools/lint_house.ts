// SPDX-License-Identifier: Apache-2.0
/**
 * The rules of this house as a plugin of `deno lint`, so that editors show them. Rules that need
 * more than one file (who may import whom) are in tests/structure.
 * @module
 */
import { exportedDoc } from "./lint/doc_rules.ts";
import { fileLength, moduleComment, namedExports, spdxFirstLine } from "./lint/file_rules.ts";
import { pureZone } from "./lint/pure_zone_rule.ts";
import {
  functionLength,
  hashPrivate,
  parameterCount,
  topLevelFunction,
} from "./lint/shape_rules.ts";

/** All rules by the names under which `deno lint` reports them, after `house/`. */
export const housePlugin: Deno.lint.Plugin = {
  name: "house",
  rules: {
    "spdx-first-line": spdxFirstLine,
    "module-comment": moduleComment,
    "file-length": fileLength,
    "named-exports": namedExports,
    "exported-doc": exportedDoc,
    "pure-zone": pureZone,
    "function-length": functionLength,
    "parameter-count": parameterCount,
    "top-level-function": topLevelFunction,
    "hash-private": hashPrivate,
  },
};

/** What deno.json loads. @defaultexport Deno takes plugins in no other way. */
export default housePlugin;
