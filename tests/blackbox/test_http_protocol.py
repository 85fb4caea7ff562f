"""HTTP/1.x on raw sockets: RFC 9110 and 9112, request smuggling, slow clients and crowds."""

import contextlib
import email.utils
import select
import threading
import time
import uuid

import pytest

from deadlines import wait_until
from estadio import Server, as_json, assert_nothing_counted, entry
from wire import ConnectionEnded, assert_problem

BODY = as_json(entry())


def head(*fields, target="/v1/entries", method="POST", version="HTTP/1.1",
         default_fields=("Host: localhost", "Content-Type: application/json")):
    """Returns a request's head: its request line, the default fields and `fields`."""
    lines = [f"{method} {target} {version}", *default_fields, *fields]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"


def with_length(body, *fields, **options):
    return head(f"Content-Length: {len(body)}", *fields, **options) + body


def chunked(*chunks, end=b"0\r\n\r\n"):
    return b"".join(b"%x\r\n%s\r\n" % (len(c), c) for c in chunks) + end


POST = with_length(BODY)
GET = head(method="GET", target="/healthz", default_fields=("Host: localhost",))
# An entry that a server counts if it reads the bytes after a refused request as a request.
SMUGGLED = POST


def assert_refused_and_closed(server, request, *statuses):
    """`request` gets one problem of `statuses`, then the end. The bytes after it have no effect."""
    with server.wire() as wire:
        wire.send_until_refused(request + SMUGGLED)
        responses = wire.responses_until_closed()
    assert len(responses) == 1, responses
    assert responses[0].status in statuses, responses
    assert_problem(responses[0], responses[0].status)
    assert_nothing_counted(server)


def assert_accepted(server, request, count=1):
    """`request` is answered 200 and counted. The connection then takes another request."""
    with server.wire() as wire:
        wire.send(request)
        response = wire.response("POST")
        assert response.status == 200, response
        wire.send(GET)
        assert wire.response().status == 200
    server.count_accepted(count)
    server.scores_of_all_accepted()


# Framing that two parsers might read differently.

LENGTH = f"Content-Length: {len(BODY)}"

