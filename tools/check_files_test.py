"""tools/check-files finds each violation of its rules."""

import pathlib
import subprocess

import pytest

CHECKER = pathlib.Path(__file__).with_name("check-files")


@pytest.fixture
def check(tmp_path):
    """check(name, bytes, executable) checks a folder with this file and a good one."""
    def run(name, data, executable=False):
        (tmp_path / "good.md").write_text("# Bien\n\nTodo en orden.\n")
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        path.chmod(0o755 if executable else 0o644)
        return subprocess.run([CHECKER, "--root", tmp_path], check=False, capture_output=True,
                              text=True)

    return run


def class_of(lines, head="class Long {", indent=""):
    """C++ with a class of that many lines among others."""
    members = [f"{indent}  int member_{i};" for i in range(lines - 2 - head.count("\n"))]
    return "\n".join(["class Declared;", "struct Short { int a; };", "namespace a {",
                      indent + head, *members, indent + "};", "}  // namespace a", ""]).encode()


@pytest.mark.parametrize(("name", "data", "executable"), [
    ("notes.md", "Natación, Atletismo y Boxeo\n".encode(), False),
    ("tools/run", b"#!/bin/bash\necho /usr/bin/env ./build/release\n", True),
    ("picture.png", b"\x89PNG\0\xff no newline", False),
    ("empty", b"", False),
    ("fuzz/corpus/request/bad", b"GET / \xff\r\n", False),
    ("node_modules/somebody/index.js", b"trailing  \n", False),
    ("a.cc", class_of(300), False),
    ("a.cc", class_of(200) + class_of(200), False),
    ("a.txt", class_of(400), False),
])
def test_what_is_in_order_passes(check, name, data, executable):
    result = check(name, data, executable)
    assert result.returncode == 0, result.stdout


# Made from parts, so that the check of this repository does not find them in this file.
ELSEWHERE = "/".join(["", "home", "ana", "olimpiadas"])
FROM = '"resol' 'ved"'


@pytest.mark.parametrize(("name", "data", "executable", "said"), [
    ("a.md", b"one\ntwo \n", False, "a.md:2: blanks"),
    ("a.md", b"one\r\n", False, "a.md:1: blanks"),
    ("a.md", b"one", False, "a.md:1: has no newline"),
    ("a.md", b"one\n\xff\n", False, "a.md:2: is not UTF-8"),
    ("a.md", b"one\n" + b"<" * 7 + b" HEAD\n", False, "a.md:2: a mark of a merge"),
    ("a.md", f"see {ELSEWHERE}\n".encode(), False, f"a.md:1: {ELSEWHERE[:9]}"),
    ("web/package-lock.json", f"{{\n {FROM}: 1}}\n".encode(), False, "package-lock.json:2: says"),
    ("tool", b"#!/bin/bash\n", False, "tool:1: starts with #!"),
    ("tool.md", b"text\n", True, "tool.md:1: is executable"),
    ("a.cc", class_of(301), False, "a.cc:4: a class of 301 lines"),
    ("a.h", class_of(301, "struct Long final\n    : public Base {"), False,
     "a.h:4: a class of 301 lines"),
    ("a.cc", class_of(301, indent="  "), False, "a.cc:4: a class of 301 lines"),
])
def test_what_is_not_in_order_is_found(check, name, data, executable, said):
    result = check(name, data, executable)
    assert result.returncode == 1
    assert said in result.stdout
