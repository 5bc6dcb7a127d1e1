// SPDX-License-Identifier: Apache-2.0
/**
 * Takes what replicas have agreed on: each commit applied, written down and shown at once, in the same
 * order everywhere, so that all replicas serve the same.
 * @module
 */
import type { Catalog, CatalogEdit, SlotEdit } from "./catalog.ts";
import type { ConfigurationWriter } from "./configuration_writer.ts";
import type { EndpointDirectory } from "./endpoint_directory.ts";
import type { ProposingStore } from "./proposing_store.ts";
import type { Publisher } from "./publisher.ts";
import type { SharedState } from "./replication.ts";
import type { RolloutEvent } from "./rollout.ts";
import type { RolloutControl } from "./rollout_control.ts";
import type { RolloutRecord, Rollouts } from "./rollouts.ts";
import { type Slot, type SlotRef, slotText } from "./slot.ts";
import type { StoreBatch } from "./store.ts";

/** What a replica is made of. */
export interface ReplicaParts {
  /** Shows. */
  readonly publisher: Publisher;
  /** Counts revisions. */
  readonly writer: ConfigurationWriter;
  /** Endpoints. */
  readonly endpoints: EndpointDirectory;
  /** Rollouts, for reading. */
  readonly rollouts: Rollouts;
  /** Rollouts, for changing. */
  readonly rolloutControl: RolloutControl;
}

/** One of several that serve the same. */
export class Replica {
  readonly #parts: ReplicaParts;
  readonly #store: ProposingStore;

  /** `store` is the copy of what was agreed on. */
  constructor(parts: ReplicaParts, store: ProposingStore) {
    this.#parts = parts;
    this.#store = store;
  }

  /** Returns a rollout. */
  rollout(id: string): RolloutRecord | undefined {
    return this.#parts.rollouts.get(id);
  }

  /** Proposes what follows from events of a rollout. */
  propose(rollout: string, events: readonly RolloutEvent[]): void {
    this.#parts.rolloutControl.propose(rollout, events);
  }

  /** Takes a commit. */
  take(batch: StoreBatch): void {
    const { endpoints, rolloutControl, writer } = this.#parts;
    const rollouts = rolloutControl.adopt(batch.rollouts ?? []);
    const adopted = endpoints.adopt(batch);
    this.#store.keep(batch);
    this.#show([...batch.edits ?? [], ...rollouts.edits, ...adopted.edits]);
    if (batch.revision !== undefined) writer.took(batch.revision);
    endpoints.tell([...adopted.events, ...rollouts.events]);
  }

  /** Takes all that there is, in place of everything; shows what differs. */
  replace(state: SharedState): void {
    const { endpoints, rolloutControl, writer, publisher } = this.#parts;
    const rollouts = rolloutControl.replace(state.rollouts);
    const adopted = endpoints.adopt(endpoints.differenceTo(state));
    this.#store.replace(state);
    const edits = editsTo(publisher.catalog, state.edits);
    this.#show([...edits, ...rollouts.edits, ...adopted.edits]);
    writer.follow(state.revisions);
    endpoints.tell([...adopted.events, ...rollouts.events]);
  }

  /** Returns all that there is. */
  everything(): SharedState {
    const { endpoints, rollouts, publisher } = this.#parts;
    const { revisions, contents } = this.#store;
    const { served } = this.#store.load();
    return {
      edits: [...slotEdits(publisher.catalog)],
      served,
      revisions,
      contents: [...contents],
      registrations: [...endpoints.list()].map(
        ({ registeredAtMs: _at, expiresAtMs: _until, verdict: _verdict, ...spec }) => spec,
      ),
      verdicts: [...endpoints.verdicts()],
      rollouts: rollouts.list(),
    };
  }

  #show(edits: readonly CatalogEdit[]): void {
    const { publisher } = this.#parts;
    if (edits.length > 0) publisher.publish(publisher.catalog.apply(edits));
  }
}

/** Returns what makes the shared layers of a catalog what they are to be, without what they are. */
function editsTo(catalog: Catalog, wanted: readonly SlotEdit[]): readonly SlotEdit[] {
  const known = new Map([...slotEdits(catalog)].map((edit) => [layerText(edit), edit]));
  const edits: SlotEdit[] = [];
  for (const edit of wanted) {
    const text = layerText(edit);
    if (!isSame(known.get(text), edit)) edits.push(edit);
    known.delete(text);
  }
  return [...[...known.values()].map(withoutEntry), ...edits];
}

function* slotEdits(catalog: Catalog): Generator<SlotEdit> {
  for (const typeUrl of catalog.typeUrls()) {
    for (const { name, slots } of catalog.states(typeUrl)) {
      for (const slot of slots) yield* layersOf(slot, { key: { typeUrl, name }, ...slot });
    }
  }
}

function* layersOf({ files, api, pin }: Slot, { key, selector }: SlotRef): Generator<SlotEdit> {
  if (files !== undefined) yield { key, selector, layer: "files", entry: files };
  if (api !== undefined) yield { key, selector, layer: "api", entry: api };
  if (pin !== undefined) yield { key, selector, layer: "pin", entry: pin };
}

function layerText(edit: SlotEdit): string {
  return `${edit.layer} ${slotText(edit)}`;
}

function isSame(a: SlotEdit | undefined, b: SlotEdit): boolean {
  if (a?.entry === undefined || b.entry === undefined) return a?.entry === b.entry;
  const { resource: one, ...aRest } = a.entry;
  const { resource: other, ...bRest } = b.entry;
  return one?.version === other?.version && JSON.stringify(aRest) === JSON.stringify(bRest);
}

function withoutEntry(edit: SlotEdit): SlotEdit {
  return { ...edit, entry: undefined };
}
