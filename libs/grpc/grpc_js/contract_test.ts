// SPDX-License-Identifier: Apache-2.0
import { contractSuite } from "../testing.ts";
import { serveGrpcJs } from "./serve.ts";

contractSuite("grpc-js", serveGrpcJs);
