"""`vigia snapshot` has the figures of this host that /proc has."""

import json
import os
import pathlib
import subprocess

import pytest

from deadlines import seconds, wait_until
from estadio import BINARY
from terminal import HOSTILE, STEERING, output_on_a_terminal

VIGIA = BINARY.with_name("vigia")


def snapshot(*flags, status=0):
    result = subprocess.run([VIGIA, "snapshot", *map(str, flags)], check=False, text=True,
                            stdin=subprocess.DEVNULL, capture_output=True, timeout=seconds(60))
    assert result.returncode == status, result.stdout + result.stderr
    return result.stderr if status else result.stdout


def processes_of(text):
    return {each["pid"]: each for each in json.loads(text)["processes"]}


def sleeps(pid):
    """Returns whether the process has become the program `sleep` and sleeps."""
    name, rest = pathlib.Path(f"/proc/{pid}/stat").read_text().split("(", 1)[1].rsplit(") ", 1)
    return name == "sleep" and rest[0] == "S"


@pytest.fixture
def start():
    """start(*words) runs a program during the test. Returns its pid once the program runs."""
    started = []

    def run(*words, executable=None):
        process = subprocess.Popen(words, executable=executable, stdin=subprocess.DEVNULL)
        started.append(process)
        if (executable or words[0]).endswith("sleep"):
            wait_until(lambda: sleeps(process.pid), f"{words} to sleep")
        return process.pid

    yield run
    for process in started:
        process.kill()
        process.wait()


def test_a_process_is_shown_as_in_proc(start):
    pid = start("sleep", "3600")
    shown = processes_of(snapshot("--interval", "0", "--source", "proc"))[pid]
    folder = pathlib.Path(f"/proc/{pid}")
    fields = (folder / "stat").read_text().rsplit(") ", 1)[1].split()
    status = dict(line.split(":", 1) for line in (folder / "status").read_text().splitlines())
    assert shown["name"] == "sleep" and shown["command"] == "sleep 3600"
    assert shown["ppid"] == os.getpid() and shown["uid"] == os.getuid()
    assert shown["state"] == fields[0] == "S"
    assert shown["threads"] == 1
    assert shown["start_ns"] == int(fields[19]) * (10**9 // os.sysconf("SC_CLK_TCK"))
    assert shown["vsz_bytes"] == int(fields[20])
    assert shown["rss_anon_bytes"] == int(status["RssAnon"].split()[0]) * 1024
    assert shown["rss_file_bytes"] == int(status["RssFile"].split()[0]) * 1024
    assert shown["oom_score_adj"] == int((folder / "oom_score_adj").read_text())
    assert shown["cgroup"] in (folder / "cgroup").read_text()
    assert shown["cpu_percent"] is None


def test_the_host_is_shown():
    view = json.loads(snapshot("--interval", "0", "--source", "proc"))
    assert view["schema"] == 1 and view["source"] == "proc" and view["interval_ns"] == 0
    assert view["kernel"] == os.uname().release
    assert view["boot_id"] == pathlib.Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    host = view["host"]
    assert len(host["cpus"]) == os.cpu_count()
    assert host["cpu"]["busy_percent"] is None
    assert 0 < host["memory"]["available_bytes"] <= host["memory"]["total_bytes"]


def test_a_busy_process_has_a_rate_and_a_sleeping_one_has_0(start):
    busy, idle = start("sh", "-c", "while :; do :; done"), start("sleep", "3600")
    view = snapshot("--interval", "500ms", "--sort", "cpu")
    shown = processes_of(view)
    assert shown[busy]["cpu_percent"] > 0
    assert shown[idle]["cpu_percent"] == 0
    assert json.loads(view)["host"]["cpu"]["busy_percent"] > 0
    order = list(shown)
    assert order.index(busy) < order.index(idle)


def test_processes_are_chosen_and_ordered(start):
    pids = [start("sleep", "3601"), start("sleep", "3602")]
    found = processes_of(snapshot("--interval", "0", "--filter", "sleep 360"))
    assert list(found) == sorted(pids)
    assert len(processes_of(snapshot("--interval", "0", "--top", "1"))) == 1
    largest = [each["rss_bytes"] for each in
               processes_of(snapshot("--interval", "0", "--sort", "memory")).values()]
    assert largest == sorted(largest, reverse=True)


def test_lines_are_documents_of_their_own(start):
    pid = start("sleep", "3600")
    lines = [json.loads(line) for line in
             snapshot("--interval", "0", "--format", "ndjson").splitlines()]
    assert lines[0]["kind"] == "host"
    assert pid in [each["pid"] for each in lines if each["kind"] == "process"]


def test_nothing_that_a_process_calls_itself_reaches_the_terminal(start):
    hostile = "\x1b[2J\"\\\n\u009b\u00f1"
    pid = start(hostile, "3600", executable="/bin/sleep")
    assert processes_of(snapshot("--interval", "0"))[pid]["command"] == f"{hostile} 3600"
    table = snapshot("--interval", "0", "--format", "table", "--filter", "3600")
    assert "?[2J\"\\??\u00f1 3600" in table
    assert "\x1b" not in table


@pytest.mark.parametrize(("flags", "said"), [
    (["--format", "xml"], "format: expected one of json|ndjson|table"),
    (["--sort", "size"], "sort: expected one of"),
    (["--interval", "2h"], "from 0 to 1h"),
    (["--top", "-1"], "top"),
    (["--frobnicate"], "--frobnicate"),
])
def test_settings_that_do_not_fit_are_named(flags, said):
    assert said in snapshot(*flags, status=2)


def test_help_and_version_are_printed():
    for flags, said in ((["--help"], "vigia snapshot"), (["--version"], "vigia 0."),
                        (["snapshot", "--help"], "--interval")):
        result = subprocess.run([VIGIA, *flags], check=True, capture_output=True, text=True)
        assert said in result.stdout
    assert subprocess.run([VIGIA, "frobnicate"], check=False, capture_output=True).returncode == 2


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="NOT TESTED: there is no /dev/full")
def test_a_view_that_cannot_be_written_is_no_success():
    with open("/dev/full", "wb") as full:
        assert subprocess.run([VIGIA, "snapshot", "--interval", "0"], check=False,
                              stdout=full).returncode == 1


@pytest.mark.parametrize("words", [["snapshot", "--interval", "0", "--source", "proc"],
                                   ["snapshot", "--interval", "0", "--source", "proc",
                                    "--format", "ndjson"],
                                   ["record", "-", "--count", "1", "--source", "proc"]])
def test_json_on_a_terminal_has_no_character_that_steers_it(start, words):
    pid = start(HOSTILE, "3600", executable="/bin/sleep")
    status, output = output_on_a_terminal([VIGIA, *words])
    assert status == 0
    assert not STEERING.findall(output)
    documents = [json.loads(line) for line in output.splitlines()]
    shown = next(each for document in documents for each in document.get("processes", [document])
                 if each.get("pid") == pid)
    assert shown["command"] == f"{HOSTILE} 3600"


def test_json_in_a_pipe_has_the_characters_as_they_are(start):
    start(HOSTILE, "3600", executable="/bin/sleep")
    assert HOSTILE[HOSTILE.index("\u061c"):-2] in snapshot("--interval", "0", "--source", "proc")


def test_a_table_has_no_character_that_steers_a_terminal(start):
    pid = start(HOSTILE, "3600", executable="/bin/sleep")
    table = snapshot("--interval", "0", "--source", "proc", "--format", "table")
    assert not STEERING.findall(table)
    row = next(line for line in table.splitlines() if line.split()[:1] == [str(pid)])
    assert "a?[2J?K????????b 3600" in row
