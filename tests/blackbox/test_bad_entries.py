"""Bad input gets a clear problem, and changes neither the score nor the log."""

import gzip
import json

import pytest

from estadio import (JSON, NDJSON, as_json, assert_nothing_counted, assert_verified, entry)
from wire import assert_problem

GOOD = '{"faculty":"Ingeniería","discipline":1}'


def assert_refused(server, body, status, path="/v1/entries", media_type=JSON, headers=None):
    """Posts `body`. Checks the problem, and that nothing was counted. Returns the problem."""
    response = server.post(body, path, media_type, headers)
    problem = assert_problem(response, status)
    assert_nothing_counted(server)
    return problem


def raw(text):
    """Encodes as UTF-8; \\udc80 to \\udcff become single bad bytes."""
    return text.encode("utf-8", "surrogateescape")


def marked(text):
    """Returns the bytes of `text` without « », and the first and last offset that they allow."""
    before, inside, after = text.replace("»", "«").split("«")
    first = len(raw(before))
    return raw(before + inside + after), first, first + len(raw(inside))


# The place of the error is between « and »: the first byte that no entry can have there, or the
# token that this byte breaks.
MALFORMED = {
    "empty": '«»',
    "white space only": '« \n »',
    "an opening brace": '{«»',
    "truncated in a key": '{"faculty":"Ingeniería",«"disc»',
    "truncated in a string": '{"discipline":1,"faculty":«"Ingenierí»',
    "truncated after a key": '{"faculty":"Ingeniería",«"discipline"»',
    "truncated after a colon": '{"faculty":"Ingeniería","discipline"«:»',
    "truncated before the brace": '{"faculty":"Ingeniería","discipline":«1»',
    "truncated array": '[{"faculty":"Ingeniería","discipline":1«}»',
    "truncated escape": '{"discipline":1,"faculty":«"Ingenier\\u00»',
    "not JSON": '«faculty=Ingeniería»&discipline=1',
    "a stray character": '{"faculty":"Ingeniería","discipline":«@»}',
    "single quotes": "{«'faculty'»:'Ingeniería','discipline':1}",
    "a key without quotes": '{«faculty»:"Ingeniería","discipline":1}',
    "a missing comma": '{"faculty":"Ingeniería"« "»discipline":1}',
    "a missing colon": '{"faculty"« "»Ingeniería","discipline":1}',
    "a comma too many": '{"faculty":"Ingeniería","discipline":1«,}»',
    "a comma too many in an array": '[{"faculty":"Ingeniería","discipline":1}«,]»',
    "trailing garbage": '{"faculty":"Ingeniería","discipline":1}« x»',
    "a second object": '{"faculty":"Ingeniería","discipline":1}«\n{»"faculty":"Agronomía"}',
    "a closing brace too many": '{"faculty":"Ingeniería","discipline":1}«}»',
    "the wrong bracket": '{"faculty":"Ingeniería","discipline":1«]»',
    "a leading zero": '{"faculty":"Ingeniería","discipline":«01»}',
    "a plus sign": '{"faculty":"Ingeniería","discipline":«+1»}',
    "a bare point": '{"faculty":"Ingeniería","discipline":«.5»}',
    "a point without digits": '{"faculty":"Ingeniería","discipline":«1.}»',
    "an exponent without digits": '{"faculty":"Ingeniería","discipline":«1e}»',
    "hexadecimal": '{"faculty":"Ingeniería","discipline":«0x1»}',
    "NaN": '{"faculty":"Ingeniería","discipline":«NaN»}',
    "Infinity": '{"faculty":"Ingeniería","discipline":«Infinity»}',
    "a misspelt literal": '{"faculty":"Ingeniería","discipline":«True»}',
    "half a literal": '{"faculty":"Ingeniería","discipline":«tru}»',
    "a comment": '{"faculty":"Ingeniería",«/* one »*/"discipline":1}',
    "an unknown escape": '{"discipline":1,"faculty":«"Ingenier\\xía"»}',
    "a raw NUL in a string": '{"discipline":1,"faculty":«"Ingenier\0»ía"}',
    "a raw NUL outside": '{"faculty":"Ingeniería",«\0»"discipline":1}',
    "a raw newline in a string": '{"discipline":1,"faculty":«"Ingenier\n»ía"}',
    "a raw tab in a string": '{"discipline":1,"faculty":«"Ingenier\t»ía"}',
    "a raw 0x1f in a string": '{"discipline":1,"faculty":«"Ingenier\x1f»ía"}',
    "a lone high surrogate": '{"discipline":1,"faculty":«"\\ud83c"»}',
    "a lone low surrogate": '{"discipline":1,"faculty":«"\\udfca"»}',
    "surrogates the wrong way round": '{"discipline":1,"faculty":«"\\udfca\\ud83c"»}',
    "a high surrogate and a letter": '{"discipline":1,"faculty":«"\\ud83cx"»}',
    "bad UTF-8: a stray byte": '{"discipline":1,"faculty":«"Ingenier\udcffa»"}',
    "bad UTF-8: Latin-1": '{"discipline":1,"faculty":«"Ingenier\udceda»"}',
    "bad UTF-8: overlong": '{"discipline":1,"faculty":«"\udcc0\udcaf»"}',
    "bad UTF-8: a surrogate": '{"discipline":1,"faculty":«"\udced\udca0\udc80»"}',
    "bad UTF-8: past U+10FFFF": '{"discipline":1,"faculty":«"\udcf4\udc90\udc80\udc80»"}',
    "bad UTF-8: cut short": '{"discipline":1,"faculty":«"\udcc3"»}',
    "bad UTF-8 in a key": '{"faculty":"Ingeniería","discipline":1,«"\udcff":»1}',
    "a duplicate key": '{"faculty":"Ingeniería","discipline":1,«"discipline":1»}',
    "a duplicate key that differs": '{"faculty":"Ingeniería",«"discipline":1,"discipline":2»}',
    "a duplicate key, escaped": '{"faculty":"Ingeniería",«"discipline":1,"disciplin\\u0065":1»}',
    "33 deep": "«" + "[" * 33 + "]" * 33 + "»",
    "100,000 deep": "«" + "[" * 100_000 + "»",
    "100,000 deep in objects": "«" + '{"a":' * 100_000 + "»",
}


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_json_is_refused_with_its_offset(server, name):
    body, first, last = marked(MALFORMED[name])
    problem = assert_refused(server, body, 400)
    assert isinstance(problem["offset"], int), problem
    assert first <= problem["offset"] <= last, problem