AMBIGUOUS = {
    "two equal lengths": head(LENGTH, LENGTH) + BODY,
    "two different lengths": head(LENGTH, "Content-Length: 3") + BODY,
    "a list of equal lengths": head(f"Content-Length: {len(BODY)}, {len(BODY)}") + BODY,
    "length and chunked": head(LENGTH, "Transfer-Encoding: chunked") + chunked(BODY),
    "chunked and length": head("Transfer-Encoding: chunked", LENGTH) + chunked(BODY),
    "length and chunked, other case":
        head(LENGTH, "tRANSFER-eNCODING: cHUNKED") + chunked(BODY),
    "a negative length": head("Content-Length: -1") + BODY,
    "a length with a plus": head(f"Content-Length: +{len(BODY)}") + BODY,
    "a hexadecimal length": head("Content-Length: 0x2a") + BODY,
    "a length with a point": head(f"Content-Length: {len(BODY)}.0") + BODY,
    "a length with an exponent": head("Content-Length: 4e1") + BODY,
    "a length of two numbers": head("Content-Length: 4 2") + BODY,
    "a length with a letter": head(f"Content-Length: {len(BODY)}x") + BODY,
    "an empty length": head("Content-Length:") + BODY,
    "a length of 2^64": head(f"Content-Length: {2**64}") + BODY,
    "a length of 2^64 and the body": head(f"Content-Length: {2**64 + len(BODY)}") + BODY,
    "a length of 300 digits": head("Content-Length: " + "9" * 300) + BODY,
    "a space before the colon of the length":
        head(f"Content-Length : {len(BODY)}") + BODY,
    "a space before the colon of the encoding":
        head("Transfer-Encoding : chunked") + chunked(BODY),
    "a folded length": head("Content-Length:\r\n " + str(len(BODY))) + BODY,
    "a folded line": head("X-Folded: one\r\n two", LENGTH) + BODY,
    "a line folded with a tab": head("X-Folded: one\r\n\ttwo", LENGTH) + BODY,
    "a space before the first field":
        b"POST /v1/entries HTTP/1.1\r\n Host: localhost\r\n" + LENGTH.encode() + b"\r\n\r\n" + BODY,
    "bare line feeds": POST.replace(b"\r\n", b"\n"),
    "one bare line feed": head(LENGTH, "X-One: 1\nX-Two: 2") + BODY,
    "a bare line feed before the length":
        head("X-One: 1\n" + LENGTH) + BODY,
    "a bare line feed at the end of the head": head(LENGTH)[:-2] + b"\n" + BODY,
    "a bare carriage return": head(LENGTH, "X-One: 1\rX-Two: 2") + BODY,
    "a NUL in a value": head(LENGTH, "X-One: 1\0 2") + BODY,
    "a NUL in a name": head(LENGTH, "X-\0One: 1") + BODY,
    "a NUL in the target": head(LENGTH, target="/v1/entries\0") + BODY,
    "a control character in a value": head(LENGTH, "X-One: \x01") + BODY,
    "a field without a colon": head(LENGTH, "X-One") + BODY,
    "a field without a name": head(LENGTH, ": 1") + BODY,
    "a space in a name": head(LENGTH, "X One: 1") + BODY,
    "a parenthesis in a name": head(LENGTH, "X(One): 1") + BODY,
    "a byte over 127 in a name": head(LENGTH, "X-\xf1: 1") + BODY,
    "no host": head(LENGTH, default_fields=("Content-Type: application/json",)) + BODY,
    "two hosts": head("Host: localhost", LENGTH) + BODY,
    "two different hosts": head("Host: elsewhere", LENGTH) + BODY,
}


@pytest.mark.parametrize("name", AMBIGUOUS)
def test_an_ambiguous_head_is_refused_and_the_connection_closed(server, name):
    assert_refused_and_closed(server, AMBIGUOUS[name], 400)


@pytest.mark.parametrize("encoding", [
    "gzip", "identity", "gzip, chunked", "chunked, identity", "chunked, chunked", "xchunked",
    "chunked;q=1", "x", "", "\x0bchunked", '"chunked"', "chunked\x00"])
def test_a_transfer_encoding_other_than_chunked_is_refused(server, encoding):
    request = head(f"Transfer-Encoding: {encoding}") + chunked(BODY)
    assert_refused_and_closed(server, request, 400, 501)


def test_two_transfer_encodings_are_refused(server):
    for second in ("chunked", "identity"):
        request = head("Transfer-Encoding: chunked", f"Transfer-Encoding: {second}")
        assert_refused_and_closed(server, request + chunked(BODY), 400, 501)


BAD_CHUNKS = {
    "not a number": b"g\r\n" + BODY + b"\r\n0\r\n\r\n",
    "no size": b"\r\n" + BODY + b"\r\n0\r\n\r\n",
    "only an extension": b";a=b\r\n" + BODY + b"\r\n0\r\n\r\n",
    "negative": b"-%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY),
    "plus": b"+%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY),
    "0x": b"0x%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY),
    "a space before": b" %x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY),
    "two numbers": b"%x 1\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY),
    "underscore": b"2_0\r\n%s\r\n0\r\n\r\n" % BODY,
    "2^64 and the size": b"1%016x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY),
    "negative by overflow": b"ffffffffffffffff\r\n%s\r\n0\r\n\r\n" % BODY,
    "too small": b"%x\r\n%s\r\n0\r\n\r\n" % (len(BODY) - 1, BODY),
    "no end of the chunk": b"%x\r\n%s0\r\n\r\n" % (len(BODY), BODY),
    "a bare line feed after the size": b"%x\n%s\r\n0\r\n\r\n" % (len(BODY), BODY),
    "a bare line feed after the data": b"%x\r\n%s\n0\r\n\r\n" % (len(BODY), BODY),
    "a bare carriage return after the size": b"%x\r%s\r\n0\r\n\r\n" % (len(BODY), BODY),
    "a NUL after the size": b"%x\0\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY),
    "a line feed in the extension": b"%x;a\nb\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY),
    "a trailer without a colon": chunked(BODY, end=b"0\r\nX-Trailer\r\n\r\n"),
}


