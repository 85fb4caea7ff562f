"""`estadio load`: an open loop that keeps its times, and correct figures."""

import collections
import contextlib
import json
import re
import signal
import subprocess
import sys
import time

import pytest

import lying_server
from deadlines import TIME_FACTOR, seconds, wait_until
from estadio import (BINARY, CLOSED_CONTEST, FACULTIES, as_ndjson, assert_verified, entry,
                     environment, read_acks, run_estadio, uuid_of_version_7,
                     verify)
from services.server import free_port
from terminal import STEERING

PERCENTILES = ["p50", "p90", "p99", "p999", "max"]


def said_by(result):
    return result.stdout + result.stderr


class Loaded:
    """The results of one run of `load`: the finished process, its JSON and its acks."""

    def __init__(self, result, report, acks):
        self.result = result
        self.report = json.loads(report.read_text())
        self.acks = read_acks(acks)
        self.acks_path = acks


@pytest.fixture
def load(tmp_path):
    """load(url, *flags) runs to its end. Its exit status must be `status`."""
    def run(url, *flags, within=60, status=0):
        acks, report = tmp_path / "acks.ndjson", tmp_path / "report.json"
        result = run_estadio("load", url, "--acks", acks, "--json", report, *flags, within=within)
        assert result.returncode == status, said_by(result)
        return Loaded(result, report, acks)

    return run


def assert_percentiles(latencies):
    values = [latencies[p] for p in PERCENTILES]
    assert all(isinstance(v, (int, float)) for v in values), latencies
    assert values == sorted(values) and values[0] > 0, latencies


def test_an_open_loop_sends_what_it_was_asked_to_and_all_of_it_is_counted(start, load):
    server = start()
    loaded = load(server.url, "--rate", 200, "--duration", "2s", "--connections", 8)
    assert abs(loaded.report["requests"] - 400) <= 1
    # An idle machine is right to a thousandth. A busy one may be a tenth off.
    assert loaded.report["rate"] == pytest.approx(200, rel=0.1)
    assert sum(loaded.report["errors"].values()) == 0
    assert_percentiles(loaded.report["latency_ms"])
    assert_percentiles(loaded.report["service_ms"])
    assert len(loaded.acks) == loaded.report["requests"]
    assert server.scores_at(len(loaded.acks))["repeated"] == 0
    assert_verified(server.data, "--acks", loaded.acks_path)


def test_the_acks_are_the_outcomes_the_score_counts(start, load):
    server = start()
    loaded = load(server.url, "--rate", 300, "--duration", "1s", "--connections", 4)
    by_outcome = server.scores_at(len(loaded.acks))["by_outcome"]
    assert collections.Counter(o for _, o in loaded.acks) == by_outcome
    assert len({i for i, _ in loaded.acks}) == len(loaded.acks)


def test_a_closed_loop_goes_as_fast_as_it_can(start, load):
    server = start()
    loaded = load(server.url, "--rate", "max", "--duration", "1s", "--connections", 16)
    assert loaded.report["requests"] == len(loaded.acks) > 16
    assert_percentiles(loaded.report["latency_ms"])
    server.scores_at(len(loaded.acks))
    assert_verified(server.data, "--acks", loaded.acks_path)


def test_the_summary_is_on_stdout_with_what_counts(start, load):
    server = start()
    loaded = load(server.url, "--rate", 100, "--duration", "1s", "--connections", 2)
    summary = loaded.result.stdout
    assert str(loaded.report["requests"]) in summary.replace(",", "")
    for percentile in ("p50", "p99"):
        assert percentile in summary, summary


def test_entries_come_from_the_file(start, load, tmp_path):
    server = start()
    entries = tmp_path / "entries.ndjson"
    entries.write_bytes(as_ndjson([entry(faculty="Agronomía", discipline=3, student="Zoë")] * 7))
    loaded = load(server.url, "--rate", 200, "--duration", "1s", "--connections", 2,
                  "--entries", entries)
    scores = server.scores_at(len(loaded.acks))
    cells = [c for c in scores["breakdown"] if c["count"]]
    assert {(c["faculty"], c["discipline"]) for c in cells} == {("Agronomía", "Boxeo")}


def test_generated_entries_cover_the_contest(start, load):
    server = start()
    loaded = load(server.url, "--rate", 400, "--duration", "1s", "--connections", 2)
    scores = server.scores_at(len(loaded.acks))
    assert {(c["faculty"], c["discipline"]) for c in scores["breakdown"] if c["count"]} == {
        (f, d) for f in FACULTIES for d in ("Natación", "Atletismo", "Boxeo")}


