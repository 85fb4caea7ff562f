"""The summary of a run: how often each fault was made, and the results."""

import collections

import pytest

made = collections.Counter()
accepted = collections.Counter()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    if report.when != "call":
        return
    if report.failed:
        accepted["failed"] += 1
    for name, value in item.user_properties:
        if name == "fault":
            made[value] += 1
        elif name == "accepted":
            accepted["entries"] += value
            accepted["seeds"] += 1


@pytest.hookimpl(trylast=True)
def pytest_runtest_logreport(report):
    """Prints a failure at once: a long run's end may be an hour away."""
    if report.failed:
        terminal.line("")
        terminal.line(str(getattr(report.longrepr, "reprcrash", report.longrepr)))
        for name, text in report.sections:
            terminal.section(name, sep="-")
            terminal.line(text)


@pytest.hookimpl(trylast=True)
def pytest_configure(config):
    global terminal
    terminal = config.pluginmanager.get_plugin("terminalreporter")


def pytest_terminal_summary(terminalreporter):
    if not made:
        return
    terminalreporter.section("faults, each followed by a proof")
    for name, count in sorted(made.items()):
        terminalreporter.line(f"{count:6} {name}")
    outcome = f"{accepted['failed']} FAILED" if accepted["failed"] else "0 lost, 0 counted twice"
    terminalreporter.line(f"{sum(made.values()):6} in {accepted['seeds']} contests with "
                          f"{accepted['entries']:,} accepted entries: {outcome}")
