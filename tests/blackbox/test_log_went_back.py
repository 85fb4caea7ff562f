"""A log that went back under its score: counting stops, verify names it, and repair mends it."""

import contextlib
import json
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from cluster import Cluster, hindrance
from deadlines import wait_until
from estadio import assert_verified, entry, run_estadio, uuid_of_version_7, verify
from services import Kafka, Missing, Redis
from services.server import free_port

OTHER = {"faculty": "Agronomía", "discipline": 2}
OTHER_RECORDS = "partitions of which the score counted other records than the log holds"


def accept(server, count, **members):
    for _ in range(count):
        assert server.post(entry(**members)).status == 200


def reason_of(server):
    """Returns why a server is not ready, once it names the way out."""
    def reason():
        answer = server.get("/readyz")
        return answer.status == 503 and "estadio repair" in answer.text() and answer.text()

    return wait_until(reason, lambda: f"{server.name} to stop: {server.get('/readyz').text()}")


def differences(result):
    assert result.returncode == 1, result.stdout + result.stderr
    return {each["what"]: each for each in json.loads(result.stdout)["differences"]}


def repair(data, *flags):
    return run_estadio("repair", "--data", data, *flags)


# One process.

def assert_repaired(start, data):
    """Repairs the stopped contest in a folder, and expects that it then goes on."""
    dry = repair(data)
    assert dry.returncode == 1, dry.stdout + dry.stderr
    assert "position/" in dry.stdout and "nothing was changed" in dry.stdout
    assert repair(data).stdout == dry.stdout
    mended = repair(data, "--apply")
    assert mended.returncode == 0, mended.stdout + mended.stderr
    assert "counted again from the log" in mended.stdout
    assert_verified(data)
    assert repair(data).returncode == 0
    again = start(data=data)
    again.wait_until_ready()
    return again


@pytest.mark.parametrize("later", [0, 60])
def test_an_older_log_under_a_newer_score_is_not_counted_until_it_is_repaired(start, tmp_path,
                                                                              later):
    data = tmp_path / "data"
    server = start()
    accept(server, 30)
    server.scores_at(30)
    assert server.stop() == 0
    shutil.copytree(data / "log", tmp_path / "older")
    server = start()
    accept(server, 30)
    server.scores_at(60)
    assert server.stop() == 0
    shutil.rmtree(data / "log")
    shutil.copytree(tmp_path / "older", data / "log")

    server = start()
    accept(server, later, **OTHER)
    assert "a partition is not counted" in reason_of(server)
    assert server.metric("estadio_tally_log_went_back") == 1
    refused = repair(data, "--apply")
    assert refused.returncode == 1 and "another process runs a contest" in refused.stderr
    assert server.stop() == 0
    assert verify(data).returncode == 1

    again = assert_repaired(start, data)
    again.scores_at(30 + later)
    accept(again, 5)
    again.scores_at(35 + later)


def test_a_rewritten_log_is_found_and_the_score_can_follow_it(start, tmp_path):
    data = tmp_path / "data"
    tool = tmp_path / "rewrite_log"
    subprocess.run(["gcc", "-O2", "-Wall", "-Wextra", "-Werror", "-o", tool,
                    Path(__file__).with_name("rewrite_log.c")], check=True)
    server = start()
    acks = tmp_path / "acks.ndjson"
    with acks.open("w") as file:
        for number in range(40):
            sent = entry(discipline=1 + number % 2, student=f"Ana {number}",
                         id=uuid_of_version_7(time.time() * 1000))
            answer = server.post(sent).json()
            print(json.dumps({"id": sent["id"], "outcome": answer["outcome"],
                              "faculty": sent["faculty"], "discipline": sent["discipline"]}),
                  file=file)
    server.scores_at(40)
    assert server.stop() == 0
    assert_verified(data, "--acks", acks)

    segment = next((data / "log").glob("*.log"))
    subprocess.run([tool, segment, '"discipline":1,', '"discipline":3,'], check=True)
    subprocess.run([tool, segment, '"student":"Ana', '"student":"Eva'], check=True)
    found = differences(verify(data, "--acks", acks, "--json"))
    assert OTHER_RECORDS in found
    assert found["acknowledged disciplines that the log does not hold"]["count"] == 20
    assert "counts in which score and log differ" in found
    server = start()
    assert "another record at offset" in reason_of(server)
    assert server.stop() == 0

    again = assert_repaired(start, data)
    assert again.scores_at(40)["by_discipline"] == {
        "Natación": 0, "Atletismo": 20, "Boxeo": 20}
    assert again.stop() == 0
    # The acks still contradict the log.
    found = differences(verify(data, "--acks", acks, "--json"))
    assert set(found) == {"acknowledged disciplines that the log does not hold"}


