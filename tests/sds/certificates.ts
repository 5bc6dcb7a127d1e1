// SPDX-License-Identifier: Apache-2.0
/**
 * Certificates of a CA that belongs to nobody but the tests, made by openssl as people make them.
 * @module
 */
import { dirname, join } from "node:path";

/** Runs openssl in a folder; throws with what it says unless it succeeds. */
export async function openssl(folder: string, ...args: readonly string[]): Promise<string> {
  const command = new Deno.Command("openssl", {
    args: [...args],
    cwd: folder,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
  const { success, stdout, stderr } = await command.output();
  const text = new TextDecoder().decode(stdout);
  if (success) return text;
  throw new Error(`openssl ${args[0]}: ${new TextDecoder().decode(stderr)}`);
}

/** A CA in a folder. */
export class TestCa {
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /** Makes `ca.key` and `ca.crt` there. */
  static async create(folder: string): Promise<TestCa> {
    await Deno.mkdir(folder, { recursive: true });
    const extensions = [
      "basicConstraints=critical,CA:TRUE",
      "keyUsage=critical,keyCertSign,cRLSign",
    ];
    await openssl(
      folder,
      "req",
      "-x509",
      "-newkey",
      "ec",
      "-pkeyopt",
      "ec_paramgen_curve:P-256",
      "-nodes",
      "-keyout",
      "ca.key",
      "-out",
      "ca.crt",
      "-subj",
      "/CN=test ca",
      "-days",
      "30",
      ...extensions.flatMap((each) => ["-addext", each]),
    );
    return new TestCa(folder);
  }

  /** PEM of the root. */
  async pem(): Promise<string> {
    return await Deno.readTextFile(join(this.#folder, "ca.crt"));
  }

  /** Returns PEM of a new key and certificate for a host, or for other names. */
  async issue(
    host: string,
    names: readonly string[] = [`DNS:${host}`],
  ): Promise<{ readonly chain: string; readonly key: string }> {
    const folder = this.#folder;
    const id = crypto.randomUUID();
    await openssl(
      folder,
      "req",
      "-newkey",
      "ec",
      "-pkeyopt",
      "ec_paramgen_curve:P-256",
      "-nodes",
      "-keyout",
      `${id}.key`,
      "-out",
      `${id}.csr`,
      "-subj",
      `/CN=${host}`,
      "-addext",
      `subjectAltName=${names.join(",")}`,
    );
    await openssl(
      folder,
      "x509",
      "-req",
      "-in",
      `${id}.csr`,
      "-CA",
      "ca.crt",
      "-CAkey",
      "ca.key",
      "-CAcreateserial",
      "-copy_extensions",
      "copy",
      "-days",
      "30",
      "-out",
      `${id}.crt`,
    );
    const read = (name: string) => Deno.readTextFile(join(folder, name));
    return { chain: await read(`${id}.crt`), key: await read(`${id}.key`) };
  }
}

/** Writes the files of a certificate as Kubernetes mounts them: all of them change in one step. */
export async function mountSecret(
  folder: string,
  files: Readonly<Record<string, string | Uint8Array>>,
): Promise<void> {
  const version = `..${crypto.randomUUID()}`;
  await Deno.mkdir(join(folder, version), { recursive: true });
  for (const [name, content] of Object.entries(files)) {
    const path = join(folder, version, name);
    await Deno.mkdir(dirname(path), { recursive: true });
    await (typeof content === "string"
      ? Deno.writeTextFile(path, content, { mode: 0o600 })
      : Deno.writeFile(path, content, { mode: 0o600 }));
  }
  await Deno.symlink(version, join(folder, "..next"));
  await Deno.rename(join(folder, "..next"), join(folder, "..data"));
  for (const name of Object.keys(files)) {
    await Deno.symlink(join("..data", name), join(folder, name)).catch((error) => {
      if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    });
  }
}