@pytest.mark.parametrize("name", BAD_CHUNKS)
def test_a_bad_chunk_is_refused_and_the_connection_closed(server, name):
    # The answer to a size beyond every limit may also be 413.
    statuses = (400, 413) if "2^64" in name or "overflow" in name else (400,)
    request = head("Transfer-Encoding: chunked") + BAD_CHUNKS[name]
    assert_refused_and_closed(server, request, *statuses)


def test_an_endless_chunk_extension_is_refused(server):
    request = head("Transfer-Encoding: chunked") + b"5;" + b"a" * 2**20 + b"\r\n"
    assert_refused_and_closed(server, request, 400, 413, 431)


def test_endless_trailers_are_refused(server):
    request = head("Transfer-Encoding: chunked") + chunked(
        BODY, end=b"0\r\n" + b"X-Trailer: 1\r\n" * 100_000 + b"\r\n")
    assert_refused_and_closed(server, request, 400, 413, 431)


@pytest.mark.parametrize("line", [
    b"GET /healthz", b"GET", b"Host: localhost", b"GET  /healthz HTTP/1.1",
    b"GET /healthz HTTP/1.1 x",
    b" GET /healthz HTTP/1.1", b"GET /health z HTTP/1.1", b"GET /healthz http/1.1",
    b"GET /healthz HTTP/1", b"GET /healthz HTTP/1.", b"GET /healthz HTTP/11",
    b"GET /healthz XTTP/1.1", b"G(T /healthz HTTP/1.1", b"GET healthz HTTP/1.1",
    b"GET /healthz\tHTTP/1.1", b"GET /\x7f HTTP/1.1", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03",
], ids=repr)
def test_a_bad_request_line_is_refused_and_the_connection_closed(server, line):
    assert_refused_and_closed(server, line + b"\r\nHost: localhost\r\n\r\n", 400, 505)


@pytest.mark.parametrize("version", ["HTTP/2.0", "HTTP/3.0", "HTTP/9.9"])
def test_other_major_versions_are_refused(server, version):
    assert_refused_and_closed(server, with_length(BODY, version=version), 505)


def test_the_preface_of_http_2_is_refused(server):
    assert_refused_and_closed(server, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, 505)


@pytest.mark.parametrize("request_head", [
    head("X-Long: " + "a" * 17 * 1024, LENGTH),
    head(*(f"X-{i}: {'a' * 80}" for i in range(250)), LENGTH),
    head(*(f"X{i}:1" for i in range(1500)), LENGTH),
    head("X-" + "a" * 17 * 1024 + ": 1", LENGTH),
], ids=["one long value", "20 KiB of fields", "1,500 short fields", "one long name"])
def test_a_head_too_large_is_refused_and_the_connection_closed(server, request_head):
    assert_refused_and_closed(server, request_head + BODY, 431)


def test_a_target_too_long_is_refused_and_the_connection_closed(server):
    request = with_length(BODY, target="/" + "a" * 17 * 1024)
    assert_refused_and_closed(server, request, 414, 431)


