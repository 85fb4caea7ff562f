"""Flags, environment, files and help: every key from every source, and clear errors."""

import hashlib
import os
import re
import socket
import subprocess
import tomllib

import pytest

from estadio import BINARY, as_json, entry, environment, run_estadio
from wire import assert_problem

# A value for each key, none of them the default.
VALUES = {
    "max-buffered-requests": "32MiB",
    "max-buffered-answers": "16MiB",
    "allowed-hosts": "contest.example,192.0.2.1",
    "max-body": "1MiB",
    "max-entries": 77,
    "max-connections": 123,
    "max-in-flight": "32MiB",
    "receive-timeout": "7s",
    "idle-timeout": "33s",
    "coalesce-for": "300us",
    "durability-timeout": "4s",
    "retry-window": "5m",
    "retry-memory": "1MiB",
    "http-threads": 3,
    "segment-bytes": "8MiB",
    "log-level": "debug",
}


def said_by(result):
    return result.stdout + result.stderr


def toml_line(key, value):
    return f'{key} = "{value}"\n' if isinstance(value, str) else f"{key} = {value}\n"


def variable(key):
    return "ESTADIO_" + key.upper().replace("-", "_")


@pytest.fixture
def printed(tmp_path):
    """printed(flags=, env=, file=) is the configuration `estadio all` would run with."""
    def print_it(flags=(), env=None, file=None):
        source = []
        if file is not None:
            path = tmp_path / "estadio.toml"
            path.write_text(file, encoding="utf-8")
            source = ["--config", path]
        result = run_estadio("all", "--data", tmp_path / "data", "--http", "127.0.0.1:0", *source,
                             *flags, "--print-config", env=environment(**(env or {})))
        assert result.returncode == 0, said_by(result)
        document = tomllib.loads(result.stdout)
        document.pop("config", None)
        return document

    return print_it


# Sources and their order.

@pytest.mark.parametrize("key", VALUES)
def test_a_key_means_the_same_as_flag_variable_and_in_a_file(printed, key):
    value = VALUES[key]
    by_flag = printed(flags=[f"--{key}", value])
    assert by_flag[key] != printed()[key]
    assert printed(env={variable(key): str(value)}) == by_flag
    assert printed(file=toml_line(key, value)) == by_flag


def test_flags_beat_the_environment_and_the_environment_beats_the_file(printed):
    flag, variable_, file = ["--max-entries", "1"], {"ESTADIO_MAX_ENTRIES": "2"}, "max-entries = 3"
    assert printed(flag, variable_, file)["max-entries"] == 1
    assert printed((), variable_, file)["max-entries"] == 2
    assert printed((), None, file)["max-entries"] == 3
    assert printed(flag, None, file)["max-entries"] == 1
    assert printed(flag, variable_)["max-entries"] == 1


@pytest.mark.parametrize("source", ["flag", "environment", "file"])
def test_a_setting_takes_effect_from_whichever_source(start, tmp_path, source):
    flags, env = [], environment()
    if source == "flag":
        flags = ["--max-body", "1KiB"]
    elif source == "environment":
        env = environment(ESTADIO_MAX_BODY="1KiB")
    else:
        (tmp_path / "estadio.toml").write_text('max-body = "1KiB"\n')
        flags = ["--config", tmp_path / "estadio.toml"]
    server = start(*flags, env=env)
    assert server.post(as_json(entry()).ljust(1024)).status == 200
    assert_problem(server.post(as_json(entry()).ljust(1025)), 413)


def test_every_setting_of_all_can_come_from_the_environment(tmp_path):
    env = environment(ESTADIO_DATA=str(tmp_path / "data"), ESTADIO_HTTP="127.0.0.1:0")
    result = run_estadio("all", "--print-config", env=env)
    assert result.returncode == 0, said_by(result)
    assert tomllib.loads(result.stdout)["data"] == str(tmp_path / "data")


