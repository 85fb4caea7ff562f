"""TLS: the same service over HTTPS, with a certificate made here by the openssl command."""

import contextlib
import select
import shutil
import ssl

import pytest

from certificates import make_certificate
from deadlines import wait_until
from estadio import (NDJSON, Server, as_json, as_ndjson, assert_nothing_counted, entry,
                     random_entry, run_estadio)
from wire import Wire, assert_problem

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None,
                                reason="NOT TESTED, TLS: there is no openssl command")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    return make_certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture(scope="module")
def server(tmp_path_factory, certificate):
    """A TLS server. Every client of these tests checks its certificate."""
    cert, key = certificate
    with Server(tmp_path_factory.mktemp("tls") / "data", "--tls-cert", cert, "--tls-key", key,
                "--receive-timeout", "1s", "--idle-timeout", "10m",
                tls=ssl.create_default_context(cafile=cert)) as running:
        yield running


def test_entries_and_scores_go_over_tls(server, rng):
    assert server.post(entry()).status == 200
    assert server.post([random_entry(rng) for _ in range(100)]).status == 200
    server.scores_of_all_accepted()
    assert server.get("/").media_type == "text/html"


def test_a_body_of_many_records_goes_over_tls(server, rng):
    body = as_ndjson(random_entry(rng, student="x" * 100) for _ in range(10_000))
    assert len(body) > 2**20
    response = server.post(body, media_type=NDJSON)
    assert response.status == 200, response
    server.scores_of_all_accepted()


def test_a_connection_over_tls_is_kept_and_pipelined(server):
    body = as_json(entry())
    request = (b"POST /v1/entries HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
               b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
    with server.wire() as wire:
        wire.send(request * 50)
        assert [wire.response("POST").status for _ in range(50)] == [200] * 50
        wire.send(request)
        assert wire.response("POST").status == 200
    server.count_accepted(51)
    server.scores_of_all_accepted()


def test_a_request_may_come_a_byte_a_record(server):
    with server.wire() as wire:
        for byte in b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n":
            wire.send(bytes([byte]))
        assert wire.response().status == 200


def test_errors_over_tls_are_problems_too(server):
    assert_problem(server.post(b"{"), 400)
    assert_nothing_counted(server)


def test_the_stream_goes_over_tls(server):
    with contextlib.closing(server.connect()) as connection:
        connection.request("GET", "/v1/scores/stream")
        response = connection.getresponse()
        assert response.headers["Content-Type"].split(";")[0] == "text/event-stream"
        assert any(line.startswith(b"event:") for line in iter(response.readline, b""))


def test_a_client_without_the_certificate_is_the_one_that_refuses(server):
    with pytest.raises(ssl.SSLCertVerificationError):
        Wire(server.address, tls=ssl.create_default_context())
    assert server.get("/healthz").status == 200


@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
def test_both_current_versions_are_spoken(server, certificate, version):
    context = ssl.create_default_context(cafile=certificate[0])
    context.minimum_version = context.maximum_version = ssl.TLSVersion[version]
    with Wire(server.address, tls=context) as wire:
        assert wire.socket.version() == version.replace("_", ".")
        wire.send(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert wire.response().status == 200


def test_plain_http_is_not_served_on_the_tls_port(server):
    body = as_json(entry())
    received = b""
    with Wire(server.address) as wire:
        wire.send(b"POST /v1/entries HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json"
                  b"\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
        with contextlib.suppress(ConnectionResetError):
            while chunk := wire.stream.read1(4096):
                received += chunk
    # A TLS alert, a plain 400 or nothing at all.
    assert not received.startswith(b"HTTP/") or received.split()[1] == b"400", received
    assert_nothing_counted(server)


@pytest.mark.parametrize("sent", [b"", b"\x16\x03\x01", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc"],
                         ids=["nothing", "a record's head", "half a hello"])
def test_a_handshake_not_finished_in_time_is_cut_off(server, sent):
    with Wire(server.address) as wire:
        wire.send(sent)
        # An alert may come first. Then the end must come, else this read times out.
        with contextlib.suppress(ConnectionResetError):
            while wire.stream.read1(4096):
                pass
    assert server.get("/healthz").status == 200


def test_a_handshake_that_comes_byte_by_byte_is_cut_off_too(server):
    """Every byte is activity, but the handshake never ends."""
    def is_cut_off():
        try:
            wire.send(b"x")
            # A closed socket is readable. This one has nothing else to read.
            return select.select([wire.socket], [], [], 0.05)[0]
        except OSError:
            return True

    with Wire(server.address) as wire:
        wire.send(b"\x16\x03\x01\x3f\xff\x01\x00\x3f\xfb\x03\x03")
        wait_until(is_cut_off, "the end of a handshake that takes too long")
    assert server.get("/healthz").status == 200


@pytest.mark.parametrize("part", [
    b"Content-Length: 9\r\n\r\nhalf",
    b"Transfer-Encoding: chunked\r\n\r\n",
    b"Transfer-Encoding: chunked\r\n\r\n9\r\nhalf",
], ids=["length", "chunked, nothing of it", "chunked"])
def test_a_slow_body_gets_its_408_over_tls_too(server, part):
    with server.wire() as wire:
        wire.send(b"POST /v1/entries HTTP/1.1\r\nHost: localhost\r\n"
                  b"Content-Type: application/json\r\n" + part)
        assert_problem(wire.response("POST"), 408)
    assert_nothing_counted(server)


def test_garbage_for_a_handshake_hurts_no_other_client(server, rng):
    for _ in range(50):
        with contextlib.suppress(OSError), Wire(server.address) as wire:
            wire.send(rng.randbytes(200))
    assert server.post(entry()).status == 200
    server.scores_of_all_accepted()


def test_a_client_that_goes_without_a_goodbye_hurts_no_other(server):
    for _ in range(20):
        with server.wire() as wire:
            wire.send(b"POST /v1/entries HTTP/1.1\r\nHost: localhost\r\n")
            # Python closes the socket below TLS and sends no close_notify.
    assert server.post(entry()).status == 200
    server.scores_of_all_accepted()


def said_by(result):
    return result.stdout + result.stderr


def check(tmp_path, cert, key):
    return run_estadio("all", "--data", tmp_path / "data", "--http", "127.0.0.1:0",
                       "--tls-cert", cert, "--tls-key", key)


def test_a_key_of_another_certificate_is_refused_at_the_start(certificate, tmp_path):
    _, other_key = make_certificate(tmp_path, "other")
    result = check(tmp_path, certificate[0], other_key)
    assert result.returncode == 2, said_by(result)
    assert "tls" in said_by(result)


@pytest.mark.parametrize("missing", ["cert", "key"])
def test_a_file_that_is_missing_is_named(certificate, tmp_path, missing):
    cert, key = certificate
    nowhere = tmp_path / "nowhere.pem"
    result = check(tmp_path, nowhere if missing == "cert" else cert,
                   nowhere if missing == "key" else key)
    assert result.returncode == 2, said_by(result)
    assert str(nowhere) in said_by(result)


def test_a_file_that_is_no_certificate_is_named(certificate, tmp_path):
    rubbish = tmp_path / "rubbish.pem"
    rubbish.write_text("not a certificate")
    result = check(tmp_path, rubbish, certificate[1])
    assert result.returncode == 2, said_by(result)
    assert str(rubbish) in said_by(result)
