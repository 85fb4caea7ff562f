"""The guest suite: the kernel module and vigia in virtual machines, one for each kernel.

    /usr/bin/python3 -m pytest tests/guest

checks/ has the checks that run in a guest, a function each. Each check has a test here. QEMU emulates
the machines without KVM, so that they boot wherever QEMU runs.

Environment:
    ESTADIO_BIN      as in the black-box suite; vigia is in the same folder
    GUEST_KERNELS    suites of Debian, whose kernels boot (default: all of machine.SUITES)
"""

import ast
import concurrent.futures
import os
import subprocess
import sys

import pytest

sys.dont_write_bytecode = True

import machine  # noqa: E402
sys.path.insert(0, str(machine.HERE / "checks"))
import modules  # noqa: E402

KERNELS = os.environ.get("GUEST_KERNELS", " ".join(machine.SUITES)).split()


def checks():
    """Returns the names of all checks. Does not import modules that run only in a guest."""
    for path in (machine.HERE / "checks" / f"{name}.py" for name in modules.TESTS):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("check_"):
                yield f"{path.stem}:{node.name.removeprefix('check_')}"


def pytest_generate_tests(metafunc):
    if "suite" in metafunc.fixturenames:
        metafunc.parametrize("suite", KERNELS)
    if "check" in metafunc.fixturenames:
        metafunc.parametrize("check", list(checks()))


@pytest.fixture(scope="session")
def needs():
    missing = machine.missing()
    if missing:
        pytest.skip(f"NOT TESTED, the kernel module: these are not here: {missing}")


@pytest.fixture(scope="session")
def all_results(needs, tmp_path_factory):
    """The results of the checks under each kernel, by its suite. The machines run in parallel."""
    for suite in KERNELS:
        try:
            machine.kernel(suite)  # fetched one after the other
        except subprocess.CalledProcessError as problem:
            pytest.skip(f"NOT TESTED, the kernel module: no kernel to boot: {problem}")
    folders = {suite: tmp_path_factory.mktemp(suite) for suite in KERNELS}
    with concurrent.futures.ThreadPoolExecutor(len(KERNELS)) as pool:
        runs = {suite: pool.submit(machine.run_checks, suite, folders[suite]) for suite in KERNELS}
    return {suite: run.result() for suite, run in runs.items()}


@pytest.fixture
def results(all_results, suite):
    return all_results[suite]
