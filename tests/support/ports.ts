// SPDX-License-Identifier: Apache-2.0
/**
 * Ports that nobody uses, for programs that cannot pick one themselves.
 * @module
 */
export { freePort, freePorts } from "@denvoy/tools/ports";
