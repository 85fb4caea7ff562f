"""`vigia snapshot` has the figures of a container that its control group's files have."""

import collections
import json
import os
import pathlib
import resource
import re
import signal
import subprocess
import sys

import pytest

from deadlines import seconds, wait_until
from test_snapshot import VIGIA, snapshot

Mount = collections.namedtuple("Mount", "point controllers")

# Holds as much memory as its argument says, prints "ready" and burns a processor.
WORKER = """
import sys
held = bytearray(int(sys.argv[1]))
held[::4096] = b"x" * len(held[::4096])
print("ready", flush=True)
while True:
    pass
"""
HELD = 64 << 20


def mounts():
    """Returns the hierarchies that are whole below our namespace; version 2 has no controllers."""
    found = []
    for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines():
        fields, kind = (part.split() for part in line.split(" - "))
        point = re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), fields[4])
        if kind[0] in ("cgroup", "cgroup2") and fields[3] == "/":
            controllers = set(kind[2].split(",")) if kind[0] == "cgroup" else set()
            found.append(Mount(pathlib.Path(point), controllers))
    return found


def remove(folder):
    """Kills the processes in the group, waits until the group is empty, and removes it."""
    if not folder.exists():
        return
    for pid in (folder / "cgroup.procs").read_text().split():
        os.kill(int(pid), signal.SIGKILL)
    wait_until(lambda: not (folder / "cgroup.procs").read_text(), f"{folder} to be empty")
    folder.rmdir()


class Group:
    """A group of one name in every hierarchy that counts something."""

    def __init__(self):
        self.id = os.urandom(32).hex()
        self.folders = {}  # by controller; "unified" is version 2
        self.made = []

    def make(self):
        counting = {"cpu", "cpuacct", "memory", "pids", "blkio"}
        for mount in mounts():
            if mount.controllers and not mount.controllers & counting:
                continue
            folder = mount.point / "docker" / self.id
            for each in (folder.parent, folder):
                if not each.exists():
                    each.mkdir()
                    self.made.append(each)
            for controller in mount.controllers or {"unified"}:
                self.folders[controller] = folder

    def remove(self):
        for folder in reversed(self.made):
            try:
                remove(folder)
            except OSError as error:  # a parent that other tests use now
                print(f"{folder} stays: {error}", file=sys.stderr)

    def add(self, pid):
        for folder in set(self.folders.values()):
            (folder / "cgroup.procs").write_text(str(pid))

    def text(self, controller, *names):
        """Returns the text of the first file that exists; version 2 has all controllers' files."""
        for folder in (self.folders.get(controller), self.folders.get("unified")):
            for name in names:
                if folder and (folder / name).exists():
                    return (folder / name).read_text()
        return None

    def table(self, controller, *names):
        text = self.text(controller, *names)
        return text and {key: int(value) for key, value in map(str.split, text.splitlines())}


@pytest.fixture
def group():
    made = Group()
    try:
        try:
            made.make()
        except OSError as error:
            pytest.skip(f"NOT TESTED: no control group may be made: {error}")
        if not made.folders:
            pytest.skip("NOT TESTED: no control groups are mounted")
        yield made
    finally:
        made.remove()


@pytest.fixture
def start(group):
    """start(*words) runs a program in the group, as long as the test does."""
    started = []

    def run(*words):
        # The process joins before it becomes the program, so the group counts all its usage.
        process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   preexec_fn=lambda: group.add(os.getpid()))
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.fixture
def work(start):
    """work() starts a process that burns a processor, and returns when it holds its memory."""
    def run():
        process = start(sys.executable, "-c", WORKER, str(HELD))
        assert process.stdout.readline() == b"ready\n"
        return process
    return run


def container_of(view, group):
    found = [each for each in json.loads(view)["containers"] if each["id"] == group.id]
    return found[0] if found else None


