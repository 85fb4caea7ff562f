"""The real `estadio` binary as processes: a running server, and commands run to their end."""

import collections
import contextlib
import http.client
import json
import os
import random
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import uuid
from pathlib import Path

import pytest

from deadlines import seconds, wait_until
from wire import Response, Wire

REPOSITORY = Path(__file__).resolve().parents[2]
BINARY = Path(os.environ.get("ESTADIO_BIN", "build/release/bin/estadio"))
if not BINARY.is_absolute():
    BINARY = REPOSITORY / BINARY

JSON = "application/json"
NDJSON = "application/x-ndjson"
FACULTIES = ("Ingeniería", "Agronomía")
DISCIPLINES = {1: "Natación", 2: "Atletismo", 3: "Boxeo"}

# The default contest in full, and the same contest when it is over.
CONTEST = """
name = "Olimpiadas"

[[faculty]]
name = "Ingeniería"
aliases = ["engineering"]

[[faculty]]
name = "Agronomía"
aliases = ["agronomy"]

[[discipline]]
id = 1
name = "Natación"

[[discipline]]
id = 2
name = "Atletismo"

[[discipline]]
id = 3
name = "Boxeo"
"""
CLOSED_CONTEST = "closes_at = 2020-01-01T00:00:00Z\n" + CONTEST

SANITIZER_REPORT = re.compile(
    r"(ERROR: (Address|Leak)Sanitizer|WARNING: ThreadSanitizer|: runtime error: )")

# The report of a failing test shows the logs of these servers.
running_servers = []


