"""`estadio verify` ends with 0 when acknowledged = log = score, and finds every tampering."""

import base64
import hashlib
import json
import random
import re
import shutil
import threading
import uuid

import pytest

from deadlines import wait_until
from estadio import (BINARY, CLOSED_CONTEST, CONTEST, NDJSON, Server, as_ndjson, assert_verified, entry,
                     random_entry, read_acks, run_estadio, verify, write_acks)
from terminal import STEERING, output_on_a_terminal

ENTRIES = 500


class Played:
    """A finished contest: its data directory and the acks of all entries."""

    def __init__(self, folder):
        self.data = folder / "data"
        self.acks = folder / "acks.ndjson"

    def copy(self, folder):
        shutil.copytree(self.data, folder / "data")
        shutil.copy(self.acks, folder / "acks.ndjson")
        return Played(folder)


@pytest.fixture(scope="module")
def pristine(tmp_path_factory):
    """A contest that is played once. Tests change copies of it."""
    contest = Played(tmp_path_factory.mktemp("played"))
    rng = random.Random(7)
    with Server(contest.data) as server:
        connection = server.connect()
        acks = {}
        for _ in range(ENTRIES):
            answer = server.post(random_entry(rng, student="Ana"), connection=connection).json()
            acks[answer["id"]] = answer["outcome"]
        connection.close()
        server.scores_of_all_accepted()
        assert server.stop() == 0
    write_acks(contest.acks, acks)
    return contest


@pytest.fixture
def played(pristine, tmp_path):
    """A copy of the pristine contest, which the test may damage."""
    folder = tmp_path / "copy"
    folder.mkdir()
    return pristine.copy(folder)


def said_by(result):
    return result.stdout + result.stderr


def assert_differs(result):
    assert result.returncode == 1, said_by(result)
    return result


def change_acks(played, change):
    """Calls `change` with the list of {"id", "outcome"} and writes the list as the acks file."""
    acks = [json.loads(line) for line in played.acks.read_text().splitlines()]
    change(acks)
    played.acks.write_text("".join(json.dumps(ack) + "\n" for ack in acks))


def other(outcome):
    return {"winner": "loser", "loser": "winner"}[outcome]


# Contests without a difference.

def test_a_played_contest_verifies_with_and_without_acks(played):
    result = assert_verified(played.data)
    assert str(ENTRIES) in result.stdout
    result = assert_verified(played.data, "--acks", played.acks)
    assert str(ENTRIES) in result.stdout


def test_the_table_holds_the_counts_of_the_score(played):
    acks = read_acks(played.acks)
    text = assert_verified(played.data).stdout
    for outcome in ("winner", "loser"):
        count = sum(o == outcome for _, o in acks)
        assert re.search(rf"\b{count}\b", text), text


def test_json_output_is_one_document_with_the_counts(played):
    result = assert_verified(played.data, "--acks", played.acks, "--json")
    document = json.loads(result.stdout)
    assert isinstance(document, dict)
    assert str(ENTRIES) in re.findall(r"\d+", json.dumps(document)), document


def test_json_output_is_one_document_where_there_is_a_difference_too(played):
    change_acks(played, lambda acks: acks.append({"id": str(uuid.uuid4()), "outcome": "winner"}))
    result = assert_differs(verify(played.data, "--acks", played.acks, "--json"))
    assert isinstance(json.loads(result.stdout), dict)


def test_verify_changes_nothing(played):
    def digest():
        return {p.relative_to(played.data): hashlib.sha256(p.read_bytes()).hexdigest()
                for p in sorted((played.data / "log").rglob("*")) if p.is_file()}

    before = digest()
    assert before
    for _ in range(2):
        assert_verified(played.data, "--acks", played.acks)
    assert digest() == before


def test_verify_works_on_a_contest_without_entries(start):
    server = start()
    assert_verified(server.data)
    server.stop()
    assert_verified(server.data)


def test_verify_works_while_entries_pour_in(start, rng):
    """A score behind the log is lag, not a difference."""
    server = start()
    batch = as_ndjson(random_entry(rng) for _ in range(500))
    done = threading.Event()

    def pour():
        connection = server.connect()
        while not done.is_set():
            server.post(batch, media_type=NDJSON, connection=connection)
        connection.close()

    pouring = threading.Thread(target=pour)
    pouring.start()
    try:
        for _ in range(5):
            assert_verified(server.data)
    finally:
        done.set()
        pouring.join()
    server.scores_of_all_accepted()
    assert_verified(server.data)


