"""Clocks that are wrong: every entry counts once, and a refusal shows whose clock it is."""

import datetime
import re
import time
import uuid

import pytest

from deadlines import wait_until
from estadio import (NDJSON, as_ndjson, assert_verified, entry, environment, run_estadio,
                     uuid_of_version_7, write_acks)
from wire import assert_problem

HOUR_S = 3600


def now_ms():
    return time.time() * 1000


def ids_of_now(count):
    return [uuid_of_version_7(now_ms()) for _ in range(count)]


def accepted(server, ids):
    """Posts an entry with each id, and returns the outcomes."""
    outcomes = {}
    for given in ids:
        answer = server.post(entry(id=given))
        assert answer.status == 200, answer
        outcomes[given] = answer.json()["outcome"]
    return outcomes


# One process.

def test_a_restart_while_the_clock_is_ahead_counts_nothing_twice(start, clock, tmp_path):
    env = environment(**clock.environment)
    first = start("--segment-bytes", "64KiB", env=env)
    acks = accepted(first, ids_of_now(1))
    for _ in range(30):  # more than a segment
        assert first.post(as_ndjson([entry() for _ in range(50)]), media_type=NDJSON).status == 200
    first.scores_at(1501)
    assert first.stop() == 0

    clock.set(HOUR_S)
    again = start("--segment-bytes", "64KiB", env=env)
    again.scores_at(1501)
    clock.set(0)
    assert accepted(again, acks) == acks
    assert again.post(entry()).status == 200
    again.scores_at(1502)
    assert_verified(again.data, "--acks", write_acks(tmp_path / "acks", acks), "--partial-acks")


@pytest.mark.parametrize("ahead_s", [HOUR_S, -HOUR_S])
def test_a_clock_that_jumps_and_comes_back_counts_nothing_twice(start, clock, ahead_s):
    server = start(env=environment(**clock.environment))
    ids = ids_of_now(4)
    acks = accepted(server, ids)
    server.scores_at(4)
    clock.set(ahead_s)
    # Ids of another version are taken at any time, and land in all partitions.
    for _ in range(40):
        assert server.post(entry(id=str(uuid.uuid4()))).status == 200
    server.scores_at(44)
    clock.set(0)
    assert accepted(server, ids) == acks
    assert server.post(entry()).status == 200
    server.scores_at(45)
    assert_verified(server.data)


def test_a_refusal_shows_the_ids_time_and_the_servers(start, clock):
    server = start(env=environment(**clock.environment))
    given = uuid_of_version_7(1_790_000_000_000)  # 2026-09-21T14:13:20.000Z
    problem = assert_problem(server.post(entry(id=given)), 422)
    assert "2026-09-21T14:13:20.000Z" in problem["errors"][0]["detail"], problem
    clock.set(-HOUR_S)
    problem = assert_problem(server.post(entry(id=uuid_of_version_7(now_ms()))), 422)
    shown = time.strftime("%Y-%m-%dT%H:", time.gmtime(time.time() - HOUR_S))
    assert shown in problem["errors"][0]["detail"], problem
    assert "ahead" in problem["errors"][0]["detail"], problem


@pytest.mark.parametrize("ahead_s", [900, -900])
def test_load_shows_both_times_when_the_servers_clock_is_wrong(start, clock, ahead_s):
    server = start(env=environment(**clock.environment))
    clock.set(ahead_s)
    run = ("load", server.url, "--rate", 100, "--duration", "200ms", "--retry")
    refused = run_estadio(*run)
    assert refused.returncode == 1, refused.stdout
    reason = re.search(r"http_422: id: this version 7 id was made at (\S+), and the judges' clocks "
                       r"show (\S+): ", refused.stdout)
    assert reason, refused.stdout
    made, shown = (datetime.datetime.fromisoformat(each) for each in reason.groups())
    assert abs((shown - made).total_seconds() - ahead_s) < 60
    # With the server's clock it is accepted.
    agreeing = run_estadio(*run, env=environment(**clock.environment))
    assert agreeing.returncode == 0, agreeing.stdout
    server.scores_at(20)
    assert_verified(server.data)


# Several processes.

def test_a_tally_that_starts_with_its_clock_ahead_counts_nothing_twice(cluster, clock):
    judges = cluster.discipline("--partitions", "1")
    tally = cluster.tally()
    edge = cluster.faculty(judges)
    ids = ids_of_now(6)
    acks = accepted(edge, ids)
    cluster.assert_verified()
    assert tally.stop() == 0

    clock.set(HOUR_S // 4)
    cluster.tally(env=environment(**clock.environment)).wait_until_ready()
    # Another discipline server: the first one knows its own ids and would not log them again.
    judges.kill()
    cluster.discipline("--partitions", "1", grpc=judges.grpc)
    edge.wait_until_ready()
    assert accepted(edge, ids) == acks
    said = cluster.assert_verified()
    assert "repeats among them                 6" in said, said
    assert "counted in the score               6" in said, said


def test_a_faculty_server_refuses_ids_by_the_judges_clocks_not_by_its_own(cluster, clock):
    judges = cluster.discipline("--partitions", "1", "--retry-window", "1s")
    right = cluster.faculty(judges)
    behind = cluster.faculty(judges, env=environment(**clock.environment))
    clock.set(-130)
    old = uuid_of_version_7(now_ms() - 120_000)
    for edge in (right, behind):
        assert_problem(edge.post(entry(id=old)), 422)
        assert edge.post(entry(id=uuid_of_version_7(now_ms()))).status == 200
    cluster.tally()
    cluster.assert_verified()


def test_a_discipline_server_whose_clock_is_wrong_is_named(cluster, clock):
    clock.set(-HOUR_S)
    judges = cluster.discipline("--partitions", "1", env=environment(**clock.environment))
    edge = cluster.faculty(judges)
    problem = assert_problem(edge.post(entry(id=uuid_of_version_7(now_ms()))), 422)
    assert "ahead" in problem["errors"][0]["detail"], problem
    assert abs(edge.metric("estadio_judge_clock_ahead_seconds") + HOUR_S) < 5
    warning = next(l for l in edge.log_lines() if "clocks of servers disagree" in l["message"])
    assert warning["behind"] == judges.grpc and warning["ahead"] == "this server", warning
    clock.set(0)  # while everything runs
    wait_until(lambda: edge.post(entry(id=uuid_of_version_7(now_ms()))).status == 200,
               "the faculty server to learn of it")
    cluster.tally()
    cluster.assert_verified()


def test_judges_whose_clocks_are_an_hour_apart_count_nothing_twice(cluster, clock):
    """No id of version 7 is taken by both judges: each has entries of its own, sent twice."""
    clock.set(-HOUR_S)
    right = cluster.discipline("--partitions", "1")
    behind = cluster.discipline("--partitions", "1", env=environment(**clock.environment))
    edges = [cluster.faculty(judges) for judges in (right, behind)]
    cluster.tally()
    early = ids_of_now(20)
    late = [uuid_of_version_7(now_ms() - HOUR_S * 1000) for _ in range(20)]
    for _ in range(2):
        assert accepted(edges[0], early) and accepted(edges[1], late)
    for given in early:
        assert_problem(edges[1].post(entry(id=given)), 422)
    said = cluster.assert_verified()
    assert "counted in the score              40" in said, said
