// SPDX-License-Identifier: Apache-2.0
/** What this package offers. @module */
export {};
