// SPDX-License-Identifier: Apache-2.0
/**
 * What peers that mean no good do to a server, one connection each: floods, resets, bytes that are
 * no HTTP/2, and peers that stop in the middle.
 * @module
 */
import { bidiEcho, frameMessage, frameType, hostAndPort, RawPeer } from "@denvoy/grpc/testing";

/** Attacks one address; returns when it has done its worst or was cut off. */
export type Attack = (address: string) => Promise<void>;

const bidiPath = `/${bidiEcho.service}/${bidiEcho.method}`;
const preface = new TextEncoder().encode("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
const patienceMs = 6_000;

/** Attacks on the cleartext port, by name. */
export const attacks: Readonly<Record<string, Attack>> = {
  "connect and leave": async (address) => (await Deno.connect(hostAndPort(address))).close(),
  "half a preface": (address) => silent(address, preface.subarray(0, 10)),
  "nothing at all": (address) => silent(address, new Uint8Array()),
  "preface and no settings": (address) => silent(address, preface),
  "random bytes": (address) => withPeer(address, (peer) => peer.sendBytes(randomBytes(50_000))),
  "random frames": (address) => withPeer(address, sendRandomFrames),
  "rapid resets": (address) =>
    withPeer(address, async (peer) => {
      for (let n = 0; n < 15_000 && !peer.closed; n++) {
        await peer.cancel(await peer.open(bidiPath));
        if (n % 100 === 0) await pause(0);
      }
    }),
  "pings": (address) => flood(address, frame(frameType.ping, 0, new Uint8Array(8))),
  "settings": (address) => flood(address, frame(frameType.settings, 0, new Uint8Array(6))),
  "empty data": (address) => floodStream(address, (id) => frame(frameType.data, id)),
  "windows": (address) =>
    floodStream(address, (id) => frame(frameType.windowUpdate, id, Uint8Array.of(0, 0, 0, 1))),
  "continuations": (address) =>
    flood(address, frame(continuationType, 1, new Uint8Array(100)), frame(frameType.headers, 1)),
  "streams left open": (address) =>
    withPeer(address, async (peer) => {
      for (let n = 0; n < 500 && !peer.closed; n++) await peer.open(bidiPath);
    }),
  "messages and no window": (address) => stall(address, { reads: true }),
  "messages and no reading": (address) => stall(address, { reads: false }),
  "half a message": (address) =>
    withPeer(address, async (peer) => {
      const id = await peer.open(bidiPath);
      const payload = frameMessage(new Uint8Array(2_000_000)).subarray(0, 60_000);
      for (let at = 0; at < payload.length; at += 10_000) {
        const part = payload.subarray(at, at + 10_000);
        await peer.sendFrame({ type: frameType.data, flags: 0, streamId: id, payload: part });
      }
      await until(() => peer.closed, patienceMs / 2);
    }),
};

const continuationType = 9;

/** Bytes that are no TLS on the TLS port, then silence. */
export async function attackTls(address: string): Promise<void> {
  await silent(address, Math.random() < 0.5 ? randomBytes(500) : tlsHello.subarray(0, 40));
}

// The start of a ClientHello: the server waits for more.
const tlsHello = Uint8Array.of(22, 3, 1, 1, 0, 1, 0, 0, 252, 3, 3, ...new Uint8Array(100));

/** Sends `greeting` at most, then waits until the server has had enough. */
async function silent(address: string, greeting: Uint8Array): Promise<void> {
  const peer = await RawPeer.connect(address, { silent: true });
  await quietly(async () => {
    await peer.sendBytes(greeting);
    await until(() => peer.closed, patienceMs);
  });
  await peer.close();
}

async function withPeer(address: string, attack: (peer: RawPeer) => Promise<void>): Promise<void> {
  let peer: RawPeer | undefined;
  await quietly(async () => {
    peer = await RawPeer.connect(address);
    await attack(peer);
  });
  await peer?.close();
}

/** Thousands of frames as fast as the socket takes them, until the server ends it. */
function flood(
  address: string,
  unit: Uint8Array,
  first: Uint8Array = new Uint8Array(),
): Promise<void> {
  return withPeer(address, async (peer) => {
    const many = repeat(unit, 500);
    await peer.sendBytes(first);
    for (let n = 0; n < 100 && !peer.closed; n++) {
      await peer.sendBytes(many);
      await pause(0);
    }
  });
}

function floodStream(address: string, unit: (id: number) => Uint8Array): Promise<void> {
  return withPeer(address, async (peer) => {
    const many = repeat(unit(await peer.open(bidiPath)), 500);
    for (let n = 0; n < 100 && !peer.closed; n++) {
      await peer.sendBytes(many);
      await pause(0);
    }
  });
}

/** Sends messages whose echoes it does not let through. */
function stall(address: string, { reads }: { readonly reads: boolean }): Promise<void> {
  return withPeer(address, async (peer) => {
    if (!reads) peer.stopReading();
    const ids = [await peer.open(bidiPath), await peer.open(bidiPath)];
    for (const id of ids) {
      if (!reads) await peer.grant(id, 100_000_000);
      for (let n = 0; n < 4; n++) await peer.sendMessage(id, new Uint8Array(30_000));
    }
    await until(() => peer.closed, patienceMs / 2);
  });
}

async function sendRandomFrames(peer: RawPeer): Promise<void> {
  for (let n = 0; n < 200 && !peer.closed; n++) {
    const [type = 0, flags = 0, streamId = 0, length = 0] = randomBytes(4);
    const payload = randomBytes(length);
    await peer.sendFrame({ type: type % 11, flags, streamId: streamId % 8, payload });
  }
}

/** What an attacker is told does not matter. */
async function quietly(attack: () => Promise<void>): Promise<void> {
  try {
    await attack();
  } catch {
    // Cut off, as it should be.
  }
}

async function until(condition: () => boolean, withinMs: number): Promise<void> {
  const end = performance.now() + withinMs;
  while (!condition() && performance.now() < end) {
    await pause(50);
  }
}

/** Without it a write that the socket takes at once would let nothing else happen. */
function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function frame(type: number, streamId: number, payload = new Uint8Array()): Uint8Array {
  const made = new Uint8Array(9 + payload.length);
  const view = new DataView(made.buffer);
  view.setUint32(0, payload.length << 8);
  view.setUint8(3, type);
  view.setUint32(5, streamId);
  made.set(payload, 9);
  return made;
}

function repeat(unit: Uint8Array, times: number): Uint8Array {
  const made = new Uint8Array(unit.length * times);
  for (let n = 0; n < times; n++) made.set(unit, n * unit.length);
  return made;
}

function randomBytes(length: number): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(length));
}
