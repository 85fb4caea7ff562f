"""A target of `estadio load` that answers wrongly, in a mode of its own."""

import itertools
import socket
import struct
import threading
import time

ID = "01a2091b-b90a-8001-8e5d-9379d5353ea9"


def answer(body, head=b""):
    return b"HTTP/1.1 200 OK\r\n%sContent-Length: %d\r\n\r\n%s" % (head, len(body), body)


def same_id(client, _):
    client.sendall(answer(b'{"id":"%s","outcome":"loser"}' % ID.encode()))


def accepted_0(client, _):
    client.sendall(answer(b'{"accepted":0,"winners":0,"losers":0,"repeated":0}'))


def other_id(client, number):
    client.sendall(answer(b'{"id":"01a2091b-b90a-7001-8e5d-%012d","outcome":"loser"}' % number))


def endless_head(client, _):
    client.sendall(b"HTTP/1.1 200 OK\r\n")
    while True:
        client.sendall(b"X-A: " + b"a" * 8000 + b"\r\n")


def endless_100(client, _):
    while True:
        client.sendall(b"HTTP/1.1 100 Continue\r\n\r\n" * 500)


def endless_chunks(client, _):
    client.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        client.sendall(b"1000\r\n" + b"a" * 4096 + b"\r\n")


def endless_body(client, _):
    client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        client.sendall(b"a" * 65536)


def huge_length(client, _):
    client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 999999999999\r\n\r\nab")


def no_body(client, _):
    client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")


def two_answers(client, number):
    body = b'{"id":"01a2091b-b90a-8001-8e5d-%012d","outcome":"loser"}' % number
    client.sendall(answer(body) * 2)


def escapes(client, _):
    client.sendall(b"HTTP/1.1 200 \x1b[31mRED\r\nContent-Length: 1\r\n\r\nx")


def escapes_in_body(client, _):
    client.sendall(answer(b'{"id":"\\u001b[31m\xe2\x80\xae\xc2\x9b","outcome":"x"}'))


def drip(client, _):
    for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n":
        client.sendall(bytes([byte]))
        time.sleep(0.1)


def garbage(client, _):
    client.sendall(b"\x00\xff" * 3000)
    client.close()


def reset(client, _):
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


class LyingServer:
    """Answers each request by `mode`, a function of the client's socket and a number."""

    def __init__(self, mode):
        self.mode = mode
        self.numbers = itertools.count()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        try:
            while True:
                client, _ = self.listener.accept()
                threading.Thread(target=self.serve, args=(client,), daemon=True).start()
        except OSError:
            pass  # the listener is closed

    def serve(self, client):
        received = b""
        try:
            with client:
                while part := client.recv(65536):
                    received += part
                    while (rest := rest_after_request(received)) is not None:
                        received = rest
                        self.mode(client, next(self.numbers))
        except OSError:
            pass  # the client has gone

    def close(self):
        self.listener.close()


def rest_after_request(received):
    """Returns what follows the first request; None when it is not whole."""
    head, end, rest = received.partition(b"\r\n\r\n")
    if not end:
        return None
    length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
    return rest[length:] if len(rest) >= length else None