def test_a_printed_configuration_is_a_configuration_file(printed, tmp_path, start):
    flags = [word for key, value in VALUES.items() for word in (f"--{key}", value)]
    once = printed(flags=flags)
    result = run_estadio("all", "--data", tmp_path / "data", "--http", "127.0.0.1:0", *flags,
                         "--print-config")
    assert printed(file=result.stdout) == once

    path = tmp_path / "printed.toml"
    path.write_text(result.stdout, encoding="utf-8")
    again = run_estadio("all", "--config", path, "--print-config")
    assert again.returncode == 0, said_by(again)
    document = tomllib.loads(again.stdout)
    document.pop("config", None)
    assert document == once
    assert start("--config", path).contest()["retry_window_seconds"] == 300


def test_a_configuration_may_come_through_a_pipe():
    reader, writer = os.pipe()
    os.write(writer, b'data = "from-a-pipe"\nmax-entries = 77\n')
    os.close(writer)
    try:
        result = subprocess.run([BINARY, "all", "--config", f"/dev/fd/{reader}", "--print-config"],
                                pass_fds=[reader], capture_output=True, text=True, timeout=60)
    finally:
        os.close(reader)
    assert result.returncode == 0, result.stderr
    assert tomllib.loads(result.stdout)["max-entries"] == 77


def test_the_defaults_are_the_documented_ones(printed):
    """A default given as a flag changes nothing."""
    documented = {"max-body": "4MiB", "max-entries": 10000, "max-in-flight": "64MiB",
                  "max-connections": 10000, "receive-timeout": "10s", "idle-timeout": "75s",
                  "coalesce-for": "800us", "max-buffered-answers": "64MiB",
                  "durability-timeout": "10s", "segment-bytes": "64MiB", "retry-window": "10m",
                  }
    flags = [word for key, value in documented.items() for word in (f"--{key}", value)]
    assert printed(flags=flags) == printed()


def test_printing_or_checking_makes_nothing(printed, tmp_path):
    printed()
    result = run_estadio("all", "--data", tmp_path / "data", "--http", "127.0.0.1:0",
                         "--check-config")
    assert result.returncode == 0, said_by(result)
    assert not (tmp_path / "data").exists()


# Errors: exit status 2, and a message that names the cause.

EXPECTATION = re.compile(r"expect|must|should|need|one of|between|at least|at most|requires|such as"
                         r"|like|unknown|not a ", re.IGNORECASE)


def assert_unusable(result, *named):
    """The exit status is 2, and the message has each of `named` and the expected value."""
    said = said_by(result)
    assert result.returncode == 2, said
    for word in named:
        assert str(word) in said, f"{word!r} is not in: {said}"
    assert EXPECTATION.search(said), said
    assert "terminate called" not in said


def check(tmp_path, *flags, env=None):
    return run_estadio("all", "--data", tmp_path / "data", "--http", "127.0.0.1:0", *flags,
                       "--check-config", env=env)


BAD_VALUES = [
    ("max-body", "lots"), ("max-body", "-1"), ("max-body", "4 parsecs"),
    ("max-body", "99999999999999999999"), ("max-body", "99999999TiB"),
    ("max-entries", "many"), ("max-entries", "0"), ("max-entries", "-5"), ("max-entries", "1.5"),
    ("max-connections", "0"), ("max-connections", "1e999"),
    ("max-buffered-answers", "lots"), ("allowed-hosts", "contest.example:8080"),
    ("allowed-hosts", "*.example"), ("allowed-hosts", "a,,b"),
    ("http-threads", "-1"), ("http-threads", "two"),
    ("coalesce-for", "101ms"), ("receive-timeout", "soon"), ("receive-timeout", "-1s"), ("receive-timeout", "10 parsecs"),
    ("retry-window", "forever"), ("log-level", "shouting"),
    ("log-format", "morse"), ("segment-bytes", "0"),
]


@pytest.mark.parametrize("key, value", BAD_VALUES)
def test_a_bad_flag_is_named_with_what_was_expected(tmp_path, key, value):
    assert_unusable(check(tmp_path, f"--{key}={value}"), key)


@pytest.mark.parametrize("key, value", BAD_VALUES)
def test_a_bad_variable_is_named_with_what_was_expected(tmp_path, key, value):
    result = check(tmp_path, env=environment(**{variable(key): value}))
    said = said_by(result)
    assert result.returncode == 2, said
    assert variable(key) in said or key in said, said
    assert EXPECTATION.search(said), said


