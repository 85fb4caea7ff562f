"""Every source of figures that works here has the figures of /proc. The others say why they do not
work."""

import collections
import contextlib
import functools
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile

import pytest

from deadlines import seconds, wait_until
from test_snapshot import VIGIA, processes_of, sleeps, snapshot

NAMES = ("module", "bpf", "proc", "module-json")
TICK_NS = 10**9 // os.sysconf("SC_CLK_TCK")
PROCESSORS = os.sysconf("SC_NPROCESSORS_CONF")
# A processor may hold back so many pages of a counter (percpu_counter_batch, and before it
# TASK_RSS_EVENTS_THRESH).
RSS_SLACK_BYTES = 64 * PROCESSORS * os.sysconf("SC_PAGE_SIZE")
STEADY = ("ppid", "uid", "oom_score_adj", "threads", "vsz_bytes", "command", "cgroup", "container")
ATTEMPTS = 5

HOSTILE_NAME = b'"\\\n\x1b\xff) S 1'
HOSTILE_ARGUMENT = b'-"\\\n\x1b[2J\xff\xc3'

# Each program prints "ready" and waits for the end of its input.
NAMED = f"""
import ctypes, sys
assert ctypes.CDLL(None).prctl(15, {HOSTILE_NAME!r}, 0, 0, 0) == 0
print("ready", flush=True)
sys.stdin.read()
"""
ARGUED = """
import sys
print("ready", flush=True)
sys.stdin.read()
"""
THREADED = """
import sys, threading
end = threading.Event()
for _ in range(199):
    threading.Thread(target=end.wait, daemon=True).start()
print("ready", flush=True)
sys.stdin.read()
"""
ZOMBIE = """
import os, sys
pid = os.fork()
if pid == 0:
    os._exit(0)
os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
print("ready", pid, flush=True)
sys.stdin.read()
"""
CHURN = "echo ready; while :; do /bin/true; done"


def vigia(*words, prefix=(), program=VIGIA):
    return subprocess.run([*prefix, program, *map(str, words)], check=False, text=True,
                          stdin=subprocess.DEVNULL, capture_output=True, timeout=seconds(60))


def attempts(**how):
    """Returns the attempts of `vigia sources --json` by name."""
    result = vigia("sources", "--json", **how)
    assert result.returncode == 0 and not result.stderr, result.stderr
    return {each["name"]: each for each in json.loads(result.stdout)}


def need(name):
    """Skips the test where the source does not work."""
    if name == "auto":
        return
    trouble = attempts()[name]["trouble"]
    if trouble:
        pytest.skip(f"NOT TESTED: {trouble}")


@pytest.fixture(params=["auto", *NAMES])
def source(request):
    need(request.param)
    return request.param


def need_root(*tools):
    if os.geteuid() != 0:
        pytest.skip("NOT TESTED: needs root")
    for tool in tools:
        if not shutil.which(tool):
            pytest.skip(f"NOT TESTED: there is no {tool}")


