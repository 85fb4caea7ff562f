"""The roles as separate processes, over gRPC, Kafka and Redis, keep the promises of one process."""

import contextlib
import hashlib
import json
import re
import signal
import socket
import subprocess
import threading
import time
import uuid

import pytest

from cluster import assert_says
from deadlines import seconds, wait_until
from estadio import (BINARY, CONTEST, NDJSON, as_ndjson, entry, environment, faculty_counts,
                     random_entry, read_acks, run_estadio, uuid_of_version_7, write_acks)
from services.server import free_port
from wire import assert_problem


def load(url, acks, *flags, rate=2000, duration="2s"):
    """`estadio load --retry`, in the background."""
    return subprocess.Popen(
        [str(BINARY), "load", url, "--rate", str(rate), "--duration", duration, "--connections",
         "32", "--retry", "--acks", str(acks), *flags],
        env=environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True)


def assert_ended_well(process):
    said, _ = process.communicate(timeout=seconds(120))
    assert process.returncode == 0, said


def test_what_is_accepted_is_in_the_log_and_in_redis(cluster, tmp_path, rng):
    judges = cluster.discipline()
    cluster.tally()
    edge = cluster.faculty(judges)
    entries = [random_entry(rng) for _ in range(300)]
    single = edge.post(entries[0]).json()
    assert single["outcome"] in ("winner", "loser")
    assert edge.post(entries[1:100]).json()["accepted"] == 99
    assert edge.post(as_ndjson(entries[100:]), media_type=NDJSON).json()["accepted"] == 200
    report = cluster.assert_verified()
    assert re.search(r"counted in the score +300\n", report)
    assert cluster.hash("by_faculty") == {k: str(v) for k, v in faculty_counts(entries).items()}
    assert sum(map(int, cluster.hash("by_outcome").values())) == 300


def test_a_whole_load_is_proven_by_its_acks(cluster, tmp_path):
    judges = cluster.discipline()
    cluster.tally()
    edge = cluster.faculty(judges)
    acks = tmp_path / "acks.ndjson"
    assert_ended_well(load(edge.url, acks))
    assert len(read_acks(acks)) == 4000
    cluster.assert_verified("--acks", acks)


def test_a_difference_of_one_is_found(cluster, tmp_path):
    judges = cluster.discipline()
    cluster.tally()
    edge = cluster.faculty(judges)
    ack = edge.post(entry()).json()
    cluster.assert_verified()
    lost = write_acks(tmp_path / "acks", {str(uuid.uuid4()): "winner", ack["id"]: ack["outcome"]})
    result = cluster.verify("--acks", lost)
    assert result.returncode == 1 and "does not hold" in result.stdout, result.stdout
    field, = cluster.hash("breakdown")
    cluster.redis("HINCRBY", f"{{{cluster.redis_prefix}}}:breakdown", field, "1")
    result = cluster.verify()
    assert result.returncode == 1 and "DIFFERENT" in result.stdout, result.stdout


def test_anybody_can_compute_the_digests_of_a_summary_from_kafka(cluster, tmp_path):
    edge = cluster.faculty(cluster.discipline())
    cluster.tally()
    assert edge.post([entry(student=f"José {i}") for i in range(50)]).status == 200
    cluster.assert_verified()
    exported = cluster.verify("--export", tmp_path / "summary.json")
    assert exported.returncode == 0, exported.stderr
    for each in json.loads((tmp_path / "summary.json").read_text())["partitions"]:
        said = cluster.kafka.cli(
            "kafka-console-consumer", "--topic", cluster.prefix + each["topic"], "--partition",
            each["partition"], "--offset", "earliest", "--max-messages", each["next_offset"],
            "--property", "print.timestamp=true", "--property", "print.offset=true")
        lines = re.findall(r"^CreateTime:(\d+)\tOffset:(\d+)\t(.*)$", said, re.MULTILINE)
        assert len(lines) == each["next_offset"], said
        text = "".join(f"{offset} {time} {line}\n" for time, offset, line in lines)
        assert hashlib.sha256(text.encode()).hexdigest() == each["sha256"]
    compared = cluster.verify("--against", tmp_path / "summary.json")
    assert compared.returncode == 0 and re.search(r"same as in the summary +50\n", compared.stdout)


