"""The end of a contest: no entry counts once the coin's seed is public, whatever a clock says, and an
entry that was accepted is never refused later."""

import random
import struct
import time
import uuid

import pytest

from deadlines import seconds, wait_until
from estadio import (CONTEST, assert_verified, entry, environment, uuid_of_version_7, write_acks)
from wire import assert_problem

HOUR_S = 3600


def now_ms():
    return time.time() * 1000


def contest_that_closes(path, in_s):
    """Writes a contest.toml, and returns it with the second in which the contest closes."""
    closes_at = int(time.time() + seconds(in_s)) + 1
    path.write_text(time.strftime("closes_at = %Y-%m-%dT%H:%M:%SZ\n", time.gmtime(closes_at))
                    + CONTEST, encoding="utf-8")
    return path, closes_at


def wait_for(moment_s):
    wait_until(lambda: time.time() >= moment_s, "the end", within=120)


def siphash_2_4(key, data):
    """SipHash-2-4 of 16 bytes."""
    mask = (1 << 64) - 1
    k0, k1 = struct.unpack("<QQ", key)
    v = [k0 ^ 0x736F6D6570736575, k1 ^ 0x646F72616E646F6D, k0 ^ 0x6C7967656E657261,
         k1 ^ 0x7465646279746573]

    def rotl(x, bits):
        return ((x << bits) | (x >> (64 - bits))) & mask

    def rounds(count):
        for _ in range(count):
            v[0] = (v[0] + v[1]) & mask
            v[1] = rotl(v[1], 13) ^ v[0]
            v[0] = rotl(v[0], 32)
            v[2] = (v[2] + v[3]) & mask
            v[3] = rotl(v[3], 16) ^ v[2]
            v[0] = (v[0] + v[3]) & mask
            v[3] = rotl(v[3], 21) ^ v[0]
            v[2] = (v[2] + v[1]) & mask
            v[1] = rotl(v[1], 17) ^ v[2]
            v[2] = rotl(v[2], 32)

    for word in (*struct.unpack("<QQ", data), 16 << 56):
        v[3] ^= word
        rounds(2)
        v[0] ^= word
    v[2] ^= 0xFF
    rounds(4)
    return v[0] ^ v[1] ^ v[2] ^ v[3]


def winning_ids(seed, count, time_ms):
    """What a client can do that knows the seed."""
    ids = []
    while len(ids) < count:
        given = uuid_of_version_7(time_ms)
        if siphash_2_4(bytes.fromhex(seed), uuid.UUID(given).bytes) & 1:
            ids.append(given)
    return ids


def accept(server, count):
    """Posts entries with ids, and returns them with their outcomes."""
    accepted = {}
    for _ in range(count):
        body = entry(id=uuid_of_version_7(now_ms()), student=random.choice(["Ana", "Zoë"]))
        answer = server.post(body)
        assert answer.status == 200, answer
        accepted[body["id"]] = (body, answer.json()["outcome"])
    return accepted


def outcomes_of(accepted):
    return {given: outcome for given, (_, outcome) in accepted.items()}


def is_settled(server, body):
    """Whether the server answers an entry that it does not have by its final word."""
    answer = server.post(body)
    assert answer.status in (403, 503), answer
    if answer.status == 503:
        assert answer.headers.get("Retry-After"), answer
    return answer.status == 403


def assert_closed(server, accepted):
    """Checks every answer of a contest that is closed."""
    never = entry(id=str(uuid.uuid4()))
    wait_until(lambda: is_settled(server, never), "the accepted ids to be read")
    for body, outcome in accepted.values():
        answer = server.post(body)
        assert answer.status == 200, answer
        assert answer.json() == {"id": body["id"], "outcome": outcome, "repeated": True}
        other = assert_problem(server.post({**body, "age": 77}), 409)
        assert other["errors"][0]["field"] == "age", other
    assert_problem(server.post(entry()), 403)


# One process.

def test_a_clock_that_goes_back_after_the_end_opens_nothing(start, clock, tmp_path):
    contest, closes_at = contest_that_closes(tmp_path / "contest.toml", 6)
    server = start("--contest", contest, env=environment(**clock.environment))
    accepted = accept(server, 20)
    server.scores_at(20)
    assert "seed" not in server.contest()
    wait_for(closes_at)
    seed = wait_until(lambda: server.contest().get("seed"), "the seed")

    clock.set(-30)
    for given in winning_ids(seed, 20, now_ms() - 30_000):
        assert server.post(entry(id=given)).status in (403, 503)
    assert_closed(server, accepted)
    assert server.contest()["seed"] == seed
    server.kill()

    again = start("--contest", contest, env=environment(**clock.environment))
    assert wait_until(lambda: again.contest().get("seed"), "the seed") == seed
    assert_closed(again, accepted)
    again.scores_at(20)
    assert_verified(again.data, "--contest", contest, "--acks",
                    write_acks(tmp_path / "acks", outcomes_of(accepted)))


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_a_contest_that_closed_stays_closed_with_another_end(start, tmp_path, how):
    contest, closes_at = contest_that_closes(tmp_path / "contest.toml", 6)
    server = start("--contest", contest)
    accepted = accept(server, 3)
    wait_for(closes_at)
    wait_until(lambda: server.contest().get("seed"), "the seed")
    getattr(server, how)()

    # The folder's copy, as an operator may mend it.
    contest_that_closes(server.data / "contest.toml", 2 * HOUR_S)
    again = start()
    assert again.contest()["seed"]
    assert_closed(again, accepted)


