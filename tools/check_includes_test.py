"""tools/check-includes finds each kind of include that points the wrong way."""

import pathlib
import subprocess

import pytest

CHECKER = pathlib.Path(__file__).with_name("check-includes")

# A small repository without a violation.
SOUND = {
    "src/base/units.h": "#pragma once\n#include <string>\n#include <fmt/format.h>\n",
    "src/base/units.cc": '#include "base/units.h"\n#include <CLI/CLI.hpp>\n#include <sys/stat.h>\n'
                         "#include <prometheus/counter.h>\n",
    "src/net/tls.h": '#pragma once\n#include "base/units.h"\n',
    "src/net/tls.cc": '#include "net/tls.h"\n#include <openssl/ssl.h>\n',
    "src/http/server.h": '#pragma once\n#include "base/units.h"\n#include "net/tls.h"\n',
    "src/http/server.cc": '#include "http/server.h"\n',
    "src/estadio/contest/entry.h": '#pragma once\n#include "base/units.h"\n',
    "src/estadio/contest/event_log_contract.h": "#pragma once\n#include <gtest/gtest.h>\n",
    "src/estadio/contest/test_world.h": "#pragma once\n#include <gmock/gmock.h>\n",
    "src/estadio/log/disk_log.h": '#pragma once\n#include "estadio/contest/entry.h"\n',
    "src/estadio/log/disk_log_test.cc": '#include "estadio/log/disk_log.h"\n'
                                        "#include <gtest/gtest.h>\n#include <rocksdb/db.h>\n"
                                        '#include "estadio/contest/event_log_contract.h"\n',
    "src/estadio/faculty/service.h": '#pragma once\n#include "http/server.h"\n',
    "src/estadio/tally/tally.h": '#pragma once\n#include "estadio/contest/entry.h"\n',
    "src/estadio/tally/tally_test.cc": '#include "estadio/tally/tally.h"\n'
                                       '#include "estadio/log/disk_log.h"\n',
    "src/estadio/app/all.cc": '#include "estadio/log/disk_log.h"\n#include "http/server.h"\n',
    "src/estadio/app/commands.h": "#pragma once\n",
    "src/estadio/main.cc": '#include "estadio/app/commands.h"\n',
    "src/vigia/sample/sample.h": "#pragma once\n",
    "src/vigia/sources/source.h": '#pragma once\n#include "vigia/sample/sample.h"\n',
    "src/vigia/history/recording.h": '#pragma once\n#include "vigia/sample/sample.h"\n',
    "src/vigia/keeper/keeper.h": '#pragma once\n#include "vigia/sample/sample.h"\n',
    "src/vigia/keeper/keeper_test.cc": '#include "vigia/keeper/keeper.h"\n'
                                       '#include "vigia/history/recording.h"\n',
    "src/vigia/api/usage_service.h": '#pragma once\n#include "http/server.h"\n',
    "src/vigia/app/commands.h": '#pragma once\n#include "vigia/sources/source.h"\n'
                                '#include "vigia/history/recording.h"\n',
    "bench/clock.h": "#pragma once\n",
}


@pytest.fixture
def check(tmp_path):
    """check({path: text}) checks the sound repository with these files on top."""
    def run(changes):
        for name, text in {**SOUND, **changes}.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return subprocess.run([CHECKER, "--root", tmp_path], check=False, capture_output=True,
                              text=True)

    return run


def test_what_is_right_passes(check):
    result = check({})
    assert result.returncode == 0, result.stdout


def header(*includes):
    return "#pragma once\n" + "".join(f"#include {include}\n" for include in includes)