def test_a_retry_at_another_replica_is_counted_once(cluster):
    judges = [cluster.discipline(), cluster.discipline()]
    edges = [cluster.faculty(each) for each in judges]
    cluster.tally()
    own = entry(id=uuid_of_version_7(time.time() * 1000))
    answers = [edge.post(own).json() for edge in edges]
    assert answers[0]["outcome"] == answers[1]["outcome"]
    report = cluster.assert_verified()
    assert re.search(r"repeats among them +1\n", report)
    assert re.search(r"counted in the score +1\n", report)


def test_an_id_with_another_content_is_409_and_where_the_first_is_unknown_it_does_not_count(cluster):
    judges = [cluster.discipline(), cluster.discipline()]
    knows, does_not = [cluster.faculty(each) for each in judges]
    cluster.tally()
    first = entry(id=str(uuid.uuid4()), student="Ana", faculty="Ingeniería")
    assert knows.post(first).status == 200
    other = {**first, "student": "Eva"}
    problem = assert_problem(knows.post(other), 409)
    assert "its student differs" in problem["detail"]
    assert does_not.post(other).status == 200
    report = cluster.assert_verified()
    assert re.search(r"counted in the score +1\n", report)


def test_disciplines_are_divided_over_their_servers(cluster, rng):
    swimming = cluster.discipline("--discipline", "natacion")
    others = cluster.discipline("--discipline", "Atletismo,3")
    edge = cluster.faculty(swimming, others)
    cluster.tally()
    entries = [random_entry(rng) for _ in range(200)]
    assert edge.post(entries).status == 200
    swims = sum(each["discipline"] == 1 for each in entries)
    assert swimming.metric("estadio_judge_entries_total") == swims
    assert others.metric("estadio_judge_entries_total") == 200 - swims
    cluster.assert_verified()


def test_a_discipline_without_a_server_gets_503_and_the_others_go_on(cluster):
    edge = cluster.faculty(cluster.discipline("--discipline", "boxeo"), is_ready=False)
    wait_until(lambda: edge.post(entry(discipline=3)).status == 200, "an entry of boxing")
    response = edge.post(entry(discipline=1))
    assert response.status == 503 and response.headers["Retry-After"], response
    ready = edge.get("/readyz")
    assert ready.status == 503 and "Natación" in ready.text(), ready


def test_a_faculty_of_its_own_takes_no_others_entries(cluster):
    edge = cluster.faculty(cluster.discipline(), flags=["--faculty", "ingenieria"])
    assert edge.post({"discipline": 1}).status == 200
    assert edge.post({"discipline": 1}, path="/engineering").status == 200
    refused = edge.post(entry(faculty="Agronomía"))
    assert refused.status == 422 and "Ingeniería" in refused.text(), refused
    assert edge.post({"discipline": 1}, path="/agronomia").status == 404


def test_roles_are_alive_and_say_what_they_wait_for(cluster):
    nowhere = f"127.0.0.1:{free_port()}"
    waiting = {
        cluster.start("faculty", "--disciplines", nowhere): "no server judges",
        cluster.start("discipline", "--kafka", nowhere, "--grpc", "127.0.0.1:0"): "Kafka",
        cluster.start("tally", "--kafka", nowhere, *cluster.redis_flags): "Kafka",
        cluster.tally(): "contest",
    }
    for role, reason in waiting.items():
        assert role.get("/healthz").status == 200
        assert_says(role, reason)
        assert role.get("/readyz").status == 503
        assert role.stop() == 0


