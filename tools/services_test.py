"""tools/kafka and tools/redis run real servers, which keep their data and port and stay local.

The tests of a missing program are skipped with the command that installs it.
"""

import contextlib
import os
import pathlib
import re
import signal
import subprocess
import time

import pytest

from services import Failed, Kafka, Missing, Redis, Server
from services import kafka, server

TOOLS = pathlib.Path(__file__).resolve().parent
WITHIN_S = 60


def installed(*needed):
    """Returns the programs' paths. Skips the test when one is missing."""
    try:
        return [server.program(name, group) for name, group in needed]
    except Missing as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="module")
def broker(tmp_path_factory):
    """A shared broker, because each start takes seconds. The last tests of this file stop it."""
    installed(("java", "kafka"))
    if not kafka.is_installed():
        installed(("mvn", "kafka"))
    with Kafka(tmp_path_factory.mktemp("kafka")) as running:
        yield running


@pytest.fixture
def redis(tmp_path):
    installed(("redis-server", "redis"), ("redis-cli", "redis"))
    with Redis(tmp_path / "redis") as running:
        yield running


def listening(pid):
    """Returns the addresses that a process listens on, as the kernel writes them, without ports."""
    sockets = set()
    for descriptor in pathlib.Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            sockets.add(os.readlink(descriptor))
    found = []
    for table in ("tcp", "tcp6"):
        for line in pathlib.Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and f"socket:[{fields[9]}]" in sockets:
                found.append(fields[1].rsplit(":", 1)[0])
    return found


LOOPBACK = "0100007F"


