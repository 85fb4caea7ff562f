"""Which modules of checks there are, in the order in which they run."""

TESTS = ("module", "processes", "snapshots", "cgroups")
# What `make bench` runs after the first of them, which loads the kernel module.
COSTS = "costs"
