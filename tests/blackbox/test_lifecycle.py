"""Start, drain, death and a full disk: an acknowledged entry is never lost."""

import concurrent.futures
import contextlib
import http.client
import json
import os
import random
import re
import resource
import shutil
import signal
import socket
import struct
import subprocess
import threading
import time
import uuid
from pathlib import Path

import pytest

from deadlines import seconds, wait_until
from estadio import (BINARY, as_json, as_ndjson, assert_verified, entry, is_caught_up, random_entry,
                     run_estadio, write_acks)
from wire import assert_problem


def said_by(result):
    return result.stdout + result.stderr


class Crowd:
    """Clients that each post one entry after another until the server is gone.

    `acks` has their acknowledged entries. It is complete once `join` has returned.
    """

    def __init__(self, server, clients, rng):
        self.server = server
        self.acks = {}
        self.statuses = set()
        seeds = [rng.getrandbits(64) for _ in range(clients)]
        self.threads = [threading.Thread(target=self.post_until_gone, args=(seed,))
                        for seed in seeds]
        for thread in self.threads:
            thread.start()

    def post_until_gone(self, seed):
        rng = random.Random(seed)
        connection = self.server.connect()
        while True:
            given = str(uuid.UUID(int=rng.getrandbits(128), version=4))
            try:
                answer = self.server.post(random_entry(rng, id=given), connection=connection)
            except (http.client.HTTPException, OSError):
                return
            self.statuses.add(answer.status)
            if answer.status == 200:
                self.acks[given] = answer.json()["outcome"]

    def join(self):
        for thread in self.threads:
            thread.join(seconds(60))
            assert not thread.is_alive()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda n: n.name)
def test_a_drain_under_load_answers_all_it_accepted_and_ends_0(start, rng, tmp_path, number):
    server = start()
    crowd = Crowd(server, clients=16, rng=rng)
    wait_until(lambda: len(crowd.acks) >= 300, "300 entries")
    server.signal(number)
    assert server.wait(within=30) == 0
    crowd.join()
    assert crowd.statuses <= {200, 503}
    # Every entry of the log has its ack too: each client got its answer.
    acks = write_acks(tmp_path / "acks", crowd.acks)
    assert_verified(server.data, "--acks", acks)
    again = start()
    assert again.scores_at(len(crowd.acks))["repeated"] == 0


