// SPDX-License-Identifier: Apache-2.0
/**
 * The OpenAPI 3.1 document of a route table: made from what the router itself uses, so that it
 * cannot tell anything else than what is served.
 * @module
 */
import type { QueryParameter } from "./query_parameter.ts";
import type { AnyRoute, JsonSchema, RouteBody, RouteResponse } from "./route.ts";

/** What the document says about the service. */
export interface OpenApiInfo {
  /** Name of the API. */
  readonly title: string;
  /** What it is, in Markdown. */
  readonly description: string;
  /** Version of Denvoy. */
  readonly version: string;
}

const ERROR_SCHEMA: JsonSchema = {
  type: "object",
  required: ["error"],
  properties: {
    error: {
      type: "object",
      required: ["code", "message"],
      properties: {
        code: { type: "string", description: "Name of a gRPC status code." },
        message: { type: "string" },
        problems: {
          type: "array",
          items: {
            type: "object",
            required: ["severity", "message"],
            properties: {
              severity: { type: "string", enum: ["error", "warning"] },
              message: { type: "string" },
              file: { type: "string" },
              line: { type: "integer" },
              column: { type: "integer" },
              path: { type: "string" },
              hint: { type: "string" },
            },
          },
        },
      },
    },
  },
};

/** Returns the document as a JSON value. */
export function openApiDocument(
  routes: readonly AnyRoute[],
  info: OpenApiInfo,
): Readonly<Record<string, unknown>> {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const route of routes) {
    const path = route.path.replaceAll("...}", "}");
    (paths[path] ??= {})[route.method.toLowerCase()] = operation(route);
  }
  return {
    openapi: "3.1.0",
    info,
    paths,
    components: {
      schemas: { Error: ERROR_SCHEMA },
      securitySchemes: { bearer: { type: "http", scheme: "bearer" } },
    },
  };
}

function operation(route: AnyRoute): Readonly<Record<string, unknown>> {
  return {
    operationId: operationId(route),
    summary: route.summary,
    ...(route.description !== undefined && { description: route.description }),
    ...(route.tag !== undefined && { tags: [route.tag] }),
    parameters: [...pathParameters(route), ...queryParameters(route)],
    ...(route.body !== undefined && { requestBody: requestBody(route.body) }),
    responses: responses(route),
    // An empty entry makes the token optional: whether it is asked for is the deployment's choice.
    security: route.access === "open" ? [] : [{ bearer: [] }, {}],
  };
}

function operationId(route: AnyRoute): string {
  const words = route.path.match(/[A-Za-z0-9]+/g) ?? [];
  const name = words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join("");
  return route.method.toLowerCase() + name;
}

function pathParameters(route: AnyRoute): readonly unknown[] {
  return Array.from(route.path.matchAll(/\{([^}]+?)(\.\.\.)?\}/g), ([, name = "", rest]) => ({
    name,
    in: "path",
    required: true,
    schema: { type: "string" },
    description: (route.params?.[name] ?? name) + (rest === undefined ? "" : " (may hold slashes)"),
  }));
}

function queryParameters(route: AnyRoute): readonly unknown[] {
  return Object.entries(route.query ?? {}).map(([name, parameter]) => ({
    name,
    in: "query",
    description: parameter.doc,
    schema: querySchema(parameter),
    ...(parameter.type === "boolean" && { allowEmptyValue: true }),
  }));
}

function querySchema(parameter: QueryParameter): JsonSchema {
  const { type, words, min, max, default: fallback } = parameter;
  const enumeration = words === undefined ? {} : { enum: words };
  switch (type) {
    case "strings":
      return { type: "array", items: { type: "string", ...enumeration } };
    case "duration":
      return { type: "string", examples: ["30s"] };
    default:
      return {
        type,
        ...enumeration,
        ...(min !== undefined && { minimum: min }),
        ...(max !== undefined && { maximum: max }),
        ...(fallback !== undefined && { default: fallback }),
      };
  }
}

function requestBody(body: RouteBody): Readonly<Record<string, unknown>> {
  return {
    description: body.doc,
    required: true,
    content: contentOf(body.types, body.schema),
  };
}

function responses(route: AnyRoute): Readonly<Record<string, unknown>> {
  const own = Object.entries(route.responses).map(([status, response]) =>
    [status, responseObject(response)] as const
  );
  const failure = {
    description: "What went wrong.",
    content: contentOf(undefined, { $ref: "#/components/schemas/Error" }),
  };
  return { ...Object.fromEntries(own), default: failure };
}

function responseObject(response: RouteResponse): Readonly<Record<string, unknown>> {
  const { doc, schema, types } = response;
  return { description: doc, ...(schema !== undefined && { content: contentOf(types, schema) }) };
}

function contentOf(
  types: readonly string[] = ["application/json"],
  schema: JsonSchema,
): Readonly<Record<string, unknown>> {
  return Object.fromEntries(types.map((type) => [type, { schema }]));
}