def test_an_accepted_entry_is_answered_long_after_the_end(start, clock, tmp_path):
    contest, closes_at = contest_that_closes(tmp_path / "contest.toml", 6)
    server = start("--contest", contest, "--retry-window", "1m", env=environment(**clock.environment))
    accepted = accept(server, 3)
    wait_for(closes_at)
    clock.set(24 * HOUR_S)
    assert_closed(server, accepted)


# Several processes.

def start_closing_cluster(cluster, clock, tmp_path):
    """Starts a judge of a contest that closes soon. Returns it with the second of the end."""
    contest, closes_at = contest_that_closes(tmp_path / "contest.toml", 15)
    cluster.common = ["--contest", str(contest)]
    judges = cluster.discipline("--partitions", "1", env=environment(**clock.fast_environment))
    return judges, closes_at


def board_seed(board):
    """Waits until the scoreboard shows the seed, and returns it."""
    def shown():
        answer = board.get("/v1/contest")
        return answer.status == 200 and answer.json().get("seed")

    return wait_until(shown, "the scoreboard to show the seed")


def test_a_faculty_server_whose_clock_is_behind_takes_nothing_once_the_seed_is_public(
        cluster, clock, another_clock, tmp_path):
    judges, closes_at = start_closing_cluster(cluster, another_clock, tmp_path)
    cluster.tally()
    board = cluster.start("scoreboard", *cluster.redis_flags)
    behind = cluster.faculty(judges, env=environment(**clock.environment))
    right = cluster.faculty(judges)
    accepted = accept(right, 5)
    clock.set(-120)
    seed = board_seed(board)
    assert time.time() >= closes_at
    chosen = winning_ids(seed, 50, now_ms())
    for edge in (right, behind):
        for given in chosen:
            assert edge.post(entry(id=given)).status in (403, 503)
        assert_closed(edge, accepted)
    said = cluster.assert_verified()
    assert "counted in the score               5" in said, said


def test_a_judge_whose_clock_is_behind_stops_when_another_one_closes_the_contest(
        cluster, clock, another_clock, tmp_path):
    judges, _ = start_closing_cluster(cluster, clock, tmp_path)
    cluster.tally()
    board = cluster.start("scoreboard", *cluster.redis_flags)
    another_clock.set(-HOUR_S)
    behind = cluster.discipline("--partitions", "1",
                                env=environment(**another_clock.fast_environment))
    edge = cluster.faculty(behind)
    accepted = {}
    for _ in range(5):
        body = entry(id=uuid_of_version_7(now_ms() - HOUR_S * 1000))
        answer = edge.post(body)
        assert answer.status == 200, answer
        accepted[body["id"]] = (body, answer.json()["outcome"])
    for given in winning_ids(board_seed(board), 20, now_ms() - HOUR_S * 1000):
        assert edge.post(entry(id=given)).status in (403, 503)
    assert_closed(edge, accepted)
    assert judges.metric("estadio_contest_phase", phase="closed") == 1
    cluster.assert_verified()


def test_a_judge_that_replaces_another_answers_what_that_one_accepted(cluster, clock, tmp_path):
    judges, closes_at = start_closing_cluster(cluster, clock, tmp_path)
    cluster.tally()
    edge = cluster.faculty(judges)
    accepted = accept(edge, 8)
    judges.kill()
    wait_for(closes_at)
    cluster.discipline("--partitions", "1", grpc=judges.grpc,
                       env=environment(**clock.fast_environment))
    edge.wait_until_ready()
    # From now on until it is closed, no accepted entry is refused for good.
    def is_closed():
        for body, outcome in accepted.values():
            answer = edge.post(body)
            assert answer.status in (200, 503, 504), answer
            if answer.status != 200:
                return False
            assert answer.json()["outcome"] == outcome
        return True

    wait_until(is_closed, "the accepted entries to be answered")
    assert_closed(edge, accepted)
    # And later still.
    judges = cluster.discipline("--partitions", "1", env=environment(**clock.fast_environment))
    assert_closed(cluster.faculty(judges), accepted)
    said = cluster.assert_verified("--acks", write_acks(tmp_path / "acks", outcomes_of(accepted)))
    assert "counted in the score               8" in said, said
