"""The module's figures of processes, compared with those of /proc."""

import ctypes
import os
import signal
import threading

import host


def stat_of(pid):
    text = host.read(f"/proc/{pid}/stat")
    fields = text[text.rindex(b")") + 2:].split()
    return {"state": fields[0].decode(), "ppid": int(fields[1]), "user": int(fields[11]),
            "system": int(fields[12]), "threads": int(fields[17]), "start": int(fields[19]),
            "vsz": int(fields[20])}


def status_of(pid):
    return dict(line.split(":\t", 1) for line in
                host.read(f"/proc/{pid}/status").decode(errors="replace").splitlines()
                if ":\t" in line)


def assert_as_proc_has_it(before, process):
    """Compares a process with /proc. `before` is its stat_of() from before the module was read."""
    pid = process["pid"]
    stat, status = stat_of(pid), status_of(pid)
    assert process["ppid"] == stat["ppid"]
    assert process["threads"] == stat["threads"]
    assert process["vsz_bytes"] == stat["vsz"], (process, stat)
    assert process["start_ns"] // host.TICK_NS == stat["start"]
    assert process["uid"] == int(status["Uid"].split()[0])
    assert process["oom_score_adj"] == int(host.read(f"/proc/{pid}/oom_score_adj"))
    # /proc has the same nanoseconds, rounded down to ticks.
    for ours, theirs in (("user_ns", "user"), ("system_ns", "system")):
        assert before[theirs] - 3 <= process[ours] // host.TICK_NS <= stat[theirs] + 3, \
            (before, process, stat)
    for ours, theirs in (("rss_anon_bytes", "RssAnon"), ("rss_file_bytes", "RssFile"),
                         ("rss_shmem_bytes", "RssShmem")):
        kib = int(status.get(theirs, "0 kB").split()[0])
        # Each processor may hold some pages back from a counter's sum (lib/percpu_counter.c).
        assert abs(process[ours] - kib * 1024) <= 64 * os.cpu_count() * host.PAGE, (process, status)
    name = host.lossy(host.read(f"/proc/{pid}/comm")[:-1])
    # /proc adds the current work to a worker's name.
    assert name.startswith(process["name"]), (name, process["name"])
    groups = host.read(f"/proc/{pid}/cgroup").decode(errors="replace").split("\n")
    assert process["cgroup"] == groups[0].split(":", 2)[2]
    shown = host.lossy(host.read(f"/proc/{pid}/cmdline").rstrip(b"\0").replace(b"\0", b" "))
    assert process["command"] == shown, (process, shown)


def check_every_process_is_as_proc_has_it():
    with host.Child(), host.Program(b"an argument", b"another"):
        before = {int(each): stat_of(int(each)) for each in os.listdir("/proc") if each.isdigit()}
        found = host.processes()
        compared = 0
        for pid in before.keys() & found.keys() - {os.getpid()}:
            try:
                assert_as_proc_has_it(before[pid], found[pid])
                compared += 1
            except (FileNotFoundError, ProcessLookupError):
                pass  # a worker of the kernel has gone
    assert compared > 20
    return f"{compared} processes"


HOSTILE = (b'a"b\\c', b"a\nb\tc", b"\x1b[31mred", b"\xff\xfe\x80", b"\xed\xa0\x80 half a pair",
           b"\xc3\xa1\xe2\x82\xac\xf0\x9f\x98\x80", b"\xf5\x80\x80\x80", b"\x01\x02\x7f", b"",
           b"\xe2\x82", b"{}[]:,'", b"\xef\xbf\xbf\xef\xbb\xbf")


def check_names_and_commands_may_be_any_bytes():
    for text in HOSTILE:
        with host.Child(lambda text=text: host.set_name(text)) as child, \
                host.Program(text, text + b" ") as program:
            found, raw = host.processes(), host.records()
            assert raw[child.pid]["name"] == text[:15]
            assert found[child.pid]["name"] == host.lossy(text[:15]), text
            wanted = host.lossy(b" ".join((*host.SHELL, text, text + b" ")))
            assert found[program.pid]["command"] == wanted, text