def test_a_students_name_that_changed_in_the_log_is_found(start, tmp_path):
    data = tmp_path / "data"
    tool = tmp_path / "rewrite_log"
    subprocess.run(["gcc", "-O2", "-o", tool, Path(__file__).with_name("rewrite_log.c")],
                   check=True)
    server = start()
    accept(server, 10, student="Ana")
    server.scores_at(10)
    assert server.stop() == 0
    subprocess.run([tool, next((data / "log").glob("*.log")), "Ana", "Eva"], check=True)
    assert set(differences(verify(data, "--json"))) == {OTHER_RECORDS}


def test_repair_of_a_right_score_changes_nothing(start, tmp_path):
    data = tmp_path / "data"
    server = start()
    accept(server, 10)
    server.scores_at(10)
    running = repair(data, "--json")
    assert running.returncode == 0, running.stderr
    assert json.loads(running.stdout) == {"applied": False, "records": 10, "changes": []}
    assert server.stop() == 0
    applied = repair(data, "--apply")
    assert applied.returncode == 0 and "nothing to repair" in applied.stdout
    assert_verified(data)


def test_repair_says_what_is_wrong_with_its_input(tmp_path):
    for flags, status, said in (
            ((), 2, "data, kafka: expected one of them"),
            (("--data", "x", "--kafka", "127.0.0.1:1"), 2, "data, kafka: expected one of them"),
            (("--data", tmp_path / "nowhere"), 2, "there is no contest"),
            (("--data", tmp_path / "nowhere", "--apply"), 2, "there is no contest"),
            (("--aply",), 2, "aply")):
        result = run_estadio("repair", *flags)
        assert result.returncode == status, (flags, result.stdout, result.stderr)
        assert said in result.stderr, (flags, result.stderr)
        assert result.stdout == ""
    assert not (tmp_path / "nowhere").exists()
    shown = run_estadio("repair", "--help")
    assert shown.returncode == 0
    assert "--apply" in shown.stdout and "estadio repair --data contest" in shown.stdout


# Several processes.

def cluster_repair(cluster, *flags):
    return run_estadio("repair", *cluster.kafka_flags, *cluster.redis_flags, *flags)


@pytest.mark.parametrize("command, value", [
    (("HSET", "by_faculty", "Ingeniería", "99"), "by_faculty, field Ingeniería"),
    (("HDEL", "by_discipline", "1"), "by_discipline, field 1"),
    (("HINCRBY", "by_outcome", "winner", "5"), "by_outcome, field winner"),
    (("HSET", "breakdown", "winner/1/Nadie", "3"), "breakdown, field winner/1/Nadie"),
    (("HSET", "breakdown", "winner/1/Ingeniería", "x"), "breakdown, field winner/1/Ingeniería"),
    (("HSET", "not_counted", "repeated", "7"), "not_counted, field repeated"),
    (("HSET", "not_counted", "strange", "7"), "not_counted, field strange"),
    (("HSET", "positions", "winners/0", "x"), "positions, field winners/0"),
    (("HSET", "positions", "winners/99", "x"), "positions, field winners/99"),
    (("DEL", "breakdown"), "breakdown, field winner/1/Ingeniería"),
    (("DEL", "positions"), "breakdown, field winner/1/Ingeniería"),
])
def test_repair_mends_what_another_program_wrote_to_redis(cluster, command, value):
    judges = cluster.discipline()
    tally = cluster.tally()
    edge = cluster.faculty(judges)
    accept(edge, 40)
    cluster.assert_verified()
    name, key, *fields = command
    cluster.redis(name, f"{{{cluster.redis_prefix}}}:{key}", *fields)
    assert cluster.verify().returncode == 1
    dry = cluster_repair(cluster)
    assert dry.returncode == 1, dry.stdout + dry.stderr
    assert f"{{{cluster.redis_prefix}}}:{value}: stored" in dry.stdout
    applied = cluster_repair(cluster, "--apply", "--json")
    assert applied.returncode == 0, applied.stdout + applied.stderr
    assert json.loads(applied.stdout)["applied"] is True
    accept(edge, 10)
    report = cluster.assert_verified()
    assert " 50\n" in report
    tally.wait_until_ready()