# Not tested within lines: bodies that have meaning only as a whole, or span lines.
NOT_ONE_LINE = {"empty", "white space only", "a second object", "a raw newline in a string",
                "truncated array", "a comma too many in an array"}


@pytest.mark.parametrize("name", [n for n in MALFORMED if n not in NOT_ONE_LINE])
def test_one_malformed_line_refuses_all_and_is_named_with_its_offset(server, name):
    bad, first, last = marked(MALFORMED[name])
    before = raw(GOOD + "\n\n" + GOOD + "\n")
    after = raw("\n" + GOOD + "\n")
    problem = assert_refused(server, before + bad + after, 400, media_type=NDJSON)
    assert problem["line"] == 4, problem
    # The parser may also report a truncated line at its newline.
    assert len(before) + first <= problem["offset"] <= len(before) + last + 1, problem


@pytest.mark.parametrize("name", ["a stray character", "truncated in a string",
                                  "a lone high surrogate", "a duplicate key"])
def test_one_malformed_element_refuses_the_whole_array(server, name):
    bad, first, last = marked(MALFORMED[name])
    before, after = raw(f"[{GOOD},{GOOD},"), raw(f",{GOOD}]")
    problem = assert_refused(server, before + bad + after, 400)
    # An unterminated string contains the text that follows it.
    assert len(before) + first <= problem["offset"] <= len(before + bad + after), problem