def environment(**settings):
    """Returns the caller's environment without its ESTADIO_ settings, plus `settings`."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("ESTADIO_")}
    return {**clean, **settings}


def run_estadio(*arguments, env=None, within=60, prefix=(), cwd=None):
    """Runs a command to its end. The result has returncode, and stdout and stderr as text."""
    return subprocess.run(
        [*prefix, str(BINARY), *map(str, arguments)], env=env or environment(), cwd=cwd,
        stdin=subprocess.DEVNULL, capture_output=True, text=True, encoding="utf-8",
        errors="replace", timeout=seconds(within))


def verify(data, *flags, **options):
    return run_estadio("verify", "--data", data, *flags, **options)


def assert_verified(data, *flags, **options):
    result = verify(data, *flags, **options)
    assert result.returncode == 0, result.stdout + result.stderr
    return result


def entry(**members):
    """A valid entry, with `members` added or replaced."""
    return {"faculty": "Ingeniería", "discipline": 1, **members}


def random_entry(rng, **members):
    return {"faculty": rng.choice(FACULTIES), "discipline": rng.choice(list(DISCIPLINES)),
            **members}


def as_json(document):
    return json.dumps(document, ensure_ascii=False).encode()


def as_ndjson(entries):
    return b"".join(as_json(e) + b"\n" for e in entries)


def uuid_of_version_7(time_ms, rng=random):
    """An RFC 9562 version 7 UUID made at `time_ms` after the epoch."""
    value = int(time_ms) << 80 | 7 << 76 | rng.getrandbits(12) << 64
    value |= 0b10 << 62 | rng.getrandbits(62)
    return str(uuid.UUID(int=value))


def write_acks(path, acks):
    """Writes {id: outcome} the way `estadio load --acks` does."""
    path.write_text("".join(json.dumps({"id": i, "outcome": o}) + "\n" for i, o in acks.items()))
    return path


def read_acks(path):
    """The pairs (id, outcome) of an acks file, in order, repeats included."""
    acks = [json.loads(line) for line in path.read_text().splitlines()]
    return [(ack["id"], ack["outcome"]) for ack in acks]


def is_caught_up(scores):
    return all(p["next_offset"] == p["end_offset"] for p in scores["positions"])


def results_in_log(scores):
    return sum(position["end_offset"] for position in scores["positions"])


def faculty_counts(entries):
    return collections.Counter(e["faculty"] for e in entries)


class Server:
    """`estadio all`, or another role that serves HTTP, on a free port of the loopback address.

    `accepted` counts the entries that the server acknowledged through `post`. The score must be
    exactly that. Threads: any thread may call `post` and `scores`.
    """

    def __init__(self, data, *flags, role="all", env=None, prefix=(), listen="127.0.0.1:0",
                 tls=None):
        """`data` is None for a role without a folder."""
        self.data = data and Path(data)
        self.name = f"{role} on {data}" if data else role
        self.tls = tls
        self.accepted = 0
        self.accepted_lock = threading.Lock()
        self.ended_by_test = False
        self.log_file = tempfile.NamedTemporaryFile(prefix="estadio-", suffix=".log")
        command = [*prefix, str(BINARY), role, *(["--data", str(data)] if data else []),
                   "--http", listen, "--log-format", "json", *map(str, flags)]
        self.process = subprocess.Popen(
            command, env=env or environment(), stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=self.log_file)
        running_servers.append(self)
        try:
            serving = wait_until(self.find_serving_line, "a log line 'serving'")
        except (RuntimeError, pytest.fail.Exception):
            self.kill()
            running_servers.remove(self)
            pytest.fail(f"{' '.join(command)} did not start; its log:\n{self.log_text()}")
        host, port = serving["address"].rsplit(":", 1)
        self.address = (host, int(port))
        self.url = f"{'https' if tls else 'http'}://{host}:{port}"

    def find_serving_line(self):
        if self.process.poll() is not None:
            raise RuntimeError("the server ended before it served")
        return next((l for l in self.log_lines() if l.get("message") == "serving"), None)

    # Its log.

    def log_text(self):
        return Path(self.log_file.name).read_text(encoding="utf-8", errors="replace")

    def log_lines(self):
        """The log's whole lines that are JSON objects."""
        lines = []
        for text in self.log_text().split("\n")[:-1]:
            with contextlib.suppress(ValueError):
                line = json.loads(text)
                if isinstance(line, dict):
                    lines.append(line)
        return lines

    # Speaking to it.

    def wire(self, **options):
        return Wire(self.address, tls=self.tls, **options)

    def connect(self):
        if self.tls is not None:
            return http.client.HTTPSConnection(*self.address, timeout=seconds(60),
                                               context=self.tls)
        return http.client.HTTPConnection(*self.address, timeout=seconds(60))

    def request(self, method, path, body=None, headers=None, connection=None):
        """Sends one request, on `connection` or on a new connection. Returns the response."""
        own = connection or self.connect()
        try:
            own.request(method, path, body=body, headers=headers or {})
            answer = own.getresponse()
            return Response(answer.status, answer.headers, answer.read())
        finally:
            if connection is None:
                own.close()

    def get(self, path):
        return self.request("GET", path)

    def metric(self, name, **labels):
        """Returns the sum of a metric over its other labels; None when there is no such metric."""
        wanted = [f'{key}="{value}"' for key, value in labels.items()]
        values = [float(line.rsplit(" ", 1)[1]) for line in self.get("/metrics").text().splitlines()
                  if re.match(re.escape(name) + r"[{ ]", line) and all(w in line for w in wanted)]
        return sum(values) if values else None

    def wait_until_ready(self, within=60):
        wait_until(lambda: self.get("/readyz").status == 200,
                   lambda: f"{self.name} to be ready: {self.get('/readyz').text()}", within)

    def post(self, body, path="/v1/entries", media_type=JSON, headers=None, connection=None):
        """Posts bytes, or a document as JSON. Counts the accepted entries."""
        if not isinstance(body, bytes):
            body = as_json(body)
        fields = {"Content-Type": media_type} if media_type is not None else {}
        response = self.request("POST", path, body, {**fields, **(headers or {})}, connection)
        if response.status == 200:
            self.count_accepted(response.json().get("accepted", 1))
        return response

    def count_accepted(self, count):
        """Counts accepted entries that the test did not post through `post`."""
        with self.accepted_lock:
            self.accepted += count

    # Its score.

    def scores(self):
        response = self.get("/v1/scores")
        assert response.status == 200, response
        return response.json()

    def scores_at(self, total):
        """Returns the score once `total` results are counted and the log is read to its end."""
        def counted():
            scores = self.scores()
            return scores["total"] >= total and is_caught_up(scores) and scores

        scores = wait_until(counted, f"a total of {total}; it is {self.scores()}")
        assert scores["total"] == total, scores
        return scores

    def scores_of_all_accepted(self):
        return self.scores_at(self.accepted)

    def contest(self):
        response = self.get("/v1/contest")
        assert response.status == 200, response
        return response.json()

    # Its end.

    def signal(self, number):
        self.process.send_signal(number)

    def wait(self, within=60):
        """Waits for the end of the process and returns the exit status."""
        self.ended_by_test = True
        try:
            return self.process.wait(timeout=seconds(within))
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} did not end within {within} s:\n"
                                 f"{self.log_text()[-2000:]}\n"
                                 f"{stacks_of(self.process.pid)}") from None

    def stop(self):
        """Drains the server; returns the exit status."""
        self.signal(signal.SIGTERM)
        return self.wait()

    def kill(self):
        self.ended_by_test = True
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        """Ends the process. A bad exit status or a sanitizer's report fails the test."""
        try:
            if not self.ended_by_test:
                self.signal(signal.SIGCONT)
                status = self.stop()
                assert status == 0, f"ended with {status} on SIGTERM:\n{self.log_text()[-4000:]}"
            report = SANITIZER_REPORT.search(self.log_text())
            assert not report, self.log_text()[report.start():][:8000]
        finally:
            self.kill()
            running_servers.remove(self)
            self.log_file.close()


def stacks_of(pid):
    """Returns the stack of each thread of a process, for the report of a process that hangs."""
    if shutil.which("gdb") is None:
        return "(gdb would tell where its threads are)"
    ended = subprocess.run(["gdb", "--batch", "--nx", "--pid", str(pid),
                            "--eval-command", "thread apply all backtrace 30"],
                           check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL,
                           timeout=seconds(60))
    return ended.stdout


def assert_nothing_counted(server):
    """Proves that the last request changed neither the score nor the log of `server`.

    Posts a marker entry after the refused request. An entry of the refused request would be in the
    log before the marker. So once the marker is counted, the total or the log would be too large.
    """
    response = server.post(entry(student="marker"))
    assert response.status == 200, response
    scores = server.scores_of_all_accepted()
    assert scores["repeated"] == 0, scores
    assert results_in_log(scores) == server.accepted, scores
