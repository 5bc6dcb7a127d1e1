// SPDX-License-Identifier: Apache-2.0
/**
 * A line for each grant and refusal: who, by which proof, which name. Refusals beyond what an
 * operator can read are counted and told with the next line.
 * @module
 */
import { type Clock, type Logger, statusCodeName, StatusError } from "@denvoy/base";
import type { Peer } from "@denvoy/grpc";
import type { Caller } from "../domain/caller.ts";
import type { SdsInstruments } from "../metrics.ts";

/** Who a line is about. */
export interface AuditSubject {
  /** The caller. */
  readonly caller: Caller;
  /** Where it calls from. */
  readonly peer: Pick<Peer, "address">;
  /** `id` of its node, as it claims. */
  readonly nodeId: string;
}

const MAX_REFUSALS_PER_SECOND = 100;

/** Writes the audit. */
export class Audit {
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #instruments: SdsInstruments;
  #secondMs = -Infinity;
  #written = 0;
  #unwritten = 0;

  /** Lines go to `logger`. */
  constructor(
    { logger, clock, instruments }: {
      readonly logger: Logger;
      readonly clock: Clock;
      readonly instruments: SdsInstruments;
    },
  ) {
    this.#logger = logger;
    this.#clock = clock;
    this.#instruments = instruments;
  }

  /** A caller may have a secret. */
  granted(subject: AuditSubject, name: string): void {
    this.#instruments.grants.add(1, { proof: subject.caller.proof });
    this.#logger.info("secret granted", { ...fieldsOf(subject), name });
  }

  /** A caller may not have a secret. */
  refused(subject: AuditSubject, name: string): void {
    this.#instruments.refusals.add(1, { code: "PERMISSION_DENIED" });
    this.#refusal("secret refused", { ...fieldsOf(subject), name });
  }

  /** A call was refused as a whole. */
  rejected(error: unknown, peer: Pick<Peer, "address">): void {
    const { code, message } = StatusError.from(error);
    this.#instruments.refusals.add(1, { code: statusCodeName(code) });
    this.#refusal("caller refused", {
      address: peer.address,
      code: statusCodeName(code),
      detail: message,
    });
  }

  /** Something was done to secrets or tokens over the HTTP API. */
  changed(what: string, fields: Readonly<Record<string, string | number | undefined>>): void {
    this.#logger.info(what, fields);
  }

  #refusal(message: string, fields: Readonly<Record<string, unknown>>): void {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#secondMs >= 1000) {
      this.#secondMs = nowMs;
      this.#written = 0;
    }
    if (this.#written++ >= MAX_REFUSALS_PER_SECOND) {
      this.#unwritten += 1;
      return;
    }
    const others = this.#unwritten;
    this.#unwritten = 0;
    this.#logger.warn(message, { ...fields, ...(others > 0 && { others }) });
  }
}

function fieldsOf({ caller, peer, nodeId }: AuditSubject) {
  return {
    identity: caller.identity,
    proof: caller.proof,
    through: caller.through,
    node: nodeId,
    address: peer.address,
  };
}
