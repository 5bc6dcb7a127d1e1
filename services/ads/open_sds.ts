// SPDX-License-Identifier: Apache-2.0
/**
 * Opens what asks sds, as the settings say.
 * @module
 */
import { loadClientTls, observeXdsClients, ServerConnections } from "@denvoy/discovery";
import type { Runtime } from "@denvoy/runtime";
import { SdsSecrets } from "./adapters/sds_secrets.ts";
import type { AdsConfig } from "./config.ts";
import { checkSdsSettings } from "./sds_settings.ts";

/**
 * Returns what asks sds, whose parts `owner` closes; undefined when nobody is to be asked. Sds need
 * not be there.
 * @throws ProblemError when settings or keys cannot be used
 */
export async function openSds(
  config: AdsConfig,
  { runtime, owner }: { readonly runtime: Runtime; readonly owner: AsyncDisposableStack },
): Promise<SdsSecrets | undefined> {
  checkSdsSettings(config);
  const { sds: servers, sdsCa: ca, sdsCert: cert, sdsKey: key, sdsServerName: serverName } = config;
  if (servers.length === 0) return undefined;
  const { clock, logger, metrics } = runtime;
  const tls = owner.use(await loadClientTls({ ca, cert, key, serverName }, { logger, clock }));
  const connections = owner.use(new ServerConnections({ servers, tls }));
  const secrets = owner.use(new SdsSecrets({ connections, clock, logger }));
  observeXdsClients(metrics, { clients: () => secrets.clients, clock });
  return secrets;
}