def test_a_server_stalled_for_a_second_shows_in_the_latencies(start, tmp_path):
    """No coordinated omission: the stall counts for all requests that were due during it."""
    server = start()
    report, acks = tmp_path / "report.json", tmp_path / "acks"
    process = subprocess.Popen(
        [str(BINARY), "load", server.url, "--rate", "200", "--duration", "4s",
         "--connections", "4", "--json", str(report), "--acks", str(acks)],
        env=environment(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: server.scores()["total"] >= 100, "a load under way")
        server.signal(signal.SIGSTOP)
        time.sleep(1)  # this is the stall, not a wait for anything
        server.signal(signal.SIGCONT)
        assert process.wait(timeout=seconds(60)) == 0
    finally:
        server.signal(signal.SIGCONT)
        process.kill()
        process.wait()

    figures = json.loads(report.read_text())
    latency, service = figures["latency_ms"], figures["service_ms"]
    assert abs(figures["requests"] - 800) <= 1
    assert latency["max"] >= 900 and latency["p999"] >= 900, figures
    # A quarter of the requests were due during the stall, evenly spread.
    assert latency["p90"] >= 300, figures
    # Only the four requests that the server had were served slowly.
    assert service["max"] >= 900, figures
    assert service["p90"] < latency["p90"] / 2, figures
    server.scores_at(len(read_acks(acks)))
    assert_verified(server.data, "--acks", acks)


def test_answers_that_are_errors_are_counted_as_errors_and_not_acknowledged(
        start, load, tmp_path):
    contest = tmp_path / "contest.toml"
    contest.write_text(CLOSED_CONTEST, encoding="utf-8")
    server = start("--contest", contest)
    loaded = load(server.url, "--rate", 100, "--duration", "1s", "--connections", 2, status=1)
    assert sum(loaded.report["errors"].values()) == loaded.report["requests"] > 0
    assert loaded.acks == []


def test_entries_that_are_refused_are_errors_and_the_others_are_acknowledged(
        start, load, tmp_path):
    server = start()
    entries = tmp_path / "entries.ndjson"
    old = uuid_of_version_7(0)
    entries.write_bytes(as_ndjson([entry(), entry(id=old)]))
    result = run_estadio("load", server.url, "--rate", 100, "--duration", "1s", "--entries",
                         entries, "--acks", tmp_path / "acks", "--json", tmp_path / "report")
    assert result.returncode == 0, said_by(result)
    report = json.loads((tmp_path / "report").read_text())
    acks = read_acks(tmp_path / "acks")
    assert sum(report["errors"].values()) > 0
    assert len(acks) + sum(report["errors"].values()) == report["requests"]
    server.scores_at(len(acks))


def test_a_server_that_is_not_there_is_never_a_success(tmp_path):
    report = tmp_path / "report.json"
    result = run_estadio("load", f"http://127.0.0.1:{free_port()}", "--rate", 20, "--duration",
                         "1s", "--connections", 2, "--json", report, "--acks", tmp_path / "acks")
    if result.returncode == 0:
        figures = json.loads(report.read_text())
        assert sum(figures["errors"].values()) > 0
    assert not (tmp_path / "acks").exists() or read_acks(tmp_path / "acks") == []
    assert result.returncode != 0 or "error" in said_by(result).lower()


def test_a_retry_outlives_a_server_that_is_away_for_a_moment(start, tmp_path):
    """--retry: the server is killed and returns on its port. Every entry is acknowledged."""
    address = f"127.0.0.1:{free_port()}"
    first = start(listen=address)
    acks, report = tmp_path / "acks", tmp_path / "report"
    process = subprocess.Popen(
        [str(BINARY), "load", first.url, "--rate", "200", "--duration", "2s", "--connections", "8",
         "--retry", "--acks", str(acks), "--json", str(report)],
        env=environment(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: first.scores()["total"] >= 50, "a load under way")
        first.kill()
        second = start(listen=address)
        assert process.wait(timeout=seconds(60)) == 0
    finally:
        process.kill()
        process.wait()
    ids = {i for i, _ in read_acks(acks)}
    assert abs(len(ids) - 400) <= 1
    second.scores_at(len(ids))
    assert_verified(second.data, "--acks", acks)


def test_it_says_so_when_the_generator_was_the_limit(start, load):
    server = start()
    loaded = load(server.url, "--rate", 1_000_000, "--duration", "50ms", "--connections", 64,
                  within=120)
    assert "generator" in said_by(loaded.result).lower(), said_by(loaded.result)


def test_the_acks_have_the_faculty_and_the_discipline_that_were_sent(start, tmp_path):
    server = start()
    entries, path = tmp_path / "entries.ndjson", tmp_path / "acks.ndjson"
    entries.write_bytes(as_ndjson([entry(faculty="engineering", discipline=2),
                                   entry(faculty="Agronomía", discipline=3)]))
    for batch in (1, 10):
        result = run_estadio("load", server.url, "--rate", 200, "--duration", "500ms", "--entries",
                             entries, "--batch", batch, "--acks", path)
        assert result.returncode == 0, said_by(result)
        acks = [json.loads(line) for line in path.read_text().splitlines()]
        assert len(acks) == 100
        assert {(ack["faculty"], ack["discipline"]) for ack in acks} == {
            ("engineering", 2), ("Agronomía", 3)}
        assert {"outcome" in ack for ack in acks} == {batch == 1}
        server.scores_at(100 if batch == 1 else 200)
        assert_verified(server.data, "--acks", path, "--partial-acks")
    # The acks of the last run, with another discipline in one of them.
    changed = path.read_text().replace('"discipline":2', '"discipline":1', 1)
    path.write_text(changed)
    result = verify(server.data, "--acks", path, "--partial-acks")
    assert result.returncode == 1
    assert "acknowledged discipline 1, the log has discipline 2" in said_by(result)
    assert next(ack for ack in map(json.loads, changed.splitlines())
                if ack["discipline"] == 1)["id"] in said_by(result)


# Targets that lie.

# More than a run of 8 connections needs, of which each may hold an answer of 1 MiB.
PEAK_KIB_MAX = 128 * 1024


# Runs a command and writes its peak into a file. A child's peak begins with the memory of its
# parent, so the parent must be small. The tests' own process is not.
MEASURE = """
import os, sys
child = os.posix_spawn(sys.argv[2], sys.argv[2:], os.environ)
_, status, usage = os.wait4(child, 0)
open(sys.argv[1], "w").write(str(usage.ru_maxrss))
sys.exit(os.waitstatus_to_exitcode(status))
"""


def run_and_measure(command, folder):
    """Returns the finished process and its peak of resident memory in KiB."""
    peak = folder / "peak"
    result = subprocess.run(
        ["timeout", "--signal=KILL", str(seconds(60)), sys.executable, "-IS", "-c", MEASURE, peak,
         *map(str, command)], env=environment(), stdin=subprocess.DEVNULL, capture_output=True,
        text=True, check=False)
    return result, int(peak.read_text())


@pytest.fixture
def lie(tmp_path):
    """lie(mode, *flags) loads a server that answers so. Returns the result, report and acks."""
    def run(mode, *flags, acks=True):
        report, acks_path = tmp_path / "report.json", tmp_path / "acks.ndjson"
        with contextlib.closing(lying_server.LyingServer(mode)) as server:
            result, peak_kib = run_and_measure([
                BINARY, "load", server.url, "--rate", 200, "--duration", "500ms",
                "--connections", 8, "--timeout", "1s", "--json", report,
                *(["--acks", acks_path] if acks else []), *flags], tmp_path)
        assert result.returncode == 1, said_by(result)
        if TIME_FACTOR == 1:  # a sanitizer needs memory of its own
            assert peak_kib < PEAK_KIB_MAX
        assert not STEERING.findall(said_by(result))
        written = acks_path.read_text().splitlines() if acks else []
        return result, json.loads(report.read_text()), [json.loads(line) for line in written]

    return run


@pytest.mark.parametrize("acks", [True, False])
@pytest.mark.parametrize("mode, flags, said", [
    (lying_server.accepted_0, ["--batch", 10],
     "the server answered accepted 0, expected 10, the number of entries that were sent"),
    (lying_server.accepted_0, [], "the server answered accepted 0, expected 1"),
    (lying_server.same_id, ["--retry"], f"the server answered id {lying_server.ID}, expected "),
    (lying_server.other_id, ["--retry"], "the id that was sent"),
    (lying_server.escapes_in_body, [], "the server answered '{"),
], ids=["batch", "count for one", "same id", "other id", "no UUID"])
def test_an_answer_that_does_not_fit_is_an_error_and_no_ack(lie, mode, flags, said, acks):
    result, report, written = lie(mode, *flags, acks=acks)
    assert report["accepted"] == 0 and written == []
    assert report["errors"] == {"answer": report["requests"]}
    assert said in result.stderr and said in result.stdout
    assert said in report["reasons"]["answer"]


@pytest.mark.parametrize("acks", [True, False])
def test_an_id_for_everybody_is_accepted_once(lie, acks):
    result, report, written = lie(lying_server.same_id, acks=acks)
    assert report["accepted"] == 1 and len(written) == (1 if acks else 0)
    assert report["errors"] == {"answer": report["requests"] - 1}
    assert f"id {lying_server.ID} to a second entry, expected an id of its own" in result.stderr


@pytest.mark.parametrize("mode, kind, why", [
    (lying_server.endless_head, "malformed", "the head is longer than 16 KiB"),
    (lying_server.endless_100, "malformed", "too many interim responses"),
    (lying_server.endless_chunks, "malformed", ""),
    (lying_server.endless_body, "malformed", "the body is too large"),
    (lying_server.huge_length, "malformed", "the body is too large"),
    (lying_server.no_body, "timeout", "no whole answer in time"),
    (lying_server.two_answers, "malformed", "bytes follow the answer"),
    (lying_server.escapes, "malformed", "status line"),
    (lying_server.drip, "timeout", "no whole answer in time"),
    (lying_server.garbage, "reset", "closed within the head"),
    (lying_server.reset, "reset", ""),
], ids=lambda value: getattr(value, "__name__", None))
def test_a_target_that_breaks_http_is_an_error_and_its_answers_take_little_memory(
        lie, mode, kind, why):
    result, report, written = lie(mode)
    assert report["accepted"] == 0 and written == []
    assert sum(report["errors"].values()) == report["requests"] > 0
    assert kind in report["errors"], report
    assert why in report["reasons"][kind] != ""
    assert f"{kind}: {report['reasons'][kind]}" in result.stdout


@pytest.mark.parametrize("flag", ["--acks", "--json"])
def test_a_file_of_results_is_never_written_through_a_link(start, tmp_path, flag):
    server = start()
    victim, link = tmp_path / "victim", tmp_path / "link"
    victim.write_text("precious")
    link.symlink_to(victim)
    run = ("load", server.url, "--rate", 100, "--duration", "100ms", flag)
    result = run_estadio(*run, link)
    assert result.returncode == 2
    assert f"{flag[2:]}: {link} is a symbolic link" in said_by(result)
    other = tmp_path / "other"
    other.hardlink_to(victim)
    assert run_estadio(*run, other).returncode == 0
    assert victim.read_text() == "precious"
    assert other.read_text().count("{") > 1
    assert run_estadio(*run, "/dev/stdout").stdout.count("{") > 1


@pytest.mark.parametrize("arguments, named", [
    ([], "url"),
    (["nonsense", "--rate", "10"], "nonsense"),
    (["ftp://127.0.0.1:1", "--rate", "10"], "ftp"),
    (["http://127.0.0.1:1", "--rate", "fast"], "rate"),
    (["http://127.0.0.1:1", "--rate", "-1"], "rate"),
    (["http://127.0.0.1:1", "--rate", "0"], "rate"),
    (["http://127.0.0.1:1", "--duration", "long"], "duration"),
    (["http://127.0.0.1:1", "--duration", "0"], "from 1ms"),
    (["http://127.0.0.1:1", "--timeout", "0"], "from 1ms"),
    (["http://127.0.0.1:1", "--connections", "0"], "connections"),
    (["http://127.0.0.1:1", "--entries", "/nowhere/entries.ndjson"], "/nowhere/entries.ndjson"),
    (["http://127.0.0.1:1", "--frobnicate"], "frobnicate"),
])
def test_bad_arguments_are_named(arguments, named):
    result = run_estadio("load", *arguments)
    assert result.returncode == 2, said_by(result)
    assert named in said_by(result).lower(), said_by(result)


def test_a_bad_line_of_the_entries_file_is_named(tmp_path):
    entries = tmp_path / "entries.ndjson"
    entries.write_bytes(as_ndjson([entry()] * 4) + b'{"faculty":\n' + as_ndjson([entry()]))
    result = run_estadio("load", "http://127.0.0.1:1", "--entries", entries)
    assert result.returncode == 2, said_by(result)
    assert "entries.ndjson" in said_by(result)
    assert re.search(r"\b5\b", said_by(result).replace(str(entries), "")), said_by(result)
