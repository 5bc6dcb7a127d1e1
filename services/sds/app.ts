// SPDX-License-Identifier: Apache-2.0
/**
 * The composition root of sds: where its parts are made, joined, and closed again.
 * @module
 */
import { VERSION } from "@denvoy/base";
import type { RunningApp, Runtime, ServiceDefinition } from "@denvoy/runtime";
import { type Access, openAccess } from "./access.ts";
import { loadFederatedDomains } from "./adapters/configured_files.ts";
import { FederatedBundles } from "./adapters/federated_bundles.ts";
import { nodePrimitives } from "./adapters/node_primitives.ts";
import { OcspStaples } from "./adapters/ocsp_staples.ts";
import type { OpenCa } from "./adapters/open_ca.ts";
import { readPkcs12 } from "./adapters/pkcs12_reader.ts";
import { readPrivateKey } from "./adapters/private_key_reader.ts";
import { SecretFiles } from "./adapters/secret_files.ts";
import { X509LibraryReader } from "./adapters/x509_library_reader.ts";
import { ApiSecrets } from "./api_secrets.ts";
import { type SdsConfig, sdsSchema } from "./config.ts";
import { DeclaredSecrets } from "./declared_secrets.ts";
import { AccessTokens } from "./domain/access_tokens.ts";
import { IssuedCertificates } from "./domain/issued_certificates.ts";
import { SecretBook } from "./domain/secret_book.ts";
import { ExpiryWatch } from "./expiry_watch.ts";
import { FilesHealth } from "./files_health.ts";
import { Audit } from "./handlers/audit.ts";
import type { SecretSessions } from "./handlers/secret_sessions.ts";
import { apiRoutes } from "./http/api_routes.ts";
import { observeSds, type SdsInstruments, sdsInstruments } from "./metrics.ts";
import { ownTrustOf, publishOwnTrust } from "./own_trust.ts";
import { Serving } from "./serving.ts";
import { openState } from "./state.ts";
import { TicketKeyRings } from "./ticket_key_rings.ts";

/** The service, for `main.ts` and for `denvoy serve`. */
export const sds: ServiceDefinition<typeof sdsSchema.own> = {
  schema: sdsSchema,
  version: VERSION,
  start: startSds,
};

async function startSds(config: SdsConfig, runtime: Runtime): Promise<RunningApp> {
  await using opening = new AsyncDisposableStack();
  const { clock, metrics, readiness, logger } = runtime;
  const instruments = sdsInstruments(metrics);
  const audit = new Audit({ logger, clock, instruments });
  const { openedCa, store, unwritten } = opening.use(await openState(config, runtime));
  const tokens = new AccessTokens({ store, clock, ...nodePrimitives });
  store.subscribe(({ kind }) => kind === "tokens-removed" && tokens.tellRevoked());
  const access = opening.use(await openAccess({ config, runtime, tokens, ca: openedCa.ca }));

  const federation = opening.use(await openFederation(config, { runtime, openedCa }));
  const makers = { config, runtime, openedCa, access, instruments, federation };
  const secrets = makeSecrets(makers, opening);
  const { book, workloads, tickets, certificates, x509 } = secrets;
  const api = await ApiSecrets.open({ ...secrets, store, sealer: openedCa.sealer, clock, logger });
  const filesHealth = new FilesHealth(readiness.component("files"), instruments);
  const files = await loadFiles({ config, runtime, filesHealth, secrets }, opening);
  followCa(secrets, { onTrust: () => void files?.refresh() });
  federation?.subscribe(() => publishOwnTrust(secrets));
  opening.use(new ExpiryWatch({ book, runtime, warnBeforeMs: config.warnBeforeMs }));

  const serving = new Serving({
    ...{ config, runtime, audit, instruments, identity: access.identity },
    secrets,
    sockets: access.sockets,
  });
  const { hub, sessions } = serving;
  const { ca } = openedCa;
  endRevoked(sessions, { access, ca, tls: runtime.tls });
  observeSds(metrics, { unwritten, hub, sessions, book, workloads, ca, files: filesHealth });

  const servers = await serving.listen();
  for (const server of servers) opening.defer(() => server.drain(0));
  await runtime.serveHttp([
    ...serving.routes(),
    ...apiRoutes({
      ...{ config, clock, audit, ca, book, workloads, certificates, tickets, tokens, api },
      sessions,
      x509,
      importer: {
        privateKey: readPrivateKey,
        pkcs12: (file) => readPkcs12(file, x509),
      },
    }),
  ]);

  const opened = opening.move();
  return {
    grpcAddress: servers[0].address,
    async stop(graceMs) {
      const drained = Promise.all(servers.map((server) => server.drain(graceMs)));
      // After the GOAWAY of the drain, so that nobody comes back by the same connection.
      hub.endStreams();
      await drained;
      await opened.disposeAsync();
    },
  };
}

