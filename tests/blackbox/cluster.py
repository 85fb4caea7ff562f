"""A contest across processes: each role is a process, with a real Kafka broker and a real Redis.

The whole run shares broker and Redis. Each contest has its own topics, group and keys.
"""

import contextlib
import itertools
import os
import re
import subprocess

import pytest

from deadlines import seconds, wait_until
from estadio import Server, run_estadio

from services import Kafka, Missing, Redis


class Role(Server):
    """One role's process; its HTTP is on a free port of the loopback address."""

    def __init__(self, role, *flags, listen="127.0.0.1:0", **options):
        super().__init__(None, *flags, role=role, listen=listen, **options)


class Cluster:
    """A contest in the shared broker and Redis. Ends the processes that it started."""

    numbers = itertools.count(1)

    def __init__(self, kafka, redis, contest=None):
        number = next(self.numbers)
        self.prefix = f"test{os.getpid()}-{number}-"
        self.redis_prefix = f"test{os.getpid()}.{number}"
        self.kafka = kafka
        self.redis_service = redis
        self.common = ["--contest", str(contest)] if contest else []
        self.roles = []

    @property
    def kafka_flags(self):
        return ["--kafka", self.kafka.address, "--topic-prefix", self.prefix]

    @property
    def redis_url(self):
        return f"redis://{self.redis_service.address}/0"

    @property
    def redis_flags(self):
        return ["--redis", self.redis_url, "--redis-prefix", self.redis_prefix]

    def start(self, role, *flags, **options):
        started = Role(role, *self.common, *flags, **options)
        self.roles.append(started)
        return started

    def discipline(self, *flags, grpc="127.0.0.1:0", **options):
        """A discipline server; `grpc` of the result is its address once it judges."""
        started = self.start("discipline", *self.kafka_flags, "--grpc", grpc, *flags, **options)
        line = wait_until(
            lambda: next((l for l in started.log_lines() if l.get("message") == "judging"), None),
            lambda: f"a discipline server to judge:\n{started.log_text()}")
        started.grpc = f"127.0.0.1:{line['grpc_port']}"
        return started

    def faculty(self, *disciplines, flags=(), is_ready=True, **options):
        addresses = ",".join(d if isinstance(d, str) else d.grpc for d in disciplines)
        started = self.start("faculty", "--disciplines", addresses, *flags, **options)
        if is_ready:
            started.wait_until_ready()
        return started

    def tally(self, *flags, **options):
        return self.start("tally", *self.kafka_flags, *self.redis_flags, *flags, **options)

    def verify(self, *flags, **options):
        return run_estadio("verify", *self.common, *self.kafka_flags, *self.redis_flags, *flags,
                           **options)

    def assert_verified(self, *flags):
        """Waits until every result is counted, and checks that verify then proves the contest."""
        def is_counted():
            self.verified = self.verify(*flags)
            said = self.verified.stdout
            is_refuted = self.verified.returncode != 0 and "empty scores" not in said
            return is_refuted or re.search(r"not yet counted +0\n", said)

        wait_until(is_counted, lambda: f"every result to be counted:\n{self.verified.stdout}")
        assert self.verified.returncode == 0, self.verified.stdout + self.verified.stderr
        return self.verified.stdout

    def redis(self, *command):
        """Returns the lines that redis-cli prints."""
        said = subprocess.run(["redis-cli", "-u", self.redis_url, *command], check=True,
                              capture_output=True, text=True, timeout=seconds(60))
        return said.stdout.splitlines()

    def hash(self, name):
        lines = self.redis("HGETALL", f"{{{self.redis_prefix}}}:{name}")
        return dict(zip(lines[::2], lines[1::2]))

    def end(self):
        problems = []
        for role in reversed(self.roles):
            try:
                role.__exit__(None, None, None)
            except Exception as problem:  # the other roles must end too
                problems.append(problem)
        if problems:
            raise problems[0]


def assert_says(role, reason):
    """Waits until a role's /readyz names this service."""
    wait_until(lambda: reason in role.get("/readyz").text(),
               lambda: f"{role.name} to name {reason}: {role.get('/readyz').text()}")


def hindrance():
    """Returns why this machine cannot run a cluster; None when it can."""
    if os.environ.get("TEST_PRESET") == "tsan":
        return ("NOT TESTED under ThreadSanitizer, Kafka: librdkafka starts its threads with "
                "C11's thrd_create, which the sanitizer does not see and crashes on")
    return None


@pytest.fixture(scope="session")
def services(tmp_path_factory):
    """A broker and a Redis for the whole run."""
    if (why := hindrance()) is not None:
        pytest.skip(why)
    with contextlib.ExitStack() as started:
        try:
            kafka = started.enter_context(Kafka(tmp_path_factory.mktemp("kafka")))
            redis = started.enter_context(Redis(tmp_path_factory.mktemp("redis")))
        except Missing as missing:
            pytest.skip(f"NOT TESTED: {missing}")
        yield kafka, redis


@pytest.fixture
def cluster(services):
    """The test's own contest in the shared broker and Redis."""
    contest = Cluster(*services)
    yield contest
    contest.end()
