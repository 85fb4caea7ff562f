"""The contest of deploy/compose/ takes entries, proves its score and shows it to Prometheus."""

import contextlib
import functools
import json
import os
import re
import subprocess
import urllib.request

import pytest

from deadlines import wait_until
from engine import engine, hindrance
from estadio import BINARY, REPOSITORY, environment
from services.server import free_port

BASE = "debian:bookworm-slim"
PROJECT = f"olimpiadas-test-{os.getpid()}"
SERVERS = ("faculty", "discipline", "tally", "scoreboard", "kafka", "redis", "prometheus")
# Builds reach registries through the machine's network.
OVERRIDE = {"services": {name: {"build": {"network": "host"}} for name in (*SERVERS, "verify")}}
IMAGE, RUNTIME = "olimpiadas/estadio", "olimpiadas/runtime"
# The engine's own builder: even the oldest engine has it.
BUILDER = {"DOCKER_BUILDKIT": "0", "COMPOSE_DOCKER_CLI_BUILD": "0"}
BUILD_S, COMMAND_S = 1500, 120


def with_builder(**settings):
    """Returns the environment of a command that builds images."""
    return {**os.environ, **BUILDER, **settings}


def said_by(*command, within=COMMAND_S, **options):
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=within,
                          **options)
    assert done.returncode == 0, f"{command}:\n{done.stdout[-4000:]}{done.stderr[-4000:]}"
    return done.stdout


def succeeds(*command):
    return subprocess.run(command, check=False, capture_output=True, stdin=subprocess.DEVNULL,
                          timeout=300).returncode == 0


def make_base_image():
    if not succeeds("docker", "image", "inspect", BASE) and not succeeds("docker", "pull", BASE):
        said_by(str(REPOSITORY / "tools/base-image"), within=BUILD_S)


def build_with_binary(binary, folder):
    """Builds the image of estadio by the Dockerfile, but with this build's binary."""
    said_by("docker", "build", "--network", "host", "--target", "runtime", "--tag", RUNTIME,
            str(REPOSITORY), env=with_builder(), within=BUILD_S)
    said_by("strip", "--strip-debug", "-o", str(folder / "estadio"), str(binary))
    (folder / "Dockerfile").write_text(
        f"FROM {RUNTIME}\nCOPY estadio /usr/local/bin/\n", encoding="utf-8")
    said_by("docker", "build", "--tag", IMAGE, str(folder), env=with_builder(), within=BUILD_S)


def get(url):
    with urllib.request.urlopen(url, timeout=10) as answer:
        return json.load(answer)


class Compose:
    def __init__(self, folder):
        override = folder / "network.json"
        override.write_text(json.dumps(OVERRIDE))
        self.ports = {name: free_port() for name in ("FACULTY", "SCOREBOARD", "PROMETHEUS")}
        self.command = ["docker-compose", "--project-name", PROJECT, "--file",
                        str(REPOSITORY / "deploy/compose/docker-compose.yml"), "--file",
                        str(override)]
        self.settings = {f"{name}_PORT": str(port) for name, port in self.ports.items()}

    @property
    def environment(self):
        return with_builder(**self.settings)

    def __call__(self, *arguments, **options):
        return said_by(*self.command, *arguments, env=self.environment, **options)

    def url(self, name):
        return f"http://127.0.0.1:{self.ports[name]}"

    def is_ready(self):
        with contextlib.suppress(OSError):  # an HTTPError is one
            return get(f"{self.url('FACULTY')}/readyz")

    def containers(self, *services):
        return self("ps", "--quiet", *services).split()

    def inspected(self, *services):
        return json.loads(said_by("docker", "inspect", *self.containers(*services)))


@pytest.fixture(scope="module")
def compose(tmp_path_factory):
    if (why := hindrance()) is not None:
        pytest.skip(f"NOT TESTED: {why}")
    with engine():
        make_base_image()
        running = Compose(tmp_path_factory.mktemp("compose"))
        if "IMAGES_FROM_SOURCE" in os.environ:
            running("build", within=BUILD_S)
        else:
            build_with_binary(BINARY, tmp_path_factory.mktemp("image"))
            running("build", "kafka", "redis", "prometheus", within=BUILD_S)
        try:
            running("up", "--detach", "--no-build", within=300)
            wait_until(running.is_ready, lambda: running("logs", "--tail", "20"), within=120)
            yield running
        finally:
            running("down", "--volumes", "--timeout", "20")