async function openFederation(
  { federation }: SdsConfig,
  { runtime: { clock, logger }, openedCa: { store, sealer } }: {
    readonly runtime: Runtime;
    readonly openedCa: OpenCa;
  },
): Promise<FederatedBundles | undefined> {
  if (federation === undefined) return undefined;
  const domains = await loadFederatedDomains(federation);
  const x509 = new X509LibraryReader();
  return await FederatedBundles.open({ domains, store, sealer, clock, logger, x509 });
}

/** What secrets are made with. */
interface SecretMakers {
  readonly config: SdsConfig;
  readonly runtime: Runtime;
  readonly openedCa: OpenCa;
  readonly access: Access;
  readonly instruments: SdsInstruments;
  readonly federation: FederatedBundles | undefined;
}

function makeSecrets(makers: SecretMakers, opening: AsyncDisposableStack) {
  const { runtime: { clock, logger }, openedCa: { ca, store, sealer }, access } = makers;
  const x509 = new X509LibraryReader();
  const book = new SecretBook();
  const issuing = {
    ...{ ca, clock, logger, random: Math.random },
    onIssued: (outcome: "ok" | "failed") => makers.instruments.issued.add(1, { outcome }),
  };
  const workloads = opening.use(new IssuedCertificates(issuing));
  const certificates = opening.use(new IssuedCertificates(issuing));
  const tickets = new TicketKeyRings({ store, sealer, primitives: nodePrimitives, clock, logger });
  const made = { book, certificates, tickets, x509, logger, clock };
  const declared = opening.use(new DeclaredSecrets(made));
  const federated = () => makers.federation?.current() ?? [];
  const { trustDomain } = ca;
  return { ...made, workloads, declared, ca, federated, trustDomain, policy: access.policy };
}

/** Who has lost its right is sent away at once, and does not wait for its connection to end. */
function endRevoked(
  sessions: SecretSessions,
  { access, ca, tls }: {
    readonly access: Access;
    readonly ca: OpenCa["ca"];
    readonly tls: Runtime["tls"];
  },
): void {
  access.onPolicy(() => sessions.policyChanged());
  access.onProofs((proof) => sessions.recheck(({ caller }) => caller.proof === proof));
  // Whoever is connected by the certificate itself is cut off by the listener.
  tls?.subscribe(() => sessions.recheck(({ caller }) => caller.certificate !== undefined));
  const moreRevoked = tls?.refuse({ has: ({ serial }) => ca.isRevoked(serial) });
  ca.subscribe((event) => {
    if (event.kind !== "revoked") return;
    const { serial } = event.revocation;
    sessions.recheck(({ caller, credentials: { peer } }) =>
      peer.certificate?.serial === serial || caller.certificate?.serial === serial
    );
    moreRevoked?.();
  });
}

type Secrets = ReturnType<typeof makeSecrets>;

/** A new bundle goes out before the certificates that need it. */
function followCa(secrets: Secrets, { onTrust }: { readonly onTrust: () => void }): void {
  publishOwnTrust(secrets);
  secrets.ca.subscribe((event) => {
    switch (event.kind) {
      case "bundle-changed":
      case "crl-changed":
        publishOwnTrust(secrets);
        return onTrust();
      case "signer-changed":
        void secrets.workloads.renewAll();
        void secrets.certificates.renewAll();
        return;
      case "revoked":
        return;
    }
  });
}

/** Loads the secret files and goes on following them. */
async function loadFiles(
  { config, runtime, filesHealth, secrets }: {
    readonly config: SdsConfig;
    readonly runtime: Runtime;
    readonly filesHealth: FilesHealth;
    readonly secrets: Secrets;
  },
  opening: AsyncDisposableStack,
): Promise<SecretFiles | undefined> {
  const { secrets: folder, secretsFile: file, allowInvalid } = config;
  if (folder === undefined && file === undefined) {
    filesHealth.absent();
    return undefined;
  }
  const { book, x509, declared } = secrets;
  const { logger, clock } = runtime;
  const refresh = () => void files.refresh();
  const staples = opening.use(new OcspStaples({ x509, logger, clock, onStaple: refresh }));
  const files: SecretFiles = new SecretFiles({
    ...{ folder, file, book, x509, logger, clock },
    staple: (chainPem) => staples.get(chainPem),
    ownTrust: () => ownTrustOf(secrets),
    onDeclared: (specs) => declared.follow(specs),
    onState: (state) => filesHealth.follow(state),
  });
  await files.load({ allowInvalid });
  return opening.use(files);
}
