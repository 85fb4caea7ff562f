"""Retries: an id that is sent again counts once, whatever happens in between."""

import concurrent.futures
import re
import signal
import subprocess
import threading
import time
import uuid

import pytest

from deadlines import seconds, wait_until
from estadio import (CONTEST, NDJSON, REPOSITORY, as_ndjson, assert_verified, entry,
                     is_caught_up, random_entry, uuid_of_version_7, write_acks)
from wire import assert_problem

MINUTE_MS = 60_000


def now_ms():
    return time.time() * 1000


def new_id():
    return str(uuid.uuid4())


def score_after_a_marker(server, total):
    """Posts a marker entry and returns the score that counts it; `total` includes the marker.

    The log has all earlier entries before the marker, so none is still in flight.
    """
    assert server.post(entry(student="marker")).status == 200
    return server.scores_at(total)


def total_of(server):
    """Returns the total of a server that has no entries in flight."""
    return wait_until(lambda: (s := server.scores()) and is_caught_up(s) and s, "a score")["total"]


def test_an_entry_sent_again_has_the_same_outcome_and_counts_once(start):
    server = start()
    again = entry(id=new_id())
    first = server.post(again).json()
    server.scores_at(1)
    for repeats in range(1, 6):
        answer = server.post(again)
        assert answer.status == 200, answer
        assert answer.json() == {**first, "repeated": True}
        score_after_a_marker(server, 1 + repeats)
    assert_verified(server.data)


def test_batches_sent_again_count_once(start, rng):
    server = start()
    entries = [random_entry(rng, id=new_id()) for _ in range(500)]
    first = server.post(entries).json()
    assert (first["accepted"], first["repeated"]) == (500, 0)
    server.scores_at(500)

    second = server.post(as_ndjson(entries), media_type=NDJSON).json()
    assert second["repeated"] == 500, second
    assert (second["winners"], second["losers"]) == (first["winners"], first["losers"])
    score_after_a_marker(server, 501)
    assert_verified(server.data)


def test_a_batch_of_old_and_new_counts_only_the_new(start, rng):
    server = start()
    old = [random_entry(rng, id=new_id()) for _ in range(100)]
    new = [random_entry(rng, id=new_id()) for _ in range(150)]
    server.post(old)
    server.scores_at(100)
    assert server.post(old + new).json()["repeated"] == 100
    score_after_a_marker(server, 251)


@pytest.mark.parametrize("as_body, media_type", [(list, "application/json"), (as_ndjson, NDJSON)],
                         ids=["array", "NDJSON"])
def test_an_id_twice_in_one_request_counts_once(start, as_body, media_type):
    server = start()
    twice = entry(id=new_id())
    assert server.post(as_body([twice, entry(), twice, twice]), media_type=media_type).status == 200
    scores = score_after_a_marker(server, 3)
    assert scores["repeated"] == 2
    assert_verified(server.data)


def test_an_id_in_capitals_is_the_same_id(start):
    """RFC 9562 section 4: the letters of a UUID have no case on input."""
    server = start()
    given = "0b6ad0b4-5a3c-4d2e-9f6a-0d7c3c1d2e4f"
    first = server.post(entry(id=given)).json()
    second = server.post(entry(id=given.upper())).json()
    assert second["outcome"] == first["outcome"]
    assert second["id"].lower() == given
    score_after_a_marker(server, 2)


@pytest.mark.parametrize("change, field", [
    ({"faculty": "Agronomía", "discipline": 2}, "faculty"), ({"discipline": 3}, "discipline"),
    ({"student": "somebody else"}, "student"), ({"age": 30}, "age")])
def test_an_id_that_comes_back_as_another_entry_is_409_and_does_not_count(start, change, field):
    server = start()
    first = entry(id=new_id(), faculty="Ingeniería", discipline=1, student="Ana", age=20)
    accepted = server.post(first).json()
    problem = assert_problem(server.post({**first, **change}), 409)
    assert f"its {field} differs" in problem["detail"]
    assert [error["field"] for error in problem["errors"]] == [field]
    assert server.post(first).json() == {**accepted, "repeated": True}
    scores = score_after_a_marker(server, 2)
    assert scores["by_faculty"].get("Agronomía", 0) == 0, "the marker is of Ingeniería"
    assert_verified(server.data)


def test_of_many_entries_those_with_another_content_are_listed_and_the_others_count(start):
    server = start()
    known = [entry(id=new_id(), student=f"Ana {i}") for i in range(3)]
    server.post(known)
    new = [entry(id=new_id()) for _ in range(5)]
    problem = assert_problem(server.post([*new, {**known[1], "student": "Eva"}, known[2]]), 409)
    assert "1 of 7 entries" in problem["detail"]
    assert [(e["field"], e["index"]) for e in problem["errors"]] == [("student", 5)]
    assert known[1]["id"] in problem["errors"][0]["detail"]
    score_after_a_marker(server, 9)
    assert_verified(server.data)


