# SPDX-License-Identifier: Apache-2.0
"""Answers denvoy.test.Greeter/Greet on an address, as the listener that it gets over xDS lets it.

Arguments: host:port, and what to answer. Prints "listening" and then each change of serving state
only as gRPC itself logs it.
"""

import sys
from concurrent import futures

import grpc


class Greeter(grpc.GenericRpcHandler):
    def __init__(self, name):
        self._handler = grpc.unary_unary_rpc_method_handler(lambda request, context: name.encode())

    def service(self, details):
        return self._handler if details.method == "/denvoy.test.Greeter/Greet" else None


def main():
    address, name = sys.argv[1], sys.argv[2]
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=2), xds=True)
    server.add_generic_rpc_handlers((Greeter(name),))
    fallback = grpc.insecure_server_credentials()
    server.add_secure_port(address, grpc.xds_server_credentials(fallback))
    server.start()
    print("listening", flush=True)
    server.wait_for_termination()


if __name__ == "__main__":
    main()
