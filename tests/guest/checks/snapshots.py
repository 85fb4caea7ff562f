"""`vigia` in the guest: every source against /proc and against the others."""

import json
import os
import subprocess

import host

VIGIA = "/bin/vigia"
SOURCES = ("module", "module-json", "bpf", "proc")
# The fields that do not change while nothing happens to a process.
STEADY = ("ppid", "uid", "oom_score_adj", "threads", "vsz_bytes", "command", "cgroup",
          "container")


def vigia(*arguments, status=0):
    done = subprocess.run([VIGIA, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert done.returncode == status, (arguments, done)
    return done.stdout.decode(), done.stderr.decode()


def snapshot(source, *arguments):
    out, errors = vigia("snapshot", "--source", source, "--interval", "0", *arguments)
    assert errors == "", errors
    return json.loads(out)


def check_every_source_works_here():
    found = {each["name"]: each for each in json.loads(vigia("sources", "--json")[0])}
    assert set(found) == set(SOURCES)
    assert all(each["works"] for each in found.values()), found
    assert [name for name, each in found.items() if each["taken"]] == ["module"]
    out, _ = vigia("snapshot", "--interval", "0")
    assert json.loads(out)["source"] == "module"


def check_sources_agree():
    """Each process that exists before and after has counters between those of /proc."""
    with host.Child(lambda: host.set_name(b'a"b\\\n\xff')) as child, \
            host.Program(b"x" * 200, b"\xe2\x82") as program:
        waiting = child.pid, program.pid
        before = {each["pid"]: each for each in snapshot("proc")["processes"]}
        others = {source: snapshot(source) for source in SOURCES}
        after = {each["pid"]: each for each in snapshot("proc")["processes"]}
    compared = 0
    for source, view in others.items():
        assert view["source"] == source
        found = {each["pid"]: each for each in view["processes"]}
        lasting = {pid for pid in before.keys() & after.keys()
                   if before[pid]["start_ns"] == after[pid]["start_ns"]}
        assert lasting <= found.keys(), (source, lasting - found.keys())
        assert [found[pid]["state"] for pid in waiting] == ["S", "S"]
        for pid in lasting:
            old, new, its = before[pid], after[pid], found[pid]
            for field in STEADY:
                if old[field] == new[field]:
                    assert its[field] == new[field], (source, pid, field, its, new)
            assert its["start_ns"] // host.TICK_NS == new["start_ns"] // host.TICK_NS
            # Only /proc shows the longer name of a kernel thread, and the current work of a
            # worker.
            stem = its["name"].split("-")[0]
            assert new["name"].startswith(stem if its["vsz_bytes"] == 0 else its["name"]), \
                (source, its, new)
            slack = 2 * host.TICK_NS
            assert old["cpu_ns"] - slack <= its["cpu_ns"] <= new["cpu_ns"] + slack, \
                (source, old, its, new)
            for field in ("rss_anon_bytes", "rss_file_bytes", "rss_shmem_bytes"):
                near = 64 * os.cpu_count() * host.PAGE
                assert min(old[field], new[field]) - near <= its[field] <= \
                    max(old[field], new[field]) + near, (source, field, its, new)
            compared += 1
        memory = view["host"]["memory"]
        assert memory["swap_total_bytes"] is not None
        assert memory["total_bytes"] == others["proc"]["host"]["memory"]["total_bytes"]
    return f"{compared} processes compared"


def check_titles_and_groups_of_what_is_new_are_told():
    for source in SOURCES:
        folder = "/sys/fs/cgroup/docker-" + "d" * 64 + ".scope"
        os.mkdir(folder)
        with host.Program(b"an argument") as program:
            with open(folder + "/cgroup.procs", "w") as file:
                file.write(str(program.pid))
            its = [each for each in snapshot(source)["processes"] if each["pid"] == program.pid]
            assert its[0]["container"] == "d" * 64, (source, its)
            assert its[0]["command"] == "sh -c read line an argument", (source, its)
        os.rmdir(folder)


def check_a_pid_namespace_of_its_own_has_its_own_numbers():
    def look():
        lines = []
        for source in ("module", "module-json", "bpf"):
            found = snapshot(source)["processes"]
            own = [each["pid"] for each in found]
            parents = [each["ppid"] for each in found]
            lines.append(f"{source} {own} {parents}")
        return "\n".join(lines)

    lines = host.in_pid_namespace(look).splitlines()
    assert len(lines) == 3, lines
    for line, pid in zip(lines, ("2", "3", "4")):
        # Our process is the first there, vigia the next.
        assert line.endswith(f" [1, {pid}] [0, 1]"), lines


def check_a_recorder_goes_on_with_a_module_that_was_replaced():
    for source in ("module", "module-json"):
        command = [VIGIA, "record", "-", "--count", "3", "--interval", "3s", "--source", source]
        # A guest's standard error is a terminal, on which vigia would show its progress.
        with subprocess.Popen(command, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL) as recorder:
            first = recorder.stdout.readline()
            host.unload()
            host.load()
            rest = recorder.stdout.read().splitlines()
        assert recorder.returncode == 0
        assert len(rest) == 2
        for line in (first, *rest):
            assert json.loads(line)["source"] == source
