# SPDX-License-Identifier: Apache-2.0
"""Parses metrics from standard input as `prometheus` or `openmetrics`; prints counts as JSON."""
import json
import sys

from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as prometheus

parse = openmetrics if sys.argv[1] == "openmetrics" else prometheus
families = list(parse(sys.stdin.read()))
kinds: dict[str, int] = {}
seen = set()
samples = 0
for family in families:
    kinds[family.type] = kinds.get(family.type, 0) + 1
    for sample in family.samples:
        key = (sample.name, tuple(sorted(sample.labels.items())))
        if key in seen:
            raise ValueError(f"{key} is there twice")
        seen.add(key)
        samples += 1
print(json.dumps({"families": len(families), "samples": samples, "kinds": kinds}))
