// SPDX-License-Identifier: Apache-2.0
/**
 * What the caller of a poll sees (FetchSecrets and REST).
 * @module
 */
import type { Poll, PollView, PollViews } from "@denvoy/discovery";
import type { SecretBook } from "../domain/secret_book.ts";
import type { SecretSessions } from "./secret_sessions.ts";

/** Returns the views of polls. */
export function secretPolls(sessions: SecretSessions, book: SecretBook): PollViews {
  return {
    async open(poll: Poll, onChange: () => void): Promise<PollView> {
      const { peer, metadata, request: { node, resourceNames } } = poll;
      const session = sessions.open({ peer, metadata, node });
      try {
        await sessions.grant(session, resourceNames);
      } catch (error) {
        sessions.close(session);
        throw error;
      }
      const stop = book.subscribe(onChange);
      return {
        view: session.view,
        release() {
          stop();
          sessions.close(session);
        },
      };
    },
  };
}
