# SPDX-License-Identifier: Apache-2.0
"""Makes one call and prints its answers, each message as a line of base64.

Arguments: host:port, the path of the method, `unary` or `stream`, the request in base64, and
optionally three PEM files: roots, certificate chain, private key.
"""

import base64
import sys

import grpc


def credentials(files):
    contents = [open(file, "rb").read() for file in files]
    roots, chain, key = contents
    return grpc.ssl_channel_credentials(roots, key, chain)


def open_channel(address, files):
    if files:
        return grpc.secure_channel(address, credentials(files))
    return grpc.insecure_channel(address)


def main():
    address, path, kind, request, *files = sys.argv[1:]
    message = base64.b64decode(request)
    with open_channel(address, files) as channel:
        if kind == "unary":
            answers = [channel.unary_unary(path)(message, timeout=20)]
        else:
            answers = channel.stream_stream(path)(iter([message]), timeout=20)
        for answer in answers:
            print(base64.b64encode(answer).decode(), flush=True)


if __name__ == "__main__":
    main()
