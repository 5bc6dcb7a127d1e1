// SPDX-License-Identifier: Apache-2.0
/**
 * What Envoys rejected, in their words.
 * @module
 */
import { statusCodeName } from "@denvoy/base";
import type { RejectionAnswer } from "../api/answers.ts";
import { age } from "../output/age.ts";
import { shortVersion } from "../output/short_version.ts";
import type { ViewOptions } from "./nodes_view.ts";

/** Returns a paragraph per rejection; those of what is still served come first. */
export function rejectionsView(
  rejections: readonly RejectionAnswer[],
  { styles, nowMs }: ViewOptions,
): readonly string[] {
  if (rejections.length === 0) return ["nothing has been rejected"];
  const sorted = rejections.toSorted((a, b) => Number(b.current) - Number(a.current));
  const blocks = sorted.map((rejection) => {
    const { type, name, version, streams, firstAt, code, message, current, servedInstead } =
      rejection;
    const mended = current ? "" : styles.dim(" (no longer served)");
    const times = streams === 1 ? "1 connection" : `${streams} connections`;
    return [
      `${styles.red(`${type}/${name}`)} version ${shortVersion(version)}${mended}: ` +
      `${times}, first ${age(firstAt, nowMs)} ago, ${statusCodeName(code)}`,
      ...message.trimEnd().split("\n").map((line) => `  ${line}`),
      ...(servedInstead === undefined
        ? []
        : [`  new nodes get version ${shortVersion(servedInstead)} meanwhile`]),
    ];
  });
  const advice = sorted.some(({ current }) => current)
    ? ["", "Mend it; or, if it was not its content's fault: denvoy retry TYPE NAME"]
    : [];
  return [...blocks.flat(), ...advice];
}