def check_a_long_command_line_is_cut():
    many = [b"x" * 127] * 16384  # 2 MiB
    with host.Program(*many) as program:
        command = host.processes()[program.pid]["command"]
        assert len(command) == 4096, len(command)
        with host.loaded("command_bytes=10"):
            assert host.processes()[program.pid]["command"] == "sh -c read"
        with host.loaded("command_bytes=0"):
            assert host.processes()[program.pid]["command"] == ""
        with host.loaded("command_bytes=4000000000"):
            assert len(host.processes()[program.pid]["command"]) == 65536
    with host.Program(*[b"\x01" * 127] * 16384) as program:
        with host.loaded("command_bytes=65536"):
            assert host.processes()[program.pid]["command"].count("\x01") > 65000


def check_a_title_written_over_the_arguments_is_told():
    """Daemons do this (setproctitle): one text, into the environment, up to its NUL."""
    def retitle():
        stat = host.read("/proc/self/stat")
        fields = stat[stat.rindex(b")") + 2:].split()
        begin, environment_end = int(fields[45]), int(fields[48])
        title = b"vigia: a title that is longer than all of the arguments were" + b"!" * 80
        title = title[:environment_end - begin - 1]
        ctypes.memmove(begin, title + b"\0", len(title) + 1)

    with host.Child(retitle) as child:
        before = stat_of(child.pid)
        process = host.processes()[child.pid]
        assert process["command"].startswith("vigia: a title"), process
        assert_as_proc_has_it(before, process)


def check_zombies_and_kernel_threads():
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    found, raw = host.processes(), host.records()
    assert found[pid]["state"] == "Z" and raw[pid]["state"] == "Z"
    assert found[pid]["command"] == "" and found[pid]["vsz_bytes"] == 0
    os.waitpid(pid, 0)
    assert pid not in host.processes()
    assert found[2]["name"] == "kthreadd" and found[2]["command"] == "" and raw[2]["flags"] == 1
    assert raw[os.getpid()]["flags"] == 0
    assert found[2]["vsz_bytes"] == 0


def check_a_thousand_threads_are_one_process():
    stop = threading.Event()
    threading.stack_size(64 * 1024)
    threads = [threading.Thread(target=stop.wait) for _ in range(1000)]
    for each in threads:
        each.start()
    try:
        assert host.processes()[os.getpid()]["threads"] == 1001
        assert host.records()[os.getpid()]["threads"] == 1001
    finally:
        stop.set()
        for each in threads:
            each.join()
        threading.stack_size(0)


def check_time_of_threads_that_ended_counts():
    def burn():
        sum(range(300_000))

    before = host.records()[os.getpid()]
    for _ in range(5):
        thread = threading.Thread(target=burn)
        thread.start()
        thread.join()
    after = host.records()[os.getpid()]
    assert after["runtime_ns"] > before["runtime_ns"]
    used = os.times()
    total = (used.user + used.system) * 1e9
    assert abs(after["runtime_ns"] - total) < 0.1 * total + 5 * host.TICK_NS, (after, used)


def check_an_exec_is_seen():
    with host.Child() as child, host.Program(b"-") as program:
        raw = host.records()
        assert raw[program.pid]["exec_id"] != raw[child.pid]["exec_id"]
        assert raw[program.pid]["name"] in (b"sh", b"busybox")


def check_an_exec_by_a_thread_that_does_not_lead():
    """The thread becomes the leader and takes its pid (de_thread() of fs/exec.c)."""
    give, hold = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.dup2(give, 0)
            os.close(hold)
            threading.Thread(target=os.execve, args=("/bin/busybox", host.SHELL, {})).start()
            signal.pause()
        finally:
            os._exit(1)
    try:
        while (raw := host.records()[pid])["name"] not in (b"sh", b"busybox"):
            assert host.processes()[pid]["start_ns"] == raw["start_ns"]
        assert raw["threads"] == 1
        # exec sets the name before the arguments (begin_new_exec() of fs/exec.c).
        while not host.read(f"/proc/{pid}/cmdline"):
            pass
        assert host.processes()[pid]["command"] == "sh -c read line"
    finally:
        os.close(hold)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def check_groups_have_the_number_of_their_folder():
    folder = "/sys/fs/cgroup/a b\\x2dc"
    os.mkdir(folder)
    with host.Child() as child:
        with open(folder + "/cgroup.procs", "w") as file:
            file.write(str(child.pid))
        assert host.processes()[child.pid]["cgroup"] == "/a b\\x2dc"
        assert host.records()[child.pid]["cgroup_id"] == os.stat(folder).st_ino
        assert host.records()[os.getpid()]["cgroup_id"] == os.stat("/sys/fs/cgroup").st_ino
    os.rmdir(folder)