@pytest.mark.parametrize(("name", "text", "line", "said"), [
    # Includes point one way.
    ("src/base/clock.h", header('"http/server.h"'), 2, "base may not include http"),
    ("src/net/address.h", header('"http/server.h"'), 2, "net may not include http"),
    ("src/http/router.h", header('"estadio/contest/entry.h"'), 2,
     "http may not include estadio/contest"),
    ("src/estadio/contest/coin.h", header('"http/server.h"'), 2,
     "estadio/contest may not include http"),
    ("src/estadio/log/block.h", header('"http/server.h"'), 2, "estadio/log may not include http"),
    ("src/estadio/tally/tally.h", header('"http/server.h"'), 2,
     "estadio/tally may not include http"),
    ("src/estadio/contest/coin.h", header('"estadio/log/disk_log.h"'), 2,
     "estadio/contest may not include estadio/log"),
    # Siblings do not include each other. Tests of roles may include real adapters, but no other role.
    ("src/estadio/tally/tally.h", header('"estadio/log/disk_log.h"'), 2,
     "estadio/tally may not include estadio/log"),
    ("src/estadio/faculty/edge.h", header('"estadio/tally/tally.h"'), 2,
     "estadio/faculty may not include estadio/tally"),
    ("src/estadio/tally/tally_test.cc",
     '#include "estadio/tally/tally.h"\n#include "estadio/faculty/service.h"\n', 2,
     "estadio/tally may not include estadio/faculty"),
    ("src/estadio/contest/coin_test.cc", '#include "estadio/log/disk_log.h"\n', 1,
     "estadio/contest may not include estadio/log"),
    ("src/estadio/faculty/edge.h", header('"estadio/app/commands.h"'), 2, "only the wiring"),
    ("src/vigia/history/recorded.h", header('"vigia/sources/source.h"'), 2,
     "vigia/history may not include vigia/sources"),
    ("src/vigia/engine/containers.h", header('"vigia/history/recording.h"'), 2,
     "vigia/engine may not include vigia/history"),
    ("src/vigia/keeper/rules.h", header('"vigia/history/recording.h"'), 2,
     "vigia/keeper may not include vigia/history"),
    ("src/vigia/top/screen.h", header('"vigia/keeper/keeper.h"'), 2,
     "vigia/top may not include vigia/keeper"),
    # Programs do not include each other.
    ("src/estadio/app/all.cc", '#include "vigia/sample/sample.h"\n', 1, "another program's"),
    ("src/vigia/sources/source.h", header('"estadio/contest/entry.h"'), 2, "another program's"),
    # Vendors' headers stay in the folders that wrap them.
    ("src/estadio/tally/tally.cc", '#include "estadio/tally/tally.h"\n#include <rocksdb/db.h>\n', 2,
     "<rocksdb/db.h> belongs to estadio/score, not estadio/tally"),
    ("src/estadio/app/commands.cc", '#include "estadio/app/commands.h"\n#include <sodium.h>\n', 2,
     "<sodium.h> belongs to base and estadio/contest"),
    ("src/net/address.h", header("<openssl/ssl.h>"), 2, "in a header"),
    ("src/http/server.cc", '#include "http/server.h"\n#include <openssl/ssl.h>\n', 2,
     "<openssl/ssl.h> belongs to net, not http"),
    ("src/base/clock.h", header("<absl/time/time.h>"), 2, "<absl/time/time.h> is unknown"),
    ("src/base/clock.h", header("<mystery.h>"), 2, "<mystery.h> is unknown"),
    ("src/base/clock.h", header("<base/units.h>"), 2, "is ours"),
    ("src/base/clock.h", header('"fmt/format.h"'), 2, "there is no src/fmt/format.h"),
    # Tools of tests stay in tests.
    ("src/base/clock.h", header("<gtest/gtest.h>"), 2, "<gtest/gtest.h> is for tests"),
    ("src/estadio/log/block.h", header('"estadio/contest/test_world.h"'), 2, "is for tests"),
    # Headers.
    ("src/base/clock.h", "#include <string>\n", 1, "without '#pragma once'"),
    ("bench/timer.h", "#include <string>\n", 1, "without '#pragma once'"),
    ("src/base/clock.h", "#pragma once\n\nusing namespace std;\n", 3, "'using namespace'"),
    ("src/http/router.cc", '#include <string>\n#include "http/router.h"\n', 1,
     "must be included first"),
    # Every file is checked.
    ("src/estadio/novel/novel.h", header(), 1, "in no part"),
    ("src/stray.cc", "int x;\n", 1, "in no part"),
])
def test_what_points_the_wrong_way_is_found(check, name, text, line, said):
    result = check({"src/http/router.h": header(), name: text})
    assert result.returncode == 1
    problems = result.stdout.splitlines()
    assert len(problems) == 1, result.stdout
    assert problems[0].startswith(f"{name}:{line}: "), result.stdout
    assert said in problems[0]


def test_a_cycle_is_found_and_shown(check):
    result = check({"src/base/a.h": header('"base/b.h"'), "src/base/b.h": header('"base/c.h"'),
                    "src/base/c.h": header('"base/a.h"')})
    assert result.returncode == 1
    assert "base/a.h -> base/b.h -> base/c.h -> base/a.h" in result.stdout


def test_what_a_comment_says_is_no_include(check):
    result = check({"src/base/clock.h": '#pragma once\n// #include "http/server.h"\n'
                                        "/* using namespace std; */\n"})
    assert result.returncode == 0, result.stdout


def test_every_problem_is_listed(check):
    result = check({"src/base/clock.h": header('"http/server.h"', "<rocksdb/db.h>")})
    assert len(result.stdout.splitlines()) == 2
