"""`estadio scoreboard`: it shows the score from Redis alone and survives every fault of Redis."""

import json
import shutil
import stat

import pytest

from deadlines import wait_until
from estadio import environment, run_estadio
from services.redis import Redis
from test_scores import first_event, metrics_of, watching
from wire import assert_problem

INCARNATION = "00000000-0000-4000-8000-000000000001"
COMMITMENT = "ab" * 32
SEED = "cd" * 16
STARTED_AT_MS = 1_790_000_000_000


@pytest.fixture
def redis(tmp_path):
    """A Redis server that is not started yet. Its port stays the same."""
    for name in ("redis-server", "redis-cli"):
        if shutil.which(name) is None:
            pytest.skip(f"NOT TESTED: {name} is missing, tools/deps redis installs it")
    server = Redis(tmp_path / "redis")
    yield server
    server.kill()


@pytest.fixture
def board(start):
    """Starts a scoreboard over a Redis."""
    def start_one(redis, *flags, user=""):
        return start("--redis", f"redis://{user}{redis.address}/0", *flags, data=None,
                     role="scoreboard")
    return start_one


def report(redis, **facts):
    """Writes the facts that a tally publishes beside the score, as docs/redis.md describes."""
    facts = {"started_at_ms": STARTED_AT_MS, "coin_commitment": COMMITMENT,
             "retry_window_ms": 450_000, **facts}
    redis.cli("HSET", "{estadio}:contest", *(str(word) for pair in facts.items() for word in pair))


def ends(winners, losers):
    return {"end/winners/0": winners, "end/losers/0": losers}


def count(redis, winners, losers):
    """Sets the score: winners of Ingeniería in Natación, losers of Agronomía in Boxeo."""
    redis.cli("EVAL", """
        local winners, losers, incarnation = ARGV[1], ARGV[2], ARGV[3]
        redis.call('HSET', '{estadio}:breakdown', 'winner/1/Ingeniería', winners,
                   'loser/3/Agronomía', losers)
        redis.call('HSET', '{estadio}:by_faculty', 'Ingeniería', winners, 'Agronomía', losers)
        redis.call('HSET', '{estadio}:by_discipline', '1', winners, '3', losers)
        redis.call('HSET', '{estadio}:by_outcome', 'winner', winners, 'loser', losers)
        local chain = ' 00000000000000aa 00000000000000bb'  -- the scoreboard does not look at it
        redis.call('HSET', '{estadio}:positions',
                   'winners/0', incarnation .. ' ' .. winners .. chain,
                   'losers/0', incarnation .. ' ' .. losers .. chain)
        """, 0, winners, losers, INCARNATION)


def unready_reason(server):
    """Returns why the scoreboard is not ready; None when it is ready."""
    response = server.get("/readyz")
    if response.status == 200:
        return None
    return assert_problem(response, 503)["detail"]


def wait_until_ready(server):
    wait_until(lambda: unready_reason(server) is None, "the scoreboard to be ready")


def wait_until_unready(server, text):
    return wait_until(lambda: text in (unready_reason(server) or ""), f"'{text}' in /readyz")


def lines_about_redis(server):
    return [line["level"] for line in server.log_lines() if "from Redis" in line["message"]]


def test_it_is_up_without_redis_and_says_why_it_is_not_ready(board, redis):
    server = board(redis)
    assert server.get("/healthz").status == 200
    wait_until_unready(server, redis.address)
    for path in ("/v1/scores", "/v1/contest", "/v1/scores/stream"):
        assert_problem(server.get(path), 503)
    assert server.get("/").status == 200
    _, samples = metrics_of(server)
    assert ("estadio_score_readable", {}, 0) in samples


def test_it_is_not_ready_before_a_tally_has_reported(board, redis):
    redis.start()
    server = board(redis)
    wait_until_unready(server, "no tally has reported to this Redis yet")
    assert_problem(server.get("/v1/contest"), 503)
    report(redis, **ends(0, 0))
    wait_until_ready(server)
    assert server.scores()["total"] == 0