@pytest.mark.parametrize("address", ["nonsense", "127.0.0.1:99999", "127.0.0.1:-1", ":", ""])
def test_a_bad_address_is_named_with_what_was_expected(tmp_path, address):
    result = run_estadio("all", "--data", tmp_path / "data", f"--http={address}")
    assert_unusable(result, "http")


@pytest.mark.parametrize("line, key", [
    ('max-body = "lots"', "max-body"),
    ("max-entries = -1", "max-entries"),
    ('max-entries = "many"', "max-entries"),
    ("max-entries = 1.5", "max-entries"),
    ("max-entries = [1]", "max-entries"),
    ('receive-timeout = "10 parsecs"', "receive-timeout"),
    ("receive-timeout = true", "receive-timeout"),
    ('maximum-body = "1MiB"', "maximum-body"),
    ('max-body = 1MiB', ""),
    ("max-body", ""),
    ("= 3", ""),
    ('log-level = "debug', ""),
    ('http-threads = 1\nhttp-threads = 2', "http-threads"),
])
def test_an_error_in_a_file_is_named_by_file_line_and_key(tmp_path, line, key):
    path = tmp_path / "mine.toml"
    path.write_text(f"# A comment.\nidle-timeout = \"70s\"\n\n\n\n\n{line}\n", encoding="utf-8")
    result = check(tmp_path, "--config", path)
    said = said_by(result)
    assert result.returncode == 2, said
    assert "mine.toml" in said and key in said, said
    number = 7 + line.count("\n")
    assert re.search(rf"\b{number}\b", said), said


def test_a_file_that_is_not_there_is_named(tmp_path):
    result = check(tmp_path, "--config", tmp_path / "nowhere.toml")
    assert result.returncode == 2, said_by(result)
    assert "nowhere.toml" in said_by(result)


def test_an_unknown_flag_is_named(tmp_path):
    result = check(tmp_path, "--frobnicate", "3")
    assert result.returncode == 2, said_by(result)
    assert "frobnicate" in said_by(result)


def test_a_missing_data_directory_is_asked_for():
    result = run_estadio("all", "--http", "127.0.0.1:0")
    assert result.returncode == 2, said_by(result)
    assert "data" in said_by(result)


def test_a_certificate_without_its_key_is_refused(tmp_path):
    (tmp_path / "cert.pem").write_text("")
    result = check(tmp_path, "--tls-cert", tmp_path / "cert.pem")
    assert result.returncode == 2, said_by(result)
    assert "tls-key" in said_by(result)


GOOD_CONTEST = """name = "Juegos"
partitions = 2

[[faculty]]
name = "Música"
aliases = ["music"]

[[faculty]]
name = "Física"

[[discipline]]
id = 1
name = "Ajedrez"

[[discipline]]
id = 2
name = "Remo"
"""


def test_a_good_contest_file_is_good(tmp_path):
    path = tmp_path / "contest.toml"
    path.write_text(GOOD_CONTEST, encoding="utf-8")
    result = check(tmp_path, "--contest", path)
    assert result.returncode == 0, said_by(result)


@pytest.mark.parametrize("before, after, line, key", [
    ("partitions = 2", "partitions = 0", 2, "partitions"),
    ("partitions = 2", 'partitions = "two"', 2, "partitions"),
    ("partitions = 2", "partitions = -1", 2, "partitions"),
    ("partitions = 2", "colour = 2", 2, "colour"),
    ("partitions = 2", 'closes_at = "tomorrow"', 2, "closes_at"),
    ("partitions = 2", "closes_at = 5", 2, "closes_at"),
    ("partitions = 2", 'ids = "v4"', 2, 'ids: expected "any" or "v7"'),
    ('name = "Juegos"', "name = 5", 1, "name"),
    ('aliases = ["music"]', "aliases = [5]", 6, "aliases"),
    ('aliases = ["music"]', 'aliases = "music"', 6, "aliases"),
    ('name = "Física"', 'name = ""', 9, "name"),
    ('name = "Física"', 'name = "MUSICA"', 9, "MUSICA"),
    ('name = "Física"', 'name = "Music"', 9, "Music"),
    ("id = 2", "id = 1", 16, "id"),
    ("id = 2", "id = -2", 16, "id"),
    ("id = 2", 'id = "2"', 16, "id"),
    ('name = "Remo"', 'name = "Ajedrez"', 17, "Ajedrez"),
    ('name = "Remo"', 'name = "Remo', 17, ""),
])
def test_an_error_in_the_contest_is_named_by_file_line_and_key(tmp_path, before, after, line, key):
    assert GOOD_CONTEST.count(before) == 1
    path = tmp_path / "contest.toml"
    path.write_text(GOOD_CONTEST.replace(before, after), encoding="utf-8")
    result = check(tmp_path, "--contest", path)
    said = said_by(result)
    assert result.returncode == 2, said
    assert "contest.toml" in said and key in said, said
    assert re.search(rf"\b{line}\b", said), said


