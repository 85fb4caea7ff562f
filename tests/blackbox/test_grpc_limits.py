"""gRPC's callers without manners: a discipline server bounds its memory, threads and streams.

All of them come from one address. A faculty server at another address is served meanwhile.
"""

import collections
import contextlib
import socket
import threading
import time

import pytest

from deadlines import TIME_FACTOR, seconds, wait_until
from estadio import entry
from http2 import SETTINGS_MAX_CONCURRENT_STREAMS, Http2, message_of

MIB = 2**20
MESSAGE_MAX = 4 * MIB
# docs/grpc.md: twice the memory of gRPC.
MEMORY_MAX = 512 * MIB
# A server that kept all of this would be beyond its memory.
ENOUGH = 640 * MIB
STREAMS_PER_PEER_MAX = 256
ONES_PER_PEER_MAX = 128
JUDGE_ONE = "/estadio.v1.Judge/JudgeOne"
JUDGE_STREAM = "/estadio.v1.Judge/JudgeStream"
HEALTH = "/grpc.health.v1.Health/Check"
REFLECTION = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"


def status_of(role, name):
    """Returns a number of /proc/PID/status."""
    with open(f"/proc/{role.process.pid}/status", encoding="utf-8") as status:
        return next(int(line.split()[1]) for line in status if line.startswith(name + ":"))


def address_of(judges):
    host, port = judges.grpc.rsplit(":", 1)
    return host, int(port)


@contextlib.contextmanager
def connections(judges, count):
    """Connections of one client, whose address is not that of the faculty servers."""
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(Http2(address_of(judges), source="127.0.0.2"))
               for _ in range(count)]


def pump_until(callers, condition, what, within=60):
    def is_true():
        for caller in callers:
            caller.pump()
        return condition()

    return wait_until(is_true, what, within)


def sent_by(callers):
    return sum(stream.sent for caller in callers for stream in caller.streams.values())


def pump_for(callers, duration, is_enough=lambda: False):
    end = time.monotonic() + seconds(duration)
    while time.monotonic() < end and not is_enough():
        if not sum([caller.pump() for caller in callers]):
            time.sleep(0.01)


@contextlib.contextmanager
def posting(edge):
    """Posts entries all the time. Yields how often each status came."""
    statuses = collections.Counter()
    stop = threading.Event()

    def post_on():
        while not stop.is_set():
            statuses[edge.post(entry()).status] += 1
            stop.wait(0.02)

    thread = threading.Thread(target=post_on)
    thread.start()
    try:
        yield statuses
    finally:
        stop.set()
        thread.join()


@pytest.mark.skipif(TIME_FACTOR != 1, reason="a sanitizer's memory has no bound of ours")
@pytest.mark.parametrize("method, size", [
    (JUDGE_ONE, MESSAGE_MAX - 64),
    (JUDGE_STREAM, MESSAGE_MAX - 64),
    (HEALTH, MESSAGE_MAX - 64),
    (JUDGE_STREAM, 2**32 - 1),
], ids=["JudgeOne", "JudgeStream", "health", "messages of 4 GiB"])
def test_incomplete_messages_take_no_more_memory_than_the_limit(cluster, method, size):
    judges = cluster.discipline()
    edge = cluster.faculty(judges)
    data = memoryview(message_of(size) + bytes(min(size, 16 * MIB) - 1))
    with connections(judges, 20) as greedy, posting(edge) as statuses:
        for caller in greedy:
            for _ in range(100):
                caller.open(method).unsent = data
        pump_for(greedy, 5, lambda: sent_by(greedy) > ENOUGH)
        sent = sent_by(greedy)
    peak = status_of(judges, "VmHWM") * 1024
    print(f"sent {sent / MIB:.0f} MiB, peak {peak / MIB:.0f} MiB, {dict(statuses)}")
    assert peak < MEMORY_MAX
    # gRPC may have ended the faculty server's stream too, which then opens another.
    assert statuses[200] > 0
    wait_until(lambda: edge.post(entry()).status == 200, "an entry to be accepted")


def open_until_refused(callers, method, count, limit):
    """Begins `count` calls of a method over all callers, of which the server keeps `limit`. Returns
    their streams, and how many the server has refused."""
    streams = [caller.open(method) for _ in range(count // len(callers)) for caller in callers]
    refused = len(streams) - limit
    pump_until(callers, lambda: sum(stream.is_over for stream in streams) >= refused,
               f"calls of {method} to be refused")
    return streams, refused


def test_one_client_can_take_neither_all_streams_nor_all_calls_and_silent_ones_end(cluster):
    """All at once, since each of them ends after the server's patience of ten seconds."""
    judges = cluster.discipline()
    with (connections(judges, 4) as callers, connections(judges, 2) as ones,
          socket.create_connection(address_of(judges)) as silent):
        silent.setblocking(False)
        streams, refused = open_until_refused(callers, JUDGE_STREAM, 800, STREAMS_PER_PEER_MAX)
        assert judges.metric("estadio_judge_peer_refusals_total") == refused
        assert judges.metric("estadio_judge_streams_refused_total") == refused
        calls, refused_calls = open_until_refused(ones, JUDGE_ONE, 200, ONES_PER_PEER_MAX)
        assert judges.metric("estadio_judge_peer_refusals_total") == refused + refused_calls
        assert judges.metric("estadio_judge_one_calls_refused_total") == refused_calls
        edge = cluster.faculty(judges)
        wait_until(lambda: edge.post(entry()).status == 200, "an entry to be accepted")
        # None of the streams sends its handshake, and no request of a call arrives.
        pump_until(callers + ones, lambda: all(each.is_over for each in streams + calls),
                   "the streams and the calls to end")
        assert judges.metric("estadio_judge_calls_cut_off_total") == ONES_PER_PEER_MAX
        assert judges.metric("estadio_judge_one_calls") == 0
        wait_until(lambda: is_ended(silent), "the connection without a byte to end")


def is_ended(connection):
    """Returns whether the server has ended it. Drops what came before, such as settings."""
    try:
        while connection.recv(4096):
            pass
    except BlockingIOError:
        return False
    return True


def test_a_connection_has_a_bound_on_its_streams(cluster):
    judges = cluster.discipline()
    with connections(judges, 1) as (greedy,):
        pump_until([greedy], lambda: SETTINGS_MAX_CONCURRENT_STREAMS in greedy.settings, "settings")
        assert greedy.settings[SETTINGS_MAX_CONCURRENT_STREAMS] == STREAMS_PER_PEER_MAX


def test_calls_of_reflection_take_few_threads(cluster):
    judges = cluster.discipline()
    before = status_of(judges, "Threads")
    with connections(judges, 2) as greedy:
        for caller in greedy:
            for _ in range(100):
                caller.open(REFLECTION).unsent = message_of(10)
        pump_for(greedy, 1)
        assert status_of(judges, "Threads") - before <= 16
    edge = cluster.faculty(judges)
    assert edge.post(entry()).status == 200


def test_a_client_that_pings_too_often_is_ended(cluster):
    judges = cluster.discipline()
    with connections(judges, 1) as (greedy,):
        def is_ended():
            greedy.ping()
            return greedy.is_closed

        pump_until([greedy], is_ended, "the connection to end")
