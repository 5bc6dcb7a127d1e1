// SPDX-License-Identifier: Apache-2.0
/**
 * Makes the certificates by which the parts of one mesh know each other before anybody has got one from
 * sds: sds itself, ads, and the Envoys that connect to them. All are of one root, whose key is thrown away.
 * @module
 */
import { X509Certificate } from "node:crypto";
import { join } from "node:path";
import { silentLogger } from "@denvoy/base";
import { systemClock } from "@denvoy/runtime";
import { defaultCaSettings, openCa } from "@denvoy/sds/ca";

/** What the certificates are for. */
export interface MeshKeys {
  /** Gets `roots.pem`, and `<name>.pem` and `<name>.key` for each name. */
  readonly folder: string;
  /** Each is the last part of a SPIFFE ID, and a DNS name beside `localhost`. */
  readonly names: readonly string[];
  /** @default "denvoy.local" */
  readonly trustDomain?: string;
}

const YEAR_MS = 365 * 86_400_000;
const KEY_MODE = 0o600;

/** Makes them, unless all are there with half of their year left; returns whether it did. */
export async function makeMeshKeys({ folder, names, trustDomain }: MeshKeys): Promise<boolean> {
  const files = ["roots", ...names].map((name) => join(folder, `${name}.pem`));
  if (await allLast(files, systemClock.nowMs() + YEAR_MS / 2)) return false;
  await using opened = await openCa({
    settings: {
      ...defaultCaSettings,
      ...(trustDomain !== undefined && { trustDomain }),
      rootLifetimeMs: YEAR_MS,
      signerLifetimeMs: YEAR_MS,
      leafLifetimeMs: YEAR_MS,
      maxLeafLifetimeMs: YEAR_MS,
    },
    clock: systemClock,
    logger: silentLogger,
  });
  const { ca } = opened;
  await Deno.mkdir(folder, { recursive: true });
  for (const name of names) {
    const { chainPem, keyPem } = await ca.issue({
      spiffeId: `spiffe://${ca.trustDomain}/${name}`,
      dnsNames: [name, "localhost"],
      ipAddresses: ["127.0.0.1"],
    });
    await replace(join(folder, `${name}.key`), keyPem);
    await replace(join(folder, `${name}.pem`), chainPem);
  }
  await replace(join(folder, "roots.pem"), ca.trustBundle().bundlePem);
  return true;
}

/** In one step, and never to be read by others in between. */
async function replace(path: string, text: string): Promise<void> {
  await Deno.remove(`${path}.new`).catch(() => {});
  await Deno.writeTextFile(`${path}.new`, text, { createNew: true, mode: KEY_MODE });
  await Deno.rename(`${path}.new`, path);
}

async function allLast(files: readonly string[], untilMs: number): Promise<boolean> {
  for (const file of files) {
    try {
      const { validTo } = new X509Certificate(await Deno.readTextFile(file));
      if (Date.parse(validTo) < untilMs) return false;
    } catch {
      return false;
    }
  }
  return true;
}

if (import.meta.main) {
  const [folder, ...names] = Deno.args;
  const isGood = names.length > 0 && names.every((name) => /^[a-z0-9-]+$/.test(name));
  if (folder === undefined || !isGood) {
    throw new Error("cannot make keys as a folder and names (a-z, 0-9, -) must be given");
  }
  const made = await makeMeshKeys({ folder, names });
  const what = made ? "made certificates of a new root" : "the certificates are good still";
  await Deno.stdout.write(new TextEncoder().encode(`${what}: ${folder}\n`));
}