@pytest.mark.parametrize("beginning", [b"", b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: "],
                         ids=["in the request line", "in a field"])
def test_a_head_without_an_end_is_refused_before_its_end(server, beginning):
    with server.wire() as wire:
        wire.send_until_refused(beginning + b"a" * 64 * 1024)
        (response,) = wire.responses_until_closed()
    assert response.status in (400, 414, 431), response
    assert_nothing_counted(server)


def test_a_large_head_within_the_limit_is_accepted(server):
    assert_accepted(server, with_length(BODY, "X-Long: " + "a" * 8 * 1024))


# Bodies.

CHUNKED = {
    "one chunk": chunked(BODY),
    "a chunk a byte": chunked(*(BODY[i:i + 1] for i in range(len(BODY)))),
    "capital hexadecimal": b"%X\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY),
    "leading zeros": b"000%x\r\n%s\r\n000\r\n\r\n" % (len(BODY), BODY),
    "an extension": b"%x;name\r\n%s\r\n0;last\r\n\r\n" % (len(BODY), BODY),
    "an extension with a value": b"%x;name=value\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY),
    "an extension with a quoted value":
        b'%x;name="a; \\"b\\""\r\n%s\r\n0\r\n\r\n' % (len(BODY), BODY),
    "trailers": chunked(BODY, end=b"0\r\nX-Digest: abc\r\nX-Other: def\r\n\r\n"),
}


@pytest.mark.parametrize("name", CHUNKED)
def test_a_chunked_body_is_accepted(server, name):
    assert_accepted(server, head("Transfer-Encoding: chunked") + CHUNKED[name])


def test_the_name_of_the_chunked_coding_has_no_case(server):
    assert_accepted(server, head("transfer-encoding: CHUNKED") + chunked(BODY))


def test_field_names_have_no_case_and_values_no_outer_space(server):
    fields = ("HOST:localhost", "content-TYPE: \t application/json \t ",
              f"cOnTeNt-LeNgTh:{len(BODY)}")
    assert_accepted(server, head(*fields, default_fields=()) + BODY)


@pytest.mark.parametrize("end", [b"0\r\nContent-Length: 500\r\n\r\n",
                                 b"0\r\nTransfer-Encoding: chunked\r\n\r\n",
                                 b"0\r\nHost: elsewhere\r\n\r\n"])
def test_a_trailer_does_not_change_the_framing(server, end):
    """The server may ignore or refuse such a trailer. It must not misread the bytes after it."""
    with server.wire() as wire:
        wire.send(head("Transfer-Encoding: chunked") + chunked(BODY, end=end)
                  + head("Connection: close", method="GET", target="/healthz"))
        responses = wire.responses_until_closed()
    statuses = [r.status for r in responses]
    assert statuses in ([200, 200], [400]), responses
    server.count_accepted(statuses.count(200) // 2)
    assert_nothing_counted(server)


def test_a_post_without_a_body_is_refused(server):
    with server.wire() as wire:
        wire.send(head("Content-Length: 0"))
        assert_problem(wire.response("POST"), 400)
    with server.wire() as wire:
        wire.send(head())
        response = wire.response("POST")
        assert response.status in (400, 411), response
    assert_nothing_counted(server)


@pytest.mark.parametrize("request_head", [
    head(f"Content-Length: {len(SMUGGLED)}", target="/nowhere"),
    head(f"Content-Length: {len(SMUGGLED)}", method="GET", target="/healthz"),
    head(f"Content-Length: {len(SMUGGLED)}", method="DELETE", target="/v1/scores"),
    head(f"Content-Length: {len(SMUGGLED)}", "Content-Type: text/plain",
         default_fields=("Host: localhost",)),
], ids=["404", "GET with a body", "405", "415"])
def test_a_body_that_is_not_wanted_is_never_taken_for_a_request(server, request_head):
    with server.wire() as wire:
        wire.send(request_head + SMUGGLED
                  + head("Connection: close", method="GET", target="/nowhere/either"))
        responses = wire.responses_until_closed()
    # The server answers the second request, or closes the connection after the first.
    assert [r.status for r in responses][1:] in ([404], []), responses
    assert_nothing_counted(server)


def test_a_client_gone_in_the_middle_of_its_body_is_forgotten(server):
    for sent in (b"POST /v1/ent", head(LENGTH), POST[:-1],
                 head("Transfer-Encoding: chunked") + b"%x\r\n%s" % (len(BODY), BODY)):
        with server.wire() as wire:
            wire.send(sent)
    assert_nothing_counted(server)


# Expect.

@pytest.mark.parametrize("expectation", ["100-continue", "100-Continue"])
@pytest.mark.parametrize("framing, body", [(LENGTH, BODY),
                                           ("Transfer-Encoding: chunked", chunked(BODY))],
                         ids=["length", "chunked"])
def test_100_continue_comes_before_the_body(server, expectation, framing, body):
    with server.wire() as wire:
        wire.send(head(framing, f"Expect: {expectation}"))
        assert wire.response("POST").status == 100
        wire.send(body)
        assert wire.response("POST").status == 200
        wire.send(GET)
        assert wire.response().status == 200
    server.count_accepted(1)
    server.scores_of_all_accepted()


def test_a_client_that_does_not_wait_for_100_continue_is_answered(server):
    with server.wire() as wire:
        wire.send(head(LENGTH, "Expect: 100-continue") + BODY)
        response = wire.response("POST")
        if response.status == 100:
            response = wire.response("POST")
        assert response.status == 200, response
    server.count_accepted(1)
    server.scores_of_all_accepted()


def test_http_1_0_is_not_sent_a_100_continue(server):
    with server.wire() as wire:
        wire.send(head(LENGTH, "Expect: 100-continue", version="HTTP/1.0") + BODY)
        assert wire.response("POST").status == 200
    server.count_accepted(1)
    server.scores_of_all_accepted()


def test_a_body_too_large_is_refused_without_asking_for_it(server):
    with server.wire() as wire:
        wire.send(head("Content-Length: 10485760", "Expect: 100-continue"))
        assert_problem(wire.response("POST"), 413)
    assert_nothing_counted(server)


@pytest.mark.parametrize("expectation", ["200-ok", "100-continue-please", "x=y"])
def test_other_expectations_are_refused(server, expectation):
    with server.wire() as wire:
        wire.send(head(LENGTH, f"Expect: {expectation}", "Connection: close") + BODY)
        assert_problem(wire.response("POST"), 417)
    assert_nothing_counted(server)


# Connections that carry many requests.

def test_a_connection_carries_many_requests(server):
    with server.wire() as wire:
        for _ in range(20):
            wire.send(POST)
            assert wire.response("POST").status == 200
            wire.send(GET)
            assert wire.response().status == 200
    server.count_accepted(20)
    server.scores_of_all_accepted()


def test_pipelined_requests_are_answered_in_their_order(server):
    ids = [str(uuid.uuid4()) for _ in range(1000)]
    requests = b"".join(with_length(as_json(entry(id=i))) for i in ids)
    with server.wire() as wire:
        sender = threading.Thread(target=wire.send, args=(requests,), daemon=True)
        sender.start()
        answered = [wire.response("POST").json()["id"] for _ in ids]
        sender.join()
    assert answered == ids
    server.count_accepted(len(ids))
    server.scores_of_all_accepted()


def test_pipelined_requests_of_every_kind_keep_their_order(server):
    """Quick answers (a 404, the score) must not overtake answers that wait for the disk."""
    get = dict(method="GET", default_fields=("Host: localhost",))
    kinds = [
        ("POST", POST, 200),
        ("GET", head(target="/nowhere", **get), 404),
        ("POST", with_length(b"{"), 400),
        ("POST", head("Transfer-Encoding: chunked") + chunked(BODY), 200),
        ("HEAD", head(target="/v1/scores", method="HEAD",
                      default_fields=("Host: localhost",)), 200),
        ("POST", with_length(as_json(entry(discipline=9))), 422),
        ("GET", head(target="/v1/contest", **get), 200),
        ("DELETE", head(target="/v1/scores", method="DELETE",
                        default_fields=("Host: localhost",)), 405),
    ] * 10
    with server.wire() as wire:
        wire.send(b"".join(request for _, request, _ in kinds))
        assert [wire.response(method).status for method, _, _ in kinds] == [s for *_, s in kinds]
    server.count_accepted(20)
    server.scores_of_all_accepted()


def test_a_request_may_arrive_byte_by_byte(server):
    request = head("Transfer-Encoding: chunked") + chunked(BODY[:7], BODY[7:])
    with server.wire() as wire:
        for i in range(len(request)):
            wire.send(request[i:i + 1])
        assert wire.response("POST").status == 200
    server.count_accepted(1)
    server.scores_of_all_accepted()


def test_requests_may_arrive_in_pieces_cut_anywhere(server, rng):
    requests = b"".join(POST + head("Transfer-Encoding: chunked") + chunked(BODY[:9], BODY[9:])
                        for _ in range(50))
    with server.wire() as wire:
        while requests:
            cut = rng.randint(1, 300)
            wire.send(requests[:cut])
            requests = requests[cut:]
        assert [wire.response("POST").status for _ in range(100)] == [200] * 100
    server.count_accepted(100)
    server.scores_of_all_accepted()


def test_connection_close_is_honoured_and_nothing_after_it_is_run(server):
    with server.wire() as wire:
        wire.send(with_length(BODY, "Connection: close") + SMUGGLED)
        (response,) = wire.responses_until_closed()
    assert response.status == 200, response
    assert response.headers["Connection"].lower() == "close"
    server.count_accepted(1)
    assert_nothing_counted(server)


def test_an_empty_line_before_a_request_is_ignored(server):
    assert_accepted(server, b"\r\n" + POST)


def test_the_absolute_form_of_a_target_is_accepted(server):
    assert_accepted(server, with_length(BODY, target="http://localhost/v1/entries"))


# Other hosts: a page of another site whose name leads to 127.0.0.1 (DNS rebinding).

def answer_for(server, host, target="/healthz", method="GET", version="HTTP/1.1"):
    with server.wire() as wire:
        wire.send(f"{method} {target} {version}\r\nHost: {host}\r\n\r\n".encode())
        return wire.response(method)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]", "LOCALHOST"])
@pytest.mark.parametrize("port", ["", ":8080", ":65535"])
def test_the_names_of_the_loopback_address_are_allowed_with_any_port(server, host, port):
    assert answer_for(server, host + port).status == 200


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8080", "192.0.2.1", "",
                                  "localhost.evil.example", "localhost@evil.example"])
