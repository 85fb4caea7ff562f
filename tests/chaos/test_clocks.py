"""Clocks that are wrong by a quarter of an hour, at the start and while everything runs, in every role.

Clients that give no ids never notice. Clients that give ids of version 7 must have the judges' time,
right or wrong: then all their entries count once, whatever the clocks of the other roles say.

Daily one contest. With CHAOS_SEEDS further ones.
"""

import os
import random
import time

import pytest

from deadlines import wait_until
from estadio import entry, uuid_of_version_7
from stage import Stage

WRONG_S = 900
CLOCKS_AHEAD_S = (-WRONG_S, 0, WRONG_S)
RESENT = 20


def set_judges_clocks(stage, ahead_s):
    """Sets the clocks of all judges, and waits until every faculty server knows."""
    for member in stage.members_of("discipline"):
        member.set_clock(ahead_s)
    for member in stage.members_of("faculty"):
        wait_until(lambda: accepted(stage, member, now_at(ahead_s)) is not None,
                   f"{member.name} to learn the judges' time")


def now_at(ahead_s):
    return entry(id=uuid_of_version_7((time.time() + ahead_s) * 1000))


def accepted(stage, member, asked):
    """Sends the entry. Returns its outcome, or None when its id is refused."""
    answer = member.process.post(asked)
    if answer.status == 422:
        return None
    assert answer.status == 200, answer
    outcome = answer.json()["outcome"]
    stage.note_accepted(asked["id"], outcome)
    return outcome


def jump(stage, roles):
    for role in roles:
        for member in stage.members_of(role):
            member.set_clock(stage.rng.choice((-WRONG_S, WRONG_S)))


@pytest.mark.parametrize("machines", [0], indirect=True)
@pytest.mark.parametrize("seed", range(1, 6 if os.environ.get("CHAOS_SEEDS") else 2))
def test_entries_count_once_while_every_clock_is_wrong(machines, tmp_path, request, seed):
    rng = random.Random(seed)
    with Stage(machines, tmp_path, rng, has_clocks=True, clocks_ahead_s=CLOCKS_AHEAD_S) as stage:
        # Every clock is wrong in its own way, and jumps.
        with stage.load(gives_ids=False):
            jump(stage, ("faculty", "discipline", "tally", "scoreboard"))
        stage.assert_exact()

        # The judges agree on a wrong time, and the clients have it too.
        ahead_s = rng.choice((-WRONG_S, WRONG_S))
        set_judges_clocks(stage, ahead_s)
        clients = stage.new_clock("clients", ahead_s)
        resent = [now_at(ahead_s) for _ in range(RESENT)]
        outcomes = [accepted(stage, stage.members_of("faculty")[0], each) for each in resent]
        with stage.load(clock=clients):
            jump(stage, ("faculty", "tally", "scoreboard"))
        for role in ("discipline", "tally"):  # neither remembers an id
            for member in stage.members_of(role):
                member.kill()
                member.start()
        stage.wait_until_recovered()
        assert [accepted(stage, stage.members_of("faculty")[-1], each)
                for each in resent] == outcomes
        stage.assert_exact()

        # The judges' clocks are set right while the others stay wrong.
        set_judges_clocks(stage, 0)
        with stage.load():
            jump(stage, ("faculty", "tally", "scoreboard"))
        stage.wait_until_recovered()
        stage.assert_exact()
        request.node.user_properties += [("fault", "every clock wrong by 15 minutes"),
                                         ("accepted", len(stage.accepted))]
