// SPDX-License-Identifier: Apache-2.0
/**
 * What every service's main.ts needs: configuration, logs, own metrics, the HTTP API, signals and
 * exit codes, and the system's clock and files.
 * @module
 */
export * from "./check_exposure.ts";
export * from "./config/address.ts";
export * from "./config/field.ts";
export * from "./config/grpc_limit_fields.ts";
export * from "./config/help.ts";
export * from "./config/load.ts";
export * from "./config/schema.ts";
export * from "./config/shared_fields.ts";
export * from "./config/split_args.ts";
export * from "./config/system_input.ts";
export * from "./config/units.ts";
export * from "./files/file_content.ts";
export { type ScanOptions, scanSignatures, type Signatures } from "./files/file_signatures.ts";
export * from "./files/file_watcher.ts";
export * from "./files/reloaded_files.ts";
export * from "./files/text_file_source.ts";
export * from "./files/text_files.ts";
export * from "./files/tls_files.ts";
export * from "./files/token_files.ts";
export * from "./http/api/authentication.ts";
export * from "./http/api/etag.ts";
export * from "./http/api/event_queue.ts";
export * from "./http/api/http_error.ts";
export * from "./http/api/openapi.ts";
export * from "./http/api/page.ts";
export * from "./http/api/query.ts";
export * from "./http/api/query_parameter.ts";
export * from "./http/api/response.ts";
export * from "./http/api/route.ts";
export * from "./http/api_server.ts";
export * from "./http/readiness.ts";
export type { PeerCertificate } from "./http/server/byte_stream.ts";
export * from "./http/server/http_server.ts";
export * from "./http/server/message.ts";
export type { HeaderMap } from "./http/server/request_head.ts";
export * from "./logs/logger.ts";
export * from "./logs/redact.ts";
export * from "./metrics/grpc_metrics.ts";
export * from "./metrics/instruments.ts";
export * from "./metrics/metrics.ts";
export * from "./metrics/process_metrics.ts";
export * from "./metrics/series.ts";
export * from "./process_guard.ts";
export * from "./run_service.ts";
export * from "./start_service.ts";
export { type Row, SqliteDatabase, type Values } from "./storage/sqlite_database.ts";
export * from "./system_clock.ts";
export * from "./tls_material.ts";
