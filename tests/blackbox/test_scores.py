"""The score as every reader sees it: JSON, server-sent events, Prometheus and the page."""

import collections
import contextlib
import json
import math
import re
import threading
import time
import urllib.parse

import pytest

from deadlines import seconds, wait_until
from estadio import (DISCIPLINES, FACULTIES, NDJSON, as_ndjson, assert_verified, entry,
                     random_entry)


def breakdown_counts(scores):
    counts = collections.Counter()
    for cell in scores["breakdown"]:
        counts[cell["faculty"], cell["discipline"], cell["outcome"]] += cell["count"]
    return +counts


def assert_consistent(scores):
    """Every breakdown of the score adds up to the same total."""
    breakdown = breakdown_counts(scores)
    for axis, name in enumerate(("by_faculty", "by_discipline", "by_outcome")):
        sums = collections.Counter()
        for cell, count in breakdown.items():
            sums[cell[axis]] += count
        assert sums == +collections.Counter(scores[name]), (name, scores)
    assert sum(breakdown.values()) == scores["total"], scores


# /v1/scores and /v1/contest.

def test_a_new_contest_starts_at_zero(start):
    scores = start().scores()
    assert scores["total"] == 0
    assert scores["repeated"] == 0
    assert_consistent(scores)
    assert all(p["next_offset"] == p["end_offset"] == 0 for p in scores["positions"])


def test_the_score_is_what_was_posted(start, rng):
    server = start()
    entries = [random_entry(rng) for _ in range(3000)]
    for i in range(0, 3000, 1000):
        server.post(as_ndjson(entries[i:i + 1000]), media_type=NDJSON)
    scores = server.scores_of_all_accepted()
    assert_consistent(scores)
    assert scores["by_faculty"] == collections.Counter(e["faculty"] for e in entries)
    assert scores["by_discipline"] == collections.Counter(
        DISCIPLINES[e["discipline"]] for e in entries)


def test_positions_cover_every_partition_and_end_where_the_log_does(start, rng):
    server = start()
    server.post([random_entry(rng) for _ in range(1000)])
    scores = server.scores_of_all_accepted()
    places = [(p["topic"], p["partition"]) for p in scores["positions"]]
    assert sorted(places) == [(t, p) for t in ("losers", "winners") for p in (0, 1)]
    for topic, outcome in (("losers", "loser"), ("winners", "winner")):
        held = sum(p["end_offset"] for p in scores["positions"] if p["topic"] == topic)
        assert held == scores["by_outcome"][outcome]
    assert all(p["end_offset"] > 0 for p in scores["positions"]), "some partition gets nothing"


def test_the_score_is_consistent_at_every_moment_and_never_falls(start, rng):
    server = start()
    batch = [random_entry(rng) for _ in range(100)]
    poster = threading.Thread(target=lambda: [server.post(batch) for _ in range(100)])
    poster.start()
    totals = [0]
    try:
        while poster.is_alive():
            scores = server.scores()
            assert_consistent(scores)
            assert all(p["next_offset"] <= p["end_offset"] for p in scores["positions"])
            totals.append(scores["total"])
    finally:
        poster.join()
    assert totals == sorted(totals)
    server.scores_at(10_000)


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_the_score_survives_a_restart(start, rng, end):
    first = start()
    first.post([random_entry(rng) for _ in range(1000)])
    before = first.scores_of_all_accepted()
    getattr(first, end)()
    after = start().scores_at(1000)
    assert after == before


def test_the_contest_is_published_without_its_seed(server):
    contest = server.contest()
    assert contest["name"] == "Olimpiadas"
    names = [f if isinstance(f, str) else f["name"] for f in contest["faculties"]]
    assert names == list(FACULTIES)
    assert {d["id"]: d["name"] for d in contest["disciplines"]} == DISCIPLINES
    assert re.fullmatch("[0-9a-f]{64}", contest["seed_commitment"])
    assert 0 <= time.time() * 1000 - contest["started_at_ms"] < 3_600_000
    assert not contest.get("seed")


def test_the_contest_stays_the_same_over_a_restart(start):
    first = start()
    before = first.contest()
    first.stop()
    after = start().contest()
    for member in ("name", "seed_commitment", "started_at_ms", "faculties", "disciplines"):
        assert after[member] == before[member]


def test_two_contests_have_different_seeds(start, tmp_path):
    one, other = start(data=tmp_path / "one"), start(data=tmp_path / "other")
    assert one.contest()["seed_commitment"] != other.contest()["seed_commitment"]


