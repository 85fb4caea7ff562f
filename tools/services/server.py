"""A third-party server as a child process, on the loopback address, with its own data folder.

A Server keeps its port and its data over any number of starts, so that clients find it again after
a kill -9. Its log is DATA/server.log. DATA/lock is locked while it runs, so that no second server
starts on the same data.

Threads: a Server belongs to the thread that starts it, and that thread must outlive it. The kernel
kills the process when that thread ends in any way, so that no process is left.
"""

import collections
import contextlib
import fcntl
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import subprocess
import time

HOST = "127.0.0.1"

# The range of free ports: above the well-known ports, and below the ports that the system gives to
# clients. Else a client that calls a stopped server could get the server's own port and connect to
# itself.
FIRST_FREE_PORT = 20000
CLIENT_PORTS = pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range")
FREE_PORT_TRIES = 100
# The claims of the ports that this process chose last. Older ports are in use or no longer needed.
claims = collections.deque(maxlen=256)

# Seconds for one request to a server that may be down or paused.
ANSWER_S = 1
POLL_S = 0.02
SETTING_KEY = re.compile(r"[A-Za-z0-9._-]+")
# The bytes of a log that an error shows.
TAIL_LINES = 20
TAIL_BYTES = 16384


class Failed(Exception):
    """The server failed. The message has the reason."""


class Missing(Failed):
    """A program is not installed. The message says how to install it."""


def program(name, group):
    """Returns the path of a program that tools/deps GROUP installs."""
    path = shutil.which(name)
    if path is None:
        raise Missing(f"{name} is missing: tools/deps {group}")
    return path


def is_free(port):
    with socket.socket() as probe:
        # The remains of a killed server do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def reserve(port):
    """Reserves the port against free_port() of other processes, while this process runs. Returns False
    when another process has it already."""
    claim = socket.socket(socket.AF_UNIX)
    try:
        claim.bind(f"\0olimpiadas-port-{port}")  # a name without a file, which ends with its process
    except OSError:
        claim.close()
        return False
    claims.append(claim)
    return True


def free_port(other_than=()):
    """Returns a port without a listener. The system gives it to no client, and this function gives
    it to no other process, so a server may listen on it much later."""
    try:
        end = int(CLIENT_PORTS.read_text().split()[0])
    except (OSError, ValueError, IndexError):
        end = 32768
    if end <= FIRST_FREE_PORT:  # this machine gives all of them to clients
        end = 65536
    for _ in range(FREE_PORT_TRIES):
        port = random.SystemRandom().randrange(FIRST_FREE_PORT, end)
        if port not in other_than and is_free(port) and reserve(port):
            return port
    raise Failed(f"found no free port from {FIRST_FREE_PORT} to {end - 1}")


def receive(connection, size):
    """Returns exactly `size` bytes. Raises an OSError when the other side ends before."""
    data = b""
    while len(data) < size:
        chunk = connection.recv(size - len(data))
        if not chunk:
            raise ConnectionError("the connection ended in the middle of an answer")
        data += chunk
    return data


class RunsInContext:
    """A part that is a context manager: it starts, and stops at the end."""

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, *_):
        # After a failure the end of the server must not hide the failure.
        if kind is None:
            self.stop()
        else:
            self.kill()


