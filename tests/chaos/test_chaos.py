"""After any fault each accepted entry is counted once, without an operator's help.

A seed draws a contest's members and three faults. The faults come from a pack that holds each fault
once and is shuffled for every round. PACK seeds in a row make every fault.
"""

import contextlib
import math
import os
import random
import time

import pytest

from faults import FAULTS
from stage import Stage

FAULTS_PER_SEED = 3
TOGETHER = 0.75  # the probability that a fault begins while the one before it lasts
PACK = math.ceil(len(FAULTS) / FAULTS_PER_SEED)


def seeds():
    text = os.environ.get("CHAOS_SEEDS") or f"1-{PACK}"
    chosen = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        chosen += range(int(first), int(last or first) + 1)
    return chosen


def faults_of(seed):
    turn, place = divmod(seed - 1, PACK)
    pack = list(FAULTS.values())
    random.Random(f"pack {turn}").shuffle(pack)
    return pack[place * FAULTS_PER_SEED:][:FAULTS_PER_SEED]


def in_rounds(faults, rng):
    """Groups the faults into rounds. Faults of one round have different subjects."""
    rounds = []
    for fault in faults:
        is_apart = rounds and all(fault.subjects.isdisjoint(each.subjects) for each in rounds[-1])
        if is_apart and rng.random() < TOGETHER:
            rounds[-1].append(fault)
        else:
            rounds.append([fault])
    return rounds


def test_this_machine_can_make_every_fault():
    if lacking := {fault.hindrance() for fault in FAULTS.values()} - {None}:
        pytest.skip(f"NOT TESTED: {'; '.join(sorted(lacking))}")


# Each pack has a new broker: a broker with the topics of a hundred contests restarts slowly.
@pytest.mark.parametrize(("machines", "seed"),
                         [pytest.param((seed - 1) // PACK, seed, id=str(seed)) for seed in seeds()],
                         indirect=["machines"])
def test_nothing_is_lost_and_nothing_counted_twice(machines, tmp_path, request, seed):
    rng = random.Random(seed)
    faults = [fault for fault in faults_of(seed) if fault.hindrance() is None]
    has_clocks = any("clock" in fault.subjects for fault in faults)
    with Stage(machines, tmp_path, rng, has_clocks) as stage:
        for number, together in enumerate(in_rounds(faults, rng), 1):
            began = time.monotonic()

            def say(what):
                print(f"{time.monotonic() - began:6.2f} s  round {number}: {what}", flush=True)

            with stage.load(), contextlib.ExitStack() as under_way:
                for fault in together:
                    say(fault.name)
                    under_way.enter_context(fault.begin(stage))
                    time.sleep(fault.lasts_s(rng))  # the fault lasts; not a wait for a condition
            say("all is accepted")
            stage.wait_until_recovered()
            stage.settle()
            say("all are ready")
            stage.assert_exact()
            say("exact")
            for fault in together:
                request.node.user_properties.append(("fault", fault.name))
        request.node.user_properties.append(("accepted", len(stage.accepted)))