@pytest.mark.parametrize("text, key", [
    (GOOD_CONTEST.replace('name = "Remo"', ""), "name"),
    (GOOD_CONTEST.replace("id = 2", ""), "id"),
], ids=["no name", "no id"])
def test_what_a_contest_lacks_is_named(tmp_path, text, key):
    path = tmp_path / "contest.toml"
    path.write_text(text, encoding="utf-8")
    result = check(tmp_path, "--contest", path)
    assert result.returncode == 2, said_by(result)
    assert "contest.toml" in said_by(result) and key in said_by(result)


def test_the_partitions_of_a_log_cannot_change(start, tmp_path):
    path = tmp_path / "contest.toml"
    path.write_text(GOOD_CONTEST, encoding="utf-8")
    server = start("--contest", path)
    server.stop()
    path.write_text(GOOD_CONTEST.replace("partitions = 2", "partitions = 3"), encoding="utf-8")
    result = run_estadio("all", "--data", server.data, "--http", "127.0.0.1:0", "--contest", path)
    assert result.returncode == 2
    assert "partitions" in said_by(result)
    assert_goes_on_as_before(start, server.data)


def assert_goes_on_as_before(start, data):
    """A start without --contest finds the contest that the folder had."""
    server = start(data=data)
    assert server.contest()["faculties"] == ["Música", "Física"]
    server.stop()


def test_a_faculty_that_has_begun_cannot_be_taken_away(start, tmp_path):
    path = tmp_path / "contest.toml"
    path.write_text(GOOD_CONTEST, encoding="utf-8")
    server = start("--contest", path)
    assert server.post({"faculty": "Física", "discipline": 1}).status == 200
    server.stop()
    path.write_text(GOOD_CONTEST.replace("Física", "Química"), encoding="utf-8")
    result = run_estadio("all", "--data", server.data, "--http", "127.0.0.1:0", "--contest", path)
    assert result.returncode == 2
    assert "Física" in said_by(result) and str(path) in said_by(result)
    assert_goes_on_as_before(start, server.data)


@pytest.mark.parametrize("part", ["coin.seed", "fixed.toml"])
def test_a_folder_without_one_of_its_parts_is_refused_and_left_as_it_is(start, tmp_path, part):
    server = start()
    assert server.post({"faculty": "Ingeniería", "discipline": 1}).status == 200
    server.stop()
    (server.data / part).rename(tmp_path / part)
    result = run_estadio("all", "--data", server.data, "--http", "127.0.0.1:0")
    assert result.returncode == 2
    assert part in said_by(result)
    assert not (server.data / part).exists()
    (tmp_path / part).rename(server.data / part)
    again = start(data=server.data)
    assert again.post({"faculty": "Ingeniería", "discipline": 1}).status == 200


def test_a_seed_of_another_contest_is_refused(start, tmp_path):
    server, other = start(data=tmp_path / "one"), start(data=tmp_path / "other")
    server.stop()
    (server.data / "coin.seed").write_bytes((other.data / "coin.seed").read_bytes())
    for command in (["all", "--http", "127.0.0.1:0"], ["verify"]):
        result = run_estadio(*command, "--data", server.data)
        assert result.returncode == 2, said_by(result)
        assert "coin.seed" in said_by(result) and "commitment" in said_by(result)


