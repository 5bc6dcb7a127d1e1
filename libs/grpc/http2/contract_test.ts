// SPDX-License-Identifier: Apache-2.0
import { contractSuite } from "../testing.ts";
import { serveHttp2 } from "./serve.ts";

contractSuite("http2", serveHttp2);