def test_repair_leaves_another_programs_key_alone(cluster):
    judges = cluster.discipline()
    cluster.tally()
    accept(cluster.faculty(judges), 4)
    cluster.assert_verified()
    key = f"{{{cluster.redis_prefix}}}:by_outcome"
    cluster.redis("DEL", key)
    cluster.redis("SET", key, "mine")
    for flags in ((), ("--apply",)):
        result = cluster_repair(cluster, *flags)
        assert result.returncode == 2
        assert f"{key} is a string, not the hash of a score book" in result.stderr
    assert cluster.redis("GET", key) == ["mine"]


@pytest.fixture
def own_services(tmp_path):
    """Starts a broker of the test's own, on the same folder and port each time, and a Redis."""
    if (why := hindrance()) is not None:
        pytest.skip(why)
    port = free_port()
    with contextlib.ExitStack() as started:
        try:
            redis = started.enter_context(Redis(tmp_path / "redis"))
            yield (lambda: Kafka(tmp_path / "kafka", port)), redis
        except Missing as missing:
            pytest.skip(f"NOT TESTED: {missing}")


def test_kafka_that_lost_its_end_and_grew_again_is_found_and_repaired(own_services, tmp_path):
    make_kafka, redis = own_services
    folder, older = tmp_path / "kafka", tmp_path / "kafka.older"

    @contextlib.contextmanager
    def contest(kafka):
        cluster = Cluster(kafka, redis)
        cluster.prefix, cluster.redis_prefix = "lost-", "lost"
        try:
            judges = cluster.discipline("--partitions", "1")
            yield cluster, cluster.faculty(judges)
        finally:
            cluster.end()

    with make_kafka() as kafka, contest(kafka) as (cluster, edge):
        cluster.tally()
        accept(edge, 20)
        cluster.assert_verified()
    shutil.copytree(folder, older)
    with make_kafka() as kafka, contest(kafka) as (cluster, edge):
        cluster.tally()
        accept(edge, 20)
        cluster.assert_verified()
    # The last 20 are lost with the page cache.
    shutil.rmtree(folder)
    older.rename(folder)
    with make_kafka() as kafka, contest(kafka) as (cluster, edge):
        accept(edge, 60, **OTHER)
        tally = cluster.tally()
        reason = reason_of(tally)
        assert "another record at offset" in reason, reason
        assert tally.metric("estadio_tally_log_went_back") == 1
        assert cluster.hash("by_faculty") == {"Ingeniería": "40"}, "nothing is counted on top"
        found = differences(cluster.verify("--json"))
        assert OTHER_RECORDS in found and "counts in which score and log differ" in found
        assert cluster_repair(cluster).returncode == 1
        applied = cluster_repair(cluster, "--apply")
        assert applied.returncode == 0, applied.stdout + applied.stderr
        # The tally goes on by itself.
        cluster.assert_verified()
        tally.wait_until_ready()
        assert tally.metric("estadio_tally_log_went_back") == 0
        assert cluster.hash("by_faculty") == {"Ingeniería": "20", "Agronomía": "60"}
        assert cluster_repair(cluster).returncode == 0
