// SPDX-License-Identifier: Apache-2.0
/**
 * The version of Denvoy, in one place.
 * @module
 */

/** The version, by semantic versioning. */
export const VERSION = "0.1.0";
