// SPDX-License-Identifier: Apache-2.0
/**
 * FetchHealthCheck: Envoys that poll. A report says nothing of who sends it (the API has no binding of
 * calls to each other), so that it counts for the one Envoy of its certificate, or of its address, that
 * has asked for a specifier.
 * @module
 */
import { StatusCode, StatusError } from "@denvoy/base";
import type { Peer } from "@denvoy/grpc";
import type { HealthCheckRequestOrEndpointHealthResponse } from "@denvoy/proto/messages";
import { bounded } from "../domain/prober.ts";
import { reportedHealths } from "../domain/report.ts";
import type { FleetSession } from "../fleet.ts";
import type { HealthControl } from "../health_control.ts";

/** Envoys that poll from one place; beyond them the place is full. */
const MAX_PER_PLACE = 1000;

/** All Envoys that poll. */
export class PollingProbers {
  readonly #control: HealthControl;
  /** Sessions by where they call from, then by node id. */
  readonly #sessions = new Map<string, Map<string, FleetSession>>();

  /** Nobody polls yet. */
  constructor(control: HealthControl) {
    this.#control = control;
  }

  /** Returns the specifier of the Envoy that calls. @throws StatusError when it is not known who */
  async answer(
    { healthCheckRequest, endpointHealthResponse }: HealthCheckRequestOrEndpointHealthResponse,
    peer: Peer,
  ): Promise<Uint8Array> {
    this.#forgetEnded();
    const place = placeOf(peer);
    const session = healthCheckRequest === undefined
      ? this.#reporter(place)
      : this.#arrive(healthCheckRequest, { place, peer });
    if (endpointHealthResponse !== undefined) {
      this.#control.report(session, reportedHealths(endpointHealthResponse));
    } else session.heard();
    const specifier = await session.specifier();
    if (specifier !== undefined) return specifier;
    throw new StatusError(StatusCode.UNAVAILABLE, "the session has ended, ask again");
  }

  #arrive(
    { node, capability }: NonNullable<
      HealthCheckRequestOrEndpointHealthResponse["healthCheckRequest"]
    >,
    { place, peer }: { readonly place: string; readonly peer: Peer },
  ): FleetSession {
    const id = bounded(node?.id);
    const here = this.#sessions.get(place) ?? new Map<string, FleetSession>();
    const known = here.get(id);
    if (known !== undefined) return known;
    if (here.size >= MAX_PER_PLACE) {
      const message = `at most ${MAX_PER_PLACE} Envoys may poll from one place`;
      throw new StatusError(StatusCode.RESOURCE_EXHAUSTED, message);
    }
    const arrival = { node, capability, peerAddress: peer.address };
    const session = this.#control.join(arrival, { polls: true });
    this.#sessions.set(place, here.set(id, session));
    return session;
  }

  #reporter(place: string): FleetSession {
    const here = [...this.#sessions.get(place)?.values() ?? []];
    const [only] = here;
    if (only !== undefined && here.length === 1) return only;
    const message = only === undefined
      ? "a health_check_request must come first"
      : "several Envoys poll from here: take StreamHealthCheck, or certificates that differ";
    throw new StatusError(StatusCode.FAILED_PRECONDITION, message);
  }

  #forgetEnded(): void {
    for (const [place, sessions] of this.#sessions) {
      for (const [id, session] of sessions) if (session.hasEnded) sessions.delete(id);
      if (sessions.size === 0) this.#sessions.delete(place);
    }
  }
}

function placeOf({ uriSans, subject, address }: Peer): string {
  return uriSans[0] ?? subject ?? address.replace(/:\d+$/, "");
}
