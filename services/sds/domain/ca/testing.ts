// SPDX-License-Identifier: Apache-2.0
/**
 * For tests: certificates of any kind, also wrong ones, and a CA in memory whose time moves by hand.
 * @module
 */
import { type Logger, silentLogger } from "@denvoy/base";
import { FakeClock } from "@denvoy/base/testing";
import { AesSealer } from "../../adapters/aes_sealer.ts";
import { nodePrimitives } from "../../adapters/node_primitives.ts";
import { WebCryptoKeys } from "../../adapters/web_crypto_keys.ts";
import { X509LibraryReader } from "../../adapters/x509_library_reader.ts";
import type { CertificateNamesWanted } from "../certificate_authority.ts";
import type { KeyType } from "../certificate_facts.ts";
import { writePem } from "../pem.ts";
import { BuiltInCa, type BuiltInCaOptions } from "./built_in_ca.ts";
import { defaultCaSettings } from "./ca_settings.ts";
import { distinguishedName, signCertificate } from "./certificate_writer.ts";
import { caExtensions, keyIdOf, leafExtensions } from "./extensions.ts";
import { MemoryCaStore } from "./memory_ca_store.ts";
import type { NewKey } from "./signing_key.ts";

/** A certificate with its key. */
export interface Crafted {
  /** Its DER. */
  readonly der: Uint8Array;
  /** Its PEM. */
  readonly pem: string;
  /** Its key. */
  readonly key: NewKey;
  /** Its key as PEM. */
  readonly keyPem: string;
  /** DER Name. */
  readonly name: Uint8Array;
}

/** What a crafted certificate is like; a good CA of one year without these. */
export interface CraftOptions {
  /** Common name. @default "test" */
  readonly name?: string;
  /** Who signs. @default itself */
  readonly issuer?: Crafted;
  /** Whose key signs, when that is not the issuer's. */
  readonly signedBy?: Crafted;
  /** Names of a leaf; a CA without. */
  readonly leaf?: CertificateNamesWanted;
  /** Extensions in place of the usual ones. */
  readonly extensions?: readonly Uint8Array[];
  /** Kind of key. @default "ec-p256" */
  readonly keyType?: KeyType;
  /** Path length of a CA. @default 1 */
  readonly pathLength?: number;
  /** Start, relative to {@linkcode testNowMs}. @default an hour before */
  readonly fromMs?: number;
  /** End, relative to {@linkcode testNowMs}. @default a year after */
  readonly toMs?: number;
}

/** The present in tests. */
export const testNowMs: number = Date.UTC(2026, 0, 1);

/** Reads certificates. */
export const testReader: X509LibraryReader = new X509LibraryReader();

const HOUR_MS = 3_600_000;
const keys = new WebCryptoKeys();

/** Makes a certificate with a new key. */
export async function craft(options: CraftOptions = {}): Promise<Crafted> {
  const { name = "test", issuer, fromMs = -HOUR_MS, toMs = 8760 * HOUR_MS } = options;
  const key = await keys.generate(options.keyType ?? "ec-p256");
  const subject = distinguishedName(name, "Test");
  const der = await signCertificate({
    serial: nodePrimitives.randomBytes(8),
    issuer: issuer?.name ?? subject,
    subject,
    notBeforeMs: testNowMs + fromMs,
    notAfterMs: testNowMs + toMs,
    spki: key.spki,
    extensions: options.extensions ?? usualExtensions(options, key),
  }, (options.signedBy ?? issuer)?.key ?? key);
  return {
    der,
    pem: writePem("CERTIFICATE", der),
    key,
    keyPem: writePem("PRIVATE KEY", key.pkcs8),
    name: subject,
  };
}

function usualExtensions(options: CraftOptions, key: NewKey): readonly Uint8Array[] {
  const subjectKeyId = keyIdOf(key.spki, nodePrimitives);
  const authorityKeyId = keyIdOf((options.issuer?.key ?? key).spki, nodePrimitives);
  if (options.leaf !== undefined) {
    return leafExtensions({ names: options.leaf, subjectKeyId, authorityKeyId, rsa: false });
  }
  const pathLength = options.pathLength ?? 1;
  return caExtensions({ pathLength, trustDomain: "test", subjectKeyId });
}

/** A CA in memory. */
export interface TestCa {
  /** The CA. */
  readonly ca: BuiltInCa;
  /** Its time. */
  readonly clock: FakeClock;
  /** What it was opened with; open it again with these for a restart. */
  readonly options: BuiltInCaOptions;
}

/** Opens a CA in memory at {@linkcode testNowMs}. */
export async function openTestCa(
  changes: Partial<BuiltInCaOptions> & { readonly logger?: Logger } = {},
): Promise<TestCa> {
  const clock = new FakeClock(testNowMs);
  const options: BuiltInCaOptions = {
    keys,
    sealer: await AesSealer.create(new Uint8Array(32)),
    store: new MemoryCaStore(),
    x509: testReader,
    primitives: nodePrimitives,
    settings: defaultCaSettings,
    clock,
    logger: silentLogger,
    ...changes,
  };
  return { ca: await BuiltInCa.open(options), clock, options };
}