def test_a_tally_waits_for_redis(cluster):
    cluster.discipline()
    nowhere = f"127.0.0.1:{free_port()}"
    tally = cluster.start("tally", *cluster.kafka_flags, "--redis", f"redis://{nowhere}/0")
    wait_until(lambda: nowhere in tally.get("/readyz").text(), "the tally to name Redis")


class Doorkeeper:
    """A way to a server that closes when a request with these bytes comes, until open() is called."""

    def __init__(self, address, closes_at):
        self.address = address
        self.closes_at = closes_at
        self.closed = threading.Event()
        self.opened = threading.Event()

    def __enter__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.run, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def run(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        with contextlib.suppress(OSError), client:
            if self.is_shut():
                return
            with socket.create_connection(self.address) as server:
                back = threading.Thread(target=self.pass_on, args=(server, client), daemon=True)
                back.start()
                self.pass_on(client, server, looks=True)
            back.join()

    def pass_on(self, one, other, looks=False):
        with contextlib.suppress(OSError):
            while data := one.recv(1 << 16):
                if looks and self.closes_at in data:
                    self.closed.set()
                if self.is_shut():
                    break
                other.sendall(data)
        for each in (one, other):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def is_shut(self):
        return self.closed.is_set() and not self.opened.is_set()


def test_a_tally_waits_for_a_redis_that_goes_away_before_the_prefix_is_checked(cluster):
    """The score book is open by then. The check reads the facts of the contest."""
    edge = cluster.faculty(cluster.discipline())
    facts = f"{{{cluster.redis_prefix}}}:contest".encode()
    with Doorkeeper(cluster.redis_service.endpoint, closes_at=facts) as way:
        tally = cluster.start("tally", *cluster.kafka_flags,
                              "--redis", f"redis://127.0.0.1:{way.port}/0",
                              "--redis-prefix", cluster.redis_prefix)
        wait_until(way.closed.is_set, "the tally to check the prefix")
        wait_until(lambda: f"127.0.0.1:{way.port}" in tally.get("/readyz").text(),
                   lambda: f"the tally to name Redis: {tally.get('/readyz').text()}")
        assert tally.process.poll() is None
        way.opened.set()
        tally.wait_until_ready()
        assert edge.post(entry()).status == 200
        cluster.assert_verified()
        assert tally.stop() == 0


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_discipline_server_that_goes_and_comes_back_loses_nothing(cluster, tmp_path, number):
    port = free_port()
    judges = cluster.discipline(grpc=f"127.0.0.1:{port}")
    cluster.tally()
    edge = cluster.faculty(judges)
    acks = tmp_path / "acks.ndjson"
    clients = load(edge.url, acks, duration="3s")
    wait_until(lambda: acks.exists() and acks.stat().st_size > 100_000, "entries to be accepted")
    judges.signal(number)
    assert judges.wait() == (0 if number == signal.SIGTERM else -number)
    cluster.discipline(grpc=f"127.0.0.1:{port}")
    assert_ended_well(clients)
    cluster.assert_verified("--acks", acks)


def test_a_faculty_server_that_drains_has_answered_what_it_took(cluster, tmp_path):
    judges = cluster.discipline()
    cluster.tally()
    edge = cluster.faculty(judges)
    acks = tmp_path / "acks.ndjson"
    clients = load(edge.url, acks, "--retry-for", "1s", duration="1s")
    wait_until(lambda: acks.exists() and acks.stat().st_size > 50_000, "entries to be accepted")
    assert edge.stop() == 0
    clients.communicate(timeout=seconds(120))
    cluster.assert_verified("--acks", acks)


def test_tallies_share_the_partitions_and_take_over_from_one_that_dies(cluster, tmp_path):
    judges = cluster.discipline()
    first, second = cluster.tally(), cluster.tally()
    edge = cluster.faculty(judges)

    def partitions_of(tally):
        said = [l for l in tally.log_lines() if l.get("message", "").startswith("counts part")]
        return sum((1 if l["message"] == "counts partitions" else -1) *
                   len(l["partitions"].split(", ")) for l in said)

    wait_until(lambda: (partitions_of(first), partitions_of(second)) == (2, 2),
               lambda: f"two each: {partitions_of(first)}, {partitions_of(second)}")
    acks = tmp_path / "acks.ndjson"
    clients = load(edge.url, acks)
    wait_until(lambda: acks.exists() and acks.stat().st_size > 50_000, "entries to be accepted")
    first.kill()
    assert_ended_well(clients)
    cluster.assert_verified("--acks", acks)
    wait_until(lambda: partitions_of(second) == 4, "the other to have all")


@pytest.mark.parametrize("role", ["discipline", "tally"])
def test_a_silent_kafka_is_named_and_holds_up_no_exit(cluster, role):
    judges = cluster.discipline()
    tally = cluster.tally()
    asked = {"discipline": judges, "tally": tally}[role]
    cluster.faculty(judges).post(entry())
    cluster.assert_verified()
    cluster.kafka.pause()
    try:
        wait_until(lambda: "Kafka is away" in asked.get("/readyz").text(), "it to miss Kafka", 60)
        asked.signal(signal.SIGTERM)
        assert asked.wait(within=30) == 0
    finally:
        cluster.kafka.resume()


def test_a_redis_that_came_back_empty_is_caught_up_exactly(cluster, rng):
    judges = cluster.discipline()
    cluster.tally()
    edge = cluster.faculty(judges)
    edge.post([random_entry(rng, id=str(uuid.uuid4())) for _ in range(500)])
    cluster.assert_verified()
    keys = cluster.redis("KEYS", f"{{{cluster.redis_prefix}}}:*")
    cluster.redis("DEL", *keys)
    edge.post([random_entry(rng) for _ in range(500)])
    assert re.search(r"counted in the score +1000\n", cluster.assert_verified())


def test_a_contest_keeps_the_coin_and_the_rule_that_it_began_with(cluster, tmp_path):
    began = cluster.discipline("--retry-window", "5m")
    commitment = next(l for l in began.log_lines() if "coin_commitment" in l)["coin_commitment"]
    assert began.stop() == 0
    seed = tmp_path / "coin.seed"
    seed.write_text("00112233445566778899aabbccddeeff\n")
    common = [*cluster.kafka_flags, "--grpc", "127.0.0.1:0"]
    for flags, said in ((["--coin-seed-file", seed], "is not the seed"),
                        (["--retry-window", "6m"], "retry-window")):
        refused = run_estadio("discipline", *common, *flags)
        assert refused.returncode == 2 and said in refused.stderr, refused.stderr
    again = cluster.discipline()
    assert next(l for l in again.log_lines()
                if "coin_commitment" in l)["coin_commitment"] == commitment
    edge = cluster.faculty(again)
    for age_ms, status in ((4 * 60_000, 200), (6 * 60_000, 422)):
        given = uuid_of_version_7(time.time() * 1000 - age_ms)
        assert edge.post(entry(id=given)).status == status


def test_the_seed_is_in_no_log_and_with_a_file_not_in_kafka(cluster, tmp_path):
    secret = "00112233445566778899aabbccddeeff"
    seed = tmp_path / "coin.seed"
    seed.write_text(secret + "\n")
    judges = cluster.discipline("--coin-seed-file", seed)
    edge = cluster.faculty(judges)
    cluster.tally()
    assert edge.post(entry()).status == 200
    lacking = cluster.verify()
    assert lacking.returncode == 2 and "coin-seed-file" in lacking.stderr, lacking.stderr
    proof = cluster.verify("--coin-seed-file", seed)
    assert proof.returncode == 0, proof.stdout + proof.stderr
    assert secret not in proof.stdout
    for role in cluster.roles:
        assert secret not in role.log_text()


def test_verify_watches_a_contest_until_a_signal(cluster, rng):
    judges = cluster.discipline()
    cluster.tally()
    edge = cluster.faculty(judges)
    watch = subprocess.Popen(
        [str(BINARY), "verify", *cluster.kafka_flags, *cluster.redis_flags, "--watch", "--every",
         "100ms"], env=environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    try:
        assert "proven: 0 records" in watch.stdout.readline()
        edge.post([random_entry(rng) for _ in range(50)])
        wait_until(lambda: "proven: 50 records, 50 counted" in watch.stdout.readline(), "50")
        watch.send_signal(signal.SIGTERM)
        assert watch.wait(seconds(30)) == 0
    finally:
        watch.kill()
        watch.wait()


def test_while_the_end_is_being_settled_unknown_ids_are_asked_to_wait(cluster, tmp_path):
    """test_end.py has what comes after it."""
    contest = tmp_path / "contest.toml"
    contest.write_text(time.strftime("closes_at = %Y-%m-%dT%H:%M:%SZ\n", time.gmtime(time.time() + 6))
                       + CONTEST)
    cluster.common = ["--contest", str(contest)]
    judges = cluster.discipline()
    edge = cluster.faculty(judges)
    kept = entry(id=uuid_of_version_7(time.time() * 1000))
    assert edge.post(kept).status == 200
    wait_until(lambda: edge.post(entry()).status == 403, "the contest to be over")
    assert edge.post(kept).json()["repeated"]
    waits = edge.post(entry(id=uuid_of_version_7(time.time() * 1000)))
    assert waits.status == 503 and waits.headers["Retry-After"], waits
    assert judges.metric("estadio_contest_phase", phase="closing") == 1


def test_help_of_every_role_has_examples():
    for role in ("faculty", "discipline", "tally", "verify"):
        said = run_estadio(role, "--help").stdout
        assert f"estadio {role} " in said, said


def test_wrong_settings_are_refused_by_name(tmp_path):
    for flags, said in (
            (["discipline", "--discipline", "curling"], "curling"),
            (["discipline", "--kafka", ""], "kafka"),
            (["discipline", "--topic-prefix", "a b"], "topic-prefix"),
            (["discipline", "--grpc-ca", "x"], "grpc-ca"),
            (["faculty", "--faculty", "Medicina"], "Medicina"),
            (["faculty", "--disciplines", "nowhere"], "nowhere"),
            (["faculty", "--disciplines", "a:7001,::1:7001"], "'::1:7001'"),
            (["faculty", "--batch-linger", "1s"], "from 0 to 100ms"),
            (["discipline", "--grpc", "unix:/tmp/grpc"], "grpc: expected HOST:PORT"),
            (["discipline", "--kafka", "nowhere"], "kafka: expected HOST:PORT"),
            (["discipline", "--linger", "1m"], "from 0 to 1s"),
            (["discipline", "--retry-window", "169h"], "from 0 to 168h"),
            (["tally", "--redis", "http://x"], "redis"),
            (["tally", "--readers", "0"], "readers"),
            (["verify"], "data, kafka"),
            (["verify", "--kafka", "a:1", "--every", "0"], "every")):
        refused = run_estadio(*flags)
        assert refused.returncode == 2 and said in refused.stderr, (flags, refused.stderr)


def test_a_taken_grpc_port_is_an_error_at_once():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused = run_estadio("discipline", "--kafka", "127.0.0.1:1", "--grpc", f"127.0.0.1:{port}")
    assert refused.returncode == 1 and f"127.0.0.1:{port}" in refused.stderr, refused.stderr


def test_a_kafka_config_names_files_that_are_not_there(tmp_path):
    config = tmp_path / "kafka.properties"
    config.write_text("security.protocol=SSL\nssl.ca.location=/nowhere/ca.pem\n")
    refused = run_estadio("discipline", "--kafka-config", config)
    assert refused.returncode == 2, refused.stderr
    assert f"{config}:2: ssl.ca.location: /nowhere/ca.pem: " in refused.stderr, refused.stderr


def test_a_kafka_config_with_a_secret_is_never_shown(tmp_path):
    config = tmp_path / "kafka.properties"
    config.write_text("sasl.password=hunter2hunter2\nsasl.mechanismus=PLAIN\n")
    refused = run_estadio("discipline", "--kafka-config", config)
    assert refused.returncode == 2 and "sasl.mechanismus" in refused.stderr, refused.stderr
    assert "serving" not in refused.stderr
    assert "hunter2" not in refused.stderr + refused.stdout


def test_a_second_contest_is_not_counted_into_the_score_of_the_first(cluster):
    cluster.discipline()
    cluster.tally().wait_until_ready()
    other = [*cluster.kafka_flags[:-1], f"{cluster.prefix}other-"]
    cluster.start("discipline", *other, "--grpc", "127.0.0.1:0").wait_until_ready()
    refused = run_estadio("tally", *other, *cluster.redis_flags)
    assert refused.returncode != 0 and "redis-prefix" in refused.stderr, refused.stderr


def test_servers_of_another_contest_get_no_entries(cluster, tmp_path):
    seed = tmp_path / "coin.seed"
    seed.write_text("00112233445566778899aabbccddeeff\n")
    ours = cluster.discipline("--coin-seed-file", seed)
    others = cluster.discipline("--coin-seed-file", seed, "--topic-prefix", f"{cluster.prefix}o-")
    edge = cluster.faculty(ours, others)
    wait_until(lambda: "different topics" in edge.log_text(), "the second to be refused")
    assert edge.post([entry()] * 20).status == 200
    assert sorted(each.metric("estadio_judge_entries_total") for each in (ours, others)) == [0, 20]


def test_a_score_without_a_tally_is_not_verified(cluster):
    edge = cluster.faculty(cluster.discipline())
    edge.post(entry())
    proof = run_estadio("verify", *cluster.kafka_flags, "--redis", cluster.redis_url,
                        "--redis-prefix", "nobody-is-here")
    assert proof.returncode == 1 and "nobody-is-here" in proof.stdout, proof.stdout


def test_a_position_that_somebody_deleted_is_noticed_and_all_counted_again_when_all_is(cluster, rng):
    edge = cluster.faculty(cluster.discipline())
    tally = cluster.tally()
    edge.post([random_entry(rng) for _ in range(100)])
    cluster.assert_verified()
    keys = f"{{{cluster.redis_prefix}}}:"
    cluster.redis("HDEL", f"{keys}positions", "winners/0")
    wait_until(lambda: "does not add up" in tally.get("/readyz").text(), "/readyz to name it")
    edge.post([random_entry(rng) for _ in range(100)])
    assert sum(map(int, cluster.hash("by_outcome").values())) <= 200
    cluster.redis("DEL", *(keys + name for name in ("positions", "breakdown", "by_faculty",
                                                    "by_discipline", "by_outcome", "repeated")))
    tally.wait_until_ready()
    assert re.search(r"counted in the score +200\n", cluster.assert_verified())


def test_a_topic_that_was_made_again_takes_no_more_results(cluster):
    judges = cluster.discipline()
    edge = cluster.faculty(judges)
    assert edge.post([entry() for _ in range(100)]).status == 200
    for topic in ("winners", "losers"):
        name = f"{cluster.prefix}{topic}"
        cluster.kafka.cli("kafka-topics", "--delete", "--topic", name)
        cluster.kafka.cli("kafka-topics", "--create", "--topic", name, "--partitions", 2)
    wait_until(lambda: edge.post(entry()).status in (503, 504), "the loss to be noticed")
    wait_until(lambda: "lost results" in judges.get("/readyz").text(), "/readyz to name it")