def test_the_score_and_the_contest_are_as_redis_has_them(board, redis):
    redis.start()
    report(redis, **ends(winners=10, losers=4))
    count(redis, winners=7, losers=4)
    redis.cli("HSET", "{estadio}:not_counted", "repeated", 2)
    server = board(redis)
    wait_until_ready(server)
    assert server.scores() == {
        "total": 11,
        "by_faculty": {"Ingeniería": 7, "Agronomía": 4},
        "by_discipline": {"Natación": 7, "Atletismo": 0, "Boxeo": 4},
        "by_outcome": {"winner": 7, "loser": 4},
        "breakdown": [
            {"faculty": "Agronomía", "discipline": "Boxeo", "outcome": "loser", "count": 4},
            {"faculty": "Ingeniería", "discipline": "Natación", "outcome": "winner", "count": 7}],
        "repeated": 2,
        "not_in_time": 0,
        "after_end": 0,
        "positions": [
            {"topic": "winners", "partition": 0, "next_offset": 7, "end_offset": 10},
            {"topic": "losers", "partition": 0, "next_offset": 4, "end_offset": 4}],
    }
    contest = server.contest()
    assert contest["seed_commitment"] == COMMITMENT
    assert contest["started_at_ms"] == STARTED_AT_MS
    assert contest["retry_window_seconds"] == 450
    assert "seed" not in contest
    _, samples = metrics_of(server)
    assert ("estadio_score_readable", {}, 1) in samples
    assert ("estadio_score_lag", {}, 3) in samples
    assert ("estadio_results_repeated_total", {}, 2) in samples
    assert ("estadio_results_total", {"faculty": "Ingeniería", "discipline": "Natación",
                                      "outcome": "winner"}, 7) in samples


def test_the_seed_is_shown_once_a_tally_publishes_it(board, redis):
    redis.start()
    report(redis)
    server = board(redis)
    wait_until_ready(server)
    assert "seed" not in server.contest()
    report(redis, coin_seed=SEED)
    wait_until(lambda: server.contest().get("seed") == SEED, "the seed")


def test_what_is_counted_beyond_the_last_report_is_in_the_log(board, redis):
    redis.start()
    report(redis, **ends(winners=5, losers=0))
    count(redis, winners=9, losers=0)
    server = board(redis)
    wait_until_ready(server)
    assert server.scores()["positions"][0] == {
        "topic": "winners", "partition": 0, "next_offset": 9, "end_offset": 9}


def test_a_contest_of_ones_own_names_what_is_counted(board, redis, tmp_path):
    contest = tmp_path / "contest.toml"
    contest.write_text('name = "Copa"\n[[faculty]]\nname = "Ingeniería"\n'
                       '[[discipline]]\nid = 1\nname = "Ajedrez"\n', encoding="utf-8")
    redis.start()
    report(redis)
    count(redis, winners=1, losers=0)
    server = board(redis, "--contest", contest)
    wait_until_ready(server)
    assert server.contest()["name"] == "Copa"
    assert server.scores()["by_discipline"]["Ajedrez"] == 1


def test_a_watcher_sees_what_is_counted_and_what_waits(board, redis):
    redis.start()
    report(redis, **ends(winners=10, losers=0))
    count(redis, winners=7, losers=0)
    server = board(redis)
    wait_until_ready(server)
    with watching(server) as events:
        contest = first_event(events, lambda name, _: name == "contest", "the contest")
        assert contest["seed_commitment"] == COMMITMENT
        first_event(events, lambda n, d: n == "score" and d["total"] == 7, "a score of 7")
        count(redis, winners=9, losers=0)
        first_event(events, lambda n, d: n == "score" and d["total"] == 9, "a score of 9")
        stats = first_event(events, lambda n, d: n == "stats" and d["accepted"] == 9, "statistics")
    assert stats["lag"] == 1
    assert stats["rejected"] is None
    assert stats["p99_ms"] is None
    assert stats["rate"] >= 0


def test_it_recovers_when_redis_was_killed_and_a_watcher_goes_on(board, redis):
    redis.start()
    report(redis, **ends(winners=3, losers=0))
    count(redis, winners=3, losers=0)
    server = board(redis)
    wait_until_ready(server)
    with watching(server) as events:
        first_event(events, lambda n, d: n == "score" and d["total"] == 3, "a score of 3")
        redis.kill()
        wait_until_unready(server, redis.address)
        assert server.get("/healthz").status == 200
        for path in ("/v1/scores", "/v1/contest", "/v1/scores/stream"):
            assert_problem(server.get(path), 503)
        redis.start()
        count(redis, winners=5, losers=0)
        first_event(events, lambda n, d: n == "score" and d["total"] == 5, "a score of 5")
        first_event(events, lambda n, d: n == "stats" and d["accepted"] == 5, "statistics")
    wait_until_ready(server)
    assert server.contest()["seed_commitment"] == COMMITMENT
    assert lines_about_redis(server) == ["warning", "info"], "once away, once back"