class Server(RunsInContext):
    """The common parts of Kafka and Redis. As a context manager it starts and then stops the server.

    `port` 0 takes a free one. `settings` are added to the server's configuration. Those in FIXED are
    refused, because they keep the server on the loopback address and in its folder.
    """

    NAME = None
    FIXED = frozenset()  # settings that the caller may not change
    STOPPED = frozenset()  # exit statuses of a server that was asked to end
    START_S = 120
    STOP_S = 60

    def __init__(self, data, port=0, settings=None):
        self.data = pathlib.Path(data).resolve()
        self.log = self.data / "server.log"
        self.log_offset = 0  # the place in the log at which the latest start begins
        self.port = port or free_port()
        self.settings = {key: str(value) for key, value in (settings or {}).items()}
        for key, value in self.settings.items():
            if not SETTING_KEY.fullmatch(key) or len(value.splitlines()) > 1:
                raise Failed(f"this is no setting of one line: {key}={value!r}")
            if key.lower() in self.FIXED:
                raise Failed(f"{key} cannot be set; these are fixed: "
                             f"{', '.join(sorted(self.FIXED))}")
        self.process = None
        self.is_paused = False
        self.lock = None

    # Each kind of server implements these.

    def prepare(self):
        """Prepares the data folder. Returns the command to run in it."""
        raise NotImplementedError

    def answers(self, connection):
        """Asks on a new connection whether the server is ready. May raise an OSError."""
        raise NotImplementedError

    # Its state.

    @property
    def address(self):
        return f"{HOST}:{self.port}"

    @property
    def endpoint(self):
        return HOST, self.port

    @property
    def pid(self):
        """The pid of its process; None while it is not started."""
        return self.process and self.process.pid

    def parts(self):
        """Returns a line to print for each part of a cluster."""
        return []

    def is_running(self):
        """Returns whether its process lives, paused or not."""
        return self.process is not None and self.process.poll() is None

    def is_ready(self):
        """Returns whether the server answers within ANSWER_S that it is ready."""
        try:
            with socket.create_connection((HOST, self.port), timeout=ANSWER_S) as connection:
                return self.answers(connection)
        except OSError:
            return False

    def log_text(self):
        """Returns the log of the latest start."""
        try:
            with open(self.log, "rb") as log:
                log.seek(self.log_offset)
                return log.read().decode(errors="replace")
        except FileNotFoundError:
            return ""

    def log_tail(self):
        tail = self.log_text()[-TAIL_BYTES:].splitlines()[-TAIL_LINES:]
        return f"the end of {self.log}:\n" + "\n".join(f"  {line}" for line in tail)

    # Its life cycle.

    def start(self, within=None):
        """Starts the server and waits until it is ready. Else ends the process and raises Failed."""
        self.claim()
        try:
            self.launch(self.prepare())
            self.wait_until_ready(within)
        except BaseException:
            self.kill()
            raise
        return self

    def claim(self):
        """Locks the folder of a server that does not run, and checks that its port is free."""
        if self.is_running():
            raise Failed(f"{self.NAME} runs already on {self.address}")
        self.forget()
        self.hold_folder()
        if not is_free(self.port):
            self.forget()
            raise Failed(f"{self.address} is taken: give another port, or 0 for a free one")

    def launch(self, command):
        """Runs the command of prepare(). Does not wait until the server is ready."""
        with open(self.log, "ab") as log:
            self.log_offset = log.tell()
            # Its own session, so that Ctrl-C reaches only us.
            self.process = subprocess.Popen(
                [program("setpriv", self.NAME), "--pdeathsig", "KILL", *command], cwd=self.data,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)

    def wait_until_ready(self, within=None):
        """Waits until the server is ready, also after a pause.

        Raises Failed at the timeout, or when the server has ended."""
        within = within or self.START_S
        deadline = time.monotonic() + within
        while True:
            if self.process.poll() is not None:
                raise Failed(f"{self.NAME} ended with {self.process.returncode} before it served; "
                             f"{self.log_tail()}")
            if self.is_ready():
                return
            if time.monotonic() >= deadline:
                raise Failed(f"{self.NAME} did not serve within {within} s; {self.log_tail()}")
            time.sleep(POLL_S)

    def stop(self, within=None):
        """Stops the server and waits. Raises Failed after a bad end, or when it had ended before."""
        if self.process is None:
            return
        within = within or self.STOP_S
        if self.is_paused:
            self.resume()
        self.process.terminate()
        try:
            status = self.process.wait(within)
            ended = f"ended with {status}"
        except subprocess.TimeoutExpired:
            status = None
            ended = f"did not stop within {within} s and was killed"
        self.kill()
        if status not in self.STOPPED:
            raise Failed(f"{self.NAME} {ended}; {self.log_tail()}")

    def wait(self):
        """Waits for an unexpected end of the server, and then raises Failed."""
        status = self.process.wait()
        self.forget()
        raise Failed(f"{self.NAME} ended by itself with {status}; {self.log_tail()}")

    def kill(self):
        """Ends it as kill -9 does. Then its port and data are free. Does nothing when not started."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
        self.forget()

    def pause(self):
        """Sends SIGSTOP: the server keeps its connections and its port, and does nothing."""
        self.expect_running()
        if not self.is_paused:
            self.process.send_signal(signal.SIGSTOP)
            os.waitid(os.P_PID, self.process.pid, os.WSTOPPED)
            self.is_paused = True

    def resume(self):
        """Sends SIGCONT."""
        self.expect_running()
        self.process.send_signal(signal.SIGCONT)
        self.is_paused = False

    def expect_running(self):
        if not self.is_running():
            raise Failed(f"{self.NAME} does not run; {self.log_tail()}")

    # Its folder.

    def hold_folder(self):
        """Locks the data folder for this process."""
        self.data.mkdir(parents=True, exist_ok=True)
        lock = open(self.data / "lock", "a+", encoding="ascii")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            with lock:
                lock.seek(0)
                holder = lock.read().strip()
            raise Failed(f"{self.data} is in use by process {holder or '?'}: stop that one, or "
                         f"give another data folder") from None
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        self.lock = lock

    def forget(self):
        """Forgets a process that has ended, and unlocks its folder."""
        self.process = None
        self.is_paused = False
        if self.lock is not None:
            with contextlib.suppress(OSError):
                self.lock.close()
            self.lock = None
