"""Real control groups of version 2: limits, throttling, memory, and their figures in a snapshot."""

import contextlib
import errno
import json
import os
import signal
import subprocess

import host
import snapshots

ROOT = "/sys/fs/cgroup"
ID = "c" * 64
PROCESS_LIMIT = 50


def write(path, text):
    with open(path, "w") as file:
        file.write(text)


def figures(path):
    return {line.split()[0]: int(line.split()[1])
            for line in host.read(path).decode().splitlines()}


@contextlib.contextmanager
def container(limits):
    """A group with all controllers, named as Docker's systemd driver names it."""
    write(ROOT + "/cgroup.subtree_control", "+cpu +memory +pids +io")
    slice_ = ROOT + "/system.slice"
    os.makedirs(slice_, exist_ok=True)
    write(slice_ + "/cgroup.subtree_control", "+cpu +memory +pids +io")
    folder = f"{slice_}/docker-{ID}.scope"
    os.mkdir(folder)
    for name, value in limits.items():
        write(f"{folder}/{name}", value)
    try:
        yield folder
    finally:
        with open(folder + "/cgroup.procs") as file:
            for pid in file:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, 0)[0]:
                pass
        until_it_goes(folder)


def until_it_goes(folder):
    """Removes the group once it is empty: a killed process leaves its group a moment later."""
    while True:
        try:
            return os.rmdir(folder)
        except OSError as error:
            assert error.errno == errno.EBUSY, error
            os.sched_yield()


def join(folder):
    write(folder + "/cgroup.procs", str(os.getpid()))


def usage_of(source, interval="0"):
    out, errors = snapshots.vigia("snapshot", "--source", source, "--interval", interval)
    assert errors == "", errors
    found = [each for each in json.loads(out)["containers"] if each["id"] == ID]
    assert len(found) == 1, out[-2000:]
    return found[0]


def check_memory_is_what_the_kernel_charges():
    held = []

    def hold(folder):
        join(folder)
        held.append(bytearray(os.urandom(24 << 20)))

    with container({"memory.max": str(200 << 20), "pids.max": str(PROCESS_LIMIT)}) as folder:
        with host.Child(lambda: hold(folder)):
            for source in snapshots.SOURCES:
                its = usage_of(source)
                current = int(host.read(folder + "/memory.current"))
                stat = figures(folder + "/memory.stat")
                near = 4 << 20
                assert abs(its["memory_bytes"] - current) <= near, (its, current)
                assert abs(its["working_set_bytes"] - (current - stat["inactive_file"])) <= near
                assert its["unreclaimable_bytes"] >= 24 << 20
                assert abs(its["unreclaimable_bytes"] -
                           (stat["anon"] + stat["kernel"] + stat["sock"])) <= near
                assert its["memory_max_bytes"] == 200 << 20
                assert its["peak_bytes"] >= its["memory_bytes"] - near
                assert its["pids"] == 1 and its["pids_max"] == PROCESS_LIMIT
                assert its["processes"] == 1 and its["runtime"] == "docker"
                assert its["oom_kills"] == 0


def check_a_throttled_one_is_told():
    def burn(folder):
        join(folder)
        if os.fork() == 0:
            while True:
                pass

    with container({"cpu.max": "20000 100000"}) as folder:
        with host.Child(lambda: burn(folder)):
            its = usage_of("proc", "3s")
            stat = figures(folder + "/cpu.stat")
            assert 0 < its["cpu_ns"] <= stat["usage_usec"] * 1000
            # The limit is a fifth of a processor.
            assert 1 <= its["cpu_percent"] <= 30, its
            assert its["throttled_ns"] > 0 and its["throttled_percent"] > 0, its


def check_a_kill_for_memory_is_counted():
    def grow(folder):
        join(folder)
        if os.fork() == 0:
            kept = []
            while True:
                kept.append(bytearray(b"x") * (1 << 20))

    with container({"memory.max": str(32 << 20)}) as folder:
        host.forget_messages()
        with host.Child(lambda: grow(folder)):
            while figures(folder + "/memory.events")["oom_kill"] == 0:
                os.sched_yield()
            survivors = host.read(folder + "/cgroup.procs").split()
            if not survivors:
                join_child = host.Child(lambda: join(folder))
                its = usage_of("proc")
                join_child.end()
            else:
                its = usage_of("proc")
            assert its["oom_kills"] >= 1 and its["ooms"] >= 1, its
    host.forget_messages()  # the kernel logged the kill, with a trace


def check_a_container_that_goes_meanwhile_is_not_an_error():
    def come_and_go():
        for i in range(60):
            folder = f"{ROOT}/docker-{i:064x}.scope"
            os.mkdir(folder)
            pid = os.fork()
            if pid == 0:
                join(folder)
                os._exit(0)
            os.waitpid(pid, 0)
            until_it_goes(folder)

    def look():
        for source in ("module", "bpf", "proc", "module-json", "proc"):
            snapshots.vigia("snapshot", "--source", source, "--interval", "100ms")

    host.in_parallel(come_and_go, look, look)


def check_groups_with_blanks_and_backslashes():
    folder = f"{ROOT}/a b\\x2dc"
    os.mkdir(folder)
    inner = f"{folder}/docker-{ID}.scope"
    os.mkdir(inner)
    with host.Child(lambda: join(inner)):
        its = usage_of("proc")
        assert its["pids"] in (1, None) and its["cpu_ns"] is not None, its
        assert subprocess.run(["/bin/vigia", "sources"], stdout=subprocess.DEVNULL).returncode == 0
    os.rmdir(inner)
    os.rmdir(folder)