@pytest.mark.parametrize("body", ["[" + GOOD + "]", "", "\n\n \n", '{"faculty":\n"Ingeniería",\n'
                                  '"discipline":1}'],
                         ids=["an array", "empty", "blank lines", "an object over many lines"])
def test_ndjson_that_is_not_one_object_a_line_is_refused(server, body):
    response = server.post(raw(body), media_type=NDJSON)
    assert response.status in (400, 422), response
    assert_problem(response, response.status)
    assert_nothing_counted(server)


def test_an_empty_array_is_refused(server):
    response = server.post(b"[]")
    assert response.status in (400, 422), response
    assert_problem(response, response.status)
    assert_nothing_counted(server)


def fields_of(problem):
    for error in problem["errors"]:
        assert isinstance(error["detail"], str) and error["detail"], problem
    return [error["field"] for error in problem["errors"]]


def without(member):
    return json.dumps({k: v for k, v in entry().items() if k != member})


def with_number(member, text):
    """Returns an entry whose `member` has exactly the text `text`."""
    members = {k: json.dumps(v) for k, v in entry().items()}
    members[member] = text
    return "{" + ",".join(f'"{k}":{v}' for k, v in members.items()) + "}"


# Bodies that are JSON but not an entry, with the wrong field.
INVALID = {
    "discipline 0": (with_number("discipline", "0"), "discipline"),
    "discipline 4": (with_number("discipline", "4"), "discipline"),
    "discipline -1": (with_number("discipline", "-1"), "discipline"),
    "discipline 2^8+1": (with_number("discipline", str(2**8 + 1)), "discipline"),
    "discipline 2^32+1": (with_number("discipline", str(2**32 + 1)), "discipline"),
    "discipline 2^63": (with_number("discipline", str(2**63)), "discipline"),
    "discipline 2^64": (with_number("discipline", str(2**64)), "discipline"),
    "discipline 2^64+1": (with_number("discipline", str(2**64 + 1)), "discipline"),
    "discipline of 400 digits": (with_number("discipline", "1" * 400), "discipline"),
    "discipline 1.5": (with_number("discipline", "1.5"), "discipline"),
    "discipline 1e400": (with_number("discipline", "1e400"), "discipline"),
    "discipline -1e400": (with_number("discipline", "-1e400"), "discipline"),
    'discipline "1"': (with_number("discipline", '"1"'), "discipline"),
    'discipline "Natación"': (with_number("discipline", '"Natación"'), "discipline"),
    "discipline true": (with_number("discipline", "true"), "discipline"),
    "discipline null": (with_number("discipline", "null"), "discipline"),
    "discipline []": (with_number("discipline", "[]"), "discipline"),
    "discipline [1]": (with_number("discipline", "[1]"), "discipline"),
    "discipline {}": (with_number("discipline", "{}"), "discipline"),
    "discipline 30 deep": (with_number("discipline", "[" * 30 + "]" * 30), "discipline"),
    "no discipline": (without("discipline"), "discipline"),
    "no faculty": (without("faculty"), "faculty"),
    "unknown faculty": (entry(faculty="Medicina"), "faculty"),
    "empty faculty": (entry(faculty=""), "faculty"),
    "faculty with a space": (entry(faculty="Ingeniería "), "faculty"),
    "faculty with a NUL": (entry(faculty="Ingeniería\0"), "faculty"),
    "faculty of 1 MiB": (entry(faculty="a" * 2**20), "faculty"),
    "faculty 1": (entry(faculty=1), "faculty"),
    "faculty null": (entry(faculty=None), "faculty"),
    "faculty true": (entry(faculty=True), "faculty"),
    "faculty []": (entry(faculty=["Ingeniería"]), "faculty"),
    "student with a NUL": (entry(student="Ana\0"), "student"),
    "student of 201 bytes": (entry(student="x" * 201), "student"),
    "student of 202 bytes in 101 letters": (entry(student="ñ" * 101), "student"),
    "student 5": (entry(student=5), "student"),
    "student {}": (entry(student={}), "student"),
    "age -1": (entry(age=-1), "age"),
    "age 151": (entry(age=151), "age"),
    "age 2^64": (entry(age=2**64), "age"),
    "age 1.5": (entry(age=1.5), "age"),
    "age 1e400": (with_number("age", "1e400"), "age"),
    'age "20"': (entry(age="20"), "age"),
    "age true": (entry(age=True), "age"),
    "id empty": (entry(id=""), "id"),
    "id not a UUID": (entry(id="not-a-uuid"), "id"),
    "id too short": (entry(id="0b6ad0b4-5a3c-4d2e-9f6a-0d7c3c1d2e4"), "id"),
    "id too long": (entry(id="0b6ad0b4-5a3c-4d2e-9f6a-0d7c3c1d2e4ff"), "id"),
    "id with a wrong letter": (entry(id="0b6ad0b4-5a3c-4d2e-9f6a-0d7c3c1d2e4g"), "id"),
    "id with misplaced hyphens": (entry(id="0b6ad0b45-a3c-4d2e-9f6a-0d7c3c1d2e4f"), "id"),
    "id with a NUL": (entry(id="0b6ad0b4-5a3c-4d2e-9f6a-0d7c3c1d2e4f\0"), "id"),
    "id 7": (entry(id=7), "id"),
    "unknown field": (entry(colour="red"), "colour"),
    "known field, other case": ('{"faculty":"Ingeniería","discipline":1,"Age":20}', "Age"),
}


