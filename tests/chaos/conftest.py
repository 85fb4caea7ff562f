"""Chaos: contests across processes run under load while parts of them fail. Each is proven at its end.

Run from the repository's root:

    /usr/bin/python3 -m pytest tests/chaos
    make chaos SEEDS=1-200

Environment:
    CHAOS_SEEDS       seeds, as 1-200 or 3,7 (default: as many as make every fault once)
    ESTADIO_BIN       the binary (default build/release/bin/estadio)
    TEST_TIME_FACTOR  multiplies every deadline; give 5 or more to sanitizer builds
"""

import contextlib
import pathlib
import sys

import pytest

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path += [str(HERE), str(HERE.parent / "blackbox"), str(HERE.parents[1] / "tools")]
pytest.register_assert_rewrite("cluster", "estadio", "stage", "wire")

import clocks  # noqa: E402
from cluster import hindrance  # noqa: E402
from disk import Disk, hindrance_of_disks  # noqa: E402
from link import Network  # noqa: E402
from services import Kafka, KafkaCluster, Listener, Missing, Redis  # noqa: E402
from stage import Machines  # noqa: E402

pytest_plugins = ["report"]

KAFKA_DISK_MB, REDIS_DISK_MB = 512, 64


@pytest.fixture(scope="module")
def three_brokers(tmp_path_factory):
    """Three brokers without links, and a Redis."""
    if (why := hindrance()) is not None:
        pytest.skip(why)
    folder = tmp_path_factory.mktemp("three")
    with contextlib.ExitStack() as parts:
        network = parts.enter_context(Network())
        try:
            kafka = parts.enter_context(KafkaCluster(folder / "kafka"))
            redis = parts.enter_context(Redis(folder / "redis"))
        except Missing as missing:
            pytest.skip(f"NOT TESTED: {missing}")
        links = {"tally-redis": network.link([redis.endpoint]),
                 "scoreboard-redis": network.link([redis.endpoint])}
        yield Machines(network, kafka, redis, None, None, links, clocks.build(folder),
                       replication=3)


@pytest.fixture(scope="session")
def machines(tmp_path_factory):
    """A broker and a Redis behind links, for consecutive tests with the same parameter."""
    if (why := hindrance()) is not None:
        pytest.skip(why)
    folder = tmp_path_factory.mktemp("machines")
    with contextlib.ExitStack() as parts:
        disks = {}
        for name, megabytes in (("kafka", KAFKA_DISK_MB), ("redis", REDIS_DISK_MB)):
            if hindrance_of_disks() is None:
                disks[name] = parts.enter_context(Disk(folder / name, megabytes))
        network = parts.enter_context(Network())
        # The broker names the ports of its links, so the links come first and lead to the broker later.
        front = {"DISCIPLINE": network.link(), "TALLY": network.link()}
        listeners = {name: Listener(advertised_port=link.port) for name, link in front.items()}
        try:
            kafka = parts.enter_context(Kafka(folder / "kafka", listeners=listeners))
            redis = parts.enter_context(Redis(folder / "redis"))
        except Missing as missing:
            pytest.skip(f"NOT TESTED: {missing}")
        for name, link in front.items():
            link.lead_to([kafka.endpoint_of(name)])
        links = {
            "discipline-kafka": front["DISCIPLINE"],
            "tally-kafka": front["TALLY"],
            "tally-redis": network.link([redis.endpoint]),
            "scoreboard-redis": network.link([redis.endpoint])}
        yield Machines(network, kafka, redis, disks.get("kafka"), disks.get("redis"), links,
                       clocks.build(folder))