def test_verify_with_acks_works_while_the_server_runs(start, rng, tmp_path):
    server = start()
    acks = {}
    for _ in range(100):
        answer = server.post(random_entry(rng)).json()
        acks[answer["id"]] = answer["outcome"]
    assert_verified(server.data, "--acks", write_acks(tmp_path / "acks", acks))


def test_verify_works_after_the_server_was_killed(start, rng, tmp_path):
    server = start()
    acks = {}
    for _ in range(100):
        answer = server.post(random_entry(rng)).json()
        acks[answer["id"]] = answer["outcome"]
    server.kill()
    assert_verified(server.data, "--acks", write_acks(tmp_path / "acks", acks))


def test_several_acks_of_one_id_are_no_difference(played):
    change_acks(played, lambda acks: acks.extend(acks[:10] * 3))
    assert_verified(played.data, "--acks", played.acks)


def test_the_order_of_the_acks_does_not_matter(played):
    change_acks(played, lambda acks: acks.reverse())
    assert_verified(played.data, "--acks", played.acks)


# Differences between the acks and the log.

def export(data, file, *flags):
    """Exports a summary of the contest, and returns it."""
    result = verify(data, "--export", file, *flags)
    assert result.returncode == 0, said_by(result)
    assert f"SHA-256: {hashlib.sha256(file.read_bytes()).hexdigest()}" in result.stderr
    return json.loads(file.read_text())


def test_a_summary_has_the_counts_and_proves_the_same_records_later(played, tmp_path, start, rng):
    summary = export(played.data, tmp_path / "summary.json")
    assert sum(count["count"] for count in summary["counts"]) == ENTRIES
    assert sum(each["next_offset"] for each in summary["partitions"]) == ENTRIES
    assert summary["coin_seed"] == "", "the contest may be open"
    server = start(data=played.data)
    for _ in range(20):
        server.post(random_entry(rng))
    server.scores_at(ENTRIES + 20)
    server.stop()
    result = verify(played.data, "--against", tmp_path / "summary.json")
    assert result.returncode == 0, said_by(result)
    assert re.search(rf"same as in the summary +{ENTRIES}\n", result.stdout)


def test_a_summary_of_more_records_than_the_log_holds_is_a_difference(before_and_after, tmp_path):
    before, after = before_and_after
    export(after.data, tmp_path / "summary.json")
    result = verify(before.data, "--against", tmp_path / "summary.json")
    assert result.returncode == 1
    assert "records of the summary that the log does not hold" in result.stdout, said_by(result)


def test_the_seed_is_in_a_summary_only_when_it_may_be_shown(played, tmp_path):
    summary = export(played.data, tmp_path / "summary.json", "--reveal")
    digest = hashlib.sha256(bytes.fromhex(summary["coin_seed"])).hexdigest()
    assert summary["coin_commitment"] == digest


def test_a_proof_with_a_difference_writes_no_summary(played, tmp_path):
    write_acks(tmp_path / "acks", {str(uuid.uuid4()): "winner"})
    result = verify(played.data, "--acks", tmp_path / "acks", "--export", tmp_path / "summary.json")
    assert result.returncode == 1 and "not written" in result.stderr, said_by(result)
    assert not (tmp_path / "summary.json").exists()


def test_a_summary_of_another_contest_or_of_nothing_is_unusable(played, start, tmp_path):
    other = start(data=tmp_path / "other")
    other.stop()
    export(other.data, tmp_path / "summary.json")
    result = verify(played.data, "--against", tmp_path / "summary.json")
    assert result.returncode == 2 and "is of another contest" in result.stderr, said_by(result)
    (tmp_path / "summary.json").write_text('{"estadio_summary":1}')
    result = verify(played.data, "--against", tmp_path / "summary.json")
    assert result.returncode == 2 and "program: expected a text" in result.stderr, said_by(result)


def test_an_ack_of_an_id_the_log_does_not_hold_is_found_and_named(played):
    foreign = str(uuid.uuid4())
    change_acks(played, lambda acks: acks.insert(250, {"id": foreign, "outcome": "winner"}))
    assert foreign in said_by(assert_differs(verify(played.data, "--acks", played.acks)))


def test_an_ack_with_the_other_outcome_is_found_and_named(played):
    def flip(acks):
        acks[250]["outcome"] = other(acks[250]["outcome"])

    change_acks(played, flip)
    changed, _ = read_acks(played.acks)[250]
    assert changed in said_by(assert_differs(verify(played.data, "--acks", played.acks)))


