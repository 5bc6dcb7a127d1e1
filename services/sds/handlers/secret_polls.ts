// SPDX-License-Identifier: Apache-2.0
/**
 * What the caller of a poll sees (FetchSecrets and REST).
 * @module
 */
import type { Poll, PollView, PollViews } from "@denvoy/discovery";
import { allNames } from "@denvoy/xds";
import type { SecretBook } from "../domain/secret_book.ts";
import type { SecretSessions } from "./secret_sessions.ts";

/** Returns the views of polls. */
export function secretPolls(sessions: SecretSessions, book: SecretBook): PollViews {
  return {
    async open(poll: Poll, onChange: () => void): Promise<PollView> {
      const { peer, metadata, request: { node, resourceNames, resourceLocators } } = poll;
      const session = sessions.open({ peer, metadata, node });
      try {
        const names = new Set(allNames(resourceNames, resourceLocators));
        await sessions.grant(session, [...names]);
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
