"""The cost of a sample, for `make bench`. Emulation is slow, so only ratios have a meaning."""

import json
import os
import subprocess

import host

SOURCES = "/bin/sources"


def measure(processes):
    if not os.path.exists(SOURCES):
        raise host.Skipped("the bench is not built")
    said = subprocess.run([SOURCES, str(processes), "3"], check=True, stdout=subprocess.PIPE).stdout
    return json.loads(said)


def check_costs_of_the_sources():
    costs = {}
    for processes in (200, 1000):
        found = measure(processes)
        assert {"module", "module-json", "bpf", "proc"} <= set(found), found
        count = found["proc"]["processes"]
        costs[processes] = {name: round(each["read_us"] / count, 2) for name, each in found.items()}
    return costs