def test_a_contest_of_ones_own_is_played_by_its_names(start, tmp_path):
    contest = tmp_path / "contest.toml"
    contest.write_text("""
name = "Juegos de São João"
partitions = 3

[[faculty]]
name = "Música"
aliases = ["music"]

[[faculty]]
name = "Física"

[[discipline]]
id = 7
name = "Ajedrez"
""", encoding="utf-8")
    server = start("--contest", contest)
    assert server.contest()["name"] == "Juegos de São João"
    for faculty in ("MUSICA", "music", "Física"):
        assert server.post({"faculty": faculty, "discipline": 7}).status == 200
    assert server.post({"faculty": "Ingeniería", "discipline": 7}).status == 422
    assert server.post({"faculty": "Música", "discipline": 1}).status == 422
    scores = server.scores_of_all_accepted()
    assert +collections.Counter(scores["by_faculty"]) == {"Música": 2, "Física": 1}
    assert +collections.Counter(scores["by_discipline"]) == {"Ajedrez": 3}
    assert sorted(p["partition"] for p in scores["positions"]) == [0, 0, 1, 1, 2, 2]
    assert_verified(server.data, "--contest", contest)


# /v1/scores/stream.

@contextlib.contextmanager
def watching(server):
    """Yields the stream's events as (name, document)."""
    connection = server.connect()
    connection.request("GET", "/v1/scores/stream", headers={"Accept": "text/event-stream"})
    response = connection.getresponse()
    assert response.status == 200
    assert response.headers["Content-Type"].split(";")[0] == "text/event-stream"
    try:
        yield events_of(response)
    finally:
        response.close()
        connection.close()


def events_of(response):
    """Parses events by section 9.2.6 of the HTML standard, as far as this stream needs."""
    name, data = "message", []
    while line := response.readline():
        field, _, value = line.decode("utf-8").rstrip("\r\n").partition(":")
        value = value.removeprefix(" ")
        if field == "event":
            name = value
        elif field == "data":
            data.append(value)
        elif not field and not value:
            if data:
                yield name, json.loads("\n".join(data))
            name, data = "message", []


def first_event(events, wanted, what, within=30):
    """Returns the first event that `wanted(name, document)` accepts, within the deadline."""
    deadline = time.monotonic() + seconds(within)
    for name, document in events:
        if wanted(name, document):
            return document
        assert time.monotonic() < deadline, f"waited in vain for {what}"
    pytest.fail(f"the stream ended before {what}")


def test_a_watcher_gets_the_contest_the_past_and_the_score(server):
    with watching(server) as events:
        seen = set()

        def all_seen(name, _):
            seen.add(name)
            return {"contest", "history", "score"} <= seen

        first_event(events, all_seen, "contest, history and score")
        assert seen <= {"contest", "history", "score", "stats"}


def test_a_watcher_sees_an_entry_counted(server):
    with watching(server) as events:
        first_event(events, lambda name, _: name == "score", "a first score")
        assert server.post(entry()).status == 200
        total = server.accepted
        score = first_event(events, lambda n, d: n == "score" and d["total"] >= total,
                            f"a score of {total}")
    assert score["total"] == total
    assert score["by_outcome"] == server.scores_at(total)["by_outcome"]


def test_the_scores_of_a_stream_never_fall_and_end_at_the_total(start, rng):
    server = start()
    totals = []

    def reaches_the_end(name, document):
        if name == "score":
            totals.append(document["total"])
        return totals and totals[-1] >= 5000

    with watching(server) as events:
        poster = threading.Thread(target=lambda: [
            server.post([random_entry(rng) for _ in range(500)]) for _ in range(10)])
        poster.start()
        first_event(events, reaches_the_end, "a score of 5000")
        poster.join()
    assert totals == sorted(totals)
    assert totals[-1] == 5000


def test_the_stream_has_statistics_while_nothing_happens(start):
    with watching(start()) as events:
        first_event(events, lambda name, _: name == "stats", "statistics")


def test_many_watchers_see_the_same(server):
    with contextlib.ExitStack() as stack:
        streams = [stack.enter_context(watching(server)) for _ in range(20)]
        server.post([entry()] * 10)
        total = server.accepted
        for events in streams:
            score = first_event(events, lambda n, d: n == "score" and d["total"] >= total,
                                f"a score of {total}")
            assert score["total"] == total


def test_watchers_that_leave_or_never_read_do_no_harm(server):
    request = b"GET /v1/scores/stream HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with contextlib.ExitStack() as stack:
        for i in range(40):
            wire = stack.enter_context(server.wire())
            wire.send(request)
            if i % 2:
                wire.close()
        for _ in range(50):
            assert server.post(entry()).status == 200
        server.scores_of_all_accepted()


# /metrics.

SAMPLE = re.compile(r'^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)(?: -?\d+)?$')
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"(?:,|$)')


