// SPDX-License-Identifier: Apache-2.0
/**
 * The form of a contract: promises by name, each with what proves it for any adapter.
 * @module
 */
import type { ServerAdapter } from "../port.ts";

/** Proves one promise; throws when the adapter breaks it. */
export type Proof = (adapter: ServerAdapter, context: Deno.TestContext) => Promise<void>;

/** Promises by name. */
export type Contract = Readonly<Record<string, Proof>>;
