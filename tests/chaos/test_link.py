"""The network of the chaos suite does what its faults claim."""

import contextlib
import socket
import threading

import pytest

from link import HOST, Network


PATIENCE_S = 60
SILENCE_S = 0.3  # a held link delivers nothing within this time


class Echo:
    """A server that sends back the bytes that it gets."""

    def __enter__(self):
        self.listener = socket.create_server((HOST, 0))
        self.address = self.listener.getsockname()
        self.arrived = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()
        return self

    def run(self):
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=self.echo, args=[self.listener.accept()[0]],
                                 daemon=True).start()

    def echo(self, connection):
        with connection, contextlib.suppress(OSError):
            while data := connection.recv(1 << 16):
                self.arrived.set()
                connection.sendall(data)

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join()


@pytest.fixture
def link():
    with Echo() as echo, Network() as network:
        made = network.link([echo.address])
        made.echo = echo
        yield made


def connect(link):
    connection = socket.create_connection((HOST, link.port))
    connection.settimeout(PATIENCE_S)
    return connection


def assert_echoes(connection, data=b"hello"):
    connection.sendall(data)
    assert connection.recv(len(data)) == data


def test_a_link_passes_on_what_it_gets_and_the_end_of_it(link):
    with connect(link) as connection:
        assert_echoes(connection)
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(5) == b""


def test_a_cut_link_resets_connections_old_and_new_until_it_heals(link):
    with connect(link) as old:
        assert_echoes(old)
        link.cut()
        with pytest.raises(ConnectionResetError):
            old.recv(1)
        with pytest.raises(ConnectionResetError), connect(link) as new:
            new.sendall(b"hello")
            new.recv(5)
    link.heal()
    with connect(link) as healed:
        assert_echoes(healed)


@pytest.mark.parametrize("ways, arrives", [({}, False), ({"requests": False}, True)])
def test_a_held_link_delivers_when_it_heals(link, ways, arrives):
    with connect(link) as connection:
        assert_echoes(connection, b"a")
        link.echo.arrived.clear()
        link.hold(**ways)
        connection.sendall(b"b")
        if arrives:
            assert link.echo.arrived.wait(PATIENCE_S)
        connection.settimeout(SILENCE_S)
        with pytest.raises(TimeoutError):
            connection.recv(1)
        assert link.echo.arrived.is_set() == arrives
        connection.settimeout(PATIENCE_S)
        link.heal()
        assert connection.recv(1) == b"b"


def test_a_link_that_heals_with_a_reset_has_lost_what_it_held(link):
    with connect(link) as connection:
        assert_echoes(connection, b"a")
        link.hold()
        connection.sendall(b"b")
        link.heal(reset=True)
        with pytest.raises(ConnectionResetError):
            connection.recv(1)