@pytest.mark.parametrize("target", ["/", "/v1/scores", "/v1/scores/stream", "/healthz", "/readyz",
                                    "/metrics", "/nowhere"])
def test_another_host_gets_421_that_names_the_flag(server, host, target):
    answer = answer_for(server, host, target)
    assert_problem(answer, 421)
    assert "--allowed-hosts" in answer.json()["detail"]


def test_an_entry_for_another_host_is_not_counted(server):
    fields = ("Host: evil.example", "Content-Type: application/json")
    with server.wire() as wire:
        wire.send(with_length(BODY, default_fields=fields)
                  + head("Transfer-Encoding: chunked", default_fields=fields) + chunked(BODY)
                  + POST)
        assert [wire.response("POST").status for _ in range(3)] == [421, 421, 200]
    server.count_accepted(1)
    server.scores_of_all_accepted()


def test_the_authority_of_a_target_counts_and_not_the_host(server):
    assert answer_for(server, "localhost", target="http://evil.example/healthz").status == 421
    assert answer_for(server, "evil.example", target="http://localhost:1/healthz").status == 200


def test_a_request_of_http_1_0_for_another_host_gets_421(server):
    assert answer_for(server, "evil.example", version="HTTP/1.0").status == 421


def test_listed_hosts_are_allowed_besides_the_loopback_names(start):
    server = start("--allowed-hosts", "contest.example,192.0.2.1")
    for host in ("contest.example", "Contest.Example:443", "192.0.2.1:80", "localhost"):
        assert answer_for(server, host).status == 200, host
    assert_problem(answer_for(server, "evil.example"), 421)