def body_of(case):
    return raw(case) if isinstance(case, str) else as_json(case)


@pytest.mark.parametrize("name", INVALID)
def test_an_invalid_entry_is_refused_naming_the_field(server, name):
    case, field = INVALID[name]
    assert field in fields_of(assert_refused(server, body_of(case), 422))


@pytest.mark.parametrize("name", INVALID)
def test_an_invalid_line_refuses_all_naming_line_and_field(server, name):
    case, field = INVALID[name]
    body = b"\n".join([raw(GOOD), b"", body_of(case), raw(GOOD), b""])
    problem = assert_refused(server, body, 422, media_type=NDJSON)
    assert field in fields_of(problem)
    assert {e["line"] for e in problem["errors"]} == {3}, problem


@pytest.mark.parametrize("name", ["discipline 4", "discipline 1e400", "no faculty", "id empty",
                                  "student with a NUL", "unknown field"])
def test_an_invalid_element_refuses_all_naming_index_and_field(server, name):
    case, field = INVALID[name]
    body = b"[" + b",".join([raw(GOOD), raw(GOOD), body_of(case), raw(GOOD)]) + b"]"
    problem = assert_refused(server, body, 422)
    assert field in fields_of(problem)
    assert {e["index"] for e in problem["errors"]} == {2}, problem


def test_every_bad_field_of_an_entry_is_named(server):
    body = entry(faculty="Medicina", discipline=9, age=-3, colour="red")
    fields = fields_of(assert_refused(server, body, 422))
    assert sorted(fields) == ["age", "colour", "discipline", "faculty"]


@pytest.mark.parametrize("body", ["1", "1.5", '"Ingeniería"', "true", "null", "{}", "[1]",
                                  "[null]", "[[]]", f"[[{GOOD}]]", f"[{GOOD},null]",
                                  "[" * 32 + "]" * 32])
def test_json_that_is_no_entry_is_refused(server, body):
    assert_refused(server, raw(body), 422)


@pytest.mark.parametrize("line", ["1", '"x"', "null", "{}", f"[{GOOD}]"])
def test_a_line_that_is_no_entry_is_refused(server, line):
    problem = assert_refused(server, raw(f"{GOOD}\n{line}\n"), 422, media_type=NDJSON)
    assert {e["line"] for e in problem["errors"]} == {2}, problem


@pytest.mark.parametrize("path, faculty", [("/ingenieria", "Agronomía"),
                                           ("/engineering", "agronomy"),
                                           ("/agronomia", "Ingeniería"),
                                           ("/agronomy", "Medicina")])
