"""Tools of the checks: load the module, read its files, make processes, read the log."""

import codecs
import contextlib
import ctypes
import json
import os
import re
import resource
import signal
import struct
import traceback

LIBC = ctypes.CDLL(None, use_errno=True)
# Numbers of system calls on x86-64 (arch/x86/entry/syscalls/syscall_64.tbl).
DELETE_MODULE, FINIT_MODULE, SYSLOG = 176, 313, 103
PR_SET_NAME = 15
CLONE_NEWPID = 0x20000000
SYSLOG_READ_ALL, SYSLOG_CLEAR = 3, 5

JSON_FILE = "/proc/vigia"
RECORDS_FILE = "/proc/vigia_bin"
PAGE = os.sysconf("SC_PAGE_SIZE")
TICK_NS = 1_000_000_000 // os.sysconf("SC_CLK_TCK")

# abi/vigia_records.h
HEADER = struct.Struct("<4I")
RECORD = struct.Struct("<I4iIIc3x11Q16s")
MAGIC, SCHEMA, PROCESS, END = 0x41474956, 1, 1, 2


class Skipped(Exception):
    """A check cannot run here."""


def call(number, *arguments):
    result = LIBC.syscall(number, *arguments)
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
    return result


def load(parameters=""):
    fd = os.open("/vigia.ko", os.O_RDONLY)
    try:
        call(FINIT_MODULE, fd, ctypes.c_char_p(parameters.encode()), 0)
    finally:
        os.close(fd)


def unload():
    call(DELETE_MODULE, ctypes.c_char_p(b"vigia"), os.O_NONBLOCK)


@contextlib.contextmanager
def loaded(parameters):
    """A context manager. Within it the module has other parameters."""
    unload()
    load(parameters)
    try:
        yield
    finally:
        unload()
        load()


def read(path):
    with open(path, "rb") as file:
        return file.read()


def parse(document):
    """Parses the module's JSON strictly: UTF-8, no constant beyond JSON, no duplicate key."""
    def pairs(items):
        found = dict(items)
        assert len(found) == len(items), f"a key twice in {items}"
        return found

    def refuse(constant):
        raise AssertionError(f"{constant} is not JSON")

    return json.loads(document.decode("utf-8"), parse_constant=refuse, object_pairs_hook=pairs)


def document():
    return parse(read(JSON_FILE))


def processes():
    return {each["pid"]: each for each in document()["processes"]}


FIELDS = ("kind", "pid", "ppid", "threads", "oom_score_adj", "uid", "flags", "state", "start_ns",
          "read_ns", "runtime_ns", "user_ns", "system_ns", "vsz_bytes", "rss_anon_bytes",
          "rss_file_bytes", "rss_shmem_bytes", "cgroup_id", "exec_id", "name")


def parse_records(data):
    magic, schema, size, _ = HEADER.unpack_from(data)
    assert (magic, schema, size) == (MAGIC, SCHEMA, RECORD.size)
    assert (len(data) - HEADER.size) % RECORD.size == 0, len(data)
    found = [dict(zip(FIELDS, values)) for values in RECORD.iter_unpack(data[HEADER.size:])]
    end = found.pop()
    assert end["kind"] == END and end["pid"] == len(found), end
    assert all(each["kind"] == PROCESS for each in found)
    pids = [each["pid"] for each in found]
    assert pids == sorted(set(pids))
    for each in found:
        each["name"] = each["name"].split(b"\0")[0]
        each["state"] = each["state"].decode()
    return {each["pid"]: each for each in found}


def records():
    return parse_records(read(RECORDS_FILE))


def lossy(text):
    """Returns the text as vigia shows it: U+FFFD for each byte that is part of no character."""
    return text.decode(errors="each byte")


codecs.register_error("each byte", lambda error: ("\ufffd" * (error.end - error.start), error.end))


def klog(action, buffer=None, size=0):
    return call(SYSLOG, action, buffer, size)


def forget_messages():
    klog(SYSLOG_CLEAR)


def messages():
    buffer = ctypes.create_string_buffer(1 << 20)
    return buffer.raw[:klog(SYSLOG_READ_ALL, buffer, len(buffer))].decode(errors="replace")


ALARM = re.compile(r"WARN|BUG|[Ll]eak|Oops|Call Trace|lockdep|stall|hung|refcount|general protection")


def alarms():
    """Returns the warnings of the kernel since forget_messages()."""
    return "\n".join(line for line in messages().splitlines() if ALARM.search(line))


class Child:
    """A child process, which ends with the block. `body` runs in the child before it waits."""

    def __init__(self, body=None):
        ready, tell = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            try:
                os.close(ready)
                if body is not None:
                    body()
                os.write(tell, b"r")
                while True:
                    signal.pause()
            finally:
                os._exit(1)
        os.close(tell)
        assert os.read(ready, 1) == b"r", "the child did not become ready"
        os.close(ready)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()

    def end(self):
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            self.pid = 0


SHELL = (b"sh", b"-c", b"read line")


class Program:
    """A program with any arguments. It reads its input until the block ends."""

    def __init__(self, *arguments):
        give, self.hold = os.pipe()
        told, tell = os.pipe2(os.O_CLOEXEC)
        self.pid = os.fork()
        if self.pid == 0:
            try:
                os.dup2(give, 0)
                # The arguments may take a quarter of the stack (execve(2)).
                resource.setrlimit(resource.RLIMIT_STACK, (64 << 20, 64 << 20))
                os.execve("/bin/busybox", [*SHELL, *arguments], {})
            except BaseException as problem:
                os.write(tell, str(problem).encode())
            finally:
                os._exit(1)
        os.close(give)
        os.close(tell)
        with open(told, "rb") as file:  # ends at the exec, which closes the other side
            problem = file.read()
        assert not problem, problem

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.close(self.hold)
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)


def set_name(name):
    LIBC.prctl(PR_SET_NAME, ctypes.c_char_p(name), 0, 0, 0)


def in_parallel(*actions):
    """Runs each body in its own process. Raises their failures. Returns when all have ended."""
    children = []
    for action in actions:
        receive, send = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                action()
            except BaseException:
                os.write(send, traceback.format_exc()[-4000:].encode())
            finally:
                os._exit(0)
        os.close(send)
        children.append((pid, receive))
    problems = []
    for pid, receive in children:
        with open(receive, "rb") as file:
            problems.append(file.read().decode())
        status = os.waitpid(pid, 0)[1]
        if status != 0:
            problems.append(f"ended with {status}")
    assert not any(problems), "\n".join(problems)


class Crowd:
    """Processes that come and go during the block, `makers` at a time."""

    def __init__(self, makers):
        self.pids = [self.start() for _ in range(makers)]

    def start(self):
        pid = os.fork()
        if pid != 0:
            return pid
        while True:
            child = os.fork()
            if child == 0:
                os._exit(0)
            os.waitpid(child, 0)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for pid in self.pids:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def told_by_child(action):
    """Runs `action` in a child. Returns its text; "" when it failed."""
    receive, send = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.write(send, action().encode())
        finally:
            os._exit(0)
    os.close(send)
    with open(receive, "rb") as file:
        text = file.read().decode()
    os.waitpid(pid, 0)
    return text


def as_nobody(action):
    """Does the same as told_by_child, without rights."""
    def run():
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
        return action()

    return told_by_child(run)


def in_pid_namespace(action):
    """Does the same as told_by_child, as the first process of a pid namespace."""
    def run():
        assert LIBC.unshare(CLONE_NEWPID) == 0
        return told_by_child(action)

    return told_by_child(run)