def test_two_acks_of_one_id_with_two_outcomes_are_found(played):
    change_acks(played, lambda acks: acks.append({**acks[9], "outcome": other(acks[9]["outcome"])}))
    assert_differs(verify(played.data, "--acks", played.acks))


def test_a_result_without_an_ack_is_found(played):
    """acknowledged = log, so a deleted ack is a difference of one."""
    change_acks(played, lambda acks: acks.pop(250))
    assert_differs(verify(played.data, "--acks", played.acks))


# Differences between the log and the score.

@pytest.fixture(scope="module")
def before_and_after(tmp_path_factory, pristine):
    """Returns two copies of the pristine contest: unchanged, and with one more entry."""
    folders = [tmp_path_factory.mktemp(name) for name in ("before", "after")]
    before, after = (pristine.copy(folder) for folder in folders)
    with Server(after.data) as server:
        server.scores_at(ENTRIES)
        answer = server.post(entry(student="the one more")).json()
        server.scores_at(ENTRIES + 1)
        assert server.stop() == 0
    acks = dict(read_acks(before.acks)) | {answer["id"]: answer["outcome"]}
    write_acks(after.acks, acks)
    return before, after


def with_log_of(score, log, folder):
    """Returns the contest `score` with the log of the contest `log` instead of its own."""
    mixed = score.copy(folder)
    shutil.rmtree(mixed.data / "log")
    shutil.copytree(log.data / "log", mixed.data / "log")
    return mixed


def test_a_score_one_behind_the_log_is_lag_and_no_difference(before_and_after, tmp_path):
    before, after = before_and_after
    behind = with_log_of(before, after, tmp_path)
    assert_verified(behind.data, "--acks", after.acks)


def test_a_score_one_ahead_of_the_log_is_found(before_and_after, tmp_path):
    before, after = before_and_after
    ahead = with_log_of(after, before, tmp_path)
    assert_differs(verify(ahead.data))
    assert_differs(verify(ahead.data, "--acks", before.acks))


def test_a_server_catches_up_with_a_log_its_score_was_behind(before_and_after, tmp_path, start):
    before, after = before_and_after
    behind = with_log_of(before, after, tmp_path)
    server = start(data=behind.data)
    server.scores_at(ENTRIES + 1)
    assert_verified(server.data, "--acks", after.acks)


# Damage.

def last_byte_used(data):
    """Returns the length of `data` without the zeros of reserved room at its end."""
    return len(data.rstrip(b"\0"))


def largest_log_file(data):
    files = sorted((data / "log").rglob("*.log"), key=lambda p: last_byte_used(p.read_bytes()))
    assert files, f"no *.log below {data / 'log'}"
    return files[-1]