def test_a_star_allows_every_host(start):
    assert answer_for(start("--allowed-hosts", "*"), "evil.example").status == 200


def test_a_server_beyond_loopback_allows_every_host_until_it_has_a_list(start, tmp_path):
    published = start(listen="0.0.0.0:0")
    assert answer_for(published, "contest.example").status == 200
    listed = start("--allowed-hosts", "contest.example", listen="0.0.0.0:0",
                   data=tmp_path / "other")
    assert answer_for(listed, "contest.example").status == 200
    assert answer_for(listed, "127.0.0.1").status == 200
    assert_problem(answer_for(listed, "evil.example"), 421)


# HTTP/1.0 and HEAD.

def test_http_1_0_is_served_without_a_host_and_closed(server):
    with server.wire() as wire:
        wire.send(with_length(BODY, version="HTTP/1.0",
                              default_fields=("Content-Type: application/json",)))
        (response,) = wire.responses_until_closed()
    assert response.status == 200, response
    server.count_accepted(1)
    server.scores_of_all_accepted()


def test_http_1_0_keeps_the_connection_only_where_the_answer_says_so(server):
    request = with_length(BODY, "Connection: keep-alive", version="HTTP/1.0")
    with server.wire() as wire:
        wire.send(request)
        response = wire.response("POST")
        assert response.status == 200, response
        server.count_accepted(1)
        if response.headers.get("Connection", "").lower() == "keep-alive":
            wire.send(request)
            assert wire.response("POST").status == 200
            server.count_accepted(1)
        else:
            assert wire.is_closed_by_server()
    server.scores_of_all_accepted()


