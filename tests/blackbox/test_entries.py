"""Good input: each entry that a client may send is accepted, answered and counted."""

import concurrent.futures
import unicodedata
import uuid

import pytest

from estadio import (DISCIPLINES, FACULTIES, NDJSON, as_json, as_ndjson, assert_verified,
                     entry, random_entry)


def test_one_object_is_answered_with_its_id_and_outcome(server):
    response = server.post(entry())
    assert response.status == 200, response
    assert response.media_type == "application/json"
    answer = response.json()
    assert str(uuid.UUID(answer["id"])) == answer["id"]
    assert answer["outcome"] in ("winner", "loser")
    assert "repeated" not in answer or answer["repeated"] is False


def test_the_server_gives_every_entry_without_an_id_one_of_its_own(server):
    ids = [server.post(entry()).json()["id"] for _ in range(50)]
    assert len(set(ids)) == len(ids)


def test_a_clients_id_comes_back_as_given(server, rng):
    given = str(uuid.UUID(int=rng.getrandbits(128), version=4))
    assert server.post(entry(id=given)).json()["id"] == given


@pytest.mark.parametrize("discipline", DISCIPLINES)
@pytest.mark.parametrize("faculty", FACULTIES)
def test_every_faculty_plays_every_discipline(server, faculty, discipline):
    def count():
        breakdown = server.scores_of_all_accepted()["breakdown"]
        return sum(c["count"] for c in breakdown
                   if (c["faculty"], c["discipline"]) == (faculty, DISCIPLINES[discipline]))

    before = count()
    assert server.post(entry(faculty=faculty, discipline=discipline)).status == 200
    assert count() == before + 1


@pytest.mark.parametrize("spelling, canonical", [
    ("Ingeniería", "Ingeniería"),
    ("ingeniería", "Ingeniería"),
    ("INGENIERÍA", "Ingeniería"),
    ("INGENIERIA", "Ingeniería"),
    ("ingenieria", "Ingeniería"),
    ("iNgEnIeRíA", "Ingeniería"),
    ("engineering", "Ingeniería"),
    ("Engineering", "Ingeniería"),
    (unicodedata.normalize("NFD", "ingeniería"), "Ingeniería"),
    (unicodedata.normalize("NFD", "INGENIERÍA"), "Ingeniería"),
    ("Agronomía", "Agronomía"),
    ("AGRONOMIA", "Agronomía"),
    ("agronomy", "Agronomía"),
    (unicodedata.normalize("NFD", "Agronomía"), "Agronomía"),
], ids=ascii)
def test_faculties_match_whatever_case_accents_or_alias_and_count_under_one_name(
        server, spelling, canonical):
    before = server.scores_of_all_accepted()["by_faculty"].get(canonical, 0)
    assert server.post(entry(faculty=spelling)).status == 200
    by_faculty = server.scores_of_all_accepted()["by_faculty"]
    assert by_faculty[canonical] == before + 1
    assert set(by_faculty) <= set(FACULTIES)


@pytest.mark.parametrize("body", [
    b'{"faculty":"Ingenier\\u00eda","discipline":1}',
    b'{"faculty":"Ingenieri\\u0301a","discipline":1}',
    b'{"\\u0066aculty":"Ingenier\xc3\xada","discipline":1}',
    b' \t\r\n{ "discipline" : 2 , "faculty" : "agronomia" }\n\n',
    b'{"discipline":3,"student":"\\ud83c\\udfca\\"\\\\\\/\\b\\f\\n\\r\\t","faculty":"agronomia"}',
], ids=["escaped accent", "escaped combining accent", "escaped key", "white space", "escapes"])
def test_any_valid_spelling_of_the_json_is_accepted(server, body):
    assert server.post(body).status == 200
    server.scores_of_all_accepted()


@pytest.mark.parametrize("members", [
    {"student": "María José Ñandú"},
    {"student": "x" * 200},
    {"student": "ñ" * 100},
    {"student": "🏊" * 50},
    {"student": "quote \" backslash \\ newline \n tab \t <script>"},
    {"age": 0},
    {"age": 150},
    {"student": "Ana", "age": 21, "id": "0b6ad0b4-5a3c-4d2e-9f6a-0d7c3c1d2e4f"},
], ids=lambda m: ", ".join(m))
def test_optional_members_are_accepted_up_to_their_limits(server, members):
    response = server.post(entry(**members))
    assert response.status == 200, response
    server.scores_of_all_accepted()


@pytest.mark.parametrize("version", [1, 3, 4, 5])
def test_ids_of_every_uuid_version_are_accepted(server, rng, version):
    given = str(uuid.UUID(int=rng.getrandbits(128), version=version))
    response = server.post(entry(id=given))
    assert response.status == 200, response
    assert response.json()["id"] == given


def assert_counts(answer, accepted):
    assert answer["accepted"] == accepted, answer
    assert answer["winners"] + answer["losers"] == accepted, answer
    assert answer["repeated"] == 0, answer


@pytest.mark.parametrize("count", [1, 2, 1000])
def test_an_array_is_answered_with_counts(server, rng, count):
    response = server.post([random_entry(rng) for _ in range(count)])
    assert response.status == 200, response
    assert_counts(response.json(), count)
    server.scores_of_all_accepted()


