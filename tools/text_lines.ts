// SPDX-License-Identifier: Apache-2.0
/**
 * Cuts a stream of text into lines.
 * @module
 */

/** Passes on each line without its line end; the last one also when it has none. */
export class TextLineStream extends TransformStream<string, string> {
  /** Makes a stream for one text. */
  constructor() {
    let rest = "";
    super({
      transform(chunk, controller) {
        const lines = (rest + chunk).split("\n");
        rest = lines.pop() ?? "";
        for (const line of lines) controller.enqueue(line.replace(/\r$/, ""));
      },
      flush(controller) {
        if (rest !== "") controller.enqueue(rest);
      },
    });
  }
}
