"""A server's own disk, which a test can fill: a file system in memory."""

import contextlib
import errno
import subprocess
import tempfile

CHUNK = bytes(1 << 16)


def mount(folder, megabytes):
    return subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "chaos", str(folder)], check=False,
        stdin=subprocess.DEVNULL, capture_output=True, text=True)


def unmount(folder):
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def hindrance_of_disks():
    """Returns why this machine cannot make such a disk; None when it can."""
    with tempfile.TemporaryDirectory() as folder:
        tried = mount(folder, 1)
        if tried.returncode != 0:
            return f"full disks: {tried.stderr.strip() or 'mount failed'}; it takes root's rights"
        unmount(folder)
    return None


class Disk:
    """Mounted over a folder as a context manager."""

    def __init__(self, folder, megabytes):
        self.folder = folder
        self.megabytes = megabytes

    def __enter__(self):
        self.folder.mkdir(parents=True)
        done = mount(self.folder, self.megabytes)
        assert done.returncode == 0, done.stderr
        return self

    def __exit__(self, *_):
        unmount(self.folder)

    @contextlib.contextmanager
    def full(self):
        """A context manager. Within it the disk has no room for another block."""
        ballast = self.folder / "ballast"
        try:
            with open(ballast, "wb", buffering=0) as sink:
                try:
                    while True:
                        sink.write(CHUNK)
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise
            yield
        finally:
            ballast.unlink()
