// SPDX-License-Identifier: Apache-2.0
/**
 * gRPC server reflection, v1 and v1alpha, which say the same: what is served, and the descriptors
 * of it, so that tools such as grpcurl need no files.
 * @module
 */
import { StatusCode } from "@denvoy/base";
import { loadRegistry, type MessageOf, type RegistryFile, serviceMethods } from "@denvoy/proto";
import { implement, type MethodImplementation } from "./port.ts";

type Request = MessageOf<"grpc.reflection.v1.ServerReflectionRequest">;
type Response = MessageOf<"grpc.reflection.v1.ServerReflectionResponse">;
type Answer = Omit<Response, "validHost" | "originalRequest">;

/** Where descriptors come from; the registry of @denvoy/proto is one. */
export interface DescriptorSource {
  /** Returns a file by its name. */
  fileByName(name: string): RegistryFile | undefined;
  /** Returns the file that defines a symbol by its full name. */
  fileContainingSymbol(symbol: string): RegistryFile | undefined;
  /** Returns the file that defines an extension of a message. */
  fileContainingExtension(typeName: string, number: number): RegistryFile | undefined;
  /** Returns the numbers of all extensions of a message. */
  extensionNumbers(typeName: string): readonly number[];
}

/**
 * Returns the RPCs of both versions of reflection. `services` are the names to list; the source is
 * loaded with the first request that needs it.
 */
export function reflectionMethods(
  services: readonly string[],
  load: () => DescriptorSource = loadRegistry,
): readonly MethodImplementation[] {
  const v1 = serviceMethods("grpc.reflection.v1.ServerReflection").ServerReflectionInfo;
  const v1alpha = serviceMethods("grpc.reflection.v1alpha.ServerReflection").ServerReflectionInfo;
  const reflect = (requests: AsyncIterable<Request>) => answerAll(requests, { services, load });
  return [
    implement<Request, Response>(v1, reflect),
    implement<Request, Response>(v1alpha, reflect),
  ];
}

interface Reflected {
  readonly services: readonly string[];
  readonly load: () => DescriptorSource;
}

async function* answerAll(
  requests: AsyncIterable<Request>,
  reflected: Reflected,
): AsyncGenerator<Response> {
  const sent = new Set<string>();
  for await (const request of requests) {
    const answer = answerOne(request, reflected, sent);
    yield { validHost: request.host, originalRequest: request, ...answer };
  }
}

function answerOne(request: Request, reflected: Reflected, sent: Set<string>): Answer {
  const { services, load } = reflected;
  if (request.listServices !== undefined) {
    return { listServicesResponse: { service: services.map((name) => ({ name })) } };
  }
  if (request.fileByFilename !== undefined) {
    return answerFile(load(), load().fileByName(request.fileByFilename), sent);
  }
  if (request.fileContainingSymbol !== undefined) {
    return answerFile(load(), load().fileContainingSymbol(request.fileContainingSymbol), sent);
  }
  if (request.fileContainingExtension !== undefined) {
    const { containingType, extensionNumber } = request.fileContainingExtension;
    return answerFile(
      load(),
      load().fileContainingExtension(containingType, extensionNumber),
      sent,
    );
  }
  if (request.allExtensionNumbersOfType !== undefined) {
    return answerExtensions(load(), request.allExtensionNumbersOfType);
  }
  return refuse(StatusCode.INVALID_ARGUMENT, "cannot answer as the request asks for nothing known");
}

function answerExtensions(source: DescriptorSource, typeName: string): Answer {
  if (source.fileContainingSymbol(typeName) === undefined) {
    return refuse(StatusCode.NOT_FOUND, "no such type");
  }
  const extensionNumber = source.extensionNumbers(typeName);
  return { allExtensionNumbersResponse: { baseTypeName: typeName, extensionNumber } };
}

/** A file comes with all that it imports, as far as this stream has not had it yet. */
function answerFile(
  source: DescriptorSource,
  file: RegistryFile | undefined,
  sent: Set<string>,
): Answer {
  if (file === undefined) return refuse(StatusCode.NOT_FOUND, "no such file or symbol");
  const files = [file];
  const seen = new Set([file.name]);
  // `files` grows while it is walked: breadth first through the imports.
  for (const { dependencies } of files) {
    for (const name of dependencies) {
      const dependency = seen.has(name) || sent.has(name) ? undefined : source.fileByName(name);
      seen.add(name);
      if (dependency !== undefined) files.push(dependency);
    }
  }
  for (const { name } of files) sent.add(name);
  return { fileDescriptorResponse: { fileDescriptorProto: files.map(({ bytes }) => bytes) } };
}

function refuse(errorCode: StatusCode, errorMessage: string): Answer {
  return { errorResponse: { errorCode, errorMessage } };
}