@functools.cache
def loaded(compose):
    """Sends entries. Returns the acks file's lines."""
    acks = REPOSITORY / "build" / f"{PROJECT}.acks"
    try:
        said_by(str(BINARY), "load", compose.url("FACULTY"), "--rate", "500", "--duration", "4s",
                "--retry", "--acks", str(acks), env=environment())
        return acks.read_text()
    finally:
        acks.unlink(missing_ok=True)


def test_what_is_accepted_is_proven(compose):
    acks = loaded(compose)
    assert acks.count("\n") == 2000
    report = compose("run", "--rm", "-T", "verify", input=acks)
    assert "verified: acknowledged = log = score" in report


def test_the_scoreboard_shows_it(compose):
    loaded(compose)
    wait_until(lambda: get(f"{compose.url('SCOREBOARD')}/v1/scores")["total"] == 2000,
               "the scoreboard to show what was accepted")


def test_prometheus_reads_every_container(compose):
    loaded(compose)

    def roles():
        found = get(f"{compose.url('PROMETHEUS')}/api/v1/targets")["data"]["activeTargets"]
        return sorted(each["labels"]["role"] for each in found if each["health"] == "up")

    expected = ["discipline"] * 2 + ["faculty", "scoreboard"] + ["tally"] * 2
    wait_until(lambda: roles() == expected, lambda: f"{expected}: {roles()}", within=60)

    def accepted():
        found = get(f"{compose.url('PROMETHEUS')}/api/v1/query?query="
                    "sum(estadio_entries_accepted_total)")["data"]["result"]
        return found and int(found[0]["value"][1])

    wait_until(lambda: accepted() == 2000, lambda: f"2000 accepted: {accepted()}", within=60)


def test_both_discipline_servers_judge(compose):
    def judged(container):
        metrics = said_by("docker", "exec", container, "bash", "-c",
                          "exec 3<>/dev/tcp/127.0.0.1/8080; printf 'GET /metrics HTTP/1.1\\r\\n"
                          "Host: x\\r\\nConnection: close\\r\\n\\r\\n' >&3; "
                          "grep ^estadio_judge_entries_total <&3")
        return sum(float(line.split()[-1]) for line in metrics.splitlines())

    def both():
        said_by(str(BINARY), "load", compose.url("FACULTY"), "--rate", "100", "--duration", "1s",
                env=environment())
        return all(judged(container) > 0 for container in compose.containers("discipline"))

    loaded(compose)
    wait_until(both, "both to judge", within=90)


def test_containers_are_healthy_and_without_rights(compose):
    def unhealthy():
        return [each["Name"] for each in compose.inspected(*SERVERS)
                if each["State"]["Health"]["Status"] != "healthy"]

    wait_until(lambda: not unhealthy(), lambda: f"{unhealthy()} to be healthy", within=90)
    for container in compose.inspected(*SERVERS):
        name = container["Name"]
        assert container["HostConfig"]["ReadonlyRootfs"], name
        assert container["HostConfig"]["CapDrop"] == ["ALL"], name
        assert container["Config"]["User"] == "10001:10001", name
        for published in (container["NetworkSettings"]["Ports"] or {}).values():
            assert all(each["HostIp"] == "127.0.0.1" for each in published or []), name


def test_a_container_that_is_killed_and_started_again_loses_nothing(compose):
    acks = loaded(compose)
    for service in ("discipline", "tally", "kafka", "redis"):
        said_by("docker", "kill", *compose.containers(service))
    compose("start", "kafka", "redis", "discipline", "tally")
    wait_until(compose.is_ready, "it to be ready again", within=120)

    def verified():
        # Other tests have sent entries too, without acks.
        done = subprocess.run(
            [*compose.command, "run", "--rm", "-T", "verify", "--acks", "/dev/stdin",
             "--partial-acks"], check=False, input=acks, capture_output=True, text=True,
            timeout=COMMAND_S, env=compose.environment)
        return done.returncode == 0 and re.search(r"not yet counted +0\n", done.stdout)

    wait_until(verified, "the score to be proven", within=60)