def test_a_faculty_other_than_the_paths_is_refused(server, path, faculty):
    problem = assert_refused(server, entry(faculty=faculty), 422, path=path)
    assert fields_of(problem) == ["faculty"]


@pytest.mark.parametrize("bad", ['{"faculty":"Ingeniería","discipline":@}',
                                 '{"faculty":"Ingeniería","discipline":4}'],
                         ids=["malformed", "invalid"])
@pytest.mark.parametrize("position", [0, 499, 999])
def test_one_bad_line_among_a_thousand_refuses_them_all(server, bad, position):
    lines = [GOOD] * 1000
    lines[position] = bad
    status = 400 if "@" in bad else 422
    problem = assert_refused(server, raw("\n".join(lines) + "\n"), status, media_type=NDJSON)
    if status == 400:
        assert problem["line"] == position + 1
        start = len(raw("\n".join(lines[:position] + [""]))) if position else 0
        assert start + raw(bad).index(b"@") == problem["offset"], problem
    else:
        assert [(e["line"], e["field"]) for e in problem["errors"]] == [
            (position + 1, "discipline")]


@pytest.mark.parametrize("media_type", [None, "", "text/plain", "application/x-www-form-urlencoded",
                                        "application/jsonx", "application/json-seq", "text/json",
                                        "application", "application/xml",
                                        "multipart/form-data; boundary=x"])
def test_other_media_types_are_refused(server, media_type):
    assert_refused(server, entry(), 415, media_type=media_type)


def test_a_compressed_body_is_refused(server):
    response = server.post(gzip.compress(as_json(entry())), headers={"Content-Encoding": "gzip"})
    assert response.status in (400, 415), response
    assert_nothing_counted(server)


@pytest.mark.parametrize("path", ["/v1", "/v1/", "/v1/entries/", "/v1/entries/7", "/V1/entries",
                                  "/medicina", "/ingenieria/1", "/v2/entries"])
def test_unknown_paths_are_not_found(server, path):
    assert_refused(server, entry(), 404, path=path)


@pytest.mark.parametrize("target", ["/../../../../etc/passwd", "/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
                                    "/..%2f..%2f..%2fetc/passwd", "//etc/passwd",
                                    "/assets/../../../../etc/passwd"])
def test_no_path_leads_out_of_the_page(server, target):
    response = server.get(target)
    assert response.status in (400, 404), response
    assert b"root:" not in response.body


@pytest.mark.parametrize("method, path, allowed", [
    ("GET", "/v1/entries", {"POST"}),
    ("HEAD", "/v1/entries", {"POST"}),
    ("PUT", "/v1/entries", {"POST"}),
    ("DELETE", "/v1/entries", {"POST"}),
    ("PATCH", "/ingenieria", {"POST"}),
    ("GET", "/agronomy", {"POST"}),
    ("POST", "/v1/scores", {"GET", "HEAD"}),
    ("DELETE", "/v1/contest", {"GET", "HEAD"}),
    ("PUT", "/v1/scores/stream", {"GET"}),
    ("POST", "/metrics", {"GET", "HEAD"}),
    ("POST", "/healthz", {"GET", "HEAD"}),
    ("POST", "/", {"GET", "HEAD"}),
])
def test_a_method_a_path_does_not_have_is_refused_naming_those_it_has(
        server, method, path, allowed):
    body = as_json(entry()) if method not in ("GET", "HEAD") else None
    response = server.request(method, path, body, {"Content-Type": JSON})
    assert response.status == 405, response
    assert allowed <= {m.strip() for m in response.headers["Allow"].split(",")}, response
    if method != "HEAD":
        assert_problem(response, 405)
    assert_nothing_counted(server)


def test_an_unknown_method_is_refused(server):
    response = server.request("BREW", "/v1/entries", as_json(entry()), {"Content-Type": JSON})
    assert response.status in (405, 501), response
    assert_problem(response, response.status)
    assert_nothing_counted(server)


def test_after_all_this_the_log_verifies(server):
    """Last in the module: an entry of a refused request would show here."""
    assert_nothing_counted(server)
    assert_verified(server.data)
