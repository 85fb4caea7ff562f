"""Waiting for a condition, with a deadline."""

import os
import time

import pytest

TIME_FACTOR = float(os.environ.get("TEST_TIME_FACTOR", "1"))


def seconds(count):
    """`count` seconds on a release build; more on a sanitizer build (TEST_TIME_FACTOR)."""
    return count * TIME_FACTOR


def wait_until(condition, what, within=60):
    """Polls `condition` until it returns something true, and returns that value.

    Fails the test after `seconds(within)`. The failure names `what`: a text, or a function that
    returns one.
    """
    deadline = time.monotonic() + seconds(within)
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= deadline:
            named = what() if callable(what) else what
            pytest.fail(f"waited {seconds(within):g} s in vain: {named}")
        time.sleep(0.01)