@pytest.mark.parametrize("target", ["/", "/v1/scores", "/v1/contest", "/metrics"])
def test_http_1_0_is_not_sent_chunks(server, target):
    with server.wire() as wire:
        wire.send(head(method="GET", target=target, version="HTTP/1.0", default_fields=()))
        (response,) = wire.responses_until_closed()
    assert response.status == 200, response
    assert "Transfer-Encoding" not in response.headers
    assert response.body


def test_chunks_in_http_1_0_end_the_connection(server):
    """RFC 9112 6.1: such framing is faulty. After any answer nothing more may follow."""
    with server.wire() as wire:
        wire.send(head("Transfer-Encoding: chunked", "Connection: keep-alive", version="HTTP/1.0")
                  + chunked(BODY) + SMUGGLED)
        (response,) = wire.responses_until_closed()
    assert response.status in (200, 400, 501), response
    server.count_accepted(1 if response.status == 200 else 0)
    assert_nothing_counted(server)


@pytest.mark.parametrize("target", ["/", "/healthz", "/readyz", "/v1/contest", "/nowhere"])
def test_head_is_get_without_the_body(server, target):
    fields = dict(target=target, default_fields=("Host: localhost",))
    with server.wire() as wire:
        wire.send(head(method="HEAD", **fields) + head(method="GET", **fields))
        head_answer, get_answer = wire.response("HEAD"), wire.response("GET")
    assert head_answer.status == get_answer.status
    assert head_answer.headers["Content-Type"] == get_answer.headers["Content-Type"]
    if "Content-Length" in head_answer.headers:
        assert head_answer.headers["Content-Length"] == get_answer.headers["Content-Length"]


@pytest.mark.parametrize("request_bytes", [GET, POST, with_length(b"{"), head(
    method="GET", target="/nowhere")], ids=["GET", "POST", "400", "404"])
def test_answers_carry_the_date(server, request_bytes):
    """RFC 9110 6.6.1: an origin server with a clock sends one."""
    with server.wire() as wire:
        wire.send(request_bytes)
        response = wire.response()
    server.count_accepted(1 if request_bytes == POST else 0)
    date = email.utils.parsedate_to_datetime(response.headers["Date"])
    assert abs(date.timestamp() - time.time()) < 60


