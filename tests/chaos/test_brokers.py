"""Three brokers with a copy of every record each: one may be lost. While two are lost nothing is
accepted, and everything goes on once they are back.

Daily one contest loses brokers in three ways. With CHAOS_SEEDS further contests lose them in an order
of their own.
"""

import os
import random
import re
import time

import pytest

from deadlines import wait_until
from stage import Stage

# Longer than the brokers' session (broker.session.timeout.ms) and the election of a leader after it.
BEYOND_SESSION_S = 6
LONG_CONTESTS = 4


def partitions(stage):
    """Returns (topic and partition, leader's number, numbers in sync) of the contest's partitions."""
    said = stage.kafka.cli("kafka-topics", "--describe")
    found = re.findall(r"Topic: (\S+)\s+Partition: (\d+)\s+Leader: (\d+|none)\s.*Isr: ([\d,]*)", said)
    return [(f"{topic}-{number}", leader, set(in_sync.split(",")))
            for topic, number, leader, in_sync in found if topic.startswith(stage.prefix)]


def wait_until_in_sync(stage):
    wait_until(lambda: all(len(in_sync) == 3 for _, _, in_sync in partitions(stage)),
               lambda: f"all copies to be in sync: {partitions(stage)}")


def a_leader(stage):
    """Returns a broker that leads a partition of results."""
    leaders = sorted({leader for name, leader, _ in partitions(stage)
                      if name.startswith((f"{stage.prefix}winners", f"{stage.prefix}losers"))})
    number = stage.rng.choice(leaders)
    return next(broker for broker in stage.kafka.brokers if str(broker.number) == number)


# The ways. Each begins under load, and returns when its brokers are back.


def one_is_killed(stage):
    lost = a_leader(stage)
    with stage.load():
        lost.kill()
    # All is accepted and counted while the broker is away.
    stage.assert_exact()
    lost.start()
    wait_until_in_sync(stage)


def one_is_paused(stage):
    """It goes on as a leader that has been replaced and does not know it."""
    lost = a_leader(stage)
    with stage.load():
        lost.pause()
        time.sleep(BEYOND_SESSION_S)  # the fault lasts; not a wait for a condition
        lost.resume()
    wait_until_in_sync(stage)


def all_are_restarted_in_turn(stage):
    with stage.load():
        for broker in stage.kafka.brokers:
            broker.stop()
            broker.start()
            wait_until_in_sync(stage)


def leaders_move(stage):
    """One broker is away for a moment and others lead its partitions. Then it leads them again, while
    all brokers live."""
    moved = a_leader(stage)
    moved.kill()
    moved.start()
    wait_until_in_sync(stage)
    with stage.load():
        said = stage.kafka.cli("kafka-leader-election", "--election-type", "preferred",
                               "--all-topic-partitions")
        assert "Successfully completed leader election" in said, said


def two_are_lost(stage, lose, bring_back):
    with stage.load():
        lost = stage.rng.sample(stage.kafka.brokers, 2)
        for broker in lost:
            lose(broker)
        stage.ask_in_vain()  # answers that were on their way have arrived when this returns
        before = stage.accepted_by_members()
        for _ in range(2):
            stage.ask_in_vain()
        assert stage.accepted_by_members() == before
        bring_back(lost)


def two_are_killed(stage):
    two_are_lost(stage, lambda broker: broker.kill(), lambda _: stage.kafka.start())


def two_are_paused(stage):
    two_are_lost(stage, lambda broker: broker.pause(),
                 lambda lost: [broker.resume() for broker in lost])


DAILY = (one_is_killed, leaders_move, two_are_killed)
ALL = (*DAILY, one_is_paused, all_are_restarted_in_turn, two_are_paused)


def contests():
    yield pytest.param(1, DAILY, id="daily")
    if os.environ.get("CHAOS_SEEDS"):
        for seed in range(2, 2 + LONG_CONTESTS):
            yield pytest.param(seed, random.Random(seed).sample(ALL, len(ALL)), id=str(seed))


@pytest.mark.parametrize(("seed", "ways"), contests())
def test_one_of_three_brokers_may_be_lost_and_with_two_lost_nothing_is_accepted(
        three_brokers, tmp_path, request, seed, ways):
    with Stage(three_brokers, tmp_path, random.Random(seed), has_clocks=False) as stage:
        for way in ways:
            print(f"{time.monotonic():.0f} s: {way.__name__}", flush=True)
            way(stage)
            stage.kafka.wait_until_ready()
            stage.wait_until_recovered()
            stage.settle()
            stage.assert_exact()
            request.node.user_properties.append(("fault", way.__name__.replace("_", " ")))
        print(f"{time.monotonic():.0f} s: all is exact", flush=True)
        request.node.user_properties.append(("accepted", len(stage.accepted)))
