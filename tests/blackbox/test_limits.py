"""Bodies, entries in a request and bytes in flight each have a bound with a clear answer."""

import contextlib
import socket
import threading
from pathlib import Path

import pytest

from deadlines import wait_until
from estadio import NDJSON, as_json, as_ndjson, assert_nothing_counted, assert_verified, entry
from wire import assert_problem

MIB = 2**20


def head(length, media_type="application/json"):
    return (f"POST /v1/entries HTTP/1.1\r\nHost: estadio\r\nContent-Type: {media_type}\r\n"
            f"Content-Length: {length}\r\n\r\n").encode()


@pytest.mark.parametrize("body", [
    b" " * (10 * MIB),
    as_ndjson([entry()] * (10 * MIB // 45)),
    b'{"faculty":"' + b"a" * (10 * MIB) + b'","discipline":1}',
], ids=["spaces", "entries", "one string"])
def test_a_body_of_10_mib_is_refused_and_says_so(server, body):
    with server.wire() as wire:
        wire.send_until_refused(head(len(body)) + body)
        assert_problem(wire.response(), 413)
    assert_nothing_counted(server)


def test_a_chunked_body_is_refused_once_it_is_too_large(server):
    chunk = b"%x\r\n%s\r\n" % (64 * 1024, b" " * 64 * 1024)
    with server.wire() as wire:
        wire.send(b"POST /v1/entries HTTP/1.1\r\nHost: estadio\r\nContent-Type: application/json"
                  b"\r\nTransfer-Encoding: chunked\r\n\r\n")
        wire.send_until_refused(chunk * 160)
        assert_problem(wire.response(), 413)
    assert_nothing_counted(server)


def test_an_array_of_100_000_elements_is_refused(server):
    body = b"[" + b",".join([b'{"faculty":"agronomy","discipline":1}'] * 100_000) + b"]"
    assert len(body) < 4 * MIB, "this is about the number of entries, not the bytes"
    with server.wire() as wire:
        wire.send_until_refused(head(len(body)) + body)
        assert_problem(wire.response(), 413)
    assert_nothing_counted(server)


def test_the_body_may_be_as_large_as_the_limit_and_no_larger(start):
    server = start("--max-body", "1KiB")
    assert server.post(as_json(entry()).ljust(1024)).status == 200
    assert_problem(server.post(as_json(entry()).ljust(1025)), 413)
    assert_nothing_counted(server)


def test_a_request_may_hold_as_many_entries_as_the_limit_and_no_more(start):
    server = start("--max-entries", "10")
    assert server.post([entry()] * 10).status == 200
    assert server.post(as_ndjson([entry()] * 10), media_type=NDJSON).status == 200
    assert_problem(server.post([entry()] * 11), 413)
    assert_problem(server.post(as_ndjson([entry()] * 11), media_type=NDJSON), 413)
    assert_nothing_counted(server)


def test_more_bytes_in_flight_than_the_limit_are_refused_with_retry_after(start):
    """Eight bodies arrive at once, and little more than one fits. The answers 200 are counted."""
    server = start("--max-body", "64KiB", "--max-in-flight", "256KiB")
    body = as_ndjson([entry()] * 1000)
    answers = []

    def storm():
        wires = [server.wire() for _ in range(8)]
        for wire in wires:
            wire.send(head(len(body), NDJSON) + body[:-1])
        for wire in wires:
            wire.send(body[-1:])
        round_ = [wire.response("POST") for wire in wires]
        for wire in wires:
            wire.close()
        answers.extend(round_)
        return any(answer.status == 429 for answer in round_)

    wait_until(storm, "a 429 when bodies of eight times the limit arrive at once", within=30)
    for answer in answers:
        if answer.status == 200:
            server.count_accepted(answer.json()["accepted"])
        else:
            assert_problem(answer, 429)
            assert int(answer.headers["Retry-After"]) >= 0, answer
    wait_until(lambda: server.post(entry()).status == 200, "room again after the storm")
    server.scores_of_all_accepted()
    assert_verified(server.data)


def test_entries_that_can_never_be_in_flight_together_are_refused_for_good(start):
    server = start("--max-body", "64KiB", "--max-in-flight", "64KiB")
    assert_problem(server.post(as_ndjson([entry()] * 1000), media_type=NDJSON), 413)
    assert_nothing_counted(server)


REQUESTS = b"GET /healthz HTTP/1.1\r\nHost: estadio\r\n\r\n" * 10_000


def resident_bytes(server):
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    return next(int(line.split()[1]) * 1024 for line in status.splitlines()
                if line.startswith("VmRSS:"))


def test_a_client_that_sends_and_never_reads_is_read_no_further(server):
    """The system buffers some bytes for both sides. The server buffers almost none."""
    before = resident_bytes(server)
    with server.wire() as greedy:
        greedy.socket.setblocking(False)
        sent = 0
        refused_in_a_row = 0
        while refused_in_a_row < 50:
            try:
                sent += greedy.socket.send(REQUESTS)
                refused_in_a_row = 0
                assert sent < 64 * MIB, "the server reads on while its answers are not read"
            except BlockingIOError:
                refused_in_a_row += 1
                # Meanwhile every loop of the server still runs.
                assert server.post(entry()).status == 200
        assert resident_bytes(server) - before < 64 * MIB
        server.scores_of_all_accepted()


def test_a_client_that_sends_without_pause_does_not_stop_the_others(server):
    before = resident_bytes(server)
    with server.wire() as greedy:
        stop = threading.Event()

        def send_on():
            with contextlib.suppress(OSError):
                while not stop.is_set():
                    greedy.socket.sendall(REQUESTS)

        def read_on():
            room = bytearray(MIB)
            with contextlib.suppress(OSError):
                while greedy.socket.recv_into(room):
                    pass

        threads = [threading.Thread(target=send_on), threading.Thread(target=read_on)]
        for thread in threads:
            thread.start()
        try:
            # Each client gets a random loop, so some of them share the loop of the greedy one.
            for _ in range(50):
                assert server.post(entry()).status == 200
            assert resident_bytes(server) - before < 64 * MIB
            server.scores_of_all_accepted()
        finally:
            stop.set()
            greedy.socket.shutdown(socket.SHUT_RDWR)
            for thread in threads:
                thread.join()


def test_a_long_pipeline_of_entries_is_answered_whole(server):
    """The pipeline has many times the requests that a connection may have in progress."""
    body = as_json(entry())
    with server.wire() as wire:
        wire.send((head(len(body)) + body) * 1000)
        assert [wire.response("POST").status for _ in range(1000)] == [200] * 1000
    server.count_accepted(1000)
    server.scores_of_all_accepted()
