"""tools/test counts the tests that ran, and never counts a failure as a pass."""

import importlib.machinery
import importlib.util
import pathlib

import pytest

TOOL = pathlib.Path(__file__).with_name("test")
LOADER = importlib.machinery.SourceFileLoader("run_suites", str(TOOL))
suites = importlib.util.module_from_spec(importlib.util.spec_from_loader("run_suites", LOADER))
LOADER.exec_module(suites)

JUNIT = """<testsuites><testsuite name="TallyTest">
  <testcase name="Counts" status="run" result="completed" classname="TallyTest"/>
  <testcase name="Fails" status="run" classname="TallyTest">
    <failure message="expected 1&#x0A;got 2">details</failure><failure message="again"/></testcase>
  <testcase name="Skips" classname="TallyTest"><skipped message="needs root"/></testcase>
  <testcase name="DISABLED_Off" status="notrun" classname="TallyTest"/>
  <testcase name="Breaks" classname="TallyTest"><error message="no fixture"/></testcase>
</testsuite></testsuites>"""

TAP = """TAP version 13
# Subtest: the page
    # Subtest: shows the score
    ok 1 - shows the score
      ---
      duration_ms: 1620.0
      ...
    # Subtest: is skipped
    ok 2 - is skipped # SKIP no Chromium
    # Subtest: fails
    not ok 3 - fails
      ---
      error: |-
        ok 9 - in a message
      ...
    1..3
not ok 1 - the page
  ---
  type: 'suite'
  ...
1..1
# tests 3
"""


@pytest.fixture
def outcome():
    return suites.Outcome("unit")


@pytest.fixture
def report(tmp_path):
    def write(text):
        path = tmp_path / "report"
        path.write_text(text)
        return path

    return write


def test_junit_is_counted_test_by_test(outcome, report):
    suites.read_junit(report(JUNIT), outcome)
    assert outcome.counts == (1, 2, 2)
    assert "expected 1 got 2" in outcome.failures[0]
    assert outcome.skips == [("TallyTest Skips", "needs root"), ("TallyTest DISABLED_Off", "disabled")]


def test_tap_is_counted_without_its_groups(outcome, report):
    suites.read_tap(report(TAP), outcome)
    assert outcome.counts == (1, 1, 1)
    assert outcome.skips == [("is skipped", "no Chromium")]
    assert outcome.failures == ["fails"]


PASSED = '<testsuite><testcase name="a"/></testsuite>'


@pytest.mark.parametrize(("status", "text", "said"), [
    (0, "<testsuite/>", "ran no test"),
    (0, '<testsuite><testcase name="a"><skipped/></testcase></testsuite>', "ran no test"),
    (3, PASSED, "ended with status 3 though no test failed"),
    (-11, PASSED, "ended with signal 11 though no test failed"),
    (0, "<testsuite><testcase", "cannot be read"),
])
def test_a_suite_that_proves_nothing_has_failed(outcome, report, status, text, said):
    suites.judge(status, outcome, report(text), suites.read_junit)
    assert len(outcome.failures) == 1
    assert said in outcome.failures[0]


def test_a_suite_that_not_every_machine_can_run_may_be_skipped_whole(outcome, report):
    skipped = '<testsuite><testcase name="a"><skipped message="no engine"/></testcase></testsuite>'
    suites.judge(0, outcome, report(skipped), suites.read_junit, may_skip_all=True)
    assert outcome.counts == (0, 0, 1)


def test_a_suite_without_a_report_has_failed(outcome, tmp_path):
    suites.judge(-6, outcome, tmp_path / "none", suites.read_junit)
    assert outcome.failures == ["ended with signal 6 and left no report"]


def test_a_suite_that_hangs_is_ended_and_has_failed(outcome):
    status = suites.run(["sleep", "60"], outcome, {}, timeout_s=0.1)
    assert status is None
    assert outcome.failures == ["did not end within 0.1 s"]


def test_a_good_suite_is_taken_as_it_is(outcome, report):
    suites.judge(0, outcome, report(PASSED), suites.read_junit)
    assert outcome.counts == (1, 0, 0)


def test_the_summary_ends_with_the_failures_and_has_each_skip_reason_once(outcome, capsys):
    outcome.passed = 1
    outcome.skips = [("a", "no engine"), ("b", "no root"), ("c", "no engine")]
    outcome.failures = ["d: expected 1 got 2"]
    suites.print_summary([outcome])
    assert capsys.readouterr().out.splitlines()[-5:] == [
        "unit                       1       1        3       0.0",
        "SKIPPED, not tested: unit: no engine (2): a, c",
        "SKIPPED, not tested: unit: no root (1): b",
        "",
        "FAILED: unit: d: expected 1 got 2",
    ]


class TwoSuites:
    """A Run whose suites print, and pass or fail."""
    preset = "release"

    def __init__(self, folder):
        self.folder = folder

    def output_of(self, suite):
        return self.folder / f"{suite}.log"

    def run_suite(self, suite, output):
        made = suites.Outcome(suite, output=output)
        status = suites.run(["sh", "-c", f"echo said by {suite}; exit {suite == 'bad':d}"], made, {})
        if status == 0:
            made.passed = 1
        else:
            made.failures.append("bad end")
        return made


def test_suites_that_run_side_by_side_keep_their_outputs_and_their_order(tmp_path, capfd):
    run = TwoSuites(tmp_path)
    outcomes = suites.run_all([(run, "good"), (run, "bad"), (run, "late")], jobs=2)
    assert [(each.suite, each.counts) for each in outcomes] == [
        ("good", (1, 0, 0)), ("bad", (0, 1, 0)), ("late", (1, 0, 0))]
    assert run.output_of("bad").read_text().splitlines()[1] == "said by bad"
    assert "said by late" in capfd.readouterr().out


def test_a_suite_that_runs_alone_shows_its_output_at_once(tmp_path, capfd):
    run = TwoSuites(tmp_path)
    suites.run_all([(run, "good")], jobs=3)
    assert not run.output_of("good").exists()
    assert "said by good" in capfd.readouterr().out


def test_when_a_run_is_ended_its_processes_end_and_no_other_begins():
    processes = suites.Processes()
    running = processes.start(["sleep", "60"])
    processes.end_all()
    assert running.returncode == -9
    with pytest.raises(SystemExit):
        processes.start(["true"])