def test_an_emptied_file_of_what_is_fixed_is_refused(start):
    server = start()
    server.stop()
    (server.data / "fixed.toml").write_text("")
    result = run_estadio("all", "--data", server.data, "--http", "127.0.0.1:0")
    assert result.returncode != 0
    assert "fixed.toml" in said_by(result)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may look into every folder")
def test_a_folder_that_may_not_be_looked_into_is_named(tmp_path):
    (tmp_path / "closed").mkdir(mode=0)
    result = run_estadio("verify", "--data", tmp_path / "closed" / "contest")
    assert result.returncode == 1
    assert "closed/contest" in said_by(result)


def test_a_name_that_no_folder_can_have_is_named(tmp_path):
    for command in (["all", "--http", "127.0.0.1:0"], ["verify"]):
        result = run_estadio(*command, "--data", tmp_path / ("n" * 300))
        assert result.returncode in (1, 2)
        assert "nnn" in said_by(result) and "terminate" not in said_by(result)


# Errors that occur only at the start.

def test_an_address_in_use_is_named(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = "127.0.0.1:%d" % listener.getsockname()[1]
        result = run_estadio("all", "--data", tmp_path / "data", "--http", address)
    assert result.returncode != 0
    assert address in said_by(result)


def test_a_data_directory_that_cannot_be_one_is_named(tmp_path):
    (tmp_path / "file").write_text("in the way")
    result = run_estadio("all", "--data", tmp_path / "file", "--http", "127.0.0.1:0")
    assert result.returncode != 0
    assert str(tmp_path / "file") in said_by(result)
    assert (tmp_path / "file").read_text() == "in the way"


# Help.

@pytest.mark.parametrize("command", ["all", "verify", "load"])
def test_every_command_explains_itself_with_an_example(command):
    result = run_estadio(command, "--help")
    assert result.returncode == 0, said_by(result)
    assert re.search("usage", result.stdout, re.IGNORECASE)
    assert f"estadio {command} " in result.stdout
    assert re.search("example", result.stdout, re.IGNORECASE)


@pytest.mark.parametrize("command, flags", [
    ("all", ["data", "http", "contest", "config", *VALUES, "log-format", "tls-cert", "tls-key",
             "print-config", "check-config"]),
    ("verify", ["data", "acks", "json", "contest"]),
    ("load", ["rate", "duration", "connections", "entries", "acks", "json", "retry"]),
])
def test_every_flag_is_in_the_help(command, flags):
    text = run_estadio(command, "--help").stdout
    missing = [flag for flag in flags if not re.search(rf"--{flag}\b", text)]
    assert not missing


def test_the_help_names_every_command():
    result = run_estadio("--help")
    assert result.returncode == 0, said_by(result)
    for command in ("all", "load", "verify"):
        assert re.search(rf"\b{command}\b", result.stdout)


def test_the_version_is_a_version():
    result = run_estadio("--version")
    assert result.returncode == 0, said_by(result)
    assert re.search(r"estadio.*\d+\.\d+", result.stdout)


def test_no_command_and_an_unknown_command_are_refused():
    assert run_estadio().returncode == 2
    result = run_estadio("frobnicate")
    assert result.returncode == 2
    assert "frobnicate" in said_by(result)


# The log on stderr.

def test_every_line_of_a_json_log_is_an_object_with_time_level_and_message(start):
    server = start("--log-level", "debug")
    server.post(entry())
    server.post(b"{")
    server.stop()
    lines = server.log_text().splitlines()
    assert len(server.log_lines()) == len(lines), lines
    for line in server.log_lines():
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", line["time"]), line
        assert line["level"] and line["message"], line


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="NOT TESTED: there is no /dev/full")
def test_what_cannot_be_written_ends_a_command_with_a_failure():
    for arguments in (["--help"], ["verify", "--help"]):
        with open("/dev/full", "wb") as full:
            assert subprocess.run([BINARY, *arguments], stdout=full).returncode == 1
    with open("/dev/full", "wb") as full:
        assert subprocess.run([BINARY, "verify", "--data", "/none"], stderr=full).returncode in (1, 2)


@pytest.mark.parametrize(("role", "port"), [
    ("all", 8080), ("faculty", 8080), ("discipline", 8081), ("tally", 8082), ("scoreboard", 8090)])
