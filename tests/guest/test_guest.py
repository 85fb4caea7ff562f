"""The module builds cleanly, and every check passes under every kernel."""

import shutil

import pytest

import machine


def test_the_module_builds_without_a_word(needs, suite):
    # sparse checks every source, also a source that is built already (C=2).
    checks = "W=1 C=2" if shutil.which("sparse") else "W=1"
    _, said = machine.build_module(suite, checks)
    assert said == []


def test_in_the_guest(results, check):
    result = results.by_name.get(check)
    if result is None:
        pytest.fail(f"it was not run; {results.story()}")
    if result["outcome"] == "skipped":
        pytest.skip(result["text"])
    print(f"{result['seconds']} s", result.get("told") or "")
    assert result["outcome"] == "passed", result["text"]


def test_the_machine_ends_with_its_checks(results):
    assert "all" in results.by_name, results.story()
    assert results.other == [], results.story()


def test_the_kernel_has_nothing_to_complain_of(results):
    """Checks the whole log from the boot on. Each check looks only at its own part."""
    bad = [line for line in results.kernel_log.splitlines()
           if any(word in line for word in ("BUG:", "WARNING:", "Oops", "refcount_t:", "KASAN"))]
    assert bad == []
