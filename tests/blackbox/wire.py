"""HTTP/1.1 as bytes on a socket: the client sends exactly the bytes of the test.

`Wire` is one connection, plain or TLS. The test writes requests as bytes. `Wire` reads responses by
the framing rules of RFC 9112 and returns them as `Response`.
"""

import http.client
import io
import json
import socket

from deadlines import seconds


class Response:
    """One HTTP response, whole."""

    def __init__(self, status, headers, body, version="HTTP/1.1"):
        self.status = status
        self.headers = headers
        self.body = body
        self.version = version

    def json(self):
        return json.loads(self.body)

    def text(self):
        return self.body.decode("utf-8", errors="replace")

    @property
    def media_type(self):
        return self.headers.get("Content-Type", "").split(";")[0].strip().lower()

    def __repr__(self):
        return f"<{self.version} {self.status} {dict(self.headers)} {self.body[:600]!r}>"


class ConnectionEnded(Exception):
    """The server closed the connection where a response should have begun."""


def read_exactly(stream, count):
    data = stream.read(count)
    assert len(data) == count, f"connection ended {count - len(data)} bytes short of a whole body"
    return data


def read_chunked(stream):
    body = b""
    while True:
        size = int(stream.readline().split(b";")[0], 16)
        if size == 0:
            while stream.readline() not in (b"\r\n", b""):
                pass
            return body
        body += read_exactly(stream, size)
        assert stream.readline() == b"\r\n", "a chunk of the response does not end at its size"


def read_response(stream, method="GET"):
    """Reads one response to a `method` request. An interim (1xx) response counts as a response."""
    status_line = stream.readline()
    if not status_line:
        raise ConnectionEnded()
    version, status, _ = (status_line.rstrip(b"\r\n").decode("latin-1") + " ").split(" ", 2)
    assert version.startswith("HTTP/1."), f"not a status line: {status_line!r}"
    status = int(status)
    headers = http.client.parse_headers(stream)
    if method == "HEAD" or status < 200 or status in (204, 304):
        body = b""
    elif headers.get("Transfer-Encoding", "").lower() == "chunked":
        body = read_chunked(stream)
    elif "Content-Length" in headers:
        body = read_exactly(stream, int(headers["Content-Length"]))
    else:
        body = stream.read()
    return Response(status, headers, body, version)


class Wire:
    """One connection. A wait beyond the deadline raises TimeoutError and so fails the test."""

    def __init__(self, address, tls=None, within=60):
        self.socket = socket.create_connection(address, timeout=seconds(within))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_hostname=address[0])
        self.stream = self.socket.makefile("rb")

    def send(self, data):
        self.socket.sendall(data)

    def send_until_refused(self, data):
        """Sends `data`. A server that has already answered and closed is no error."""
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass

    def response(self, method="GET"):
        return read_response(self.stream, method)

    def responses_until_closed(self):
        """Returns all responses until the server closes the connection."""
        received = b""
        try:
            while chunk := self.stream.read1(65536):
                received += chunk
        except ConnectionResetError:
            pass
        stream, responses = io.BytesIO(received), []
        while stream.tell() < len(received):
            responses.append(read_response(stream))
        return responses

    def is_closed_by_server(self):
        """Waits for the server's next bytes. Returns whether they are the end of the connection."""
        try:
            return self.stream.read(1) == b""
        except ConnectionResetError:
            return True

    def close(self):
        self.stream.close()
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()


def assert_problem(response, status):
    """Checks that `response` is a whole RFC 9457 problem with `status`, and returns the problem."""
    assert response.status == status, response
    assert response.media_type == "application/problem+json", response
    problem = response.json()
    assert problem["status"] == status, problem
    for member in ("type", "title", "detail"):
        assert isinstance(problem[member], str) and problem[member], (member, problem)
    return problem
