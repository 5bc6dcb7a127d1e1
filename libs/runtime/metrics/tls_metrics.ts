// SPDX-License-Identifier: Apache-2.0
/**
 * Until when the TLS files of a service are good.
 * @module
 */
import type { TlsFiles } from "../files/tls_files.ts";
import { certificateFacts } from "../tls_material.ts";
import type { Metrics } from "./metrics.ts";

/**
 * Registers `<service>_tls_certificate_not_after_seconds`: when the certificate in use expires; and, with
 * revocation lists, `<service>_tls_crl_next_update_seconds`: when the first of them is over.
 */
export function registerTlsMetrics(
  metrics: Metrics,
  files: Pick<TlsFiles, "current" | "listsEndMs">,
): void {
  metrics.observeGauge("tls_certificate_not_after_seconds", {
    help: "When the server's own certificate expires, in seconds since the Unix epoch.",
  }, () => (certificateFacts(files.current.certificateChain)?.notAfterMs ?? 0) / 1000);
  if (files.listsEndMs === undefined) return;
  metrics.observeGauge("tls_crl_next_update_seconds", {
    help: "When the first of the revocation lists in use is over, in seconds since the Unix epoch.",
  }, () => (files.listsEndMs ?? 0) / 1000);
}