def check_the_reader_s_pid_namespace_is_told():
    def look():
        found, raw = host.processes(), host.records()
        return f"{sorted(found)} {sorted(raw)} {found[1]['ppid']} {raw[1]['ppid']}"

    text = host.in_pid_namespace(look)
    assert text == "[1] [1] 0 0", text


def check_pids_that_begin_again_are_other_processes():
    with open("/proc/sys/kernel/pid_max") as file:
        most = file.read()
    try:
        with open("/proc/sys/kernel/pid_max", "w") as file:
            file.write("400")
        seen = {}
        for _ in range(600):
            pid = os.fork()
            if pid == 0:
                os._exit(0)
            start = None
            os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
            if pid in seen or len(seen) < 3:
                start = host.records()[pid]["start_ns"]
                assert seen.get(pid) != start
                if pid in seen:
                    os.waitpid(pid, 0)
                    return f"pid {pid} was given again"
                seen[pid] = start
            os.waitpid(pid, 0)
        raise AssertionError("no pid was given again")
    finally:
        with open("/proc/sys/kernel/pid_max", "w") as file:
            file.write(most)


def assert_processors_are_as_proc_has_them(cpu, cpus):
    stat = [line.split() for line in host.read("/proc/stat").decode().splitlines()
            if line.startswith("cpu")]
    names = ("user_ns", "nice_ns", "system_ns", "idle_ns", "iowait_ns", "irq_ns", "softirq_ns",
             "steal_ns")
    assert len(stat) == 1 + len(cpus)
    for times, line in zip([cpu, *cpus], stat):
        for name, ticks in zip(names, line[1:]):
            assert abs(times[name] - int(ticks) * host.TICK_NS) <= 1_000_000_000, (name, times, line)


def check_a_processor_that_is_offline():
    switch = "/sys/devices/system/cpu/cpu1/online"
    if not os.path.exists(switch):
        raise host.Skipped("no processor can be taken away")
    with open(switch, "w") as file:
        file.write("0")
    try:
        ours = host.document()["host"]
        assert len(ours["cpus"]) == 1
        assert_processors_are_as_proc_has_them(ours["cpu"], ours["cpus"])
        host.records()
    finally:
        with open(switch, "w") as file:
            file.write("1")


def check_host_figures_are_proc_s():
    def meminfo():
        return {line.split(":")[0]: int(line.split()[1]) * 1024
                for line in host.read("/proc/meminfo").decode().splitlines()}

    theirs, ours = meminfo(), host.document()["host"]
    near = 16 << 20
    for mine, name in (("total_bytes", "MemTotal"), ("free_bytes", "MemFree"),
                       ("available_bytes", "MemAvailable"), ("buffers_bytes", "Buffers"),
                       ("cached_bytes", "Cached"), ("slab_reclaimable_bytes", "SReclaimable"),
                       ("swap_free_bytes", "SwapFree")):
        assert abs(ours["memory"][mine] - theirs[name]) <= near, (mine, ours, theirs)
    assert ours["memory"]["total_bytes"] == theirs["MemTotal"]
    assert_processors_are_as_proc_has_them(ours["cpu"], ours["cpus"])
    load = [float(each) for each in host.read("/proc/loadavg").split()[:3]]
    for mine, each in zip(("one", "five", "fifteen"), load):
        assert abs(ours["load"][mine] - each) <= 0.2


def check_our_own_signals_do_not_cut_a_document():
    signal.signal(signal.SIGALRM, lambda *_: None)
    signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
    try:
        for _ in range(50):
            host.document()
            host.records()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
