// SPDX-License-Identifier: Apache-2.0
/**
 * HTTP requests byte by byte, for what no decent client sends.
 * @module
 */

/** An answer as it came. */
export interface RawAnswer {
  /** Its status; 0 when the server closed the connection without one. */
  readonly status: number;
  /** Head and body. */
  readonly text: string;
}

/** Opens a connection to `host:port`. */
export async function connectHttp(address: string): Promise<Deno.TcpConn> {
  const split = address.lastIndexOf(":");
  const hostname = address.slice(0, split);
  return await Deno.connect({ hostname, port: Number(address.slice(split + 1)) });
}

/** Sends bytes and returns the first answer; what the server does not want to read is not sent. */
export async function exchange(address: string, ...parts: readonly Part[]): Promise<RawAnswer> {
  using connection = await connectHttp(address);
  const sending = sendParts(connection, parts).catch(() => {});
  const text = await readAnswer(connection);
  connection.close();
  await sending;
  const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(text)?.[1] ?? 0);
  return { status, text };
}

/** What is sent: text, bytes, or the same bytes several times. */
export type Part = string | Uint8Array | { readonly bytes: Uint8Array; readonly times: number };

/** Returns the head of a request; `Host` is right unless a header says otherwise. */
export function head(
  requestLine: string,
  headers: Readonly<Record<string, string>> = {},
): string {
  const all = { host: "127.0.0.1", connection: "close", ...headers };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${requestLine} HTTP/1.1\r\n${lines.join("")}\r\n`;
}

async function sendParts(connection: Deno.TcpConn, parts: readonly Part[]): Promise<void> {
  for (const part of parts) {
    const { bytes, times } = typeof part === "string"
      ? { bytes: new TextEncoder().encode(part), times: 1 }
      : part instanceof Uint8Array
      ? { bytes: part, times: 1 }
      : part;
    for (let i = 0; i < times; i++) await sendAll(connection, bytes);
  }
}

async function sendAll(connection: Deno.TcpConn, bytes: Uint8Array): Promise<void> {
  for (let sent = 0; sent < bytes.length;) sent += await connection.write(bytes.subarray(sent));
}

/** Reads until the server closes, which it does after one answer to `connection: close`. */
async function readAnswer(connection: Deno.TcpConn): Promise<string> {
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(65_536);
  let text = "";
  try {
    for (let count; (count = await connection.read(buffer)) !== null;) {
      text += decoder.decode(buffer.subarray(0, count), { stream: true });
    }
  } catch {
    // Reset, because we were still sending: what came before counts.
  }
  return text;
}
