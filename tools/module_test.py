"""tools/module, as far as it changes nothing on this machine."""

import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent


def module(*arguments):
    return subprocess.run([ROOT / "tools/module", *arguments], capture_output=True, text=True)


def test_dkms_knows_the_project_s_version():
    project = re.search(r"project\(\w+ VERSION (\S+)", (ROOT / "CMakeLists.txt").read_text())
    package = re.search(r'PACKAGE_VERSION="(.*)"', (ROOT / "kernel/dkms.conf").read_text())
    assert package[1] == project[1]


def test_without_a_command_it_says_which_there_are():
    done = module()
    assert done.returncode == 2
    for command in ("build", "install", "uninstall"):
        assert f"tools/module {command}" in done.stderr


def test_without_headers_it_says_how_to_get_them(tmp_path):
    done = module("build", tmp_path / "headers", tmp_path / "built")
    assert done.returncode == 1
    assert f"{tmp_path}/headers holds no headers" in done.stderr
    assert "apt-get install linux-headers-" in done.stderr
    assert not (tmp_path / "built").exists()
