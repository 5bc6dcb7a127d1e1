// SPDX-License-Identifier: Apache-2.0
/**
 * A line for each grant and refusal: who, by which proof, which name. Lines beyond what an operator can
 * read are counted and told with the next one, and what callers say of themselves is cut.
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
/** Many, as a whole mesh may come back at once. */
const MAX_GRANTS_PER_SECOND = 1000;
const MAX_CHARACTERS = 256;

/** Writes the audit. */
export class Audit {
  readonly #logger: Logger;
  readonly #instruments: SdsInstruments;
  readonly #grants: LineLimit;
  readonly #refusals: LineLimit;

  /** Lines go to `logger`. */
  constructor(
    { logger, clock, instruments }: {
      readonly logger: Logger;
      readonly clock: Clock;
      readonly instruments: SdsInstruments;
    },
  ) {
    this.#logger = logger;
    this.#instruments = instruments;
    this.#grants = new LineLimit(clock, MAX_GRANTS_PER_SECOND);
    this.#refusals = new LineLimit(clock, MAX_REFUSALS_PER_SECOND);
  }

  /** A caller may have a secret. */
  granted(subject: AuditSubject, name: string): void {
    this.#instruments.grants.add(1, { proof: subject.caller.proof });
    const others = this.#grants.others();
    if (others === undefined) return;
    this.#logger.info("secret granted", { ...fieldsOf(subject), name: shorten(name), ...others });
  }

  /** A caller may not have a secret. */
  refused(subject: AuditSubject, name: string): void {
    this.#instruments.refusals.add(1, { code: "PERMISSION_DENIED" });
    this.#refusal("secret refused", { ...fieldsOf(subject), name: shorten(name) });
  }

  /** A call was refused as a whole. */
  rejected(error: unknown, peer: Pick<Peer, "address">): void {
    const { code, message } = StatusError.from(error);
    this.#instruments.refusals.add(1, { code: statusCodeName(code) });
    this.#refusal("caller refused", {
      address: peer.address,
      code: statusCodeName(code),
      detail: shorten(message),
    });
  }

  /** Something was done to secrets or tokens over the HTTP API. */
  changed(what: string, fields: Readonly<Record<string, string | number | undefined>>): void {
    this.#logger.info(what, fields);
  }

  #refusal(message: string, fields: Readonly<Record<string, unknown>>): void {
    const others = this.#refusals.others();
    if (others !== undefined) this.#logger.warn(message, { ...fields, ...others });
  }
}

/** So many lines a second. */
class LineLimit {
  readonly #clock: Clock;
  readonly #perSecond: number;
  #secondMs = -Infinity;
  #written = 0;
  #unwritten = 0;

  constructor(clock: Clock, perSecond: number) {
    this.#clock = clock;
    this.#perSecond = perSecond;
  }

  /** Returns how many were left out before this line, if any; undefined when it is left out itself. */
  others(): { readonly others?: number } | undefined {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#secondMs >= 1000) {
      this.#secondMs = nowMs;
      this.#written = 0;
    }
    if (this.#written++ >= this.#perSecond) {
      this.#unwritten += 1;
      return undefined;
    }
    const others = this.#unwritten;
    this.#unwritten = 0;
    return others > 0 ? { others } : {};
  }
}

function fieldsOf({ caller, peer, nodeId }: AuditSubject) {
  return {
    identity: shorten(caller.identity),
    proof: caller.proof,
    through: caller.through === undefined ? undefined : shorten(caller.through),
    node: shorten(nodeId),
    address: peer.address,
  };
}

function shorten(text: string): string {
  if (text.length <= MAX_CHARACTERS) return text;
  return `${text.slice(0, MAX_CHARACTERS)}… (${text.length} characters)`;
}