def metrics_of(server):
    """Returns the exposition as ({family: type}, [(name, labels, value)])."""
    response = server.get("/metrics")
    assert response.status == 200, response
    assert response.media_type == "text/plain"
    types, samples = {}, []
    for line in response.body.decode("utf-8").splitlines():
        if line.startswith("# TYPE "):
            _, _, family, kind = line.split(" ")
            assert family not in types, f"two TYPE lines for {family}"
            types[family] = kind
        elif line and not line.startswith("#"):
            match = SAMPLE.match(line)
            assert match, f"not a sample: {line!r}"
            name, labels, value = match.groups()
            parsed = dict(LABEL.findall(labels or ""))
            assert LABEL.sub("", labels or "") == "", f"bad labels: {line!r}"
            samples.append((name, parsed, float(value)))
    return types, samples


def family_of(name, types):
    for suffix in ("_bucket", "_sum", "_count"):
        base = name.removesuffix(suffix)
        if name != base and types.get(base) in ("histogram", "summary"):
            return base
    return name


def test_every_metric_is_declared_and_named_by_the_conventions(server):
    types, samples = metrics_of(server)
    assert samples
    for name, _, _ in samples:
        family = family_of(name, types)
        assert family in types, f"{name} has no TYPE"
        assert family.startswith(("estadio_", "process_")), family
        assert not re.search("_(ms|us|ns|milliseconds|microseconds|nanoseconds|minutes|"
                             "kib|mib|kilobytes|megabytes|percent)(_|$)", family), family
    for family, kind in types.items():
        if kind == "counter":
            assert family.endswith("_total"), family
        else:
            assert not family.endswith("_total"), (family, kind)


def test_every_series_appears_once(server):
    _, samples = metrics_of(server)
    series = [(name, tuple(sorted(labels.items()))) for name, labels, _ in samples]
    repeated = [s for s, count in collections.Counter(series).items() if count > 1]
    assert not repeated


def test_results_are_counted_by_faculty_discipline_and_outcome(server, rng):
    server.post([random_entry(rng) for _ in range(200)])
    breakdown = breakdown_counts(server.scores_of_all_accepted())

    def results():
        _, samples = metrics_of(server)
        return +collections.Counter({
            (labels["faculty"], labels["discipline"], labels["outcome"]): int(value)
            for name, labels, value in samples if name == "estadio_results_total"})

    wait_until(lambda: results() == breakdown, f"metrics equal to {breakdown}; they are {results()}")


def test_results_in_metrics_survive_a_restart(start, rng):
    first = start()
    first.post([random_entry(rng) for _ in range(300)])
    first.scores_of_all_accepted()
    first.stop()
    second = start()
    second.scores_at(300)

    def results():
        _, samples = metrics_of(second)
        return sum(v for name, _, v in samples if name == "estadio_results_total")

    wait_until(lambda: results() == 300, "300 results in the metrics")


def test_histograms_are_whole(server):
    assert server.post(entry()).status == 200
    types, samples = metrics_of(server)
    histograms = {family for family, kind in types.items() if kind == "histogram"}
    assert histograms, "no latency is published"
    buckets, counts = collections.defaultdict(list), {}
    for name, labels, value in samples:
        key = tuple(sorted((k, v) for k, v in labels.items() if k != "le"))
        if name.removesuffix("_bucket") in histograms:
            buckets[name.removesuffix("_bucket"), key].append((float(labels["le"]), value))
        elif name.removesuffix("_count") in histograms:
            counts[name.removesuffix("_count"), key] = value
    assert buckets and buckets.keys() == counts.keys()
    for series, steps in buckets.items():
        assert steps == sorted(steps), series
        assert [c for _, c in steps] == sorted(c for _, c in steps), series
        assert steps[-1] == (math.inf, counts[series]), series


# Health and the page.

@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_a_serving_server_is_well_and_ready(server, path):
    assert server.get(path).status == 200


def test_the_page_is_html_with_its_defences(server):
    response = server.get("/")
    assert response.status == 200, response
    assert response.media_type == "text/html"
    assert "utf-8" in response.headers["Content-Type"].lower()
    assert response.headers["X-Content-Type-Options"].lower() == "nosniff"
    policy = response.headers["Content-Security-Policy"]
    assert "unsafe-eval" not in policy
    assert re.search("default-src|script-src", policy), policy


def test_the_page_needs_nothing_from_elsewhere(server):
    """All files that the page loads come from this server, with the right type."""
    page = server.get("/").body.decode("utf-8")
    targets = re.findall(r'<(?:script|link|img)\b[^>]*?\b(?:src|href)="([^"]+)"', page)
    assert targets, "a page without a script"
    for target in targets:
        if target.startswith("data:"):
            continue
        path = urllib.parse.urljoin("/", target)
        assert path.startswith("/") and not path.startswith("//"), f"loads {target}"
        response = server.get(path)
        assert response.status == 200, (target, response)
        assert response.body
        expected = {"js": "text/javascript", "css": "text/css", "svg": "image/svg+xml"}
        suffix = path.rsplit(".", 1)[-1]
        assert response.media_type == expected.get(suffix, response.media_type), target