def test_a_redis_that_hangs_is_away_and_holds_up_no_request(board, redis):
    redis.start()
    report(redis)
    server = board(redis)
    wait_until_ready(server)
    redis.pause()
    wait_until_unready(server, "no answer in time")
    assert server.get("/healthz").status == 200
    assert_problem(server.get("/v1/scores"), 503)
    redis.resume()
    wait_until_ready(server)


def test_it_stops_while_redis_hangs(board, redis):
    redis.start()
    report(redis)
    server = board(redis)
    wait_until_ready(server)
    redis.pause()
    assert server.stop() == 0


def test_a_value_that_is_not_ours_is_named_until_it_is_mended(board, redis):
    redis.start()
    report(redis, **ends(winners=1, losers=0))
    server = board(redis)
    wait_until_ready(server)
    redis.cli("HSET", "{estadio}:contest", "end/winners/0", "many")
    wait_until_unready(server, "end/winners/0")
    assert_problem(server.get("/v1/scores"), 503)
    report(redis, **ends(winners=1, losers=0))
    wait_until_ready(server)


def with_password(redis, password):
    redis.start()
    report(redis)
    redis.cli("ACL", "SETUSER", "board", "on", f">{password}", "%R~{estadio}:*", "+ping",
              "+select", "+script|load", "+evalsha_ro", "+eval_ro", "+type", "+get", "+hgetall",
              "+config|get")


def password_file(tmp_path, text):
    path = tmp_path / "password"
    path.write_text(text, encoding="utf-8")
    path.chmod(stat.S_IRUSR)
    return path


def test_a_password_comes_from_a_file_for_a_read_only_user(board, redis, tmp_path):
    with_password(redis, "s3cret")
    server = board(redis, "--redis-password-file", password_file(tmp_path, "s3cret\n"),
                   user="board@")
    wait_until_ready(server)
    assert server.scores()["total"] == 0


def test_a_wrong_password_is_an_error_that_does_not_show_it(board, redis, tmp_path):
    with_password(redis, "s3cret")
    server = board(redis, "--redis-password-file", password_file(tmp_path, "wr0ng"), user="board@")
    wait_until_unready(server, "WRONGPASS")
    assert server.get("/healthz").status == 200
    assert_problem(server.get("/v1/scores"), 503)
    assert "WRONGPASS" in server.log_text()
    assert "wr0ng" not in server.log_text() + json.dumps(unready_reason(server))
    redis.cli("ACL", "SETUSER", "board", ">wr0ng")
    wait_until_ready(server)


# The settings.

def scoreboard(*flags, **settings):
    return run_estadio("scoreboard", *flags, env=environment(**settings))


def test_printed_settings_show_no_password():
    printed = scoreboard("--redis", "redis://ana:s3cret@redis.example/2", "--print-config")
    assert printed.returncode == 0
    assert 'redis = "redis://ana:***@redis.example:6379/2"' in printed.stdout
    assert "s3cret" not in printed.stdout + printed.stderr
    helped = scoreboard("--help", ESTADIO_REDIS="redis://:s3cret@redis.example")
    assert "s3cret" not in helped.stdout + helped.stderr
    assert "redis://127.0.0.1:6379/0" in helped.stdout
    assert "127.0.0.1:8090" in helped.stdout


@pytest.mark.parametrize("flags, expected", [
    (["--redis", "http://:s3cret@localhost"], "redis://"),
    (["--redis", "redis://ana@localhost"], "needs a password"),
    (["--redis", "redis://ana:***@localhost"], "redis-password-file"),
    (["--redis-password-file", "/nowhere/s3cret-file"], "/nowhere/s3cret-file"),
    (["--redis-password-file", "/dev/null"], "holds no password"),
    (["--redis-ca", "/nowhere/ca.pem"], "rediss://"),
    (["--redis", "rediss://localhost", "--redis-ca", "/nowhere/ca.pem"], "/nowhere/ca.pem"),
    (["--redis-prefix", "a b"], "prefix"),
    (["--contest", "/nowhere/contest.toml"], "/nowhere/contest.toml"),
])
def test_settings_that_do_not_fit_are_refused_before_anything_starts(flags, expected):
    result = scoreboard("--http", "127.0.0.1:0", *flags)
    assert result.returncode == 2
    assert expected in result.stderr
    assert ":s3cret" not in result.stderr


def test_a_password_given_twice_is_refused(tmp_path):
    result = scoreboard("--redis", "redis://ana:one@localhost", "--redis-password-file",
                        password_file(tmp_path, "two"))
    assert result.returncode == 2
    assert "use one of them" in result.stderr