def children_of(pid):
    return [int(each) for each in
            pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


PID_NAMESPACE = ("unshare", "--pid", "--fork")
# It has its own /proc. A chroot and a container without rights refuse that.
PROC_NAMESPACE = (*PID_NAMESPACE, "--mount-proc")


@functools.cache
def namespace_trouble(command):
    """Returns why the command cannot make its namespace; empty when it can."""
    if not shutil.which(command[0]):
        return f"there is no {command[0]}"
    tried = subprocess.run([*command, "true"], check=False, text=True, capture_output=True)
    return "" if tried.returncode == 0 else tried.stderr.strip()


def need_namespace(command):
    if trouble := namespace_trouble(command):
        pytest.skip(f"NOT TESTED: {trouble}")


@pytest.fixture(scope="module")
def awkward():
    """The pids of processes that are hard to measure, by their difficulty."""
    with contextlib.ExitStack() as stack:

        def run(*words):
            process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            stack.callback(process.communicate)
            stack.callback(process.kill)
            return process

        def ready(*words):
            process = run(*words)
            said = process.stdout.readline().split()
            assert said[:1] == [b"ready"], said
            return process.pid, said[1:]

        pids = {
            "name": ready(sys.executable, "-c", NAMED)[0],
            "arguments": ready(sys.executable, "-c", ARGUED, HOSTILE_ARGUMENT)[0],
            "threads": ready(sys.executable, "-c", THREADED)[0],
            "zombie": int(ready(sys.executable, "-c", ZOMBIE)[1][0]),
            "churn": ready("sh", "-c", CHURN)[0],
        }
        if not namespace_trouble(PID_NAMESPACE):
            parent = run(*PID_NAMESPACE, "--kill-child", "sleep", "3600").pid
            pids["namespace"] = wait_until(
                lambda: next((pid for pid in children_of(parent) if sleeps(pid)), None),
                "sleep to run in a namespace of its own")
        yield pids


def troubles_of(shown, before, after):
    """Returns the fields in which `shown` contradicts the readings of /proc before and after it."""
    found = [field for field in STEADY
             if before[field] == after[field] and shown[field] != before[field]]
    # In version 1 /proc shows an ending process in the root group, and the kernel its old one.
    if before["vsz_bytes"] == 0 and before["cgroup"] == "/":
        found = [field for field in found if field not in ("cgroup", "container")]
    if not (before["cpu_ns"] - 2 * TICK_NS <= shown["cpu_ns"] <= after["cpu_ns"] + 2 * TICK_NS):
        found.append("cpu_ns")
    for field in ("rss_anon_bytes", "rss_file_bytes", "rss_shmem_bytes"):
        low, high = sorted((before[field], after[field]))
        if not low - RSS_SLACK_BYTES <= shown[field] <= high + RSS_SLACK_BYTES:
            found.append(field)
    names = (before["name"], after["name"])
    # /proc has the whole name of a kernel thread. The kernel's row has only its start.
    is_of_kernel = before["vsz_bytes"] == 0 and before["state"] != "Z"
    if not (any(name.startswith(shown["name"]) for name in names) if is_of_kernel
            else shown["name"] in names):
        found.append("name")
    return found


def is_same(one, other):
    """Returns whether two readings are of one process. /proc has its start in ticks."""
    return (one["pid"] == other["pid"]
            and one["start_ns"] // TICK_NS == other["start_ns"] // TICK_NS)


def contradictions(source):
    """Returns the differences between a source and /proc: pid, field and the three readings."""
    views = [snapshot("--interval", "0", "--source", name) for name in ("proc", source, "proc")]
    before, shown, after = map(processes_of, views)
    found = {}
    for pid, first in before.items():
        last, middle = after.get(pid), shown.get(pid)
        if last is None or not is_same(first, last):
            continue
        if middle is None or not is_same(first, middle):
            found[pid, "pid"] = (first, middle, last)
            continue
        for field in troubles_of(middle, first, last):
            found[pid, field] = (first, middle, last)
    # Upstream's task iterator gives all of the namespace (kernel/bpf/task_iter.c), but there are
    # kernels for virtual machines that keep the host's init from BPF. That the first process of a
    # namespace is shown is tested below.
    if json.loads(views[1])["source"] == "bpf":
        found.pop((1, "pid"), None)
    return found


def test_every_lasting_process_is_shown_as_in_proc(source, awkward):
    ours = set(awkward.values()) - {awkward["churn"]}
    left = None
    # Other processes may change a value and restore it before the last reading, but not each time.
    for _ in range(ATTEMPTS):
        found = contradictions(source)
        assert not [each for (pid, _), each in found.items() if pid in ours]
        left = found if left is None else {key: found[key] for key in left.keys() & found.keys()}
        if not left:
            return
    assert not left


def test_awkward_processes_are_shown_as_they_are(source, awkward):
    shown = {what: processes_of(snapshot("--interval", "0", "--source", source))[pid]
            for what, pid in awkward.items()}
    assert shown["name"]["name"] == HOSTILE_NAME[:15].decode(errors="replace")
    assert shown["arguments"]["command"].endswith(
        " " + HOSTILE_ARGUMENT.decode(errors="replace"))
    assert shown["threads"]["threads"] == 200
    zombie = shown["zombie"]
    assert zombie["state"] == "Z" and zombie["command"] == "" and zombie["rss_bytes"] == 0
    if "namespace" not in shown:
        need_namespace(PID_NAMESPACE)
    assert shown["namespace"]["command"] == "sleep 3600"


@pytest.fixture
def busy():
    """The pid of a process that burns a processor."""
    with subprocess.Popen(["sh", "-c", "while :; do :; done"]) as process:
        yield process.pid
        process.kill()


def test_a_busy_process_has_a_rate(source, busy, awkward):
    shown = processes_of(snapshot("--interval", "500ms", "--source", source))
    assert shown[busy]["cpu_percent"] > 0
    assert shown[awkward["threads"]]["cpu_percent"] == 0


@pytest.mark.parametrize("name", ("module", "bpf"))
def test_the_kernel_counts_to_the_nanosecond(name, awkward):
    need(name)
    shown = processes_of(snapshot("--interval", "0", "--source", name))
    assert any(shown[pid]["cpu_ns"] % 1000 for pid in awkward.values() if pid in shown)


@pytest.mark.parametrize("name", NAMES)
def test_a_process_alone_in_its_namespace_sees_itself(name):
    need_namespace(PROC_NAMESPACE)
    need(name)
    result = vigia("snapshot", "--interval", "0", "--source", name,
                   prefix=PROC_NAMESPACE)
    assert result.returncode == 0, result.stderr
    shown = processes_of(result.stdout)
    assert list(shown) == [1]
    assert shown[1]["ppid"] == 0 and shown[1]["name"] == "vigia"
    assert " snapshot --interval 0 " in shown[1]["command"]


@pytest.mark.parametrize("name", NAMES)
def test_a_namespace_has_its_own_numbers(name):
    need_namespace(PROC_NAMESPACE)
    need(name)
    result = subprocess.run(
        [*PROC_NAMESPACE, "sh", "-c",
         f'sleep 3600 & "$0" snapshot --interval 0 --source {name}; kill $!', VIGIA],
        check=True, text=True, capture_output=True, timeout=seconds(60))
    shown = processes_of(result.stdout)
    assert [(each["pid"], each["ppid"]) for each in shown.values()] == [(1, 0), (2, 1), (3, 1)]
    assert shown[1]["name"] == "sh" and shown[3]["name"] == "vigia"


@pytest.mark.parametrize("name", NAMES)
def test_a_recorder_leaves_no_descriptor_open(name, awkward):
    assert awkward  # short-lived processes are read too
    need(name)

    def descriptors(pid):
        # vigia may be in the middle of a reading.
        return min(len(os.listdir(f"/proc/{pid}/fd")) for _ in range(50))

    with subprocess.Popen([VIGIA, "record", "-", "--interval", "10ms", "--source", name],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as recorder:
        try:
            for _ in range(3):
                assert json.loads(recorder.stdout.readline())["source"] == name
            before = descriptors(recorder.pid)
            for _ in range(20):
                recorder.stdout.readline()
            assert descriptors(recorder.pid) <= before
        finally:
            recorder.kill()


@pytest.mark.parametrize("words", [("sources",), ("sources", "--json"), ("snapshot", "--interval", "0")])
def test_an_unread_output_is_no_crash(words):
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "wb") as nowhere:
        result = subprocess.run([VIGIA, *words], check=False, stdin=subprocess.DEVNULL,
                                stdout=nowhere, stderr=subprocess.PIPE, timeout=seconds(60))
    assert result.returncode in (1, -signal.SIGPIPE), result.stderr


def test_sources_are_listed_best_first_with_what_keeps_them_away():
    found = attempts()
    assert tuple(found) == NAMES
    for each in found.values():
        assert each["works"] == (each["trouble"] is None)
    assert found["proc"]["works"]
    best = next(name for name in ("module", "bpf", "proc") if found[name]["works"])
    assert [name for name, each in found.items() if each["taken"]] == [best]


def test_the_list_for_people_says_the_same():
    lines = vigia("sources").stdout.splitlines()
    assert lines[-2:] == ["", "* marks the source that vigia takes unless --source names another."]
    found = attempts()
    shown = collections.OrderedDict((line[2:].split()[0], line) for line in lines[:-2])
    assert tuple(shown) == NAMES
    for name, line in shown.items():
        assert line.startswith("* ") == found[name]["taken"]
        if found[name]["trouble"]:
            assert line.endswith(f": not here: {found[name]['trouble']}")


def test_a_sample_names_its_source():
    for name, each in attempts().items():
        if each["works"]:
            view = json.loads(snapshot("--interval", "0", "--source", name))
            assert view["source"] == name
            assert view["host"]["memory"]["swap_total_bytes"] is not None
        else:
            assert snapshot("--source", name, status=1) == f"vigia: {each['trouble']}\n"
    taken = next(name for name, each in attempts().items() if each["taken"])
    for flags in ((), ("--source", "auto")):
        assert json.loads(snapshot("--interval", "0", *flags))["source"] == taken


@pytest.mark.parametrize(("name", "file"), [("module", "vigia_bin"), ("module-json", "vigia")])
def test_the_error_for_a_module_that_is_not_loaded_has_the_way_out(name, file):
    if os.path.exists(f"/proc/{file}"):
        pytest.skip("NOT TESTED: the module is loaded")
    assert snapshot("--source", name, status=1) == (
        f"vigia: /proc/{file}: No such file or directory: the module is not loaded "
        "(make module-install)\n")


@pytest.fixture
def as_nobody():
    """Runs vigia without any rights: as_nobody(*words)."""
    need_root("setpriv")
    # The user nobody may have no access to the build folder.
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        program = shutil.copy(VIGIA, folder)
        yield {"program": program,
               "prefix": ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
                          "--inh-caps=-all", "--bounding-set=-all", "--no-new-privs")}


def test_without_rights_proc_is_taken(as_nobody):
    if os.path.exists("/proc/vigia_bin"):
        pytest.skip("NOT TESTED: the module's group decides who may read it")
    assert [name for name, each in attempts(**as_nobody).items() if each["taken"]] == ["proc"]
    result = vigia("snapshot", "--interval", "0", **as_nobody)
    # No message: no other source was asked for.
    assert result.returncode == 0 and result.stderr == ""
    view = json.loads(result.stdout)
    assert view["source"] == "proc"
    assert os.getpid() in processes_of(result.stdout)


def test_without_rights_bpf_says_what_it_needs(as_nobody):
    need("bpf")
    result = vigia("snapshot", "--interval", "0", "--source", "bpf", **as_nobody)
    assert result.returncode == 1 and result.stdout == ""
    assert result.stderr.startswith("vigia: ")
    assert result.stderr.endswith(": it needs root, or CAP_BPF and CAP_PERFMON\n")
    assert attempts(**as_nobody)["bpf"]["trouble"] in result.stderr


@pytest.mark.parametrize(("flags", "said"), [
    (["--source", "sysfs"], "source: expected one of"),
    (["--source", "proc", "--from", "host.ndjson"],
     "source: leave it out with --from"),
])
def test_a_source_that_does_not_fit_is_named(flags, said):
    assert said in snapshot(*flags, status=2)
