"""Black-box suite: it tests the real `estadio` binary by its documented behaviour alone.

Run from the repository's root:

    /usr/bin/python3 -m pytest tests/blackbox

Environment:
    ESTADIO_BIN       the binary (default build/release/bin/estadio)
    TEST_TIME_FACTOR  multiplies every deadline; give 5 or more to sanitizer builds
    TEST_SEED         seed of the random tests (default: random, printed on failure)
    KILL9_MOMENTS     kill -9 moments in test_kill9.py (default 3)
    KILL9_SEED        seed of those moments (default: random, printed)
"""

import contextlib
import os
import pathlib
import random
import sys

import pytest

sys.dont_write_bytecode = True
sys.path.append(str(pathlib.Path(__file__).resolve().parents[2] / "tools"))
pytest.register_assert_rewrite("estadio", "wire")

import estadio  # noqa: E402  (assertions in it are rewritten from here on)

pytest_plugins = ["clocks", "cluster"]  # their fixtures


def pytest_collection_modifyitems(config, items):
    """Groups the tests that must run in one process when several processes share the tests.

    One group has the tests with the cluster's broker, so that the broker starts once. Each other
    group has the tests of one file."""
    if not config.pluginmanager.hasplugin("xdist"):
        return
    for item in items:
        group = "cluster" if "services" in item.fixturenames else item.path.stem
        item.add_marker(pytest.mark.xdist_group(group))


def pytest_collection_finish(session):
    if session.config.option.collectonly or not session.items:
        return
    if not os.access(estadio.BINARY, os.X_OK):
        pytest.exit(f"no binary at {estadio.BINARY}: build it, or set ESTADIO_BIN", returncode=4)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    if report.failed:
        for server in estadio.running_servers:
            status = server.process.poll()
            state = "running" if status is None else f"ended with {status}"
            report.sections.append((f"log of {server.name} ({state})",
                                    server.log_text()[-8000:]))
            # The next test must not inherit results that this test left uncounted or counted twice.
            if status is None:
                with contextlib.suppress(Exception):
                    server.accepted = server.scores()["total"]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server with the default settings, which the tests of a module share."""
    with estadio.Server(tmp_path_factory.mktemp("shared") / "data") as running:
        yield running


@pytest.fixture
def start(tmp_path):
    """Starts this test's own servers. They end with the test.

    start(*flags) uses the test's data directory `tmp_path / "data"` unless `data=` is given.
    """
    servers = []

    def start_one(*flags, data=tmp_path / "data", **options):
        running = estadio.Server(data, *flags, **options)
        servers.append(running)
        return running

    yield start_one
    problems = []
    for running in reversed(servers):
        try:
            running.__exit__(None, None, None)
        except Exception as problem:  # the other servers must end too
            problems.append(problem)
    if problems:
        raise problems[0]


@pytest.fixture
def rng(request):
    """A seeded source of randomness; the seed is printed when the test fails."""
    seed = int(os.environ.get("TEST_SEED", random.SystemRandom().getrandbits(32)))
    print(f"TEST_SEED={seed}")
    return random.Random(f"{seed}/{request.node.name}")
