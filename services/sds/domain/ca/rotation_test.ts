// SPDX-License-Identifier: Apache-2.0
/** Which step of a rotation is due when. @module */
import assert from "node:assert/strict";
import { defaultCaSettings } from "./ca_settings.ts";
import { dueRotationStep, type RotationStep, type RotationView } from "./rotation.ts";

const DAY = 86_400_000;
const HOUR = 3_600_000;

/** A root of 365 days, 100 days old, whose signer was made yesterday. */
const active: RotationView = {
  id: "a",
  state: "active",
  outside: false,
  preparedAtMs: -100 * DAY,
  rootNotAfterMs: 265 * DAY,
  signerNotBeforeMs: -DAY,
  signerNotAfterMs: 29 * DAY,
  lastLeafNotAfterMs: DAY,
};
const prepared: RotationView = {
  ...active,
  id: "p",
  state: "prepared",
  preparedAtMs: -2 * HOUR,
  rootNotAfterMs: 365 * DAY,
  lastLeafNotAfterMs: 0,
};
const retiring: RotationView = { ...active, id: "r", state: "retiring" };
const prepare: RotationStep = { kind: "prepare" };
const activate: RotationStep = { kind: "activate", id: "p" };
const retire: RotationStep = { kind: "retire", id: "r" };

interface Case {
  readonly name: string;
  readonly views: readonly RotationView[];
  readonly outside?: boolean;
  readonly due: RotationStep | undefined;
}

const cases: readonly Case[] = [
  { name: "nothing without a root", views: [], due: undefined },
  { name: "nothing in the middle of a life", views: [active], due: undefined },
  {
    name: "a successor 30 days before the end",
    views: [{ ...active, rootNotAfterMs: 30 * DAY }],
    due: prepare,
  },
  {
    name: "no successor a moment before that",
    views: [{ ...active, rootNotAfterMs: 30 * DAY + 1 }],
    due: undefined,
  },
  {
    name: "nothing while a successor waits",
    views: [{ ...active, rootNotAfterMs: 8 * DAY }, prepared],
    due: undefined,
  },
  {
    name: "activation 7 days before the end",
    views: [{ ...active, rootNotAfterMs: 7 * DAY }, prepared],
    due: activate,
  },
  {
    name: "no activation before everyone has heard of the root",
    views: [{ ...active, rootNotAfterMs: DAY }, { ...prepared, preparedAtMs: -HOUR + 1 }],
    due: undefined,
  },
  {
    name: "activation at once after the end",
    views: [{ ...active, rootNotAfterMs: 0 }, { ...prepared, preparedAtMs: 0 }],
    due: activate,
  },
  {
    name: "a successor after the end",
    views: [{ ...active, rootNotAfterMs: -DAY }],
    due: prepare,
  },
  { name: "no retirement while a leaf lives", views: [active, retiring], due: undefined },
  {
    name: "retirement when the last leaf has ended",
    views: [active, { ...retiring, lastLeafNotAfterMs: 0 }],
    due: retire,
  },
  {
    name: "retirement of a root that has ended",
    views: [active, { ...retiring, rootNotAfterMs: 0 }],
    due: retire,
  },
  {
    name: "a new signer at half of its life",
    views: [{ ...active, signerNotBeforeMs: -15 * DAY, signerNotAfterMs: 15 * DAY }],
    due: { kind: "renew-signer", id: "a" },
  },
  {
    name: "no new signer that would end with its root",
    views: [
      {
        ...active,
        rootNotAfterMs: 8 * DAY,
        signerNotBeforeMs: -22 * DAY,
        signerNotAfterMs: 8 * DAY,
      },
      prepared,
    ],
    due: undefined,
  },
  {
    name: "a successor of its own for an outside CA that is not configured any more",
    views: [{ ...active, outside: true }],
    due: prepare,
  },
  {
    name: "no successor for an outside CA near its end: its owner must see to it",
    views: [{ ...active, outside: true, rootNotAfterMs: DAY }],
    outside: true,
    due: undefined,
  },
  {
    name: "activation of an outside CA as soon as everyone has heard of it",
    views: [active, { ...prepared, outside: true }],
    outside: true,
    due: activate,
  },
  {
    name: "retirement of an outside CA that was prepared and is not wanted any more",
    views: [active, { ...prepared, outside: true }],
    due: { kind: "retire", id: "p" },
  },
];

for (const { name, views, outside = false, due } of cases) {
  Deno.test(`dueRotationStep() asks for ${name}`, () => {
    const settings = { ...defaultCaSettings, outside };
    assert.deepEqual(dueRotationStep(views, { nowMs: 0, settings }), due);
  });
}
