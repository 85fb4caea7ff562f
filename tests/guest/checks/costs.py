"""What reading costs here, as ratios: a guest's own clock is of no use for more."""

import os
import resource

import host

PROCESSES = 400
ROUNDS = 10


def cpu_of(action):
    """Seconds of processor time that one `action` takes, the least of some."""
    def once():
        before = resource.getrusage(resource.RUSAGE_SELF)
        action()
        after = resource.getrusage(resource.RUSAGE_SELF)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    return min(once() for _ in range(ROUNDS))


def drain(path):
    fd = os.open(path, os.O_RDONLY)
    while os.read(fd, 65536):
        pass
    os.close(fd)


def walk():
    for name in os.listdir("/proc"):
        if name.isdigit():
            drain(f"/proc/{name}/stat")


def check_the_module_s_cost_grows_with_the_number_of_processes():
    alone = {path: cpu_of(lambda path=path: drain(path))
             for path in (host.JSON_FILE, host.RECORDS_FILE)}
    children = [host.Child() for _ in range(PROCESSES)]
    try:
        count = len(host.records())
        costs = {path: cpu_of(lambda path=path: drain(path)) for path in alone}
        proc = cpu_of(walk)
    finally:
        for each in children:
            each.end()
    told = {"processes": count, "proc_stat_us": round(proc / count * 1e6, 2)}
    for path, seconds in costs.items():
        told[path] = {"us": round(seconds / count * 1e6, 2), "of_proc_stat": round(seconds / proc, 3)}
    return told
