"""The tests' own Docker engine. It has a socket, a data folder and only the bridges of its networks.

The data folder keeps the images between runs. An engine that the machine runs already is not
touched.
"""

import contextlib
import os
import pathlib
import shutil
import subprocess
import tempfile

from deadlines import wait_until
from estadio import REPOSITORY

DATA = REPOSITORY / "build" / "engine"
NEEDED = ("docker", "dockerd", "docker-compose")
STOP_S = 60


def hindrance():
    """Returns why no engine can start here; None when one can."""
    if missing := [program for program in NEEDED if shutil.which(program) is None]:
        return f"{', '.join(missing)}: not installed (tools/deps images)"
    if os.geteuid() != 0:
        return "a Docker engine of its own: root alone may start one"
    if not root_is_mounted():
        return "an engine cannot unpack images in a chroot: its root is no mount point"
    return None


def root_is_mounted():
    mounts = pathlib.Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()
    return any(mount.split()[4] == "/" for mount in mounts)


def answers():
    return subprocess.run(["docker", "info"], check=False, capture_output=True,
                          stdin=subprocess.DEVNULL, timeout=60).returncode == 0


@contextlib.contextmanager
def engine():
    """A context manager. Within it DOCKER_HOST names a running engine."""
    DATA.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="engine-") as name, contextlib.ExitStack() as ending:
        folder = pathlib.Path(name)  # a socket's path must be short
        log = ending.enter_context(open(DATA / "dockerd.log", "w", encoding="utf-8"))
        host = f"unix://{folder}/docker.sock"
        process = subprocess.Popen(
            ["dockerd", "--host", host, "--data-root", str(DATA / "data"), "--exec-root",
             str(folder / "exec"), "--pidfile", str(folder / "pid"), "--bridge", "none"],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        ending.callback(end, process, folder)
        before = os.environ.get("DOCKER_HOST")
        os.environ["DOCKER_HOST"] = host
        ending.callback(restore, before)
        wait_until(lambda: process.poll() is not None or answers(),
                   lambda: f"dockerd to serve:\n{log_tail()}", within=60)
        assert process.poll() is None, f"dockerd ended with {process.returncode}:\n{log_tail()}"
        yield


def log_tail():
    return (DATA / "dockerd.log").read_text(encoding="utf-8", errors="replace")[-4000:]


def restore(host):
    if host is None:
        del os.environ["DOCKER_HOST"]
    else:
        os.environ["DOCKER_HOST"] = host


def end(process, folder):
    process.terminate()
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    # The engine leaves the namespace of the host's network mounted.
    for each in folder.glob("exec/netns/*"):
        subprocess.run(["umount", str(each)], check=True)
