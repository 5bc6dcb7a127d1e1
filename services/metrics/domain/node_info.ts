// SPDX-License-Identifier: Apache-2.0
/**
 * Which Envoy reports.
 * @module
 */

/** What is known of a node from the first message of a stream. */
export interface NodeInfo {
  /** `node.id`; not empty. */
  readonly id: string;
  /** `node.cluster`. */
  readonly cluster: string;
  /** Region of its locality. */
  readonly region: string;
  /** Zone of its locality. */
  readonly zone: string;
  /** Sub zone of its locality. */
  readonly subZone: string;
  /** Version of Envoy, e.g. `1.40.0`; empty when it did not say. */
  readonly version: string;
  /** Metadata that was asked for, by its path. */
  readonly metadata: Readonly<Record<string, string>>;
}
