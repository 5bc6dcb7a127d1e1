// SPDX-License-Identifier: Apache-2.0
/**
 * A mesh in which every certificate is one of sds' own CA: those of the services, of the nodes and of
 * the administrator, who can revoke each of them.
 * @module
 */
import { silentLogger } from "@denvoy/base";
import { connectXds, type XdsClient } from "@denvoy/discovery";
import type { ClientTls } from "@denvoy/grpc";
import { systemClock } from "@denvoy/runtime";
import {
  type DenvoyAds,
  type DenvoySds,
  startDenvoyAds,
  startDenvoySds,
  type TempFolder,
} from "../support/mod.ts";
import { openssl } from "./certificates.ts";

/** The trust domain. */
export const TRUST_DOMAIN = "mesh";

/** The identity of the administrator. */
export const ADMIN = `spiffe://${TRUST_DOMAIN}/ops/ada`;

/** How an HTTP call was answered. */
export interface Answer {
  /** The status. */
  readonly status: number;
  /** The body. */
  readonly text: string;
}

/** The certificates, and what is started with them. */
export class OwnMesh {
  readonly #folder: TempFolder;

  /** Everything is below `folder`. */
  constructor(folder: TempFolder) {
    this.#folder = folder;
  }

  /** Makes the CA, and certificates of these identities (paths in the trust domain). */
  static async create(folder: TempFolder, paths: readonly string[]): Promise<OwnMesh> {
    const mesh = new OwnMesh(folder);
    await using sds = await startDenvoySds({
      dataDir: folder.file("data"),
      flags: ["--trust-domain", TRUST_DOMAIN],
    });
    for (const path of ["ops/ada", ...paths]) await mesh.issue(sds, path);
    const bundle = await fetch(`${sds.httpUrl}/v1/bundle.pem`);
    await folder.write("keys/roots.pem", await bundle.text());
    return mesh;
  }

  /** The folder of keys. */
  get keys(): string {
    return this.#folder.file("keys");
  }

  /** The path of a file of keys: `roots.pem`, `<name>.pem`, `<name>.key`. */
  key(name: string): string {
    return this.#folder.file(`keys/${name}`);
  }

  /** Issues a certificate for a key that stays in the folder; its name is the last part of `path`. */
  async issue(sds: DenvoySds, path: string, name = path.split("/").at(-1)): Promise<void> {
    await Deno.mkdir(this.keys, { recursive: true });
    const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
    const out = ["-keyout", `${name}.key`, "-out", `${name}.csr`, "-subj", "/CN=ignored"];
    await openssl(this.keys, "req", ...key, ...out);
    const csr = await Deno.readTextFile(this.key(`${name}.csr`));
    const names = { dns_names: ["localhost"], ip_addresses: ["127.0.0.1"] };
    const issued = await sds.call("POST", "/v1/certificates", { csr, identity: path, ...names });
    await this.#folder.write(`keys/${name}.pem`, String(issued.chain));
  }

  /** The serial number of a certificate, in the form of the API. */
  async serial(name: string): Promise<string> {
    const text = await openssl(this.keys, "x509", "-in", `${name}.pem`, "-noout", "-serial");
    return text.trim().replace(/^serial=0*/, "").toLowerCase();
  }

  /** Flags of a service that has TLS on both ports and the administrator. */
  server(name: string): readonly string[] {
    return [
      ...["--tls-cert", this.key(`${name}.pem`), "--tls-key", this.key(`${name}.key`)],
      ...["--client-ca", this.key("roots.pem"), "--http-admin", ADMIN],
    ];
  }

  /** Starts sds, which takes the word of ads for nodes. */
  async startSds(flags: readonly string[] = []): Promise<DenvoySds> {
    const policy = await this.#folder.write(
      "keys/policy.yaml",
      `on_behalf_of: ["spiffe://${TRUST_DOMAIN}/ads"]`,
    );
    return await startDenvoySds({
      dataDir: this.#folder.file("data"),
      read: [this.keys],
      flags: [
        ...[...this.server("sds"), "--trust-domain", TRUST_DOMAIN, "--policy", policy],
        ...flags,
      ],
    });
  }

  /** Starts ads, which asks sds. */
  startAds(sds: DenvoySds, flags: readonly string[] = []): Promise<DenvoyAds> {
    return startDenvoyAds({
      read: [this.keys],
      connects: [sds.grpcAddress],
      waitReady: false,
      flags: [
        ...this.server("ads"),
        ...["--sds", sds.grpcAddress, "--sds-ca", this.key("roots.pem")],
        ...["--sds-cert", this.key("ads.pem"), "--sds-key", this.key("ads.key")],
        ...flags,
      ],
    });
  }

  /** What a client shows. */
  async clientTls(name: string): Promise<ClientTls> {
    return {
      serverCa: await Deno.readTextFile(this.key("roots.pem")),
      certificateChain: await Deno.readTextFile(this.key(`${name}.pem`)),
      privateKey: await Deno.readTextFile(this.key(`${name}.key`)),
    };
  }

  /** Connects as a node does, over mutual TLS. */
  async connectNode(address: string, name: string): Promise<XdsClient> {
    return connectXds({
      servers: [address],
      node: { id: name, cluster: name },
      tls: { current: await this.clientTls(name) },
      tuning: { backoff: { initialMs: 50, maxMs: 200, factor: 2 } },
      clock: systemClock,
      logger: silentLogger,
    });
  }

  /** Calls an HTTP API (`host:port`, or a URL whose scheme does not matter) as `name`. */
  async http(method: string, address: string, options: {
    readonly path: string;
    readonly as?: string;
  }): Promise<Answer> {
    const { path, as = "ada" } = options;
    const { serverCa = "", certificateChain: cert = "", privateKey: key = "" } = await this
      .clientTls(as);
    using client = Deno.createHttpClient({ caCerts: [serverCa], cert, key });
    const url = `https://localhost:${address.split(":").at(-1)}${path}`;
    const response = await fetch(url, { method, client });
    return { status: response.status, text: await response.text() };
  }

  /** Revokes the certificate of `name`. */
  async revoke(sds: DenvoySds, name: string): Promise<void> {
    const path = `/v1/certificates/${await this.serial(name)}/revoke`;
    const { status, text } = await this.http("POST", sds.httpUrl, { path });
    if (status !== 200) throw new Error(`cannot revoke ${name}: ${status} ${text}`);
  }
}
