"""HTTP/2 as frames on a socket: a gRPC client that sends what a test wants, as far as it may.

`Http2` is one plain connection. It obeys flow control (RFC 9113), so a server never ends it for too
many bytes. It never blocks: pump() sends and receives what goes at once.
"""

import dataclasses
import socket
import struct

from deadlines import seconds

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE = 0, 1, 3, 4, 6, 7, 8
ACK, END_STREAM, END_HEADERS = 1, 1, 4
SETTINGS_MAX_CONCURRENT_STREAMS, SETTINGS_INITIAL_WINDOW_SIZE = 3, 4
INITIAL_WINDOW = 65535
FRAME_MAX = 16384  # every server takes frames of this size
SEND_BUFFER_MAX = 2**18


def frame(kind, flags, stream, payload):
    return struct.pack(">IBI", len(payload) << 8 | kind, flags, stream) + payload


def header(name, value):
    """A header in HPACK, as a literal that is never indexed."""
    return b"".join([b"\x10", bytes([len(name)]), name, bytes([len(value)]), value])


def message_of(size):
    """The prefix of a gRPC message of `size` bytes."""
    return struct.pack(">BI", 0, size)


@dataclasses.dataclass
class Stream:
    window: int
    unsent: bytes | memoryview = b""
    sent: int = 0
    received: bytes = b""
    is_over: bool = False  # the server has ended or reset it


class Http2:
    def __init__(self, address, source=None, within=60):
        """`source` is the client's own host; None lets the system choose."""
        self.socket = socket.create_connection(address, timeout=seconds(within),
                                               source_address=source and (source, 0))
        self.socket.setblocking(False)
        self.outgoing = bytearray(PREFACE + frame(SETTINGS, 0, 0, b""))
        self.incoming = bytearray()
        self.streams = {}
        self.window = INITIAL_WINDOW
        self.initial_window = INITIAL_WINDOW
        self.settings = {}  # the server's
        self.is_closed = False

    def open(self, method):
        """Begins a call of a gRPC method, and returns its stream."""
        number = 2 * len(self.streams) + 1
        headers = [(b":method", b"POST"), (b":scheme", b"http"), (b":path", method.encode()),
                   (b":authority", b"localhost"), (b"te", b"trailers"),
                   (b"content-type", b"application/grpc")]
        self.outgoing += frame(HEADERS, END_HEADERS, number,
                               b"".join(header(*pair) for pair in headers))
        self.streams[number] = Stream(self.initial_window)
        return self.streams[number]

    def ping(self):
        self.outgoing += frame(PING, 0, 0, bytes(8))

    def pump(self):
        """Sends and receives what goes at once. Returns whether anything went."""
        if self.is_closed:
            return False
        try:
            return self._receive() | self._send()
        except OSError:
            self.is_closed = True
            return False

    def _send(self):
        for number, stream in self.streams.items():
            while not stream.is_over and len(self.outgoing) < SEND_BUFFER_MAX:
                size = min(len(stream.unsent), stream.window, self.window, FRAME_MAX)
                if size <= 0:
                    break
                self.outgoing += frame(DATA, 0, number, bytes(stream.unsent[:size]))
                stream.unsent = memoryview(stream.unsent)[size:]
                stream.sent += size
                stream.window -= size
                self.window -= size
        try:
            size = self.socket.send(self.outgoing) if self.outgoing else 0
        except BlockingIOError:
            return False
        del self.outgoing[:size]
        return size > 0

    def _receive(self):
        try:
            chunk = self.socket.recv(2**20)
        except BlockingIOError:
            return False
        if not chunk:
            self.is_closed = True
        self.incoming += chunk
        while len(self.incoming) >= 9:
            head, flags, number = struct.unpack_from(">IBI", self.incoming)
            size = head >> 8
            if len(self.incoming) < 9 + size:
                break
            self._take(head & 0xFF, flags, number & 0x7FFFFFFF, bytes(self.incoming[9:9 + size]))
            del self.incoming[:9 + size]
        return True

    def _take(self, kind, flags, number, payload):
        stream = self.streams.get(number)
        if kind == SETTINGS and not flags & ACK:
            for at in range(0, len(payload), 6):
                self._set(*struct.unpack_from(">HI", payload, at))
            self.outgoing += frame(SETTINGS, ACK, 0, b"")
        elif kind == PING and not flags & ACK:
            self.outgoing += frame(PING, ACK, 0, payload)
        elif kind == WINDOW_UPDATE:
            more, = struct.unpack(">I", payload)
            if number == 0:
                self.window += more
            elif stream is not None:
                stream.window += more
        elif kind == DATA and stream is not None:
            stream.received += payload
        if stream is not None and (kind == RST_STREAM
                                   or kind in (DATA, HEADERS) and flags & END_STREAM):
            stream.is_over = True

    def _set(self, setting, value):
        self.settings[setting] = value
        if setting == SETTINGS_INITIAL_WINDOW_SIZE:
            for stream in self.streams.values():
                stream.window += value - self.initial_window
            self.initial_window = value

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()