@contextlib.contextmanager
def command(*arguments):
    """Runs a tool. Yields its process and the address that it prints."""
    process = subprocess.Popen([TOOLS / arguments[0], *map(str, arguments[1:])], text=True,
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    try:
        line = process.stdout.readline()
        ready = re.fullmatch(rf"{arguments[0]}: ready on ((?:127\.0\.0\.1:[0-9]+,?)+)\n", line)
        assert ready, f"it printed {line!r} and ended with {process.wait(WITHIN_S)}"
        yield process, ready[1]
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def wait_until_free(port):
    deadline = time.monotonic() + WITHIN_S
    while not server.is_free(port):
        assert time.monotonic() < deadline, f"{port} is still listened on"
        time.sleep(0.02)


class Nothing(Server):
    """A server that never serves."""

    NAME = "nothing"
    FIXED = frozenset(("bind",))

    def prepare(self):
        return ["sleep", "60"]


# Every server.


def test_a_free_port_is_none_that_clients_are_given():
    first_of_clients = int(server.CLIENT_PORTS.read_text().split()[0])
    if first_of_clients <= server.FIRST_FREE_PORT:
        pytest.skip(f"this machine gives clients all ports from {first_of_clients}")
    assert server.FIRST_FREE_PORT <= server.free_port() < first_of_clients


def test_a_free_port_is_reserved_until_its_server_listens():
    assert not server.reserve(server.free_port())


def test_a_server_that_does_not_come_up_is_ended_and_its_log_shown(tmp_path):
    nothing = Nothing(tmp_path)
    with pytest.raises(Failed, match=r"did not serve within 0.1 s.*server\.log"):
        nothing.start(within=0.1)
    assert nothing.pid is None


def test_the_error_for_a_server_that_ends_at_once_has_its_last_lines(tmp_path, monkeypatch):
    monkeypatch.setattr(Nothing, "prepare", lambda _: ["sh", "-c", "echo no room; exit 3"])
    with pytest.raises(Failed, match=r"(?s)ended with 3 before it served.*no room"):
        Nothing(tmp_path).start()


def test_a_taken_port_is_an_error(tmp_path):
    nothing = Nothing(tmp_path)
    with server.socket.create_server((server.HOST, nothing.port)):
        with pytest.raises(Failed, match="is taken"):
            nothing.start()


@pytest.mark.parametrize("settings", [{"bind": "0.0.0.0"}, {"BIND": "0.0.0.0"}])
def test_what_keeps_a_server_to_itself_cannot_be_set(tmp_path, settings):
    with pytest.raises(Failed, match="cannot be set"):
        Nothing(tmp_path, settings=settings)


@pytest.mark.parametrize("settings", [{"a": "1\nbind 0.0.0.0"}, {"a b": "1"}, {"": "1"}])
def test_a_setting_is_one_line(tmp_path, settings):
    with pytest.raises(Failed, match="no setting"):
        Nothing(tmp_path, settings=settings)


@pytest.mark.parametrize(("tool", "missing"), [
    (("kafka", "cli", "kafka-topics"), "tools/deps kafka"),
    (("redis", "start"), "tools/deps redis"),
])
def test_a_command_says_how_to_install_what_is_missing(tmp_path, tool, missing):
    if tool[0] == "redis":
        tool = *tool, "--data", tmp_path, "--port", "0"
    result = subprocess.run([TOOLS / tool[0], *tool[1:]], check=False, capture_output=True,
                            text=True, env={"PATH": str(tmp_path)}, timeout=WITHIN_S)
    assert result.returncode == 1
    assert missing in result.stderr


# Kafka.


def test_a_broker_listens_on_the_loopback_address_only(broker):
    assert listening(broker.pid) == [LOOPBACK] * 2


def test_a_broker_that_is_paused_answers_again_when_resumed(broker):
    broker.pause()
    assert not broker.is_ready()
    broker.resume()
    broker.wait_until_ready()


def test_a_second_broker_on_the_same_folder_is_refused(broker):
    with pytest.raises(Failed, match=rf"in use by process {os.getpid()}"):
        Kafka(broker.data).start()
    assert broker.is_ready()


def test_a_record_and_the_cluster_outlive_kill_9_of_the_broker(broker):
    cluster_id = broker.cluster_id
    broker.cli("kafka-topics", "--create", "--topic", "results", "--partitions", "2")
    broker.cli("kafka-console-producer", "--topic", "results", text="Natación\n")
    broker.kill()
    assert not broker.is_ready()

    # Another process, the same folder and port.
    with command("kafka", "start", "--data", broker.data, "--port", broker.port) as (tool, address):
        assert address == broker.address
        read = broker.cli("kafka-console-consumer", "--topic", "results", "--from-beginning",
                          "--max-messages", "1", "--timeout-ms", "20000")
        tool.send_signal(signal.SIGTERM)
        assert tool.wait(WITHIN_S) == 0
    assert read == "Natación\n"
    assert broker.cluster_id == cluster_id
    assert server.is_free(broker.port)


def test_a_broker_with_a_bad_setting_says_what_is_bad(broker):
    broker.stop()
    settings = {"num.io.threads": "none"}
    with pytest.raises(Failed, match=r"(?s)before it served.*num\.io\.threads"):
        Kafka(broker.data, settings=settings).start()


def test_three_brokers_hold_every_record_and_one_of_them_may_be_killed(tmp_path):
    installed(("java", "kafka"))
    with command("kafka", "start", "--brokers", "3", "--data", tmp_path, "--port", "0") as (
            tool, addresses):
        pids = {}
        for number, address in enumerate(addresses.split(","), 1):
            shown = re.fullmatch(rf"broker {number} on {address}: pid ([0-9]+)\n",
                                 tool.stdout.readline())
            pids[address] = int(shown[1])
        assert len(pids) == 3

        def cli(name, *arguments, text=""):
            return subprocess.run([TOOLS / "kafka", "cli", name, "--bootstrap-server", addresses,
                                   *arguments], check=True, input=text, capture_output=True,
                                  text=True, timeout=WITHIN_S).stdout

        cli("kafka-topics", "--create", "--topic", "results", "--partitions", "1")
        shown = cli("kafka-topics", "--describe", "--topic", "results")
        assert "ReplicationFactor: 3" in shown and "min.insync.replicas=2" in shown, shown
        leader = re.search(r"Leader: ([123])", shown)[1]
        killed = list(pids)[int(leader) - 1]
        os.kill(pids[killed], signal.SIGKILL)
        cli("kafka-console-producer", "--topic", "results", "--producer-property", "acks=all",
            text="Natación\n")
        assert cli("kafka-console-consumer", "--topic", "results", "--from-beginning",
                   "--max-messages", "1", "--timeout-ms", "20000") == "Natación\n"
        tool.send_signal(signal.SIGTERM)
        assert tool.wait(WITHIN_S) == 0


# Redis.


def test_redis_listens_on_the_loopback_address_only(redis):
    assert listening(redis.pid) == [LOOPBACK]


def test_a_key_outlives_a_stop_and_a_kill_9_of_redis(redis):
    redis.cli("SET", "stopped", "Atletismo")
    redis.stop()
    redis.start()
    redis.cli("SET", "killed", "Boxeo")
    redis.kill()
    redis.start()
    assert redis.cli("MGET", "stopped", "killed") == "Atletismo\nBoxeo"


def test_redis_that_is_paused_answers_again_when_resumed(redis):
    redis.pause()
    assert not redis.is_ready()
    redis.resume()
    redis.wait_until_ready()


def test_redis_stops_also_when_paused(redis):
    redis.pause()
    redis.stop()
    assert server.is_free(redis.port)


def test_redis_that_ended_by_itself_is_no_good_stop(redis):
    os.kill(redis.pid, signal.SIGKILL)
    with pytest.raises(Failed, match="ended with -9"):
        redis.stop()


def test_redis_takes_settings(tmp_path):
    installed(("redis-server", "redis"), ("redis-cli", "redis"))
    with Redis(tmp_path, settings={"maxmemory": "64mb", "save": "60 1"}) as running:
        assert running.cli("CONFIG", "GET", "maxmemory") == "maxmemory\n67108864"
        assert running.cli("CONFIG", "GET", "save") == "save\n60 1"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_redis_command_serves_until_a_signal(tmp_path, number):
    installed(("redis-server", "redis"))
    with command("redis", "start", "--data", tmp_path, "--port", "0") as (tool, address):
        again = subprocess.run([TOOLS / "redis", "start", "--data", tmp_path, "--port", "0"],
                               check=False, capture_output=True, text=True, timeout=WITHIN_S)
        assert again.returncode == 1
        assert f"in use by process {tool.pid}" in again.stderr
        tool.send_signal(number)
        assert tool.wait(WITHIN_S) == 0
    assert server.is_free(int(address.rsplit(":", 1)[1]))


def test_redis_ends_with_the_command_that_runs_it(tmp_path):
    installed(("redis-server", "redis"))
    with command("redis", "start", "--data", tmp_path, "--port", "0") as (tool, address):
        tool.kill()
        wait_until_free(int(address.rsplit(":", 1)[1]))
