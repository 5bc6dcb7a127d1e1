// SPDX-License-Identifier: Apache-2.0
/**
 * Everything by which callers are known and judged, from the settings: the policy, tokens, JWT keys,
 * sockets. Files are followed; what cannot be used leaves the last good in force.
 * @module
 */
import { ProblemError } from "@denvoy/base";
import { isLoopback, readFileContent, ReloadedFiles, type Runtime, textOf } from "@denvoy/runtime";
import { CallerTokens } from "./adapters/caller_tokens.ts";
import { JwtKeys } from "./adapters/jwt_keys.ts";
import { modeProblem } from "./adapters/private_files.ts";
import type { SdsConfig } from "./config.ts";
import { AccessPolicy, DEFAULT_RULES, type PolicyRules } from "./domain/access_policy.ts";
import type { AccessTokens } from "./domain/access_tokens.ts";
import type { Proof } from "./domain/caller.ts";
import type { CertificateAuthority } from "./domain/certificate_authority.ts";
import { readPolicyFile } from "./domain/policy_file.ts";
import { parseSpiffeId } from "./domain/spiffe_id.ts";
import { CallerIdentity } from "./handlers/caller_identity.ts";

/** What access is made of. */
export interface AccessParts {
  /** The settings. */
  readonly config: SdsConfig;
  /** What the process gives. */
  readonly runtime: Runtime;
  /** Tokens of nodes. */
  readonly tokens: AccessTokens;
  /** Knows which certificates are revoked. */
  readonly ca: Pick<CertificateAuthority, "isRevoked">;
}

/** How callers are known and judged. */
export interface Access extends AsyncDisposable {
  /** Finds out who they are. */
  readonly identity: CallerIdentity;
  /** Paths of sockets. */
  readonly sockets: readonly string[];
  /** The policy that applies now. */
  policy(): AccessPolicy;
  /** Calls `listener` when the policy changed. */
  onPolicy(listener: () => void): void;
  /** Calls `listener` when proofs of one kind may be worth nothing any more. */
  onProofs(listener: (proof: Proof) => void): void;
}

/** Loads it all. Rejects with ProblemError for files that cannot be used. */
export async function openAccess(parts: AccessParts): Promise<Access> {
  const { config, runtime, tokens, ca } = parts;
  const { trustDomain } = config;
  checkUnauthenticated(config, runtime);
  await using opening = new AsyncDisposableStack();
  const policies = opening.use(await followPolicy(parts));
  const callerTokens = opening.use(await followTokens(parts));
  const jwt = opening.use(await followJwtKeys(parts));
  const sockets = socketsOf(config);
  const unruled = allowAllWithout(config);
  const policy = () => policies?.current ?? unruled;
  const identity = new CallerIdentity({
    policy,
    tokens,
    knownToken: (token) => callerTokens?.current.identify(token),
    jwt: jwt && { verify: (token) => jwt.current.verify(token) },
    sockets,
    isRevoked: (certificate) =>
      ca.isRevoked(certificate.serial) || runtime.tls?.current.revoked?.has(certificate) === true,
    allowUnauthenticated: config.allowUnauthenticated,
    trustDomain,
  });
  const open = opening.move();
  return {
    identity,
    sockets: [...sockets.keys()],
    policy,
    onPolicy: (listener) => void policies?.subscribe(listener),
    onProofs(listener) {
      tokens.onRevoked(() => listener("token"));
      callerTokens?.subscribe(() => listener("token"));
      jwt?.subscribe(() => listener("jwt"));
    },
    [Symbol.asyncDispose]: () => open.disposeAsync(),
  };
}

function allowAllWithout({ trustDomain, allowUnauthenticated }: SdsConfig): AccessPolicy {
  return new AccessPolicy({ ...DEFAULT_RULES, allowAll: allowUnauthenticated }, trustDomain);
}

/** REST polls come through the HTTP port. */
function checkUnauthenticated(
  { allowUnauthenticated, grpcAddress, httpAddress }: SdsConfig,
  runtime: Runtime,
): void {
  if (!allowUnauthenticated) return;
  if (!isLoopback(grpcAddress) || !isLoopback(httpAddress)) {
    throw usageError(
      "--allow-unauthenticated must be used on loopback only: see --grpc-address, --http-address",
    );
  }
  runtime.logger.warn("secrets are given to callers that prove nothing", {
    flag: "--allow-unauthenticated",
  });
}

/** Returns identities by path. @throws ProblemError for an identity that is none */
function socketsOf({ sockets, trustDomain }: SdsConfig): ReadonlyMap<string, string> {
  return new Map(
    Object.entries(sockets).map(([name, path]) => {
      const identity = name.includes("://") ? name : `spiffe://${trustDomain}/${name}`;
      const parsed = parseSpiffeId(identity);
      if (parsed.ok) return [path, identity];
      throw usageError(`--socket ${parsed.error}`);
    }),
  );
}

function usageError(message: string): ProblemError {
  return new ProblemError([{ severity: "error", message }]);
}

async function followPolicy({ config, runtime }: AccessParts) {
  const { policy: file, trustDomain } = config;
  if (file === undefined) return undefined;
  return await follow(runtime, {
    what: "policy",
    file,
    read: async () => new AccessPolicy(await readRules(file), trustDomain),
  });
}

async function readRules(file: string): Promise<PolicyRules> {
  const content = await readFileContent(file);
  const text = content.kind === "bytes" ? textOf(content.bytes) : undefined;
  if (text === undefined) {
    throw new ProblemError([{ severity: "error", file, message: "cannot read policy" }]);
  }
  const read = readPolicyFile(text, { file });
  if (read.ok) return read.value;
  throw new ProblemError(read.error);
}

async function followTokens({ config: { callerTokens: file }, runtime }: AccessParts) {
  if (file === undefined) return undefined;
  const read = async () => {
    const tokens = await CallerTokens.load(file);
    // Mounted secrets are often like that, so that it is told and not refused.
    const problem = await modeProblem(file, { strict: false });
    if (problem !== undefined) {
      runtime.logger.warn("file of caller tokens is open", { file, problem });
    }
    return tokens;
  };
  return await follow(runtime, { what: "caller tokens", file, read });
}

async function followJwtKeys({ config, runtime }: AccessParts) {
  const { jwtKeys: file, jwtIssuer: issuer, jwtAudience: audience } = config;
  if (file === undefined) return undefined;
  const read = () => JwtKeys.load(file, { issuer, audience, clock: runtime.clock });
  return await follow(runtime, { what: "JWT keys", file, read });
}

function follow<T>(
  { logger, clock, readiness }: Runtime,
  { what, file, read }: {
    readonly what: string;
    readonly file: string;
    readonly read: () => Promise<T>;
  },
): Promise<ReloadedFiles<T>> {
  const health = readiness.component(what.toLowerCase().replaceAll(" ", "_"));
  return ReloadedFiles.load({ what, paths: [file], read, logger, clock, health });
}