@pytest.mark.parametrize("as_body, media_type, place", [
    (list, "application/json", {"index": 1}), (as_ndjson, NDJSON, {"line": 2})],
                         ids=["array", "NDJSON"])
def test_an_id_twice_in_one_request_with_other_contents_is_422(start, as_body, media_type, place):
    server = start()
    one = entry(id=new_id(), discipline=1)
    answer = server.post(as_body([one, {**one, "discipline": 2}]), media_type=media_type)
    (error,) = assert_problem(answer, 422)["errors"]
    assert error["field"] == "id" and place.items() <= error.items(), error
    score_after_a_marker(server, 1)


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL], ids=["drained", "killed"])
def test_ids_are_remembered_over_a_restart(start, rng, end):
    first = start()
    entries = [random_entry(rng, id=new_id()) for _ in range(50)]
    crowd = [random_entry(rng, id=new_id()) for _ in range(2000)]
    answers = [first.post(e).json() for e in entries]
    first.post(crowd)
    if end == signal.SIGTERM:
        assert first.stop() == 0
    else:
        first.kill()

    second = start()
    second.scores_at(2050)
    # The server reads the ids back while it serves. It knows them from then on.
    known = {**answers[0], "repeated": True}
    wait_until(lambda: second.post(entries[0]).json() == known, "the ids of the log")
    for e, answer in zip(entries, answers):
        assert second.post(e).json()["outcome"] == answer["outcome"]
    assert second.post(crowd).status == 200
    score_after_a_marker(second, 2051)
    assert_verified(second.data)


def test_one_id_on_many_connections_at_once_counts_once(start):
    server = start()
    rounds, clients = 20, 32
    ids = [new_id() for _ in range(rounds)]
    barrier = threading.Barrier(clients)

    def post_all(_):
        connection = server.connect()
        answers = []
        for given in ids:
            barrier.wait(seconds(30))
            answers.append(server.post(entry(id=given), connection=connection))
        connection.close()
        return answers

    with concurrent.futures.ThreadPoolExecutor(clients) as pool:
        by_client = list(pool.map(post_all, range(clients)))
    acks = {}
    for answers in by_client:
        for answer in answers:
            assert answer.status == 200, answer
            document = answer.json()
            assert acks.setdefault(document["id"], document["outcome"]) == document["outcome"]
    assert set(acks) == set(ids)
    scores = score_after_a_marker(server, rounds + 1)
    # Retries that arrived before the first one was durable are in the log more than once.
    assert scores["repeated"] <= rounds * (clients - 1)
    assert_verified(server.data)


def test_outcomes_differ_between_ids_but_never_for_one(start):
    server = start()
    ids = [new_id() for _ in range(64)]
    outcomes = [[server.post(entry(id=i)).json()["outcome"] for i in ids] for _ in range(3)]
    assert outcomes[0] == outcomes[1] == outcomes[2]
    assert set(outcomes[0]) == {"winner", "loser"}


# The window: ids of version 7 carry their time.

def assert_refused_for_its_id(server, given):
    problem = assert_problem(server.post(entry(id=given)), 422)
    assert [e["field"] for e in problem["errors"]] == ["id"], problem


@pytest.mark.parametrize("age_ms", [-30_000, 0, MINUTE_MS, 9 * MINUTE_MS],
                         ids=lambda a: f"{a // 1000} s old")
def test_an_id_of_version_7_within_the_window_is_accepted_and_counts_once(server, age_ms):
    body = entry(id=uuid_of_version_7(now_ms() - age_ms))
    before = total_of(server)
    first = server.post(body)
    assert first.status == 200, first
    server.scores_at(before + 1)
    again = server.post(body)
    assert again.status == 200, again
    assert again.json() == {**first.json(), "repeated": True}
    score_after_a_marker(server, before + 2)


@pytest.mark.parametrize("age_ms", [11 * MINUTE_MS, 24 * 60 * MINUTE_MS, -2 * MINUTE_MS,
                                    -24 * 60 * MINUTE_MS],
                         ids=lambda a: f"{a // 1000} s old")
def test_an_id_of_version_7_outside_the_window_is_refused(server, age_ms):
    before = total_of(server)
    assert_refused_for_its_id(server, uuid_of_version_7(now_ms() - age_ms))
    assert server.post(entry()).status == 200
    server.scores_at(before + 1)


@pytest.mark.parametrize("time_ms", [0, 1, 2**48 - 1])
def test_an_id_of_version_7_at_the_ends_of_time_is_refused(server, time_ms):
    assert_refused_for_its_id(server, uuid_of_version_7(time_ms))


def test_an_old_id_of_version_7_is_refused_in_a_batch_too(server):
    old = uuid_of_version_7(now_ms() - 11 * MINUTE_MS)
    before = total_of(server)
    problem = assert_problem(server.post([entry(), entry(id=old)]), 422)
    assert [(e["index"], e["field"]) for e in problem["errors"]] == [(1, "id")]
    body = as_ndjson([entry(), entry(id=old)])
    problem = assert_problem(server.post(body, media_type=NDJSON), 422)
    assert [(e["line"], e["field"]) for e in problem["errors"]] == [(2, "id")]
    assert server.post(entry()).status == 200
    server.scores_at(before + 1)


