"""Random requests from a seed: no answer is a 5xx, and the score counts exactly the answers 200."""

import contextlib
import json

import pytest

from estadio import (JSON, NDJSON, as_json, as_ndjson, assert_verified, entry,
                     random_entry)
from wire import assert_problem

BODIES = 600
REQUESTS = 400


def random_document(rng, depth=0):
    """Returns small random JSON of any kind."""
    kind = rng.randrange(8 if depth < 4 else 6)
    if kind == 0:
        return rng.choice([None, True, False])
    if kind == 1:
        return rng.choice([0, 1, 2, 3, 4, -1, 2**31, 2**63, 2**64, 10**30])
    if kind == 2:
        return rng.choice([0.0, 1.0, 1.5, -2.25e10, 1e-300, 1e300])
    if kind < 6:
        return "".join(rng.choice('abcñé"\\\0\n\x7f\u2028😀') for _ in range(rng.randrange(12)))
    if kind == 6:
        return [random_document(rng, depth + 1) for _ in range(rng.randrange(4))]
    return {random_key(rng): random_document(rng, depth + 1) for _ in range(rng.randrange(4))}


def random_key(rng):
    return rng.choice(["faculty", "discipline", "student", "age", "colour", "", "ñ"])


def nearly_an_entry(rng):
    """Returns an entry that is often valid and often wrong in one member."""
    members = random_entry(rng)
    if rng.random() < 0.3:
        members["student"] = rng.choice(["Ana", "Zoë", "x" * 200, "x" * 201, "😀" * 50])
    if rng.random() < 0.3:
        members["age"] = rng.choice([0, 20, 150, 151, -1])
    if rng.random() < 0.3:
        members[random_key(rng)] = random_document(rng)
    if rng.random() < 0.1:
        members.pop(rng.choice(list(members)))
    return members


def mutated(rng, data):
    """Returns `data` with a few small random changes."""
    data = bytearray(data)
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(len(data) + 1)
        accident = rng.randrange(5)
        if accident == 0 and data:
            data[at % len(data)] ^= 1 << rng.randrange(8)
        elif accident == 1:
            del data[at:at + rng.randint(1, 8)]
        elif accident == 2:
            data[at:at] = rng.randbytes(rng.randint(1, 4))
        elif accident == 3:
            data[at:at] = data[at:at + rng.randint(1, 40)]
        else:
            data[at:at] = rng.choice([b"{", b"}", b"[", b"]", b",", b":", b'"', b"\\", b"\n",
                                      b"\\u0000", b"\xef\xbb\xbf", b"1e999", b"null"])
    return bytes(data)


def random_body(rng):
    """Returns a body and its media type. The test may send the body with another type."""
    shape = rng.randrange(4)
    if shape == 0:
        body, media_type = as_json(nearly_an_entry(rng)), JSON
    elif shape == 1:
        body, media_type = as_json([nearly_an_entry(rng) for _ in range(rng.randint(1, 4))]), JSON
    elif shape == 2:
        body, media_type = as_ndjson(nearly_an_entry(rng) for _ in range(rng.randint(1, 4))), NDJSON
    else:
        body, media_type = as_json(random_document(rng) or 0), JSON  # nothing empty
    if rng.random() < 0.5:
        body = mutated(rng, body)
    if rng.random() < 0.1:
        media_type = rng.choice([JSON, NDJSON])
    return body, media_type


def test_random_bodies_never_fail_the_server_and_count_as_answered(start, rng):
    server = start()
    statuses = []
    with contextlib.closing(server.connect()) as connection:
        for _ in range(BODIES):
            body, media_type = random_body(rng)
            response = server.post(body, media_type=media_type, connection=connection)
            statuses.append(response.status)
            if response.status != 200:
                assert response.status in (400, 422), (media_type, body, response)
                problem = assert_problem(response, response.status)
                if response.status == 400:
                    assert 0 <= problem["offset"] <= len(body), (media_type, body, problem)
                else:
                    assert problem["errors"], (media_type, body, problem)
    assert {200, 400, 422} == set(statuses), "the random bodies are not varied enough"
    server.scores_of_all_accepted()
    assert_verified(server.data)


def test_what_python_accepts_as_json_is_never_called_malformed_and_the_reverse(start, rng):
    """Two parsers agree which single documents are JSON, in the strict form of this service."""
    server = start()
    for _ in range(BODIES // 2):
        body = as_json(nearly_an_entry(rng))
        if rng.random() < 0.7:
            body = mutated(rng, body)
        response = server.post(body)
        if is_strict_json(body, may_repeat_keys=True) and not is_strict_json(body):
            # An entry has a key twice, or a value of the wrong type has one deep inside.
            assert response.status in (400, 422), (body, response)
        else:
            assert (response.status != 400) == is_strict_json(body), (body, response)
    server.scores_of_all_accepted()


def is_strict_json(body, may_repeat_keys=False):
    """Whether `body` is JSON without duplicate keys, lone surrogates or more than 32 levels."""
    def without_duplicates(pairs):
        if not may_repeat_keys and len({key for key, _ in pairs}) != len(pairs):
            raise ValueError("duplicate key")
        return dict(pairs)

    def refuse(constant):
        raise ValueError(constant)

    def text_of(document):
        if isinstance(document, str):
            return document.encode("utf-8")  # raises for a lone surrogate
        if isinstance(document, dict):
            return [text_of(x) for pair in document.items() for x in pair]
        if isinstance(document, list):
            return [text_of(x) for x in document]
        return None

    try:
        text_of(json.loads(body.decode("utf-8"), object_pairs_hook=without_duplicates,
                           parse_constant=refuse))
    except ValueError:
        return False
    return True


@pytest.fixture
def hasty(start):
    """A server with a short deadline for a request: mutated requests often lack their end."""
    return start("--receive-timeout", "1s", "--idle-timeout", "1s")


def random_request(rng):
    body = as_json(entry()) if rng.random() < 0.7 else as_json([entry()] * rng.randint(1, 3))
    if rng.random() < 0.5:
        framing, payload = f"Content-Length: {len(body)}", body
    else:
        cut = rng.randrange(1, len(body))
        framing = "Transfer-Encoding: chunked"
        payload = b"".join(b"%x\r\n%s\r\n" % (len(c), c) for c in (body[:cut], body[cut:], b""))
    head = (f"POST /v1/entries HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            f"{framing}\r\nConnection: {rng.choice(['close', 'keep-alive'])}\r\n\r\n")
    return head.encode() + payload


def test_random_http_never_fails_the_server_and_counts_as_answered(hasty, rng):
    """Sends mutated requests, each on its own connection, and reads until the server closes."""
    answered = {200: 0}
    for _ in range(REQUESTS // 100):
        with contextlib.ExitStack() as stack:
            wires = [stack.enter_context(hasty.wire()) for _ in range(100)]
            for wire in wires:
                request = random_request(rng)
                wire.send_until_refused(mutated(rng, request) if rng.random() < 0.8 else request)
            for wire in wires:
                for response in wire.responses_until_closed():
                    status = response.status
                    answered[status] = answered.get(status, 0) + 1
                    assert status < 500 or status in (501, 505), response
                    if status == 200:
                        hasty.count_accepted(response.json().get("accepted", 1))
                    elif status >= 400:
                        assert_problem(response, status)
    assert answered[200] > 0 and answered.get(400, 0) > 0, answered
    assert hasty.post(entry()).status == 200
    hasty.scores_of_all_accepted()
    assert_verified(hasty.data)
