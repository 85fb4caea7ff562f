"""A virtual machine with one kernel, vigia and the files of the checks. It boots, runs them and ends.

Its whole disk is an initramfs in memory. It has no network. The first serial port has the kernel's
log. The second one has the results, a JSON object a line.
"""

import functools
import json
import os
import pathlib
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = pathlib.Path(os.environ.get("ESTADIO_BIN", ROOT / "build/release/bin/estadio"))
VIGIA = BINARY.with_name("vigia")
SOURCES = BINARY.with_name("sources")  # of the bench
HERE = pathlib.Path(__file__).resolve().parent
SUITES = ("bookworm", "bookworm-backports")
NEEDED = ("qemu-system-x86_64", "busybox", "cpio", "make", "gcc", "ps")
BOOT_S = 600
MEMORY_MIB = 1536
PROCESSORS = 2

INIT = """#!/bin/busybox sh
export PATH=/usr/bin:/bin
/bin/busybox --install -s /bin
mount -t proc none /proc
mount -t sysfs none /sys
mount -t devtmpfs none /dev
mount -t tmpfs none /tmp
mkdir -p /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup
ip link set lo up
/usr/bin/python3 -B /checks/run.py >/dev/ttyS1 2>&1
dmesg -n 1
poweroff -f
"""


def missing():
    """Returns the missing parts of a guest as a text; empty when all are here."""
    return ", ".join(each for each in NEEDED if shutil.which(each) is None)


@functools.cache
def kernel(suite):
    """Returns the folder of a Debian kernel with its headers, and the kernel's release."""
    done = subprocess.run([ROOT / "tools/kernels", suite], check=True, stdout=subprocess.PIPE,
                          text=True)
    _, release, folder = done.stdout.split()
    return pathlib.Path(folder), release


def build_module(suite, checks="W=1"):
    """Builds the module against a kernel's headers. Returns its path and the build's output."""
    folder, _ = kernel(suite)
    done = subprocess.run(
        [ROOT / "tools/module", "build", folder / "headers", ROOT / "build/module" / suite],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env=os.environ | {"CHECKS": checks})
    assert done.returncode == 0, done.stdout
    lines = done.stdout.splitlines()
    return pathlib.Path(lines[-1]), lines[:-1]


def libraries_of(program):
    """Returns the shared libraries of a program; none for a static program."""
    listed = subprocess.run(["ldd", program], check=False, stdout=subprocess.PIPE,
                            stderr=subprocess.DEVNULL, text=True).stdout
    return {word for line in listed.splitlines() for word in line.split() if word.startswith("/")}


class Disk:
    """A folder that becomes a guest's disk."""

    def __init__(self, folder):
        self.folder = folder

    def copy(self, source, target=None):
        to = self.folder / str(target or source).lstrip("/")
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, to)

    def copy_program(self, program, target=None):
        self.copy(program, target)
        for library in libraries_of(program):
            self.copy(library)

    def copy_python(self):
        python = os.path.realpath("/usr/bin/python3")
        self.copy_program(python, "/usr/bin/python3")
        library = pathlib.Path("/usr/lib") / os.path.basename(python)
        shutil.copytree(
            library, self.folder / str(library).lstrip("/"), symlinks=True,
            ignore=shutil.ignore_patterns("test", "tests", "idlelib", "lib2to3", "ensurepip",
                                          "config-*", "distutils", "tkinter", "pydoc*", "*.a"))
        for extension in (library / "lib-dynload").glob("_*.so"):
            for each in libraries_of(extension):
                self.copy(each)

    def pack(self, image):
        names = "\n".join(str(each.relative_to(self.folder))
                          for each in sorted(self.folder.rglob("*")))
        with open(image, "wb") as out:
            subprocess.run(["cpio", "--create", "--format=newc", "--quiet", "--owner=0:0"],
                           cwd=self.folder, input=names.encode(), stdout=out, check=True)


def make_disk(folder, module):
    disk = Disk(folder)
    disk.copy_program(shutil.which("busybox"), "/bin/busybox")
    disk.copy_python()
    if VIGIA.exists():
        disk.copy_program(VIGIA, "/bin/vigia")
    if SOURCES.exists():
        disk.copy_program(SOURCES, "/bin/sources")
        disk.copy_program(shutil.which("ps"), "/usr/bin/ps")
    disk.copy(module, "/vigia.ko")
    for each in HERE.glob("checks/*.py"):
        disk.copy(each, f"/checks/{each.name}")
    init = folder / "init"
    init.write_text(INIT)
    init.chmod(0o755)
    for each in ("proc", "sys", "dev", "tmp", "etc"):
        (folder / each).mkdir(exist_ok=True)
    (folder / "etc/passwd").write_text("root:x:0:0::/:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n")
    return disk


class Results:
    """The results of the checks of one boot."""

    def __init__(self, folder, ended):
        self.ended = ended  # the result of the machine
        self.kernel_log = (folder / "kernel.log").read_text(errors="replace")
        self.by_name = {}
        self.other = []  # lines that are no results
        for line in (folder / "results").read_text(errors="replace").splitlines():
            try:
                result = json.loads(line)
                self.by_name[result["check"]] = result
            except (ValueError, KeyError, TypeError):
                self.other.append(line)

    def story(self):
        """Returns the log, for the report of a failure."""
        return "\n".join(["the machine " + self.ended, *self.other[-60:],
                          *self.kernel_log.splitlines()[-60:]])


def run_checks(suite, folder, only=""):
    """Boots the kernel of a suite and runs all checks, or those of the module `only`.

    `folder` gets the machine's files.
    """
    kernel_folder, _ = kernel(suite)
    module, _ = build_module(suite)
    disk_folder = folder / "disk"
    disk_folder.mkdir(parents=True)
    make_disk(disk_folder, module).pack(folder / "initramfs")
    shutil.rmtree(disk_folder)
    command = [
        # One thread emulates all processors in turn. With a thread for each, QEMU sometimes runs code
        # that the kernel is patching (static keys), and the kernel meets an unknown int3.
        "qemu-system-x86_64", "-accel", "tcg,thread=single", "-cpu", "max",
        "-smp", str(PROCESSORS), "-m", str(MEMORY_MIB), "-kernel", kernel_folder / "vmlinuz",
        "-initrd", folder / "initramfs", "-append",
        "console=ttyS0 loglevel=5 oops=panic panic=-1" + (f" vigia.checks={only}" if only else ""),
        "-display", "none", "-monitor", "none", "-nic", "none", "-no-reboot",
        "-serial", f"file:{folder}/kernel.log", "-serial", f"file:{folder}/results"]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=sys.stderr) as machine:
        try:
            status = machine.wait(BOOT_S)
            ended = f"ended with {status}"
        except subprocess.TimeoutExpired:
            machine.kill()
            ended = f"did not end within {BOOT_S} s"
    (folder / "initramfs").unlink()
    return Results(folder, ended)
