"""Bodies, entries in a request and bytes in flight each have a bound with a clear answer."""

import contextlib
import re
import socket
import threading
from pathlib import Path

import pytest

from deadlines import TIME_FACTOR, wait_until
from estadio import (NDJSON, as_json, as_ndjson, assert_nothing_counted, assert_verified, entry,
                     run_estadio)
from wire import assert_problem

MIB = 2**20


def head(length, media_type="application/json"):
    return (f"POST /v1/entries HTTP/1.1\r\nHost: localhost\r\nContent-Type: {media_type}\r\n"
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
        wire.send(b"POST /v1/entries HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json"
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


REQUESTS = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n" * 10_000


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


def metric(server, name):
    line = next(l for l in server.get("/metrics").text().splitlines() if l.startswith(name + " "))
    return float(line.split()[1])


@contextlib.contextmanager
def unread(server, path, requests, connections=10):
    """Connections that ask for `path` many times and read nothing. The system buffers up to 4 MiB
    of the answers for each.
    """
    asked = f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode() * requests
    with contextlib.ExitStack() as stack:
        for _ in range(connections):
            one = stack.enter_context(socket.socket())
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            one.connect(server.address)
            one.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                one.send(asked)
        yield


def unread_bytes(server):
    return metric(server, "estadio_http_buffered_answers_bytes")


def test_answers_that_nobody_reads_take_no_more_memory_than_the_limit(start):
    """Without the limit these answers take 2.5 MiB."""
    server = start("--max-buffered-answers", "1MiB")
    with unread(server, "/metrics", requests=1500):
        wait_until(lambda: unread_bytes(server) > MIB / 2, "answers that are not read")
        for _ in range(50):
            assert server.post(entry()).status == 200
            assert server.get("/").status == 200
            assert unread_bytes(server) <= 1.1 * MIB
    wait_until(lambda: unread_bytes(server) < MIB / 8, "no answers of clients that have left")
    server.scores_of_all_accepted()


@pytest.mark.skipif(TIME_FACTOR != 1, reason="a sanitizer keeps freed memory")
def test_the_memory_of_a_burst_is_given_back(start):
    server = start()
    assert server.post(entry()).status == 200
    before = resident_bytes(server)
    with contextlib.ExitStack() as stack:
        for _ in range(15):
            wire = stack.enter_context(server.wire())
            wire.send(head(3 * MIB) + b" " * (3 * MIB - 1))
        wait_until(lambda: resident_bytes(server) - before > 40 * MIB, "much to be buffered")
    wait_until(lambda: resident_bytes(server) - before < 12 * MIB,
               lambda: f"memory to be given back; {resident_bytes(server) - before} more bytes")


def test_a_slow_reader_outlives_those_that_hold_most_of_the_unread_answers(start):
    # One answer for each of these connections takes more than the limit.
    server = start("--max-buffered-answers", "64KiB")
    body = as_ndjson([entry()] * 3000)
    with server.wire() as slow, unread(server, "/metrics", requests=1500):
        slow.send(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        wait_until(lambda: metric(server, "estadio_http_connections_dropped_total") > 0,
                   "closed connections")
        assert server.post(body, media_type=NDJSON).status == 200
        assert slow.response().status == 200
    server.scores_of_all_accepted()


def test_the_pages_files_take_no_memory_for_each_client_that_does_not_read_them(start):
    server = start()
    script = re.search(r'/assets/[^"]+\.js', server.get("/").text())[0]
    with unread(server, script, requests=50):
        wait_until(lambda: metric(server, "estadio_http_requests_total") > 30, "the requests")
        assert unread_bytes(server) < MIB / 8


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


# The limit of open files. The log, the score and so on need 256 of them.


def open_files(soft, hard):
    return ["prlimit", f"--nofile={soft}:{hard}"]


HEALTH = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"


def lowered(server):
    return [line for line in server.log_lines() if "max-connections is lowered" in line["message"]]


def test_connections_fit_to_the_limit_of_open_files_and_a_warning_says_so(start):
    server = start(prefix=open_files(300, 300))
    warning, = lowered(server)
    assert (warning["max_connections"], warning["open_files"]) == (44, 300), warning
    assert "ulimit -n" in warning["message"], warning
    with contextlib.ExitStack() as stack:
        wires = [stack.enter_context(server.wire()) for _ in range(45)]
        statuses = []
        for wire in wires:
            wire.send(HEALTH)
            statuses.append(wire.response().status)
        assert statuses == [200] * 44 + [503]
    wait_until(lambda: server.get("/healthz").status == 200, "the connections to be free again")
    assert server.post(entry()).status == 200


def test_a_soft_limit_of_open_files_is_raised_as_far_as_connections_need(start):
    server = start("--max-connections", "100", prefix=open_files(64, 356))
    assert not lowered(server)
    limits = Path(f"/proc/{server.process.pid}/limits").read_text()
    assert re.search(r"Max open files +356 +356 ", limits), limits


@pytest.mark.parametrize("role", ["all", "scoreboard"])
def test_a_limit_of_open_files_without_room_for_connections_is_an_error_at_the_start(tmp_path, role):
    flags = ["--data", tmp_path / "data"] if role == "all" else ["--redis", "redis://127.0.0.1:1/0"]
    result = run_estadio(role, *flags, "--http", "127.0.0.1:0", prefix=open_files(256, 256))
    assert result.returncode == 2, result
    assert "may open 256 files and needs more than 256" in result.stderr, result.stderr
    assert "ulimit -n" in result.stderr, result.stderr
