// SPDX-License-Identifier: Apache-2.0
/**
 * Does the steps of a root rotation, one at a time, whether an operator asks for them or they are due.
 * Each starts from what is written down; who was overtaken by another replica looks again.
 * @module
 */
import { type Clock, StatusCode, StatusError } from "@denvoy/base";
import type { Authorities, AuthoritiesChange } from "./authorities.ts";
import {
  type Authority,
  type AuthorityTools,
  makeAuthority,
  makeSigner,
  type Signer,
  withRecord,
  withSigners,
} from "./authority.ts";
import type { AuthorityRecord, Eventually } from "./ca_store.ts";
import { sameBytes } from "../certificate_block.ts";
import {
  dueRotationStep,
  retirementMs,
  type RotationStep,
  type RotationView,
  signerIsOld,
} from "./rotation.ts";

/** What a step did. */
export interface RotationOutcome {
  /** The authority that it was about, as it is now. */
  readonly authority: Authority;
  /** What it meant. */
  readonly change: AuthoritiesChange;
}

/** An operator may insist on a step that is not safe yet. */
export interface StepOptions {
  /** Does it although handshakes may fail. */
  readonly force: boolean;
}

const NO_CHANGE: AuthoritiesChange = { bundleChanged: false, signerChanged: false };

/** Others that were faster so often are a mistake. */
const MAX_TRIES = 8;

/** After a long time without power several steps are due at once; more than this is a mistake. */
const MAX_STEPS_AT_ONCE = 16;

/** Tells of a change, once it is written down. Must not reject. */
export type TellChange = (change: AuthoritiesChange) => Promise<void>;

/** What steps work on. */
export interface RotationParts {
  /** What they change; nobody else does. */
  readonly authorities: Authorities;
  /** Reads what other replicas have written so far. */
  readonly catchUp: () => Eventually<void>;
  /** Takes over what was read, if another replica wrote it. */
  readonly refresh: () => Promise<void>;
}

/** Changes the authorities, one step after the other. */
export class RootRotation {
  readonly #tools: AuthorityTools & { readonly clock: Clock };
  readonly #authorities: Authorities;
  readonly #parts: RotationParts;
  #last: Promise<unknown> = Promise.resolve();

  /** See {@linkcode RotationParts}. */
  constructor(tools: AuthorityTools & { readonly clock: Clock }, parts: RotationParts) {
    this.#tools = tools;
    this.#authorities = parts.authorities;
    this.#parts = parts;
  }

  /** Makes the next root. Rejects with FAILED_PRECONDITION when there is one already. */
  prepare(): Promise<RotationOutcome> {
    return this.#step(() => this.#prepare());
  }

  /** Lets the prepared root sign. Rejects with FAILED_PRECONDITION when there is none or it is new. */
  activate(options: StepOptions): Promise<RotationOutcome> {
    return this.#step(() => this.#activate(options));
  }

  /** Takes out what signs no more. Rejects with FAILED_PRECONDITION when its leaves still live. */
  retire(options: StepOptions): Promise<RotationOutcome> {
    return this.#step(() => this.#retire(options));
  }

  /**
   * Takes in an outside CA: at once when there is none yet; else its root is trusted from now on, and
   * signs when everyone had time to hear of it. Another intermediate of a known root signs at once.
   */
  adopt(outside: Authority): Promise<RotationOutcome> {
    return this.#step(() => this.#adopt(outside));
  }

  /** Takes over what another replica wrote. */
  follow(): Promise<void> {
    return this.#inTurn(() => this.#parts.refresh());
  }

  /** Does all steps that are due, telling of each; makes the first root in an empty store. */
  doDueSteps(tell: TellChange): Promise<void> {
    return this.#inTurn(async () => {
      await this.#parts.refresh();
      if (this.#authorities.all.length === 0) await this.#fromNewest(() => this.#begin(tell));
      for (let count = 0; count < MAX_STEPS_AT_ONCE; count++) {
        if (await this.#dueStep() === undefined) return;
        await this.#fromNewest(() => this.#doDueStep(tell));
      }
    });
  }

