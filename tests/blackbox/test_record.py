"""`vigia record` writes what this host does, a line a sample; `vigia snapshot --from` shows it."""

import json
import os
import pathlib
import resource
import signal
import subprocess

import pytest

from deadlines import seconds, wait_until
from estadio import BINARY

VIGIA = BINARY.with_name("vigia")


def vigia(*words, status=0, **options):
    result = subprocess.run([VIGIA, *map(str, words)], check=False, text=True,
                            stdin=subprocess.DEVNULL, capture_output=True, timeout=seconds(60),
                            **options)
    assert result.returncode == status, result.stdout + result.stderr
    return result.stderr if status else result.stdout


def samples_of(text):
    assert text.endswith("\n")
    return [json.loads(line) for line in text.splitlines()]


@pytest.fixture
def file(tmp_path):
    return tmp_path / "host.ndjson"


@pytest.fixture
def recording(file):
    """A file of three samples of this host."""
    vigia("record", file, "--interval", "100ms", "--count", "3")
    return file


@pytest.fixture
def start(tmp_path):
    """start(*flags) starts `vigia record` with these flags. The process ends with the test."""
    started = []

    def run(*words):
        process = subprocess.Popen([VIGIA, "record", *map(str, words)], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate()


def test_a_recording_is_a_line_a_sample(recording):
    samples = samples_of(recording.read_text())
    assert len(samples) == 3
    for sample in samples:
        assert sample["schema"] == 1 and sample["source"] in ("module", "bpf", "proc")
        assert sample["kernel"] == os.uname().release
        assert len(sample["host"]["cpus"]) == os.cpu_count()
        pids = [each["pid"] for each in sample["processes"]]
        assert pids == sorted(set(pids)) and os.getpid() in pids
    # Never early. The lateness depends on the machine.
    moments = [sample["uptime_ns"] for sample in samples]
    assert moments[2] - moments[0] >= 150_000_000
    assert recording.stat().st_mode & 0o777 == 0o600


def test_a_snapshot_from_it_agrees_with_it(recording):
    samples = samples_of(recording.read_text())
    for at, flags in ((3, []), (3, ["--at", 3]), (2, ["--at", 2])):
        before, after = samples[at - 2:at]
        view = json.loads(vigia("snapshot", "--from", recording, *flags))
        assert view["uptime_ns"] == after["uptime_ns"]
        assert view["interval_ns"] == after["uptime_ns"] - before["uptime_ns"]
        assert view["host"]["memory"] == after["host"]["memory"]
        assert view["host"]["load"] == after["host"]["load"]
        assert view["host"]["cpus"] == after["host"]["cpus"]
        by_pid = {each["pid"]: each for each in view["processes"]}
        assert list(by_pid) == [each["pid"] for each in after["processes"]]
        earlier = {(each["pid"], each["start_ns"]): each for each in before["processes"]}
        for each in after["processes"]:
            shown = by_pid[each["pid"]]
            assert {name: shown[name] for name in each if name in shown} == {
                name: value for name, value in each.items() if name != "read_ns"}
            was = earlier.get((each["pid"], each["start_ns"]))
            if was is None:
                continue
            used = each["user_ns"] + each["system_ns"] - was["user_ns"] - was["system_ns"]
            percent = min(100 * used / (each["read_ns"] - was["read_ns"]),
                          100 * len(after["host"]["cpus"]))
            assert shown["cpu_percent"] == pytest.approx(percent, abs=0.001)


def test_the_first_sample_has_no_rates(recording):
    view = json.loads(vigia("snapshot", "--from", recording, "--at", 1))
    assert view["interval_ns"] == 0
    assert {each["cpu_percent"] for each in view["processes"]} == {None}


def test_the_samples_of_a_snapshot_are_shown_in_all_ways(recording):
    assert "PID" in vigia("snapshot", "--from", recording, "--format", "table")
    lines = samples_of(vigia("snapshot", "--from", recording, "--format", "ndjson", "--top", 1))
    assert [each["kind"] for each in lines][:2] == ["host", "process"]


def test_a_link_is_not_followed(tmp_path, file):
    victim = tmp_path / "victim"
    victim.write_text("")
    file.symlink_to(victim)
    assert f"{file} exists already" in vigia("record", file, "--count", 1, status=1)
    assert f"{file} is a symbolic link" in vigia("record", file, "--append", "--count", 1, status=1)
    assert victim.read_text() == ""


@pytest.mark.parametrize("flags", [[], ["--append"]])
def test_it_is_readable_by_its_owner_alone_whatever_the_umask(file, flags):
    vigia("record", file, "--count", 1, *flags, umask=0o777)
    assert file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("which", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_after_a_whole_line(start, file, which):
    process = start(file, "--interval", "10ms")
    wait_until(lambda: file.exists() and file.read_bytes().count(b"\n") >= 2, "two samples")
    process.send_signal(which)
    assert process.wait(seconds(30)) == 0
    assert len(samples_of(file.read_text())) >= 2


def test_it_ends_at_once_though_the_next_sample_is_far(start, file):
    process = start(file, "--interval", "24h")
    wait_until(lambda: file.exists() and file.read_bytes().endswith(b"\n"), "the first sample")
    process.send_signal(signal.SIGTERM)
    assert process.wait(seconds(30)) == 0
    assert len(samples_of(file.read_text())) == 1


def test_it_ends_when_its_time_is_over(file):
    vigia("record", file, "--interval", "10ms", "--duration", "50ms")
    assert 1 <= len(samples_of(file.read_text())) <= 6


def test_standard_output_is_a_file_too():
    assert len(samples_of(vigia("record", "-", "--count", 2, "--interval", "10ms"))) == 2


def test_a_reader_that_stops_ends_it(start):
    process = start("-", "--interval", "10ms")
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(seconds(30)) == 1
    assert "writing standard output: Broken pipe" in process.stderr.read()


def test_a_file_that_is_there_is_not_replaced(recording):
    held = recording.read_bytes()
    assert "exists already: see --append" in vigia("record", recording, "--count", 1, status=1)
    assert recording.read_bytes() == held
    vigia("record", recording, "--count", 1, "--append")
    assert recording.read_bytes().startswith(held)
    assert len(samples_of(recording.read_text())) == 4


def test_what_is_no_recording_is_not_added_to(tmp_path):
    other = tmp_path / "letter"
    other.write_text("Dear")
    assert "is not a recording" in vigia("record", other, "--append", status=1)
    assert other.read_text() == "Dear"


def test_one_at_a_time_records_to_a_file(start, file):
    start(file, "--interval", "24h")
    wait_until(lambda: file.exists() and file.read_bytes().endswith(b"\n"), "the first sample")
    assert "another process is recording to" in vigia("record", file, "--append", status=1)


def test_a_line_that_a_killed_recorder_left_is_passed_over_and_cut_off(recording):
    whole = recording.read_bytes()
    samples = samples_of(whole.decode())
    recording.write_bytes(whole + whole[:-200].rsplit(b"\n", 1)[-1])
    result = subprocess.run([VIGIA, "snapshot", "--from", recording], check=True, text=True,
                            capture_output=True, timeout=seconds(60))
    assert "the last line is cut short and was skipped" in result.stderr
    assert json.loads(result.stdout)["uptime_ns"] == samples[2]["uptime_ns"]
    assert "has no sample 4: it has 4 lines, and its last line is cut short" in vigia(
        "snapshot", "--from", recording, "--at", 4, status=1)
    vigia("record", recording, "--append", "--count", 1)
    assert recording.read_bytes().startswith(whole)
    assert len(samples_of(recording.read_text())) == 4


def test_no_room_leaves_whole_lines(file):
    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    said = vigia("record", file, "--interval", "10ms", status=1, preexec_fn=limit)
    assert f"writing {file}: File too large" in said
    text = file.read_text()
    assert text == "" or samples_of(text)


@pytest.mark.parametrize("words", [["record", "-"], ["snapshot"]])
def test_a_limit_on_file_sizes_is_an_error_of_standard_output(tmp_path, words):
    with open(tmp_path / "out", "wb") as out:
        result = subprocess.run(["sh", "-c", 'ulimit -f 1; exec "$@"', "sh", VIGIA, *words],
                                check=False, stdout=out, stderr=subprocess.PIPE, text=True,
                                timeout=seconds(60))
    assert result.returncode == 1
    assert "writing standard output: File too large" in result.stderr


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="NOT TESTED: there is no /dev/full")
def test_a_full_disk_is_an_error():
    with open("/dev/full", "wb") as full:
        result = subprocess.run([VIGIA, "record", "-"], check=False, stdout=full,
                                stderr=subprocess.PIPE, text=True, timeout=seconds(60))
    assert result.returncode == 1
    assert "writing standard output: No space left on device" in result.stderr


@pytest.mark.parametrize(("text", "said"), [
    ("", "holds no samples"),
    ("nonsense", "holds no samples, and its last line is cut short"),
    ("{nonsense}\n", ":1: malformed JSON"),
    ('{"schema":2}\n', ":1: schema 2 is not known here: expected schema 1"),
    ('{"schema":1}\n', ":1: source: is missing"),
    ("[]\n", ":1: expected an object"),
])
def test_a_file_that_is_no_recording_is_an_error(file, text, said):
    file.write_text(text)
    assert said in vigia("snapshot", "--from", file, status=1)


def test_the_error_for_a_figure_that_does_not_fit_has_its_place(recording):
    *first, last = samples_of(recording.read_text())
    last["processes"][1]["start_ns"] = "soon"
    recording.write_text("".join(json.dumps(each) + "\n" for each in (*first, last)))
    assert ":3: processes[1].start_ns: expected a whole number" in vigia(
        "snapshot", "--from", recording, status=1)
    vigia("snapshot", "--from", recording, "--at", 2)


def test_unknown_members_and_another_order_are_no_errors(recording):
    text = ""
    for sample in samples_of(recording.read_text()):
        del sample["hidden_processes"]
        if not sample["cgroups"]:  # a host's containers add to them
            del sample["cgroups"]
        sample["later"] = {"schema": [2, {"pid": None}]}
        text += json.dumps(dict(reversed(sample.items()))) + "\n"
    view = json.loads(vigia("snapshot", "--from", recording))
    recording.write_text(text)
    again = json.loads(vigia("snapshot", "--from", recording))
    assert again == {**view, "hidden_processes": 0}


@pytest.mark.parametrize(("words", "said"), [
    (["snapshot", "--from", "x", "--interval", "2s"], "interval: leave it out with --from"),
    (["snapshot", "--at", "1"], "at: needs a recording, named with --from"),
    (["snapshot", "--from", "x", "--at", "-1"], "at"),
    (["record"], "file"),
    (["record", "-", "--append"], "append: needs a file, not standard output"),
    (["record", "x", "--interval", "0"], "from 10ms to 24h"),
    (["record", "x", "--count", "-1"], "count"),
])
def test_settings_that_do_not_fit_are_named(words, said):
    assert said in vigia(*words, status=2)


def test_files_that_cannot_be_opened_are_named(tmp_path):
    there = tmp_path / "nowhere" / "host.ndjson"
    for words in (["snapshot", "--from", there], ["record", there]):
        assert f"opening {there}: No such file or directory" in vigia(*words, status=1)
    for no_file in (tmp_path, "/dev/stdin"):
        assert f"{no_file} is not a regular file" in vigia("snapshot", "--from", no_file, status=1)
    assert not pathlib.Path(there).exists()