@pytest.mark.parametrize("count", [1, 2, 1000])
def test_ndjson_is_answered_with_counts(server, rng, count):
    response = server.post(as_ndjson(random_entry(rng) for _ in range(count)), media_type=NDJSON)
    assert response.status == 200, response
    assert_counts(response.json(), count)
    server.scores_of_all_accepted()


LINE = as_json(entry())


@pytest.mark.parametrize("body, count", [
    (LINE, 1),
    (LINE + b"\n" + LINE, 2),
    (LINE + b"\r\n" + LINE + b"\r\n", 2),
    (b"\n\n" + LINE + b"\n\n\n" + LINE + b"\n\n", 2),
    (LINE + b"\n  \t \r\n" + LINE + b"\n", 2),
    (b"  " + LINE + b"  \n", 1),
], ids=["no last newline", "two lines", "CRLF", "empty lines", "blank line", "indented line"])
def test_ndjson_lines_may_end_and_be_blank_as_they_like(server, body, count):
    response = server.post(body, media_type=NDJSON)
    assert response.status == 200, response
    assert_counts(response.json(), count)
    server.scores_of_all_accepted()


def test_a_request_of_as_many_entries_as_the_limit_is_accepted(server, rng):
    entries = [random_entry(rng) for _ in range(10_000)]
    response = server.post(as_ndjson(entries), media_type=NDJSON)
    assert response.status == 200, response
    assert_counts(response.json(), 10_000)
    server.scores_of_all_accepted()


@pytest.mark.parametrize("path, faculty", [
    ("/ingenieria", "Ingeniería"), ("/engineering", "Ingeniería"),
    ("/agronomia", "Agronomía"), ("/agronomy", "Agronomía"),
])
@pytest.mark.parametrize("members", [(), ("faculty",)], ids=["left out", "given"])
def test_a_facultys_own_path_needs_no_faculty_in_the_body(server, path, faculty, members):
    body = {"discipline": 2, **{member: faculty for member in members}}
    before = server.scores_of_all_accepted()["by_faculty"].get(faculty, 0)
    assert server.post(body, path=path).status == 200
    assert server.post([body, body], path=path).status == 200
    assert server.post(as_ndjson([body, body]), path=path, media_type=NDJSON).status == 200
    assert server.scores_of_all_accepted()["by_faculty"][faculty] == before + 5


@pytest.mark.parametrize("path, spelling", [
    ("/ingenieria", "ENGINEERING"), ("/engineering", "ingenieria"), ("/agronomy", "Agronomía"),
])
def test_a_faculty_given_by_another_spelling_matches_the_path(server, path, spelling):
    assert server.post(entry(faculty=spelling), path=path).status == 200


@pytest.mark.parametrize("media_type, body", [
    ("application/json; charset=utf-8", LINE),
    ("application/json;charset=UTF-8", LINE),
    ('application/json; charset="utf-8"', LINE),
    ("Application/JSON", LINE),
    ("application/x-ndjson; charset=utf-8", LINE + b"\n"),
    ("APPLICATION/X-NDJSON", LINE + b"\n"),
])
def test_media_types_match_whatever_case_and_parameters(server, media_type, body):
    response = server.post(body, media_type=media_type)
    assert response.status == 200, response


def test_the_score_agrees_with_the_outcomes_that_were_answered(start, rng):
    server = start()
    outcomes = [server.post(random_entry(rng)).json()["outcome"] for _ in range(100)]
    answers = [server.post([random_entry(rng) for _ in range(500)]).json(),
               server.post(as_ndjson(random_entry(rng) for _ in range(500)),
                           media_type=NDJSON).json()]
    by_outcome = server.scores_of_all_accepted()["by_outcome"]
    assert by_outcome == {
        "winner": outcomes.count("winner") + sum(a["winners"] for a in answers),
        "loser": outcomes.count("loser") + sum(a["losers"] for a in answers),
    }


def test_the_coin_is_fair(start, rng):
    server = start()
    answer = server.post(as_ndjson(random_entry(rng) for _ in range(10_000)),
                         media_type=NDJSON).json()
    # Ten standard deviations of 10,000 fair tosses.
    assert 4_500 < answer["winners"] < 5_500


def test_many_connections_at_once_lose_nothing(start, rng):
    server = start()
    batches = [[random_entry(rng) for _ in range(25)] for _ in range(64)]

    def post_one_by_one(entries):
        connection = server.connect()
        try:
            return [server.post(e, connection=connection).status for e in entries]
        finally:
            connection.close()

    with concurrent.futures.ThreadPoolExecutor(len(batches)) as pool:
        statuses = [s for batch in pool.map(post_one_by_one, batches) for s in batch]
    assert set(statuses) == {200}
    scores = server.scores_at(25 * 64)
    for faculty in FACULTIES:
        assert scores["by_faculty"][faculty] == sum(
            e["faculty"] == faculty for batch in batches for e in batch)
    assert_verified(server.data)


def test_all_that_was_accepted_verifies(server):
    assert server.post(entry()).status == 200
    server.scores_of_all_accepted()
    assert_verified(server.data)
