"""Processes whose clock is wrong, as after a wrong setting. wrong_clock.c moves the time of day alone:
waits are the kernel's and stay right."""

import os
import pathlib
import struct
import subprocess

import pytest

SOURCE = pathlib.Path(__file__).resolve().parent / "wrong_clock.c"


def hindrance():
    """Returns why no clock can be made wrong; None when one can."""
    if os.environ.get("TEST_PRESET", "release") != "release":
        return "NOT TESTED under a sanitizer, wrong clocks: its own library must be loaded first"
    return None


def build(folder):
    """Builds the library that makes a process' clock wrong, and returns its path."""
    library = folder / "wrong_clock.so"
    subprocess.run(["gcc", "-shared", "-fPIC", "-O2", "-Wall", "-Wextra", "-Werror", "-o", library,
                    SOURCE], check=True)
    return library


class Clock:
    """The clock of the processes that are started with its `environment`. It is right at first.

    With `fast_environment` a minute of the time since the boot, which leases are measured by, passes
    in FAST times less."""

    FAST = 10

    def __init__(self, library, path):
        self.path = path
        self.environment = {"LD_PRELOAD": str(library), "WRONG_CLOCK": str(path)}
        self.fast_environment = {**self.environment, "BOOT_SPEED": str(self.FAST)}
        self.set(0)

    def set(self, ahead_s):
        """Moves the clock at once, also in processes that run."""
        with open(self.path, "r+b" if self.path.exists() else "wb") as file:
            file.write(struct.pack("=q", ahead_s))


@pytest.fixture(scope="session")
def clock_library(tmp_path_factory):
    if (why := hindrance()) is not None:
        pytest.skip(why)
    return build(tmp_path_factory.mktemp("clock"))


@pytest.fixture
def clock(clock_library, tmp_path):
    return Clock(clock_library, tmp_path / "clock")


@pytest.fixture
def another_clock(clock_library, tmp_path):
    """A second clock, for other processes."""
    return Clock(clock_library, tmp_path / "another_clock")
