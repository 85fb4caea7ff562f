"""A server of others as a process of ours, on the loopback address, with a data folder of its own.

A Server keeps its port and its data over any number of starts, so that clients find it again after
a kill -9. Its log is DATA/server.log; DATA/lock is locked while it runs, so that no second one
starts on the same data.

Threads: a Server belongs to the thread that starts it, and that thread must outlive it. The process
is killed when that thread ends, however that comes, so that nothing is left running.
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

# Where free ports are looked for: above those that people know, below those that the system gives
# to clients. A client that calls a server which is down would else take the server's own port
# now and then, and even be connected to itself.
FIRST_FREE_PORT = 20000
CLIENT_PORTS = pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range")
FREE_PORT_TRIES = 100
# The claims of the ports that this process chose last. Older ports are in use by now, or given up.
claims = collections.deque(maxlen=256)

# One question to a server that may be down or paused.
ANSWER_S = 1
POLL_S = 0.02
SETTING_KEY = re.compile(r"[A-Za-z0-9._-]+")
# What is told of a log.
TAIL_LINES = 20
TAIL_BYTES = 16384


class Failed(Exception):
    """It cannot go on; the message says why."""


class Missing(Failed):
    """Something is not installed; the message says how to install it."""


def program(name, group):
    """The path of a program that tools/deps GROUP installs."""
    path = shutil.which(name)
    if path is None:
        raise Missing(f"{name} is missing: tools/deps {group}")
    return path


def is_free(port):
    with socket.socket() as probe:
        # What is left of a server that was killed does not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def reserve(port):
    """Keeps other processes that ask free_port() from this port, as long as this one runs; False
    when another has it already."""
    claim = socket.socket(socket.AF_UNIX)
    try:
        claim.bind(f"\0olimpiadas-port-{port}")  # a name without a file, which ends with its process
    except OSError:
        claim.close()
        return False
    claims.append(claim)
    return True


def free_port(other_than=()):
    """A port that nobody listens on, that the system will not give to a client meanwhile, and that
    no other process gets from here: a server may listen on it much later."""
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
    """Exactly `size` bytes; an OSError when the other side ends before."""
    data = b""
    while len(data) < size:
        chunk = connection.recv(size - len(data))
        if not chunk:
            raise ConnectionError("the connection ended in the middle of an answer")
        data += chunk
    return data


class Server:
    """What Kafka and Redis have in common. As a context manager it is started, then stopped.

    `port` 0 takes a free one. `settings` are added to the server's own configuration, but for
    those in FIXED, which keep it on the loopback address, in its folder and within our reach.
    """

    NAME = None
    FIXED = frozenset()  # settings that are not the caller's
    STOPPED = frozenset()  # exit statuses of a server that was asked to end
    START_S = 120
    STOP_S = 60

    def __init__(self, data, port=0, settings=None):
        self.data = pathlib.Path(data).resolve()
        self.log = self.data / "server.log"
        self.log_offset = 0  # where the log of the latest start begins
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

    # What a kind of server says of itself.

    def prepare(self):
        """Makes the data folder ready; returns the command to run within it."""
        raise NotImplementedError

    def answers(self, connection):
        """Asks on a new connection whether it is ready to serve; may raise an OSError."""
        raise NotImplementedError

    # What it is.

    @property
    def address(self):
        return f"{HOST}:{self.port}"

    @property
    def endpoint(self):
        return HOST, self.port

    @property
    def pid(self):
        """Its process; None while it is not started."""
        return self.process and self.process.pid

    def is_running(self):
        """Whether its process lives, paused or not."""
        return self.process is not None and self.process.poll() is None

    def is_ready(self):
        """Whether it answers that it serves, within ANSWER_S."""
        try:
            with socket.create_connection((HOST, self.port), timeout=ANSWER_S) as connection:
                return self.answers(connection)
        except OSError:
            return False

    def log_text(self):
        """The log of the latest start."""
        try:
            with open(self.log, "rb") as log:
                log.seek(self.log_offset)
                return log.read().decode(errors="replace")
        except FileNotFoundError:
            return ""

    def log_tail(self):
        tail = self.log_text()[-TAIL_BYTES:].splitlines()[-TAIL_LINES:]
        return f"the end of {self.log}:\n" + "\n".join(f"  {line}" for line in tail)

    # What becomes of it.

    def start(self, within=None):
        """Runs it until it is ready; Failed, and nothing left running, when that does not come."""
        if self.is_running():
            raise Failed(f"{self.NAME} runs already on {self.address}")
        self.forget()
        self.hold_folder()
        try:
            if not is_free(self.port):
                raise Failed(f"{self.address} is taken: give another port, or 0 for a free one")
            command = [program("setpriv", self.NAME), "--pdeathsig", "KILL", *self.prepare()]
            with open(self.log, "ab") as log:
                self.log_offset = log.tell()
                # Its own session, so that Ctrl-C reaches only us.
                self.process = subprocess.Popen(
                    command, cwd=self.data, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                    start_new_session=True)
            self.wait_until_ready(within)
        except BaseException:
            self.kill()
            raise
        return self

    def wait_until_ready(self, within=None):
        """Also for a server that was paused; Failed when it does not come, or has ended."""
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
        """Asks it to end, and waits for that; Failed when it does not end well, or had ended."""
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
        """Waits until it ends, which nobody asked it for; Failed then."""
        status = self.process.wait()
        self.forget()
        raise Failed(f"{self.NAME} ended by itself with {status}; {self.log_tail()}")

    def kill(self):
        """kill -9; its port and its data are free when this returns. Nothing when not started."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
        self.forget()

    def pause(self):
        """SIGSTOP: it holds its connections and its port, and does nothing more."""
        self.expect_running()
        if not self.is_paused:
            self.process.send_signal(signal.SIGSTOP)
            os.waitid(os.P_PID, self.process.pid, os.WSTOPPED)
            self.is_paused = True

    def resume(self):
        """SIGCONT."""
        self.expect_running()
        self.process.send_signal(signal.SIGCONT)
        self.is_paused = False

    def expect_running(self):
        if not self.is_running():
            raise Failed(f"{self.NAME} does not run; {self.log_tail()}")

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, *_):
        # After a failure its end is of no interest, and must not hide what failed.
        if kind is None:
            self.stop()
        else:
            self.kill()

    # Its folder.

    def hold_folder(self):
        """Takes the data folder for this process alone."""
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
        """Lets go of a process that has ended, and of its folder."""
        self.process = None
        self.is_paused = False
        if self.lock is not None:
            with contextlib.suppress(OSError):
                self.lock.close()
            self.lock = None
