"""The README's two commands, as a newcomer runs them: on a fresh clone, on a Debian 12 that has git
and make, and nothing else of ours.

The Debian is a tree of its own, entered by chroot, without the machine's processes and mounts. It
gets from the machine only what reaches the registries: certificates, proxies and their settings.
The clone has what is committed.
"""

import contextlib
import os
import pathlib
import re
import shutil
import subprocess

import pytest

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
FOLDER = REPOSITORY / "build" / "newcomer"
CLONE = "root/olimpiadas"
NEEDED = ("mmdebstrap", "unshare", "chroot", "git")
PACKAGES = "git,make,ca-certificates"
COMMAND_TIMEOUT_S = 2400

AUTHORITIES = pathlib.Path("/usr/local/share/ca-certificates")
REGISTRY_FILES = (pathlib.Path("/etc/pip.conf"), pathlib.Path.home() / ".npmrc",
                  pathlib.Path.home() / ".m2" / "settings.xml")
REGISTRY_VARIABLE = re.compile(r".*_proxy|.*CA_BUNDLE|.*CA_CERTS|SSL_CERT_\w+", re.IGNORECASE)


def trouble():
    """Why no tree can be made and entered here; empty when one can."""
    if os.geteuid() != 0:
        return "only root may make a Debian tree and enter it"
    if missing := [program for program in NEEDED if shutil.which(program) is None]:
        return f"not installed: {', '.join(missing)} (tools/deps images)"
    tried = subprocess.run(["unshare", "--mount", "--pid", "--fork", "true"], check=False,
                           text=True, capture_output=True)
    return "" if tried.returncode == 0 else tried.stderr or f"unshare: {tried.returncode}"


def run(*command, **options):
    """Runs the command and shows its output. The test fails when the command does."""
    ended = subprocess.run([*map(str, command)], check=False, text=True, stdin=subprocess.DEVNULL,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options)
    print(ended.stdout)
    assert ended.returncode == 0, f"{command[0]} ended with {ended.returncode}"
    return ended.stdout


def remove(tree):
    """Removes the tree. Stops at other file systems, in case one is still mounted."""
    run("rm", "--recursive", "--force", "--one-file-system", tree)


def copy_registry_settings(tree):
    for file in REGISTRY_FILES:
        if file.is_file():
            target = tree / file.relative_to("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, target)
    shutil.copy("/etc/resolv.conf", tree / "etc" / "resolv.conf")
    shutil.copy("/etc/hosts", tree / "etc" / "hosts")


@pytest.fixture(scope="module", name="debian")
def fixture_debian():
    """The tree with the clone in it."""
    if why := trouble():
        pytest.skip(f"NOT TESTED: {why}")
    tree = FOLDER / "tree"
    FOLDER.mkdir(parents=True, exist_ok=True)
    remove(tree)
    hooks = ([f"--customize-hook=copy-in {AUTHORITIES} /usr/local/share",
              '--customize-hook=chroot "$1" update-ca-certificates']
             if AUTHORITIES.is_dir() else [])
    run("mmdebstrap", "--quiet", "--variant=minbase", "--components=main", f"--include={PACKAGES}",
        *hooks, "bookworm", tree, timeout=COMMAND_TIMEOUT_S)
    with contextlib.ExitStack() as ending:
        ending.callback(remove, tree)
        copy_registry_settings(tree)
        # The checkout may be another user's.
        run("git", "-c", "safe.directory=*", "clone", "--quiet", f"file://{REPOSITORY}", tree / CLONE)
        yield tree


# The machine's devices and figures, and the tree's own processes. The shell stays their first one:
# make does not reap processes that it did not start.
ENTER = """set -e
mount --rbind /dev "$1/dev"
mount --rbind /sys "$1/sys"
mount -t proc proc "$1/proc"
exec chroot "$1" sh -c "cd /$2 && $3; exit \\$?"
"""


def is_usable(value, tree):
    """Whether the value of a variable is no file, or one that the tree has too."""
    return not value.startswith("/") or (tree / value.lstrip("/")).exists()


def in_debian(tree, command):
    """Runs the command in the clone, as a login of root would. Everything that it starts ends with
    it."""
    registries = {key: value for key, value in os.environ.items()
                  if REGISTRY_VARIABLE.fullmatch(key) and is_usable(value, tree)}
    return run("unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", ENTER, "sh",
               tree, CLONE, command, timeout=COMMAND_TIMEOUT_S,
               env={"HOME": "/root", "USER": "root", "TERM": "dumb",
                    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                    **registries})


def test_make_run_builds_and_proves_a_contest(debian):
    said = in_debian(debian, "make run")
    assert re.search(r"^150,000 entries counted", said, re.MULTILINE)


def test_make_test_passes(debian):
    said = in_debian(debian, "make test")
    assert re.search(r"^[0-9]+ passed, 0 failed, [0-9]+ skipped$", said.rstrip().splitlines()[-1])