  #step(step: () => Promise<RotationOutcome>): Promise<RotationOutcome> {
    return this.#inTurn(() => this.#fromNewest(step));
  }

  /** Steps await keys being made: two at once would each start from the same authorities. */
  #inTurn<T>(step: () => Promise<T>): Promise<T> {
    const done = this.#last.then(step);
    this.#last = done.catch(() => {});
    return done;
  }

  async #fromNewest<T>(step: () => Promise<T>): Promise<T> {
    for (let tries = 1;; tries++) {
      await this.#parts.catchUp();
      await this.#parts.refresh();
      try {
        return await step();
      } catch (error) {
        const isOvertaken = error instanceof StatusError && error.code === StatusCode.ABORTED;
        if (!isOvertaken || tries === MAX_TRIES) throw error;
      }
    }
  }

  async #begin(tell: TellChange): Promise<void> {
    if (this.#authorities.all.length === 0) await tell(await this.#makeFirst());
  }

  /** What was due may have been done by another replica. */
  async #doDueStep(tell: TellChange): Promise<void> {
    const step = await this.#dueStep();
    if (step !== undefined) await tell((await this.#do(step)).change);
  }

  async #dueStep(): Promise<RotationStep | undefined> {
    const { clock, settings } = this.#tools;
    return dueRotationStep(await this.#views(), { nowMs: clock.nowMs(), settings });
  }

  #views(): Promise<readonly RotationView[]> {
    return this.#authorities.rotationViews(this.#tools.settings.unwrittenMs ?? 0);
  }

  #do(step: RotationStep): Promise<RotationOutcome> {
    switch (step.kind) {
      case "prepare":
        return this.#prepare();
      case "activate":
        return this.#activate({ force: true });
      case "retire":
        return this.#takeOut(step.id);
      case "renew-signer":
        return this.#renewSigner();
    }
  }

  async #makeFirst(): Promise<AuthoritiesChange> {
    const nowMs = this.#tools.clock.nowMs();
    const made = await makeAuthority(this.#tools, nowMs);
    return await this.#authorities.replace([withRecord(made, activeSince(nowMs))]);
  }

  async #prepare(): Promise<RotationOutcome> {
    const prepared = this.#authorities.find("prepared");
    if (prepared !== undefined) {
      throw refused("prepare root", `the one before must be activated first: ${idOf(prepared)}`);
    }
    const authority = await makeAuthority(this.#tools, this.#tools.clock.nowMs());
    return await this.#replace(authority, [...this.#authorities.all, authority]);
  }

  async #adopt(outside: Authority): Promise<RotationOutcome> {
    const nowMs = this.#tools.clock.nowMs();
    const known = this.#authorities.all.find(({ record }) => record.id === outside.record.id);
    const others = this.#authorities.all.filter((other) =>
      other !== known && other.record.state !== "prepared"
    );
    if (known !== undefined && isSameSigner(known, outside)) {
      const isAlone = others.length + 1 === this.#authorities.all.length;
      if (isAlone) return { authority: known, change: NO_CHANGE };
    }
    const authority = known === undefined
      ? others.length > 0 ? outside : withRecord(outside, activeSince(nowMs))
      : withNewSigner(known, { signer: outside.signers[0], nowMs });
    return await this.#replace(authority, [...others, authority]);
  }

  async #activate({ force }: StepOptions): Promise<RotationOutcome> {
    const { clock, settings } = this.#tools;
    const prepared = this.#authorities.find("prepared");
    if (prepared === undefined) throw refused("activate root", "one must be prepared first");
    const nowMs = clock.nowMs();
    const knownMs = nowMs - prepared.record.preparedAtMs;
    if (!force && knownMs < settings.overlapMs) {
      const rule = `it must have been trusted for ${settings.overlapMs} ms: is for ${knownMs} ms`;
      throw refused("activate root", rule);
    }
    const fresh = await this.#withFreshSigner(prepared);
    const authority = withRecord(fresh, activeSince(nowMs));
    const next = this.#authorities.all.map((other) => {
      if (other === prepared) return authority;
      return other.record.state === "active" ? withRecord(other, { state: "retiring" }) : other;
    });
    return await this.#replace(authority, next);
  }

  async #retire({ force }: StepOptions): Promise<RotationOutcome> {
    const views = (await this.#views()).filter(({ state }) => state === "retiring");
    const [oldest] = views.sort((a, b) => a.preparedAtMs - b.preparedAtMs);
    if (oldest === undefined) throw refused("retire root", "one must have been replaced first");
    const endMs = retirementMs(oldest);
    if (!force && this.#tools.clock.nowMs() < endMs) {
      const end = new Date(endMs).toISOString();
      throw refused("retire root", `its last certificate must have ended: that ends ${end}`);
    }
    return await this.#takeOut(oldest.id);
  }

  async #takeOut(id: string): Promise<RotationOutcome> {
    const authority = this.#authorities.all.find(({ record }) => record.id === id);
    if (authority === undefined) throw refused("retire root", `it must be trusted: ${id} is not`);
    const next = this.#authorities.all.filter((other) => other !== authority);
    return await this.#replace(authority, next);
  }

  async #renewSigner(): Promise<RotationOutcome> {
    const { active } = this.#authorities;
    const authority = await this.#withFreshSigner(active);
    const next = this.#authorities.all.map((other) => other === active ? authority : other);
    return await this.#replace(authority, next);
  }

  async #replace(
    authority: Authority,
    next: readonly Authority[],
  ): Promise<RotationOutcome> {
    return { authority, change: await this.#authorities.replace(next) };
  }

  /** A root may have been prepared long ago, and who signs under it be old or ended by now. */
  async #withFreshSigner(authority: Authority): Promise<Authority> {
    const { clock, settings } = this.#tools;
    const { root, rootKey, record } = authority;
    const nowMs = clock.nowMs();
    const view = (await this.#views()).find(({ id }) => id === record.id);
    if (rootKey === undefined || view === undefined || !signerIsOld(view, { nowMs, settings })) {
      return authority;
    }
    const signer = await makeSigner({ certificate: root, key: rootKey }, this.#tools, nowMs);
    return withNewSigner(authority, { signer, nowMs });
  }
}

/** An outside CA that every replica takes in at its start is one that is there already. */
function isSameSigner({ record, signers: [signer] }: Authority, outside: Authority): boolean {
  const [other] = outside.signers;
  const [known, given] = [signer, other].map(({ record: { der, between } }) => [der, ...between]);
  return record.state !== "retiring" && known?.length === given?.length &&
    known?.every((der, at) => sameBytes(der, given?.[at] ?? new Uint8Array())) === true;
}

function activeSince(nowMs: number): Pick<AuthorityRecord, "state" | "activatedAtMs"> {
  return { state: "active", activatedAtMs: nowMs };
}

/** The signers before keep their keys while their leaves live, to sign revocation lists. */
function withNewSigner(
  authority: Authority,
  { signer, nowMs }: { readonly signer: Signer; readonly nowMs: number },
): Authority {
  const living = authority.signers.filter(({ record, certificate }) =>
    record.id !== signer.record.id && certificate.facts.notAfterMs > nowMs
  );
  const renewed = withSigners(authority, [signer, ...living]);
  const { state } = authority.record;
  return withRecord(renewed, { state: state === "retiring" ? "prepared" : state });
}

function idOf({ record }: Authority): string {
  return record.id.slice(0, 16);
}

function refused(action: string, rule: string): StatusError {
  return new StatusError(StatusCode.FAILED_PRECONDITION, `cannot ${action} as ${rule}`);
}
