// SPDX-License-Identifier: Apache-2.0
/**
 * A real Envoy that knows nobody but ads serves TLS with a certificate of sds: three processes that
 * believe each other by their certificates alone.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { connect } from "node:tls";
import {
  type Bootstrap,
  bootstrap,
  type DenvoyAds,
  type DenvoySds,
  eventually,
  freePorts,
  startDenvoyAds,
  startDenvoySds,
  startEnvoy,
  TempFolder,
} from "../support/mod.ts";
import {
  CLUSTER_TYPE,
  endpoints,
  fileText,
  inlineRoutes,
  listener,
  type Resource,
} from "../envoy/resources.ts";
import { mountSecret, TestCa } from "../sds/certificates.ts";

const TLS = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3";

/** A secret that comes by the stream to ads. */
function fromAds(name: string): Resource {
  return { name, sds_config: { ads: {}, resource_api_version: "V3" } };
}

/** TLS with a certificate and, if it is named, a trust bundle that come by the stream to ads. */
function tlsContext(side: "Downstream" | "Upstream", secret: string, trust?: string): Resource {
  return {
    name: "envoy.transport_sockets.tls",
    typed_config: {
      "@type": `${TLS}.${side}TlsContext`,
      ...side === "Downstream" && { require_client_certificate: trust !== undefined },
      common_tls_context: {
        tls_certificate_sds_secret_configs: [fromAds(secret)],
        ...trust !== undefined && { validation_context_sds_secret_config: fromAds(trust) },
      },
    },
  };
}

/** A listener that answers over TLS. */
function secured(name: string, port: number, transportSocket: Resource): Resource {
  const manager = inlineRoutes({ prefix: "/", status: 200, body: "hello" });
  return listener(name, { port, manager, transportSocket });
}

/** Certificates of one mesh in files, and the flags that name them. */
class Mesh {
  readonly folder: TempFolder;
  readonly ca: TestCa;

  private constructor(folder: TempFolder, ca: TestCa) {
    this.folder = folder;
    this.ca = ca;
  }

  static async create(folder: TempFolder): Promise<Mesh> {
    const ca = await TestCa.create(folder.file("ca"));
    const mesh = new Mesh(folder, ca);
    const host = ["DNS:localhost", "IP:127.0.0.1"];
    for (const who of ["sds", "ads", "web", "front"]) {
      const { chain, key } = await ca.issue(who, [`URI:spiffe://mesh/${who}`, ...host]);
      await folder.write(`keys/${who}.crt`, chain);
      await folder.write(`keys/${who}.key`, key);
    }
    await folder.write("keys/ca.crt", await ca.pem());
    return mesh;
  }

  get keys(): string {
    return this.folder.file("keys");
  }

  key(name: string): string {
    return join(this.keys, name);
  }

  async secret(name: string, commonName: string): Promise<void> {
    const { chain, key } = await this.ca.issue(commonName);
    const files = { "tls.crt": chain, "tls.key": key };
    await mountSecret(this.folder.file(`secrets/${name}`), files);
  }

  server(who: string): readonly string[] {
    return [
      ...["--tls-cert", this.key(`${who}.crt`), "--tls-key", this.key(`${who}.key`)],
      ...["--client-ca", this.key("ca.crt")],
    ];
  }

  startSds(grpcAddress?: string): Promise<DenvoySds> {
    return startDenvoySds({
      ...grpcAddress !== undefined && { grpcAddress },
      read: [this.folder.path],
      flags: [
        ...[...this.server("sds"), "--trust-domain", "mesh"],
        ...["--secrets", this.folder.file("secrets"), "--policy", this.folder.file("policy.yaml")],
      ],
    });
  }

  startAds(sdsAddress: string): Promise<DenvoyAds> {
    return startDenvoyAds({
      resources: this.folder.file("resources"),
      read: [this.keys],
      connects: [sdsAddress],
      waitReady: false,
      flags: [
        ...this.server("ads"),
        ...["--node-identity", "spiffe://mesh/{id}", "--sds", sdsAddress],
        ...["--sds-ca", this.key("ca.crt")],
        ...["--sds-cert", this.key("ads.crt"), "--sds-key", this.key("ads.key")],
      ],
    });
  }

  /** A bootstrap that shows the certificate of the node to ads. */
  bootstrap(managementAddress: string, nodeId: string): Bootstrap {
    const plain = bootstrap({ managementAddress, nodeId });
    const { clusters } = plain.static_resources as { readonly clusters: readonly object[] };
    const socket = {
      name: "envoy.transport_sockets.tls",
      typed_config: {
        "@type": `${TLS}.UpstreamTlsContext`,
        sni: "localhost",
        common_tls_context: {
          tls_certificates: [{
            certificate_chain: { filename: this.key(`${nodeId}.crt`) },
            private_key: { filename: this.key(`${nodeId}.key`) },
          }],
          validation_context: { trusted_ca: { filename: this.key("ca.crt") } },
        },
      },
    };
    const secured = clusters.map((each) => ({ ...each, transport_socket: socket }));
    return { ...plain, static_resources: { clusters: secured } };
  }
}

