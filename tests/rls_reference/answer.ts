// SPDX-License-Identifier: Apache-2.0
/**
 * Asks one rate limit service, by gRPC or by `/json`, and makes its answer comparable.
 * @module
 */
import { StatusError } from "@denvoy/base";
import type { GrpcClient } from "@denvoy/grpc";
import { messageCodec, type MessageOf, serviceMethods } from "@denvoy/proto";
import type { RequestFields } from "./requests.ts";

/** A service under test. */
export interface Service {
  /** Its gRPC server. */
  readonly client: GrpcClient;
  /** Its HTTP server. */
  readonly httpUrl: string;
}

/** How it is asked. */
export type Way = "grpc" | "json";

/** What a service said: a response, or that it will not. */
export type Answer =
  | { readonly kind: "response"; readonly fields: Readonly<Record<string, unknown>> }
  | { readonly kind: "refused"; readonly why: string };

type Response = MessageOf<"envoy.service.ratelimit.v3.RateLimitResponse">;
type Value = NonNullable<NonNullable<Response["dynamicMetadata"]>["fields"]>[string];

const { ShouldRateLimit } = serviceMethods("envoy.service.ratelimit.v3.RateLimitService");
const codec = messageCodec("envoy.service.ratelimit.v3.RateLimitRequest");

/** Sends a request and returns the answer. */
export function ask(
  service: Service,
  { request, way }: { readonly request: RequestFields; readonly way: Way },
): Promise<Answer> {
  return way === "grpc" ? askGrpc(service, request) : askJson(service, request);
}

async function askGrpc({ client }: Service, request: RequestFields): Promise<Answer> {
  try {
    const message = codec.decode(codec.encode(request));
    const { dynamicMetadata, ...fields } = await client.unary(ShouldRateLimit, message) as Response;
    if (dynamicMetadata === undefined) return { kind: "response", fields };
    const plain = plainOf({ structValue: dynamicMetadata } as Value);
    return { kind: "response", fields: { ...fields, dynamicMetadata: plain } };
  } catch (error) {
    if (error instanceof StatusError) return { kind: "refused", why: error.message };
    throw error;
  }
}

async function askJson({ httpUrl }: Service, request: RequestFields): Promise<Answer> {
  const body = JSON.stringify(jsonOf(request));
  const headers = { "content-type": "application/json" };
  const response = await fetch(`${httpUrl}/json`, { method: "POST", headers, body });
  const text = await response.text();
  if (response.status === 400) return { kind: "refused", why: text };
  return { kind: "response", fields: { status: response.status, ...JSON.parse(text) } };
}

/** Canonical JSON has wrappers bare. */
function jsonOf(request: RequestFields): unknown {
  const descriptors = request.descriptors?.map(({ hitsAddend, ...rest }) =>
    hitsAddend === undefined ? rest : { ...rest, hitsAddend: hitsAddend.value ?? 0 }
  );
  return { ...request, descriptors };
}

function plainOf(value: Value): unknown {
  if (value.structValue !== undefined) {
    const fields = Object.entries(value.structValue.fields ?? {});
    return Object.fromEntries(fields.map(([name, field]) => [name, plainOf(field)]));
  }
  if (value.listValue !== undefined) return value.listValue.values.map(plainOf);
  return value.stringValue ?? value.numberValue ?? value.boolValue;
}
