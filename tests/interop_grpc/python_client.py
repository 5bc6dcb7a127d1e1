# SPDX-License-Identifier: Apache-2.0
"""Calls denvoy.testing.Echo in every way that gRPC for Python has, and exits with 1 on a surprise.

Arguments: host:port, and optionally three PEM files: roots, certificate chain, private key.
Prints the name of each case that passed.
"""

import itertools
import sys
import threading
import time

import grpc

CASES = []
TIMEOUT = 20


def case(function):
    CASES.append(function)
    return function


def path(method):
    return f"/denvoy.testing.Echo/{method}"


def fails(code, call):
    try:
        call()
    except grpc.RpcError as error:
        assert error.code() == code, f"{error.code()} instead of {code}: {error.details()}"
        return error
    raise AssertionError(f"succeeded instead of {code}")


@case
def unary_of_many_sizes(channel):
    echo = channel.unary_unary(path("Unary"))
    for size in [0, 1, 1000, 16_384, 65_535, 65_536, 3_000_000]:
        message = b"x" * size
        assert echo(message, timeout=TIMEOUT) == message


@case
def many_unary_calls_at_once(channel):
    echo = channel.unary_unary(path("Unary"))
    futures = [echo.future(b"%d" % number, timeout=TIMEOUT) for number in range(500)]
    assert [future.result() for future in futures] == [b"%d" % number for number in range(500)]


@case
def client_stream(channel):
    collect = channel.stream_unary(path("Collect"))
    assert collect(iter([b"a", b"", b"b", b"c"]), timeout=TIMEOUT) == b"abc"
    assert collect(iter([]), timeout=TIMEOUT) == b""


@case
def server_stream(channel):
    expand = channel.unary_stream(path("Expand"))
    assert list(expand(b"xyz", timeout=TIMEOUT)) == [b"x", b"y", b"z"]
    assert list(expand(b"", timeout=TIMEOUT)) == []


@case
def bidi_stream_in_lockstep(channel):
    turn = threading.Semaphore(1)

    def requests():
        for number in range(100):
            turn.acquire()
            yield b"message %d" % number

    responses = channel.stream_stream(path("Bidi"))(requests(), timeout=TIMEOUT)
    for number in range(100):
        assert next(responses) == b"message %d" % number
        turn.release()
    assert list(responses) == []


@case
def bidi_stream_of_megabytes(channel):
    message = b"y" * 100_000
    responses = channel.stream_stream(path("Bidi"))(itertools.repeat(message, 100), timeout=TIMEOUT)
    assert sum(len(response) for response in responses) == 100 * len(message)


@case
def metadata_both_ways(channel):
    sent = (("x-text", "a value, with a comma"), ("x-octets-bin", bytes(range(256))))
    _, call = channel.unary_unary(path("Metadata")).with_call(b"", metadata=sent, timeout=TIMEOUT)
    for received in (dict(call.initial_metadata()), dict(call.trailing_metadata())):
        assert received["x-text"] == "a value, with a comma", received
        assert received["x-octets-bin"] == bytes(range(256)), received


@case
def status_with_details(channel):
    error = fails(
        grpc.StatusCode.NOT_FOUND,
        lambda: channel.unary_unary(path("Fail"))(b"", timeout=TIMEOUT),
    )
    assert error.details() == "no such thing: größe \t\n 100% ✓", error.details()
    assert dict(error.trailing_metadata())["x-trailer"] == "t"


@case
def unknown_method(channel):
    fails(
        grpc.StatusCode.UNIMPLEMENTED,
        lambda: channel.unary_unary(path("Nothing"))(b"", timeout=TIMEOUT),
    )


@case
def deadlines(channel):
    started = time.monotonic()
    late = lambda: channel.unary_unary(path("Hang"))(b"deadline", timeout=0.2)
    fails(grpc.StatusCode.DEADLINE_EXCEEDED, late)
    assert time.monotonic() - started < TIMEOUT
    saw_end(channel, b"deadline")


@case
def cancellation(channel):
    call = channel.unary_unary(path("Hang")).future(b"cancel", timeout=TIMEOUT)
    wait_until(lambda: seen(channel, b"started cancel"))
    call.cancel()
    saw_end(channel, b"cancel")


@case
def cancellation_of_a_stream(channel):
    forever = threading.Event()

    def requests():
        yield b"first"
        forever.wait()

    call = channel.stream_stream(path("Bidi"))(requests(), timeout=TIMEOUT)
    assert next(call) == b"first"
    call.cancel()
    fails(grpc.StatusCode.CANCELLED, lambda: next(call))
    forever.set()


@case
def compressed_requests(channel):
    options = {"compression": grpc.Compression.Gzip, "timeout": TIMEOUT}
    message = b"compressible " * 1000
    assert channel.unary_unary(path("Unary"))(message, **options) == message
    assert channel.stream_unary(path("Collect"))(iter([message] * 3), **options) == message * 3
    responses = channel.stream_stream(path("Bidi"))(iter([message] * 3), **options)
    assert list(responses) == [message] * 3


@case
def compressed_responses(channel):
    message = b"compressible " * 1000
    assert channel.unary_unary(path("Packed"))(message, timeout=TIMEOUT) == message
    responses = list(channel.unary_stream(path("PackedStream"))(message, timeout=TIMEOUT))
    assert responses == [message, b"", message], [len(response) for response in responses]


def wait_until(condition):
    limit = time.monotonic() + TIMEOUT
    while not condition():
        assert time.monotonic() < limit, "the server did not see it in time"
        time.sleep(0.01)


def seen(channel, event):
    events = channel.unary_unary(path("Events"))(b"", timeout=TIMEOUT)
    return event in events.split(b"\n")


def saw_end(channel, name):
    """The handler's signal fires, not only the client's own clock."""
    wait_until(lambda: seen(channel, b"ended " + name))


def open_channel(address, files):
    options = [("grpc.max_receive_message_length", -1)]
    if not files:
        return grpc.insecure_channel(address, options)
    roots, chain, key = [open(file, "rb").read() for file in files]
    credentials = grpc.ssl_channel_credentials(roots, key, chain)
    return grpc.secure_channel(address, credentials, options)


def main():
    address, *files = sys.argv[1:]
    with open_channel(address, files) as channel:
        for run in CASES:
            run(channel)
            print(f"passed {run.__name__}", flush=True)


if __name__ == "__main__":
    main()