# Slow clients.

@pytest.fixture(scope="module")
def impatient(tmp_path_factory):
    """A server that waits 1 s for a request and 1 s for the next."""
    data = tmp_path_factory.mktemp("impatient") / "data"
    with Server(data, "--receive-timeout", "1s", "--idle-timeout", "1s") as running:
        yield running


HALVES = {
    "in the request line": b"POST /v1/entr",
    "in the head": b"POST /v1/entries HTTP/1.1\r\nHost: esta",
    "before the body": head(LENGTH),
    "in the body": POST[:-1],
    "in a chunk size": head("Transfer-Encoding: chunked") + b"2",
    "in a chunk": head("Transfer-Encoding: chunked") + b"%x\r\n{" % len(BODY),
    "before the last chunk": head("Transfer-Encoding: chunked") + chunked(BODY, end=b""),
}


@pytest.mark.parametrize("name", HALVES)
def test_a_request_not_received_in_time_is_cut_off(impatient, name):
    with impatient.wire() as wire:
        started = time.monotonic()
        wire.send(HALVES[name])
        (response,) = wire.responses_until_closed()
    assert_problem(response, 408)
    assert time.monotonic() - started >= 0.9
    assert_nothing_counted(impatient)


def test_a_trickle_of_bytes_does_not_put_the_deadline_off(impatient):
    """Each byte comes before the deadline, but the deadline is for the whole request."""
    request = head(LENGTH, "X-Slow: " + "a" * 600) + BODY
    with impatient.wire() as wire:
        for i in range(len(request)):
            wire.send_until_refused(request[i:i + 1])
            answered, _, _ = select.select([wire.socket], [], [], 0.05)
            if answered:
                break
        assert i < len(request) - 1, "the server waited for a request that took half a minute"
        assert_problem(wire.response(), 408)
    assert_nothing_counted(impatient)


def test_a_silent_connection_is_closed(impatient):
    with impatient.wire() as wire:
        assert wire.is_closed_by_server()


def test_a_connection_idle_after_a_request_is_closed_without_a_word(impatient):
    with impatient.wire() as wire:
        wire.send(GET)
        assert wire.response().status == 200
        assert wire.is_closed_by_server()


def test_slow_clients_do_not_slow_the_others(impatient):
    with contextlib.ExitStack() as stack:
        for _ in range(50):
            stack.enter_context(impatient.wire()).send(POST[:-1])
        for _ in range(20):
            assert impatient.post(entry()).status == 200
    impatient.scores_of_all_accepted()


# Crowds.

def ask(wire):
    wire.send(GET)
    return wire.response().status


def is_refused(server):
    """Returns whether the server refuses a new connection at once, in any way."""
    try:
        with server.wire() as wire:
            return ask(wire) == 503
    except (ConnectionEnded, ConnectionError):
        return True


def test_connections_over_the_limit_are_refused_without_hurting_the_others(start):
    server = start("--max-connections", "8")
    with contextlib.ExitStack() as stack:
        wires = [stack.enter_context(server.wire()) for _ in range(8)]
        assert [ask(wire) for wire in wires] == [200] * 8
        for _ in range(50):
            assert is_refused(server), "a ninth connection was served"
        assert [ask(wire) for wire in wires] == [200] * 8
        wires[0].send(POST)
        assert wires[0].response("POST").status == 200
    wait_until(lambda: not is_refused(server), "room for a connection once the others left")
    server.count_accepted(1)
    wait_until(lambda: server.post(entry()).status == 200, "entries are taken again")


def test_five_hundred_connections_are_served_at_once(server):
    with contextlib.ExitStack() as stack:
        wires = [stack.enter_context(server.wire()) for _ in range(500)]
        for wire in wires:
            wire.send(POST)
        assert {wire.response("POST").status for wire in wires} == {200}
    server.count_accepted(500)
    server.scores_of_all_accepted()
