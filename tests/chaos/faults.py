"""The faults of a contest. Each fault begins, lasts a while and ends; the test repairs nothing else.

`FAULTS` has them by name.
"""

import contextlib
import dataclasses
import os
import shutil
import time
import typing

from deadlines import wait_until
from disk import hindrance_of_disks
from stage import Stage

ROLES = ("faculty", "discipline", "tally", "scoreboard")
LINKS = ("clients-faculty", "faculty-discipline", "discipline-kafka", "tally-kafka", "tally-redis",
         "scoreboard-redis")
# Clients' ids may be 30 s ahead of a judge's clock, and ten minutes behind. The other roles' clocks
# decide nothing.
JUDGES_CLOCK_JUMPS_S = (-20, -5, 5, 45, 300)
CLOCK_JUMPS_S = (-900, -45, 45, 900)
PASSWORD = "another"
REBALANCES = 3
# Longer than the tallies' group allows silence, so that the member comes back as a zombie. Only in
# long runs, because this takes long.
BEYOND_SESSION_S = 9 if os.environ.get("CHAOS_SEEDS") else 4


@dataclasses.dataclass(frozen=True)
class Fault:
    """`begin` returns a context manager. Within it the fault lasts. Faults at the same time have
    different subjects. `hindrance` says why this machine cannot make the fault, or is None."""
    name: str
    subjects: set
    begin: typing.Callable[[Stage], contextlib.AbstractContextManager]
    longest_s: float = 2
    hindrance: typing.Callable[[], str | None] = lambda: None

    def lasts_s(self, rng):
        return rng.uniform(0.05, self.longest_s)


# Processes: ours, and the servers.


@contextlib.contextmanager
def killed(server):
    server.kill()
    try:
        yield
    finally:
        server.start()


@contextlib.contextmanager
def paused(server):
    server.pause()
    try:
        yield
    finally:
        server.resume()


@contextlib.contextmanager
def restarted(server):
    server.stop()
    try:
        yield
    finally:
        server.start()


WAYS = {"killed": killed, "paused": paused, "restarted": restarted}


def process_faults():
    for name, way in WAYS.items():
        for role in ROLES:
            longest_s = BEYOND_SESSION_S if (role, name) == ("tally", "paused") else 2
            yield Fault(f"{role} {name}", {role}, lambda stage, role=role, way=way: way(
                stage.rng.choice(stage.members_of(role))), longest_s)
        yield Fault(f"redis {name}", {"redis"}, lambda stage, way=way: way(stage.redis_service))
        yield Fault(f"broker {name}", {"broker"},
                    lambda stage, way=way: without_broker(stage, way), longest_s=5)


@contextlib.contextmanager
def without_broker(stage, way):
    with way(stage.kafka):
        stage.ask_in_vain()
        yield
    stage.kafka.wait_until_ready()


# The data of Redis and the broker, and their disks.


@contextlib.contextmanager
def redis_emptied(stage):
    with killed(stage.redis_service):
        shutil.rmtree(stage.redis_service.files)
        yield


@contextlib.contextmanager
def redis_set_back(stage):
    """Redis comes back with the data of the fault's begin, as after a power cut."""
    redis, earlier = stage.redis_service, stage.folder / "earlier"
    shutil.copytree(redis.files, earlier)
    yield
    with killed(redis):
        shutil.rmtree(redis.files)
        shutil.move(earlier, redis.files)


@contextlib.contextmanager
def redis_out_of_memory(stage):
    stage.redis_service.cli("CONFIG", "SET", "maxmemory", "1")
    try:
        yield
    finally:
        stage.redis_service.cli("CONFIG", "SET", "maxmemory", "0")


@contextlib.contextmanager
def redis_password_changed(stage):
    stage.redis_service.cli("CONFIG", "SET", "requirepass", PASSWORD)
    try:
        stage.redis_service.cli("-a", PASSWORD, "CLIENT", "KILL", "TYPE", "normal")
        yield
    finally:
        stage.redis_service.cli("-a", PASSWORD, "CONFIG", "SET", "requirepass", "")


@contextlib.contextmanager
def redis_disk_full(stage):
    """Redis refuses the writes that do not fit, and goes on when they fit."""
    with stage.machines.redis_disk.full():
        yield


@contextlib.contextmanager
def broker_disk_full(stage):
    """A broker that cannot write ends itself, or hangs while it tries. An operator then starts it
    again."""
    with stage.machines.kafka_disk.full():
        yield
    stage.kafka.kill()
    stage.kafka.start()


# Readers.


@contextlib.contextmanager
def zombies(stage):
    """Other readers count the same partitions at the same time, as readers do that were declared
    dead without knowing."""
    zombie = stage.start("tally", *stage.tally_flags, "--group", f"{stage.prefix}zombies")
    wait_until(lambda: "counts partitions" in zombie.log_text(), "partitions to count")
    try:
        yield
    finally:
        zombie.kill()


@contextlib.contextmanager
def rebalances(stage):
    for _ in range(REBALANCES):
        another = stage.start("tally", *stage.tally_flags, "--readers", "2")
        time.sleep(stage.rng.uniform(0, 1))  # the moment within the work varies
        stage.rng.choice([another.kill, another.stop])()
    yield


# Clocks.


@contextlib.contextmanager
def clock_wrong(stage):
    member = stage.rng.choice(stage.members)
    is_judge = member.role == "discipline"
    member.set_clock(stage.rng.choice(JUDGES_CLOCK_JUMPS_S if is_judge else CLOCK_JUMPS_S))
    try:
        yield
    finally:
        member.set_clock(0)


# The network.


@contextlib.contextmanager
def link_broken(stage, start):
    link = stage.rng.choice([link for name, link in sorted(stage.links.items())
                             if name.startswith(start)])
    stage.rng.choice([link.cut, link.hold, lambda: link.hold(requests=False)])()
    try:
        yield
    finally:
        link.heal(reset=stage.rng.random() < 0.5)


def other_faults():
    yield Fault("redis emptied", {"redis"}, redis_emptied)
    yield Fault("redis set back", {"redis"}, redis_set_back)
    yield Fault("redis out of memory", {"redis"}, redis_out_of_memory)
    yield Fault("redis password changed", {"redis"}, redis_password_changed)
    yield Fault("redis disk full", {"redis"}, redis_disk_full, hindrance=hindrance_of_disks)
    yield Fault("broker disk full", {"broker"}, broker_disk_full, hindrance=hindrance_of_disks)
    yield Fault("zombie tallies", {"tally", "broker", "redis", "tally-kafka", "tally-redis"}, zombies)
    yield Fault("rebalances", {"tally"}, rebalances)
    yield Fault("clock wrong", {"clock"}, clock_wrong, longest_s=4)
    for name in LINKS:
        yield Fault(f"{name} broken", {name}, lambda stage, name=name: link_broken(stage, name),
                    longest_s=BEYOND_SESSION_S if name == "tally-kafka" else 4)


FAULTS = {fault.name: fault for fault in (*process_faults(), *other_faults())}
