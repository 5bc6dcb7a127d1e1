# SPDX-License-Identifier: Apache-2.0
"""Calls denvoy.test.Greeter/Greet on a target over and over, e.g. `xds:///shop`.

Prints a line of JSON per call: {"answer": ..., "ms": ...} or {"code": ..., "details": ..., "ms": ...}.
Arguments: the target, and the time limit of a call in seconds.
"""

import json
import sys
import time

import grpc


def call(greet, limit):
    started = time.monotonic()
    try:
        outcome = {"answer": greet(b"", timeout=limit).decode()}
    except grpc.RpcError as error:
        outcome = {"code": error.code().name, "details": error.details()}
    return {**outcome, "ms": round((time.monotonic() - started) * 1000)}


def main():
    target, limit = sys.argv[1], float(sys.argv[2])
    with grpc.insecure_channel(target) as channel:
        greet = channel.unary_unary("/denvoy.test.Greeter/Greet")
        while True:
            print(json.dumps(call(greet, limit)), flush=True)
            time.sleep(0.02)


if __name__ == "__main__":
    main()