/** The common name of the certificate that a port shows; undefined when there is none. */
async function shownName(port: number, ca: string): Promise<string | undefined> {
  const socket = connect({ host: "127.0.0.1", port, ca, checkServerIdentity: () => undefined });
  const closed = new Promise((resolve) => socket.once("close", resolve));
  try {
    return await new Promise((resolve) => {
      socket.once("error", () => resolve(undefined));
      socket.once("end", () => resolve(undefined));
      socket.once("secureConnect", () => resolve(String(socket.getPeerCertificate().subject.CN)));
    });
  } finally {
    socket.destroy();
    await closed;
  }
}

Deno.test("an Envoy with a stream to ads alone serves certificates of sds", async () => {
  await using folder = await TempFolder.create({
    "policy.yaml": `
on_behalf_of: ["spiffe://mesh/ads"]
grants:
  - { identity: "spiffe://mesh/web", secrets: [web] }
`,
  });
  const mesh = await Mesh.create(folder);
  await mesh.secret("web", "first.example");
  await mesh.secret("other", "other.example");
  const [webPort = 0, otherPort = 0] = freePorts(2);
  const listeners = [
    secured("web", webPort, tlsContext("Downstream", "web")),
    secured("other", otherPort, tlsContext("Downstream", "other")),
  ];
  await folder.write("resources/listeners.yaml", fileText(listeners));
  let sds = await mesh.startSds();
  try {
    await using ads = await mesh.startAds(sds.grpcAddress);
    await using envoy = await startEnvoy({ bootstrap: mesh.bootstrap(ads.grpcAddress, "web") });
    const ca = await mesh.ca.pem();
    const shows = (name: string) =>
      eventually(async () => await shownName(webPort, ca) === name, {
        what: `the certificate ${name}`,
        withinMs: 20_000,
        detail: () => `${ads.child.lastWords()}\n${envoy.child.lastWords()}`,
      });
    await shows("first.example");
    // Each grant and refusal is of Envoy's identity, and names who asked.
    await eventually(() => audit(sds, "secret granted", "web"), { what: "the grant in the audit" });
    await eventually(() => audit(sds, "secret refused", "other"), { what: "the refusal" });
    assert.equal(await shownName(otherPort, ca), undefined);

    await mesh.secret("web", "second.example");
    await shows("second.example");

    const { grpcAddress } = sds;
    await sds[Symbol.asyncDispose]();
    await shows("second.example");
    await mesh.secret("web", "third.example");
    sds = await mesh.startSds(grpcAddress);
    await shows("third.example");
    const key = await folder.read("secrets/web/tls.key");
    const [, material = "none"] = key.split("\n");
    assert.ok(![...ads.child.lines, ...sds.child.lines].some((line) => line.includes(material)));
  } finally {
    await sds[Symbol.asyncDispose]();
  }
});

Deno.test("two Envoys with a stream to ads alone talk over mutual TLS by the CA of sds", async () => {
  await using folder = await TempFolder.create({
    "policy.yaml": 'on_behalf_of: ["spiffe://mesh/ads"]',
    "secrets/.keep": "",
  });
  const mesh = await Mesh.create(folder);
  const [webPort = 0, frontPort = 0] = freePorts(2);
  const web = secured("web", webPort, tlsContext("Downstream", "default", "ROOTCA"));
  await folder.write("resources/web.yaml", fileText([web], { id: "web" }));
  const manager = inlineRoutes({ prefix: "/", cluster: "web" });
  const front = [listener("front", { port: frontPort, manager }), {
    "@type": CLUSTER_TYPE,
    name: "web",
    type: "STATIC",
    load_assignment: assignment("web", webPort),
    transport_socket: tlsContext("Upstream", "default", "ROOTCA"),
  }];
  await folder.write("resources/front.yaml", fileText(front, { id: "front" }));
  await using sds = await mesh.startSds();
  await using ads = await mesh.startAds(sds.grpcAddress);
  await using backend = await startEnvoy({ bootstrap: mesh.bootstrap(ads.grpcAddress, "web") });
  await using client = await startEnvoy({ bootstrap: mesh.bootstrap(ads.grpcAddress, "front") });
  await eventually(async () => {
    const response = await fetch(`http://127.0.0.1:${frontPort}/`);
    return await response.text() === "hello";
  }, {
    what: "a request over mutual TLS",
    withinMs: 20_000,
    detail: () => [ads, sds, backend, client].map(({ child }) => child.lastWords()).join("\n"),
  });
  for (const who of ["web", "front"]) {
    const granted = ["secret granted", '"name":"default"', `"identity":"spiffe://mesh/${who}"`];
    assert.ok(sds.child.lines.some((line) => granted.every((part) => line.includes(part))), who);
  }
});

function assignment(name: string, port: number): Resource {
  const { "@type": _, ...rest } = endpoints(name, port);
  return rest;
}

function audit({ child }: DenvoySds, message: string, name: string): boolean {
  return child.lines.some((line) =>
    [message, `"name":"${name}"`, `"identity":"spiffe://mesh/web"`, `"through":"spiffe://mesh/ads"`]
      .every((part) => line.includes(part))
  );
}