def flip_a_byte(path, rng):
    """Changes one bit in the middle half of the bytes in `path`. Returns the position."""
    data = bytearray(path.read_bytes())
    used = last_byte_used(data)
    position = rng.choice([i for i in range(used // 4, used * 3 // 4) if data[i]])
    data[position] ^= 1 << rng.randrange(8)
    path.write_bytes(data)
    return position


@pytest.mark.parametrize("attempt", range(8))
def test_a_flipped_bit_in_the_log_is_found_and_its_file_and_place_named(played, rng, attempt):
    path = largest_log_file(played.data)
    position = flip_a_byte(path, rng)
    result = verify(played.data)
    assert result.returncode != 0, f"a bit flipped at {position} of {path} went unseen"
    said = said_by(result)
    assert path.name in said, said
    named = [int(n) for n in re.findall(r"\d+", said.replace(path.name, ""))]
    assert any(position - 4096 <= n <= position for n in named), (position, said)


def test_a_server_refuses_a_log_with_a_flipped_bit_and_says_which(played, rng):
    path = largest_log_file(played.data)
    flip_a_byte(path, rng)
    before = path.read_bytes()
    result = run_estadio("all", "--data", played.data, "--http", "127.0.0.1:0")
    assert result.returncode != 0
    assert path.name in said_by(result)
    assert path.read_bytes() == before, "the evidence was changed"


@pytest.mark.parametrize("cut", [1, 20, 1000])
def test_a_log_cut_short_after_it_was_counted_is_found(played, cut):
    path = largest_log_file(played.data)
    data = path.read_bytes()
    path.write_bytes(data[:last_byte_used(data) - cut])
    assert verify(played.data).returncode != 0
    assert verify(played.data, "--acks", played.acks).returncode != 0


def test_a_log_file_that_is_gone_is_found(played):
    largest_log_file(played.data).unlink()
    assert verify(played.data).returncode != 0
    assert verify(played.data, "--acks", played.acks).returncode != 0


def test_a_changed_seed_is_found(start, tmp_path):
    """After a change of the seed, the outcomes in the log do not follow from the seed."""
    contest = tmp_path / "contest.toml"
    contest.write_text(CONTEST, encoding="utf-8")
    first = start("--contest", contest)
    first.post([entry()] * 100)
    first.scores_of_all_accepted()
    first.stop()
    contest.write_text(CLOSED_CONTEST, encoding="utf-8")
    second = start("--contest", contest)
    seed = bytes.fromhex(wait_until(lambda: second.contest().get("seed"), "the seed"))
    second.stop()

    changed = bytes(b ^ 0x5a for b in seed)
    forms = [bytes, lambda s: s.hex().encode(), lambda s: s.hex().upper().encode(),
             lambda s: base64.b64encode(s).rstrip(b"=")]
    results = set((first.data / "log").rglob("*.log"))
    replaced = 0
    for path in first.data.rglob("*"):
        if path.is_file() and path not in results:
            data = path.read_bytes()
            for form in forms:
                replaced += data.count(form(seed))
                data = data.replace(form(seed), form(changed))
            path.write_bytes(data)
    assert replaced, f"no file below {first.data} holds the seed"
    assert verify(first.data).returncode != 0


def test_the_log_of_another_contest_is_found(start, played, rng, tmp_path):
    """The log has the same number of results and another seed, so its coins differ."""
    server = start(data=tmp_path / "other")
    server.post(as_ndjson(random_entry(rng) for _ in range(ENTRIES)), media_type=NDJSON)
    server.scores_of_all_accepted()
    server.stop()
    shutil.rmtree(played.data / "log")
    shutil.copytree(server.data / "log", played.data / "log")
    assert verify(played.data).returncode != 0


# Input that verify cannot use.

def assert_unusable(result, *named):
    assert result.returncode == 2, said_by(result)
    for word in named:
        assert str(word) in said_by(result), said_by(result)


def test_a_directory_that_is_not_there_is_unusable(tmp_path):
    assert_unusable(verify(tmp_path / "nowhere"), tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()


def test_a_directory_that_holds_no_contest_is_unusable(tmp_path):
    assert_unusable(verify(tmp_path), tmp_path)
    assert not list(tmp_path.iterdir()), "verify created a file"


def test_an_acks_file_that_is_not_there_is_unusable(played):
    assert_unusable(verify(played.data, "--acks", played.data / "nowhere"), "nowhere")


@pytest.mark.parametrize("line", ["not JSON", "{}", '{"id":"x","outcome":"winner"}', "[]",
                                  '{"id":"0b6ad0b4-5a3c-4d2e-9f6a-0d7c3c1d2e4f","outcome":"x"}'])
def test_an_acks_file_with_a_bad_line_is_unusable_and_the_line_named(played, line):
    lines = played.acks.read_text().splitlines()
    played.acks.write_text("\n".join([*lines[:41], line, *lines[41:]]) + "\n")
    result = verify(played.data, "--acks", played.acks)
    assert_unusable(result, played.acks.name)
    assert re.search(r"\b42\b", said_by(result)), said_by(result)


def test_flags_it_does_not_know_are_unusable(played):
    assert_unusable(verify(played.data, "--frobnicate"), "--frobnicate")
    assert_unusable(run_estadio("verify"), "data")


def test_no_name_of_a_contest_steers_a_terminal(start, tmp_path):
    name = "Letras\u061c\u200f\u202e\u2067\u0085"
    contest = tmp_path / "contest.toml"
    contest.write_text(CONTEST.replace('"Agronomía"', f'"{name}"'), encoding="utf-8")
    server = start("--contest", contest)
    assert server.post(entry(faculty=name)).status == 200
    server.scores_of_all_accepted()
    server.stop()
    command = [BINARY, "verify", "--data", server.data]
    status, table = output_on_a_terminal(command)
    assert status == 0 and "Letras?????" in table
    status, report = output_on_a_terminal([*command, "--json"])
    assert status == 0
    assert not STEERING.findall(table + report)
    assert name in {row["faculty"] for row in json.loads(report)["counts"]}
