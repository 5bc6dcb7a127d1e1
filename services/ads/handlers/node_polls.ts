// SPDX-License-Identifier: Apache-2.0
/**
 * What the node of a poll sees: its view, which follows it when selectors come or go.
 * @module
 */
import type { Poll, PollView, PollViews } from "@denvoy/discovery";
import type { NodeViews } from "../domain/node_views.ts";
import type { Publisher } from "../domain/publisher.ts";
import type { NodeSessions } from "./node_sessions.ts";

/** What {@linkcode nodePolls} looks at. */
export interface NodePollParts {
  /** Through what nodes see. */
  readonly views: NodeViews;
  /** Tells of changes. */
  readonly publisher: Publisher;
  /** Says who a node may be. */
  readonly sessions: NodeSessions;
}

/** Returns the views of polls; a node that may not be who it says is refused. */
export function nodePolls({ views, publisher, sessions }: NodePollParts): PollViews {
  return {
    open({ request, peer }: Poll, onChange: () => void): PollView {
      const node = sessions.identify(request.node, peer);
      const lease = views.lease({ node, moved: onChange });
      const stopListening = publisher.listen((changed) => {
        if (changed.some(({ view }) => view === lease.view)) onChange();
      });
      return {
        get view() {
          return lease.view;
        },
        release() {
          stopListening();
          lease.release();
        },
      };
    },
  };
}