def test_a_container_is_shown_as_in_its_files(group, work):
    process = work()
    os.kill(process.pid, signal.SIGSTOP)  # so that its counters do not change
    wait_until(lambda: ") T " in pathlib.Path(f"/proc/{process.pid}/stat").read_text(), "a stop")
    shown = container_of(snapshot("--interval", "0"), group)
    assert shown["runtime"] == "docker" and shown["processes"] == 1
    assert shown["cpu_percent"] is None and shown["throttled_percent"] is None

    times = group.table("cpuacct", "cpuacct.stat", "cpu.stat")
    usage = group.text("cpuacct", "cpuacct.usage")
    usage = int(usage) if usage else times["usage_usec"] * 1000
    assert shown["cpu_ns"] == usage > 0
    tick_ns = 10**9 // os.sysconf("SC_CLK_TCK")
    user = times["user"] * tick_ns if "user" in times else times["user_usec"] * 1000
    assert shown["user_ns"] == user

    if group.text("memory", "memory.usage_in_bytes", "memory.current"):
        assert HELD < shown["unreclaimable_bytes"] <= HELD + (64 << 20)
        assert shown["unreclaimable_bytes"] <= shown["memory_bytes"] + (1 << 20)
        assert shown["working_set_bytes"] <= shown["memory_bytes"] <= shown["peak_bytes"]
        usage = int(group.text("memory", "memory.usage_in_bytes", "memory.current"))
        assert abs(shown["memory_bytes"] - usage) <= 8 << 20  # charged in batches
        assert shown["memory_max_bytes"] is None and shown["oom_kills"] == 0
    if group.text("pids", "pids.current"):
        assert shown["pids"] == int(group.text("pids", "pids.current")) == 1
        assert shown["pids_max"] is None


def test_limits_are_shown(group, work):
    if "memory" not in group.folders or "pids" not in group.folders:
        pytest.skip("NOT TESTED: memory and pids are not controllers of version 1 here")
    work()
    (group.folders["memory"] / "memory.limit_in_bytes").write_text(str(1 << 30))
    (group.folders["pids"] / "pids.max").write_text("77")
    shown = container_of(snapshot("--interval", "0"), group)
    assert shown["memory_max_bytes"] == 1 << 30
    assert shown["pids_max"] == 77


def test_a_throttled_container_is_shown_so(group, work):
    if "cpu" not in group.folders:
        pytest.skip("NOT TESTED: cpu is no controller of version 1 here")
    (group.folders["cpu"] / "cpu.cfs_period_us").write_text("20000")
    (group.folders["cpu"] / "cpu.cfs_quota_us").write_text("4000")
    work()
    shown = container_of(snapshot("--interval", "1s"), group)
    assert 0 < shown["cpu_percent"] < 60  # a fifth of a processor, and more by a late timer
    assert shown["throttled_percent"] > 0
    assert shown["throttled_ns"] > 0


def test_what_has_ended_is_in_the_rate(group, start):
    start("sh", "-c", "while :; do /bin/true; done")

    # A busy machine may read the group and its processes some time apart, but not each time.
    def is_in_the_rate():
        view = snapshot("--interval", "1s")
        of_processes = sum(each["cpu_percent"] or 0 for each in json.loads(view)["processes"]
                           if each["container"] == group.id)
        return container_of(view, group)["cpu_percent"] > of_processes

    wait_until(is_in_the_rate, "the group to have used more than its processes")


def test_processes_below_are_of_the_container(group, work):
    process = work()
    below = {folder / "init" for folder in group.folders.values()}
    try:
        for folder in below:
            folder.mkdir()
            (folder / "cgroup.procs").write_text(str(process.pid))
        shown = container_of(snapshot("--interval", "0"), group)
        assert shown["processes"] == 1 and shown["cpu_ns"] > 0
        if group.text("pids", "pids.current"):
            assert shown["pids"] == 1
    finally:
        for folder in below:
            remove(folder)


def test_a_container_that_has_gone_is_not_shown(group, work):
    process = work()
    assert container_of(snapshot("--interval", "0"), group)
    process.kill()
    process.wait()
    assert container_of(snapshot("--interval", "0"), group) is None


def test_the_table_has_a_line_of_it(group, work):
    work()
    table = snapshot("--interval", "100ms", "--format", "table")
    line = next(each for each in table.splitlines() if each.startswith(group.id[:12]))
    assert line.split()[1:3] == ["docker", "1"]


def test_few_open_files_end_no_look(group, work):
    work()
    few = 16  # fewer than a container has files
    result = subprocess.run(
        [VIGIA, "snapshot", "--interval", "100ms", "--source", "proc"], check=False, text=True,
        stdin=subprocess.DEVNULL, capture_output=True, timeout=seconds(60),
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (few, few)))
    assert (result.returncode, result.stderr) == (0, "")
    shown = container_of(result.stdout, group)
    assert shown["cpu_percent"] > 0 and shown["pids"] == 1
