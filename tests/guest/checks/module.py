"""The module's files, as files."""

import errno
import os
import time

import host


def check_it_loads():
    host.load()
    assert os.path.exists(host.JSON_FILE) and os.path.exists(host.RECORDS_FILE)


def check_the_document_has_what_the_schema_says():
    document = host.document()
    assert document["schema"] == host.SCHEMA
    assert document["source"] == "module"
    assert document["kernel"] == os.uname().release
    assert document["boot_id"] == host.read("/proc/sys/kernel/random/boot_id").decode().strip()
    assert set(document) == {"schema", "source", "kernel", "boot_id", "wall_ms", "uptime_ns",
                             "hidden_processes", "host", "processes"}
    assert set(document["host"]) == {"cpu", "cpus", "memory", "load"}
    assert len(document["host"]["cpus"]) == os.cpu_count()
    pids = [each["pid"] for each in document["processes"]]
    assert pids == sorted(set(pids))


def check_records_are_of_the_same_processes():
    document, records = host.processes(), host.records()
    lasting = document.keys() & records.keys()
    assert os.getpid() in lasting and len(lasting) > 20
    for pid in lasting:
        assert document[pid]["start_ns"] == records[pid]["start_ns"]


def check_only_root_and_the_group_may_read():
    def open_it():
        try:
            with open(host.JSON_FILE, "rb") as file:
                return f"read {len(file.read())} bytes"
        except OSError as error:
            return errno.errorcode[error.errno]

    for path in (host.JSON_FILE, host.RECORDS_FILE):
        assert os.stat(path).st_mode & 0o777 == 0o440
    assert host.as_nobody(open_it) == "EACCES"
    with host.loaded("gid=65534"):
        assert host.as_nobody(open_it).startswith("read")
    assert host.as_nobody(open_it) == "EACCES"


def check_small_pieces_make_a_whole():
    for path, parse in ((host.JSON_FILE, host.parse), (host.RECORDS_FILE, host.parse_records)):
        for piece in (1, 7, 4093):
            fd = os.open(path, os.O_RDONLY)
            data = bytearray()
            while part := os.read(fd, piece):
                data += part
            os.close(fd)
            parse(bytes(data))


def check_it_reads_onwards_or_from_the_start():
    for path, parse in ((host.JSON_FILE, host.parse), (host.RECORDS_FILE, host.parse_records)):
        fd = os.open(path, os.O_RDONLY)
        os.read(fd, 300)
        for place, whence in ((10, os.SEEK_SET), (10, os.SEEK_CUR), (0, os.SEEK_END)):
            try:
                os.lseek(fd, place, whence)
                raise AssertionError("it let itself be read from the middle")
            except OSError as error:
                assert error.errno in (errno.ESPIPE, errno.EINVAL), error
        try:
            os.pread(fd, 100, 5)
            raise AssertionError("it let itself be read from the middle")
        except OSError as error:
            assert error.errno == errno.ESPIPE, error
        for _ in range(3):
            os.lseek(fd, 0, os.SEEK_SET)
            with open(os.dup(fd), "rb") as file:
                parse(file.read())
        os.close(fd)


def check_two_that_share_a_descriptor_do_no_harm():
    """Each reader gets parts. Only a single reader gets a whole document."""
    for path, parse in ((host.JSON_FILE, host.parse), (host.RECORDS_FILE, host.parse_records)):
        fd = os.open(path, os.O_RDONLY)

        def read(fd=fd):
            for _ in range(40):
                try:
                    os.pread(fd, 500, 0)
                    os.read(fd, 500)
                except OSError as error:
                    assert error.errno == errno.ESPIPE, error

        host.in_parallel(read, read, read)
        os.lseek(fd, 0, os.SEEK_SET)
        with open(fd, "rb") as file:
            parse(file.read())


def check_it_may_not_be_written():
    try:
        fd = os.open(host.JSON_FILE, os.O_WRONLY)
        os.write(fd, b"x")
        raise AssertionError("it took what was written")
    except OSError as error:
        assert error.errno in (errno.EIO, errno.EINVAL, errno.EACCES), error


def check_many_readers_and_processes_that_come_and_go():
    def reader(path, parse):
        def read():
            for _ in range(125):
                parse(host.read(path))
        return read

    with host.Crowd(2):
        host.in_parallel(*[reader(host.JSON_FILE, host.parse)] * 4,
                         *[reader(host.RECORDS_FILE, host.parse_records)] * 4)
    return "1000 reads by 8 readers"


def check_no_reference_is_left():
    """An ended process gives its memory back, even when a reader was at it."""
    def count():
        for line in host.read("/proc/slabinfo").decode().splitlines():
            if line.startswith("task_struct "):
                return int(line.split()[1])
        raise host.Skipped("no slab of task_struct")

    def churn(rounds):
        for _ in range(rounds):
            children = []
            for _ in range(20):
                pid = os.fork()
                if pid == 0:
                    os._exit(0)
                children.append(pid)
            fd = os.open(host.RECORDS_FILE, os.O_RDONLY)
            # One by one, so that each child is once the last one that a reading refers to.
            while os.read(fd, host.RECORD.size):
                pass
            for pid in children:
                os.waitpid(pid, 0)
            os.close(fd)
            host.document()

    churn(3)
    before = count()
    churn(40)
    # The kernel frees them a grace period later (RCU).
    deadline = time.monotonic() + 60
    while (after := count()) >= before + 200:
        assert time.monotonic() < deadline, f"{before} before 800 came and went, {after} after"
        time.sleep(0.05)
    return f"{before} task_struct before, {after} after"


def check_it_may_go_while_it_is_read():
    for path in (host.JSON_FILE, host.RECORDS_FILE):
        fd = os.open(path, os.O_RDONLY)
        os.read(fd, 100)
        host.unload()
        try:
            os.read(fd, 100)
            raise AssertionError("it answered after it had gone")
        except OSError as error:
            assert error.errno == errno.EIO, error
        os.close(fd)
        host.load()

    def read():
        for _ in range(100):
            try:
                data = host.read(host.JSON_FILE)
            except OSError as error:
                assert error.errno in (errno.EIO, errno.ENOENT), error
                continue
            host.parse(data)

    def come_and_go():
        for _ in range(30):
            host.unload()
            host.load()

    host.in_parallel(come_and_go, *[read] * 4)
