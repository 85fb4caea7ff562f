"""The modules of checks, in the order in which they run."""

TESTS = ("module", "processes", "snapshots", "cgroups")
# `make bench` runs this one after the first, which loads the kernel module.
COSTS = "costs"
