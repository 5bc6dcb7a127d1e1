# SPDX-License-Identifier: Apache-2.0
"""Reads OTLP from standard input, a line of hexadecimal a request: `metrics <hex>` or `logs <hex>`.

Exits with 1 on a field that OpenTelemetry does not know. Prints as JSON what was found: points by
metric and type, log records, and the keys of resources.
"""
import json
import sys

from google.protobuf.unknown_fields import UnknownFieldSet
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest


def refuse_unknown(message):
    unknown = [field.field_number for field in UnknownFieldSet(message)]
    if unknown:
        raise ValueError(f"{message.DESCRIPTOR.full_name} has unknown fields {unknown}")
    for field, value in message.ListFields():
        if field.message_type is None or field.message_type.GetOptions().map_entry:
            continue
        for item in value if field.is_repeated else [value]:
            refuse_unknown(item)


def points(metric):
    kind = metric.WhichOneof("data")
    data = getattr(metric, kind).data_points
    for point in data:
        if point.time_unix_nano == 0:
            raise ValueError(f"{metric.name} has a point without a time")
    return kind, len(data)


found = {"metrics": {}, "logs": 0, "resources": []}
for line in sys.stdin:
    signal, octets = line.split()
    if signal == "logs":
        request = ExportLogsServiceRequest.FromString(bytes.fromhex(octets))
        for resource in request.resource_logs:
            found["resources"].append(sorted(item.key for item in resource.resource.attributes))
            found["logs"] += sum(len(scope.log_records) for scope in resource.scope_logs)
    else:
        request = ExportMetricsServiceRequest.FromString(bytes.fromhex(octets))
        for resource in request.resource_metrics:
            found["resources"].append(sorted(item.key for item in resource.resource.attributes))
            for scope in resource.scope_metrics:
                for metric in scope.metrics:
                    kind, count = points(metric)
                    kinds = found["metrics"].setdefault(kind, {})
                    kinds[metric.name] = kinds.get(metric.name, 0) + count
    refuse_unknown(request)
print(json.dumps(found))