def test_the_window_is_published_and_can_be_set(server, start):
    assert server.contest()["retry_window_seconds"] == 600
    short = start("--retry-window", "1m")
    assert short.contest()["retry_window_seconds"] == 60
    assert short.post(entry(id=uuid_of_version_7(now_ms() - 30_000))).status == 200
    assert_refused_for_its_id(short, uuid_of_version_7(now_ms() - 90_000))


def test_an_id_of_version_7_never_counts_twice_as_it_leaves_the_window(start):
    """The test sends an id until it is refused: at every moment the id is known or too old."""
    server = start("--retry-window", "2s")
    given = uuid_of_version_7(now_ms())
    assert server.post(entry(id=given)).status == 200
    answers = []

    def is_too_old():
        answers.append(server.post(entry(id=given)).status)
        return answers[-1] == 422

    wait_until(is_too_old, "a refusal of an id older than the window")
    assert set(answers[:-1]) <= {200}
    score_after_a_marker(server, 2)
    assert_verified(server.data)


def test_more_ids_than_memory_holds_count_once_each(start, rng):
    """The ids beyond the memory are in files. A killed server's successor reads them back."""
    first = start("--retry-memory", "16KiB")
    entries = [entry(id=uuid_of_version_7(now_ms(), rng)) for _ in range(4000)]
    assert first.post(as_ndjson(entries), media_type=NDJSON).status == 200
    first.scores_at(4000)
    assert first.metric("estadio_retry_bytes", place="file") > 4000 * 16
    assert first.metric("estadio_retry_bytes", place="memory") <= 16 * 1024
    assert [f.name for f in first.data.iterdir() if "ids" in f.name] == []
    first.kill()

    second = start("--retry-memory", "16KiB")
    assert second.post(as_ndjson(entries), media_type=NDJSON).status == 200
    score_after_a_marker(second, 4001)
    assert_verified(second.data)


def test_an_id_of_another_version_has_no_age(server):
    before = total_of(server)
    for version in (1, 4):
        old = str(uuid.UUID(int=uuid.UUID(uuid_of_version_7(0)).int, version=version))
        assert server.post(entry(id=old)).status == 200
    server.scores_at(before + 2)


def test_a_contest_of_ids_of_version_7_refuses_others_and_says_how_to_make_one(start, tmp_path):
    contest = tmp_path / "contest.toml"
    contest.write_text(CONTEST, encoding="utf-8")
    server = start("--contest", contest)
    known, other = entry(id=new_id()), entry(id=new_id())
    assert server.post(known).status == 200
    server.scores_at(1)
    assert server.metric("estadio_entries_with_other_ids_total") == 1
    assert server.stop() == 0

    # It may change while a contest runs, since it only decides what is refused.
    contest.write_text('ids = "v7"\n' + CONTEST, encoding="utf-8")
    strict = start("--contest", contest)
    for refused in (known, other):
        error, = assert_problem(strict.post(refused), 422)["errors"]
        assert error["field"] == "id", error
        for said in ("expected an id of version 7", "got version 4", "uuid.uuid7()",
                     "uuidgen --time-v7", "48 bits of ms since 1970"):
            assert said in error["detail"], error
    error, = assert_problem(strict.post(as_ndjson([entry(), other]), media_type=NDJSON),
                            422)["errors"]
    assert (error["field"], error["line"]) == ("id", 2), error
    assert strict.post(entry()).status == 200
    given = entry(id=uuid_of_version_7(now_ms()))
    assert [strict.post(given).status for _ in range(2)] == [200, 200]
    strict.scores_at(3)
    assert strict.metric("estadio_entries_with_other_ids_total") == 0
    assert_verified(strict.data)


def test_the_documents_command_makes_an_id_of_version_7(server):
    """docs/http.md has it for systems whose tools make none."""
    text = (REPOSITORY / "docs" / "http.md").read_text(encoding="utf-8")
    command = re.search(r"```sh\n(python3 -c .*?)```", text, re.DOTALL)[1]
    made = subprocess.run(["sh", "-c", command], check=True, capture_output=True, text=True)
    given = uuid.UUID(made.stdout.strip())
    assert (given.version, given.variant) == (7, uuid.RFC_4122)
    assert abs((given.int >> 80) - now_ms()) < 60_000
    assert server.post(entry(id=str(given))).status == 200


def test_repeated_acks_of_one_id_verify(start, tmp_path):
    server = start()
    again = entry(id=new_id())
    answers = [server.post(again).json() for _ in range(3)]
    server.scores_at(1)
    acks = write_acks(tmp_path / "acks", {answers[0]["id"]: answers[0]["outcome"]})
    acks.write_text(acks.read_text() * 3)
    assert_verified(server.data, "--acks", acks)
