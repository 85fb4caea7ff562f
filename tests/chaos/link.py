"""A network between processes, which a test can cut: each Link is a TCP proxy on the loopback address.

A link's servers and clients do not know of it. They see the faults of a network: a reset, or silence
in one direction or in both. A held link delivers the waiting bytes when it heals, as TCP does.

Threads: asyncio runs on one thread of the Network. Any other thread may call the methods of Network
and Link.
"""

import asyncio
import itertools
import socket
import struct
import threading

from services.server import HOST, free_port

CHUNK = 1 << 16
BACKLOG = 1024
# A close resets the connection at once.
RESET = struct.pack("ii", 1, 0)


class Network:
    """The links. They end with the network, which is a context manager."""

    def __enter__(self):
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, name="network")
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.call(self.end_tasks())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()

    async def end_tasks(self):
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def call(self, coroutine):
        """Runs the coroutine on the network's thread and returns its result."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result()

    def link(self, targets=()):
        """Returns a link to (host, port) pairs, which get its connections in turn. Without pairs
        the link resets connections until lead_to() names some."""
        made = Link(self, targets, free_port())
        self.call(made.open())
        return made


class Link:
    """A connection path between two kinds of processes."""

    def __init__(self, network, targets, port):
        self.network = network
        self.lead_to(targets)
        self.port = port
        self.is_cut = False
        self.connections = set()  # pairs of writers: to the client, to the server

    @property
    def address(self):
        return f"{HOST}:{self.port}"

    def lead_to(self, targets):
        self.targets = itertools.cycle(targets) if targets else None

    # The faults of the link.

    def cut(self):
        """Resets every connection, old and new, until heal()."""
        self.network.call(self.set(is_cut=True))

    def hold(self, requests=True, answers=True):
        """Lets no byte through, in both directions or in one, until heal()."""
        self.network.call(self.set(requests=not requests, answers=not answers))

    def heal(self, reset=False):
        """Ends the fault. With `reset` it resets the old connections; new ones work."""
        self.network.call(self.set(reset=reset))

    def close(self):
        self.network.call(self.end())

    # On the network's thread.

    async def open(self):
        self.requests, self.answers = asyncio.Event(), asyncio.Event()
        await self.set()
        self.server = await asyncio.start_server(self.serve, HOST, self.port, backlog=BACKLOG)

    async def end(self):
        self.server.close()
        await self.server.wait_closed()
        await self.set(is_cut=True)

    async def set(self, is_cut=False, reset=False, requests=True, answers=True):
        self.is_cut = is_cut
        for gate, is_open in ((self.requests, requests), (self.answers, answers)):
            gate.set() if is_open else gate.clear()
        if is_cut or reset:
            for writer in [writer for pair in self.connections for writer in pair]:
                abort(writer)

    async def serve(self, reader, writer):
        if self.is_cut or self.targets is None:
            return abort(writer)
        await self.requests.wait()
        try:
            target_reader, target_writer = await asyncio.open_connection(*next(self.targets))
        except OSError:
            return abort(writer)
        pair = (writer, target_writer)
        self.connections.add(pair)
        pumps = [asyncio.create_task(pump(reader, target_writer, self.requests)),
                 asyncio.create_task(pump(target_reader, writer, self.answers))]
        end = abort
        try:
            if not self.is_cut:
                await asyncio.gather(*pumps)
                end = asyncio.StreamWriter.close
        except OSError:
            pass  # one side is gone, so the other goes too
        finally:
            self.connections.discard(pair)
            for each in pumps:
                each.cancel()
            for each in pair:
                end(each)


async def pump(reader, writer, gate):
    while data := await reader.read(CHUNK):
        await gate.wait()
        writer.write(data)
        await writer.drain()
    await gate.wait()
    writer.write_eof()


def abort(writer):
    own_socket = writer.get_extra_info("socket")
    if own_socket is not None and own_socket.fileno() >= 0:
        own_socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    writer.transport.abort()