def test_a_drain_answers_all_of_a_pipeline_it_has_accepted(start, tmp_path):
    """Every answered entry is in the log, and every entry in the log was answered."""
    server = start()
    ids = [str(uuid.uuid4()) for _ in range(400)]
    requests = []
    for given in ids:
        body = as_json(entry(id=given))
        requests.append(b"POST /v1/entries HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
                        b"application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
    with server.wire() as wire:
        wire.send(b"".join(requests))
        first = wire.response("POST")
        server.signal(signal.SIGTERM)
        answers = [first, *wire.responses_until_closed()]
    assert server.wait() == 0
    accepted = {a.json()["id"]: a.json()["outcome"] for a in answers if a.status == 200}
    assert list(accepted) == ids[:len(accepted)]
    assert_verified(server.data, "--acks", write_acks(tmp_path / "acks", accepted))


def test_a_drain_does_not_wait_for_the_idle_the_watching_or_the_half_sent(start):
    server = start("--receive-timeout", "1s")
    with contextlib.ExitStack() as stack:
        idle, watching, half = (stack.enter_context(server.wire()) for _ in range(3))
        idle.send(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert idle.response().status == 200
        watching.send(b"GET /v1/scores/stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b"200" in watching.stream.readline()
        half.send(b"POST /v1/entries HTTP/1.1\r\nHost: esta")
        assert server.post(entry()).status == 200
        server.signal(signal.SIGTERM)
        # Well below the idle timeout of 75 s.
        assert server.wait(within=20) == 0


def test_a_drain_ends_well_with_results_on_their_way_and_no_client_left(start, rng):
    """The log answers into loops that wait for nothing else."""
    lines = as_ndjson([entry() for _ in range(2000)])
    head = (b"POST /v1/entries HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\n"
            b"Content-Length: %d\r\n\r\n" % len(lines))
    server = start()
    for round_ in range(12):
        if round_ > 0:
            server = start()
        for _ in range(4):
            with server.wire() as wire:
                wire.send(head + lines)
                # The client leaves without a message while an answer is due.
                wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                       struct.pack("ii", 1, 0))
        time.sleep(rng.uniform(0, 0.01))  # the phase of the work varies
        server.signal(signal.SIGTERM)
        assert server.wait(within=20) == 0, server.log_text()
        assert_verified(server.data)


class UnreadLog:
    """The standard error of a server: a pipe that the test reads only when it says so."""

    def __init__(self, data):
        self.reader, writer = os.pipe()
        self.process = subprocess.Popen(
            [BINARY, "all", "--data", data, "--http", "127.0.0.1:0", "--log-format", "json"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=writer)
        self.writer = writer
        self.text = b""

    def port(self):
        while b'"serving"' not in self.text:
            self.text += os.read(self.reader, 4096)
        return int(re.search(rb'"address":"127.0.0.1:(\d+)"', self.text)[1])

    def fill(self):
        """Leaves no room in the pipe. The server's own descriptor stays as it was."""
        own = os.open(f"/proc/self/fd/{self.writer}", os.O_WRONLY | os.O_NONBLOCK)
        with contextlib.suppress(BlockingIOError):
            while True:
                os.write(own, b"\n" * 4096)
        os.close(own)

    def read_to_the_end(self):
        os.close(self.writer)
        self.writer = None
        while piece := os.read(self.reader, 65536):
            self.text += piece
        return self.text

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.process.kill()
        self.process.wait()
        os.close(self.reader)
        if self.writer is not None:
            os.close(self.writer)


def post_one(port):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=seconds(60))
    connection.request("POST", "/v1/entries", as_json(entry()),
                       {"Content-Type": "application/json"})
    with contextlib.closing(connection):
        return connection.getresponse().status


def test_a_log_that_nobody_reads_stops_neither_the_answers_nor_the_end(tmp_path):
    with UnreadLog(tmp_path / "data") as server:
        port = server.port()
        server.fill()
        assert post_one(port) == 200
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(seconds(30)) == 0
    assert_verified(tmp_path / "data")


def test_an_error_that_nobody_reads_does_not_keep_a_command_from_its_end(tmp_path):
    with UnreadLog(tmp_path / "data") as server:
        server.port()
        server.fill()
        second = subprocess.Popen(
            [BINARY, "all", "--data", tmp_path / "data", "--http", "127.0.0.1:0"],
            stdin=subprocess.DEVNULL, stderr=server.writer)
        assert second.wait(seconds(30)) != 0
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(seconds(30)) == 0


def test_the_last_lines_of_the_log_are_written_before_the_end(tmp_path):
    with UnreadLog(tmp_path / "data") as server:
        assert post_one(server.port()) == 200
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(seconds(30)) == 0
        assert json.loads(server.read_to_the_end().splitlines()[-1])["message"] == "stopped"


def test_a_log_whose_reader_has_gone_does_not_end_the_server(tmp_path):
    with UnreadLog(tmp_path / "data") as server:
        port = server.port()
        os.close(server.reader)
        server.reader = os.open(os.devnull, os.O_RDONLY)
        assert post_one(port) == 200
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(seconds(30)) == 0


def test_a_closed_standard_error_is_not_taken_by_a_file_of_data(tmp_path):
    """Else log lines would be written into that file, since they go to descriptor 2."""
    data = tmp_path / "data"
    address = tmp_path / "socket"
    process = subprocess.Popen(
        ["sh", "-c", 'exec "$@" 2>&-', "sh", BINARY, "all", "--data", data,
         "--http", f"unix:{address}"], stdin=subprocess.DEVNULL)
    try:
        wait_until(address.exists, "the server to listen")
        assert os.readlink(f"/proc/{process.pid}/fd/2") == "/dev/null"
        process.send_signal(signal.SIGTERM)
        assert process.wait(seconds(30)) == 0
    finally:
        process.kill()
        process.wait()
    assert_verified(data)


def test_a_drained_server_no_longer_takes_connections(start):
    server = start()
    server.stop()
    with pytest.raises(ConnectionRefusedError):
        server.wire()


def test_a_second_server_on_the_same_directory_is_refused_and_the_first_unhurt(start):
    server = start()
    assert server.post(entry()).status == 200
    started = time.monotonic()
    result = run_estadio("all", "--data", server.data, "--http", "127.0.0.1:0")
    assert result.returncode != 0
    assert time.monotonic() - started < seconds(10)
    assert str(server.data) in said_by(result)
    assert server.post(entry()).status == 200
    server.scores_at(2)
    assert_verified(server.data)


def test_a_directory_is_free_again_after_its_server_was_killed(start):
    first = start()
    first.post(entry())
    first.kill()
    second = start()
    second.scores_at(1)


def test_a_server_makes_the_directories_it_needs(start, tmp_path):
    server = start(data=tmp_path / "a" / "b" / "data")
    assert server.post(entry()).status == 200
    server.scores_at(1)


def test_a_data_directory_may_have_any_name(start, tmp_path):
    server = start(data=tmp_path / "año 2026 «datos» 'x'")
    assert server.post(entry()).status == 200
    server.scores_at(1)
    assert_verified(server.data)


def test_what_was_acknowledged_before_a_kill_is_there_after_it(start, rng, tmp_path):
    first = start()
    crowd = Crowd(first, clients=8, rng=rng)
    wait_until(lambda: len(crowd.acks) >= 300, "300 entries")
    first.kill()
    crowd.join()
    second = start()
    # The log may lack an entry whose answer the kill cut off. It has the acknowledged ones.
    scores = wait_until(lambda: is_caught_up(s := second.scores()) and s, "all to be counted")
    assert scores["total"] >= len(crowd.acks)
    assert scores["total"] <= len(crowd.acks) + 8
    before = scores["total"]
    for given, outcome in list(crowd.acks.items())[-50:]:
        answer = second.post(entry(id=given)).json()
        assert answer["outcome"] == outcome
    assert second.post(entry()).status == 200
    second.scores_at(before + 1)
    assert_verified(second.data)


def test_many_segments_are_read_back(start, rng):
    first = start("--segment-bytes", "256KiB")
    for _ in range(10):
        first.post([random_entry(rng, student="x" * 200) for _ in range(1000)])
    before = first.scores_of_all_accepted()
    assert len(list((first.data / "log").rglob("*.log"))) > 2
    first.kill()
    assert_verified(first.data)
    second = start("--segment-bytes", "256KiB")
    assert second.scores_at(10_000) == before


# A torn tail.

def used_bytes(path):
    """Returns the length of a log file without the zeros of reserved room at its end."""
    return len(path.read_bytes().rstrip(b"\0")) if path.exists() else 0


def reports_a_repair(server):
    return any(line["level"].startswith("warn")
               and re.search("torn|truncat|repair|incomplete", str(line), re.IGNORECASE)
               for line in server.log_lines())


@pytest.mark.parametrize("share", [0.05, 0.5, 0.95])
def test_a_torn_tail_is_repaired_at_the_start_and_reported(start, rng, tmp_path, share):
    """A crash can leave a part of the last record in the log.

    The test stops and copies the contest. Then it writes one more entry. The copy's log gets the
    first `share` of the bytes that this entry added.
    """
    first = start()
    acks = {}
    for _ in range(100):
        answer = first.post(random_entry(rng)).json()
        acks[answer["id"]] = answer["outcome"]
    first.scores_of_all_accepted()
    first.stop()
    torn = tmp_path / "torn"
    shutil.copytree(first.data, torn)

    second = start()
    second.scores_at(100)
    assert second.post(entry()).status == 200
    second.scores_at(101)
    second.stop()
    growth = {}
    for path in (second.data / "log").rglob("*.log"):
        before = used_bytes(torn / path.relative_to(second.data))
        growth[path] = (used_bytes(path) - before, before)
    grown, (added, before) = max(growth.items(), key=lambda item: item[1][0])
    assert added > 1, growth
    kept = before + max(1, min(added - 1, int(added * share)))
    whole = grown.read_bytes()
    (torn / grown.relative_to(second.data)).write_bytes(whole[:kept].ljust(len(whole), b"\0"))

    acks_path = write_acks(tmp_path / "acks", acks)
    assert_verified(torn, "--acks", acks_path)
    repaired = start(data=torn)
    assert reports_a_repair(repaired), repaired.log_text()
    assert repaired.scores_at(100)["total"] == 100
    assert repaired.post(entry(student="after the repair")).status == 200
    repaired.scores_at(101)
    repaired.stop()
    assert_verified(torn)
    # The repair is final: the next start reports nothing.
    clean = start(data=torn)
    assert not reports_a_repair(clean), clean.log_text()


@pytest.mark.parametrize("lose", [Path.unlink, lambda path: path.write_bytes(b"")],
                         ids=["removed", "emptied"])
def test_a_contest_does_not_go_on_as_another_when_its_file_is_lost(start, lose):
    server = start()
    assert server.post(entry()).status == 200
    server.stop()
    lose(server.data / "contest.toml")
    for arguments in (("all", "--data", server.data, "--http", "127.0.0.1:0"),
                      ("verify", "--data", server.data)):
        refused = run_estadio(*arguments)
        assert refused.returncode == 2
        assert "contest.toml" in refused.stderr


def test_a_log_that_was_cut_short_is_refused_with_its_file_and_left_as_it_is(start):
    server = start()
    for _ in range(20):
        assert server.post(entry()).status == 200
    server.scores_at(20)
    server.stop()
    segment = max((server.data / "log").rglob("*.log"))
    used = used_bytes(segment)
    with segment.open("r+b") as file:
        file.truncate(used - 100)
    for arguments in (("all", "--data", server.data, "--http", "127.0.0.1:0"),
                      ("verify", "--data", server.data)):
        refused = run_estadio(*arguments)
        assert refused.returncode == 1
        assert str(segment) in refused.stderr
        assert "cut short" in refused.stderr
    assert segment.stat().st_size == used - 100


# A full disk.

class SmallDisk:
    """A tmpfs of 64 MiB in its own mount namespace. An idle process keeps the namespace.

    Commands with `prefix` run in the namespace. The test finds its files at `seen_from_here`.
    """

    def __init__(self, mountpoint, unshare_flags):
        mountpoint.mkdir(exist_ok=True)
        self.holder = subprocess.Popen(
            ["unshare", *unshare_flags, "sh", "-c",
             'mount -t tmpfs -o size=64m tmpfs "$0" && echo mounted && read _', str(mountpoint)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.said = self.holder.stdout.readline().strip()
        self.works = self.said == "mounted"
        user = ["--user", "--preserve-credentials"] if "-r" in unshare_flags else []
        self.prefix = ["nsenter", "--target", str(self.holder.pid), "--mount", *user, "--"]
        self.data = mountpoint / "data"
        self.seen_from_here = Path(f"/proc/{self.holder.pid}/root{mountpoint}")

    def fill(self):
        """Fills the disk."""
        with contextlib.suppress(OSError), open(self.seen_from_here / "ballast", "wb", 0) as file:
            while file.write(b"x" * 65536):
                pass

    def make_room(self):
        (self.seen_from_here / "ballast").unlink()

    def close(self):
        self.holder.kill()
        self.holder.wait()
        self.holder.stdin.close()
        self.holder.stdout.close()


@pytest.fixture
def small_disk(tmp_path):
    failures = []
    for flags in (["-r", "-m"], ["-m"]):
        with contextlib.closing(SmallDisk(tmp_path / "disk", flags)) as disk:
            if disk.works:
                yield disk
                return
            failures.append(f"unshare {' '.join(flags)}: {disk.said}")
    pytest.skip("NOT TESTED, a full disk: no mount namespace could be made. " + "; ".join(failures))


def post_pipelined(server, entries):
    """Posts each entry in its own request, all on one connection. Returns the answers."""
    requests = []
    for body in map(as_json, entries):
        requests.append(b"POST /v1/entries HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
                        b"application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
    with server.wire() as wire:
        wire.send(b"".join(requests))
        return [wire.response("POST") for _ in entries]


def test_a_full_disk_gives_503_and_loses_nothing(small_disk, start, rng, tmp_path):
    flags = ["--segment-bytes", "1MiB"]
    server = start(*flags, data=small_disk.data, prefix=small_disk.prefix)
    acks, unwritten = {}, []

    def post_some():
        """Posts a hundred entries. Returns whether some could not be written."""
        entries = [random_entry(rng, student="x" * 200,
                                id=str(uuid.UUID(int=rng.getrandbits(128), version=4)))
                   for _ in range(100)]
        for posted, answer in zip(entries, post_pipelined(server, entries)):
            if answer.status == 200:
                acks[posted["id"]] = answer.json()["outcome"]
            else:
                assert_problem(answer, 503)
                unwritten.append(posted)
        return bool(unwritten)

    assert not post_some()
    small_disk.fill()
    wait_until(post_some, "a 503 on a full disk")
    assert server.get("/healthz").status == 200
    assert server.scores()["total"] <= len(acks) + len(unwritten)

    small_disk.make_room()
    server.stop()
    again = start(*flags, data=small_disk.data, prefix=small_disk.prefix)
    for posted in unwritten:
        answer = again.post(posted)
        assert answer.status == 200, answer
        acks[posted["id"]] = answer.json()["outcome"]
    again.scores_at(len(acks))
    # verify needs the namespace. The acks file is on the ordinary disk, which both can read.
    acks_path = write_acks(tmp_path / "acks", acks)
    assert_verified(small_disk.data, "--acks", acks_path, prefix=small_disk.prefix)


def test_a_disk_full_from_the_start_is_refused_with_a_message(small_disk):
    small_disk.fill()
    result = run_estadio("all", "--data", small_disk.data, "--http", "127.0.0.1:0",
                         prefix=small_disk.prefix)
    assert result.returncode == 1
    assert str(small_disk.data) in said_by(result) or "space" in said_by(result).lower()


def test_a_score_without_room_is_caught_up_when_there_is_some(small_disk, start, rng):
    """The log has reserved its room. The score cannot be written, and the server survives."""
    server = start("--segment-bytes", "16MiB", data=small_disk.data, prefix=small_disk.prefix)
    assert server.post(entry()).status == 200
    server.scores_at(1)
    small_disk.fill()
    for _ in range(40):
        answer = server.post([random_entry(rng) for _ in range(100)])
        assert answer.status in (200, 503), answer
    wait_until(lambda: any("has failed" in line["message"] for line in server.log_lines()),
               "a warning that counting has failed")
    assert server.get("/healthz").status == 200
    small_disk.make_room()
    server.scores_of_all_accepted()
    assert_verified(small_disk.data, prefix=small_disk.prefix)


def test_posts_on_a_full_disk_leave_the_readers_be(small_disk, start):
    """The score, its streams and the health work while nothing can be written."""
    server = start("--segment-bytes", "1MiB", data=small_disk.data, prefix=small_disk.prefix)
    assert server.post(entry()).status == 200
    server.scores_at(1)
    small_disk.fill()

    def refused(_):
        return {a.status for a in post_pipelined(server, [entry(student="x" * 200)] * 200)}

    def all_refused():
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            statuses = set().union(*pool.map(refused, range(4)))
        assert statuses <= {200, 503}, statuses
        return 503 in statuses

    wait_until(all_refused, "a 503 on a full disk")
    for path in ("/v1/scores", "/v1/contest", "/healthz", "/metrics", "/"):
        assert server.get(path).status == 200, path
    small_disk.make_room()


# A limit on the size of files.

# The shell counts in blocks of 512 bytes: 2 MiB.
LIMITED = ["sh", "-c", 'ulimit -f 4096; exec "$@"', "sh"]


def test_an_append_beyond_the_limit_on_file_sizes_gets_503_and_loses_nothing(
        start, rng, tmp_path):
    server = start("--segment-bytes", "1MiB", prefix=LIMITED)
    acks = {}

    def post_one():
        posted = random_entry(rng, id=str(uuid.UUID(int=rng.getrandbits(128), version=4)))
        answer = server.post(posted)
        assert answer.status == 200, answer
        acks[posted["id"]] = answer.json()["outcome"]

    post_one()
    # These need a segment of their own, which would be larger than the limit.
    answer = server.post([random_entry(rng, student="x" * 200) for _ in range(9000)])
    assert_problem(answer, 503)
    post_one()
    assert server.process.poll() is None
    server.scores_at(2)
    assert server.stop() == 0
    assert "File too large" in server.log_text()
    assert_verified(server.data, "--acks", write_acks(tmp_path / "acks", acks))


def test_a_limit_on_file_sizes_without_room_for_a_segment_is_an_error_at_the_start(tmp_path):
    result = run_estadio("all", "--data", tmp_path / "data", "--http", "127.0.0.1:0",
                         prefix=LIMITED)
    assert result.returncode == 1
    assert str(tmp_path / "data") in said_by(result)
    assert "File too large (see ulimit -f)" in said_by(result)


def test_a_limit_that_is_lowered_under_way_gives_503_and_a_restart_has_all(
        start, rng, tmp_path):
    server = start("--segment-bytes", "1MiB")
    acks = {}
    statuses = set()

    def post_some():
        for _ in range(50):
            posted = random_entry(rng, student="x" * 200,
                                  id=str(uuid.UUID(int=rng.getrandbits(128), version=4)))
            answer = server.post(posted)
            statuses.add(answer.status)
            if answer.status == 200:
                acks[posted["id"]] = answer.json()["outcome"]
        return statuses - {200}

    assert not post_some()
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (65536, resource.RLIM_INFINITY))
    wait_until(post_some, "an entry that is refused")
    assert statuses <= {200, 503, 504}, statuses
    assert server.process.poll() is None
    server.kill()
    again = start("--segment-bytes", "1MiB")
    wait_until(lambda: is_caught_up(again.scores()), "the count of the whole log")
    assert again.scores()["total"] >= len(acks)
    again.stop()
    assert_verified(again.data, "--acks", write_acks(tmp_path / "acks", acks), "--partial-acks")