def test_every_role_has_a_port_that_a_probe_can_find(role, port):
    flags = ["--data", "contest"] if role == "all" else []
    result = run_estadio(role, *flags, "--print-config")
    assert f'http = "127.0.0.1:{port}"' in result.stdout, result.stdout + result.stderr


# Files that another user planted in the folder of a contest that has not begun.

def test_no_planted_link_is_followed(start, tmp_path):
    data, victim = tmp_path / "contest", tmp_path / "victim"
    data.mkdir()
    victim.write_text("precious")
    for name in ("coin.seed", "contest.toml", "fixed.toml"):
        (data / f"{name}.new").symlink_to(victim)
    (data / "coin.seed").symlink_to(victim)
    (data / "contest.toml").symlink_to(victim)
    server = start(data=data)
    assert server.post({"faculty": "Ingeniería", "discipline": 1}).status == 200
    server.stop()
    assert victim.read_text() == "precious"
    assert not [path for path in data.rglob("*") if path.is_symlink()]
    start(data=data).stop()


def test_a_planted_lock_that_is_a_link_is_refused(tmp_path):
    data = tmp_path / "contest"
    data.mkdir()
    (data / "lock").symlink_to(tmp_path / "victim")
    result = run_estadio("all", "--data", data, "--http", "127.0.0.1:0")
    assert result.returncode == 2
    assert f"{data}/lock is a symbolic link" in said_by(result)
    assert not (tmp_path / "victim").exists()


@pytest.mark.parametrize("mask", [0, 0o077])
def test_the_files_have_their_modes_whatever_was_left_over_and_whatever_the_umask(
        start, tmp_path, mask):
    data = tmp_path / "contest"
    data.mkdir()
    for name in ("coin.seed", "contest.toml", "fixed.toml"):
        (data / f"{name}.new").touch()
        (data / f"{name}.new").chmod(0o666)
    before = os.umask(mask)
    try:
        server = start(data=data)
    finally:
        os.umask(before)
    server.stop()
    modes = {name: (data / name).stat().st_mode & 0o777
             for name in ("coin.seed", "contest.toml", "fixed.toml", "lock")}
    assert modes == {"coin.seed": 0o600, "contest.toml": 0o640, "fixed.toml": 0o640,
                     "lock": 0o640}
    for segment in (data / "log").glob("*.log"):
        assert segment.stat().st_mode & 0o777 == 0o640


def test_a_planted_seed_is_replaced(start, tmp_path):
    data = tmp_path / "contest"
    data.mkdir()
    (data / "coin.seed").write_text("00" * 16 + "\n")
    (data / "coin.seed").chmod(0o644)
    server = start(data=data)
    commitment = server.contest()["seed_commitment"]
    server.stop()
    assert commitment != hashlib.sha256(bytes(16)).hexdigest()
    seed = bytes.fromhex((data / "coin.seed").read_text())
    assert commitment == hashlib.sha256(seed).hexdigest()
    assert (data / "coin.seed").stat().st_mode & 0o777 == 0o600
    assert start(data=data).contest()["seed_commitment"] == commitment


@pytest.mark.parametrize("part", ["log", "score"])
def test_a_planted_part_of_a_contest_is_refused(tmp_path, part):
    data = tmp_path / "contest"
    (data / part).mkdir(parents=True)
    result = run_estadio("all", "--data", data, "--http", "127.0.0.1:0")
    assert result.returncode == 2
    assert f"holds a {part} but not fixed.toml" in said_by(result)


def test_a_link_in_place_of_the_next_segment_is_removed(start, tmp_path):
    server = start("--segment-bytes", "1MiB")
    assert server.post({"faculty": "Ingeniería", "discipline": 1}).status == 200
    server.stop()
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (server.data / "log" / "next").unlink(missing_ok=True)
    (server.data / "log" / "next").symlink_to(victim)
    again = start("--segment-bytes", "1MiB", data=server.data)
    entries = [{"faculty": "Ingeniería", "discipline": 1, "student": "x" * 200}] * 2000
    while len(list((server.data / "log").glob("*.log"))) < 2:
        assert again.post(entries).status == 200
    again.scores_at(1 + again.accepted)
    assert victim.read_text() == "precious"
