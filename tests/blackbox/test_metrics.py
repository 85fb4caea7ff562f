"""docs/metrics.md lists what the roles export, no more and no less."""

import re

import pytest

from deadlines import wait_until
from estadio import REPOSITORY, Server, entry

DOCUMENT = REPOSITORY / "docs" / "metrics.md"
ROLES = ("all", "faculty", "discipline", "tally", "scoreboard")
# The suffixes that samples of histograms and summaries add to the name, and their own labels.
SUFFIXES = ("_bucket", "_count", "_sum")
OWN_LABELS = {"le", "quantile"}


def exported(text):
    """Returns {name: (type, labels, help)} of an exposition in Prometheus' text format."""
    families = {}
    for line in text.splitlines():
        if line.startswith("# HELP "):
            name, meaning = line[len("# HELP "):].split(" ", 1)
            families[name] = ["untyped", set(), meaning]
        elif line.startswith("# TYPE "):
            name, kind = line[len("# TYPE "):].split(" ")
            families[name][0] = kind
        elif line:
            name, labels = re.match(r"([a-z_]+)(?:\{(.*)\})? ", line).groups()
            family = next((name[:-len(end)] for end in SUFFIXES
                           if name.endswith(end) and name[:-len(end)] in families), name)
            families[family][1] |= set(re.findall(r'(\w+)="', labels or "")) - OWN_LABELS
    return {name: (kind, ", ".join(sorted(labels)), meaning)
            for name, (kind, labels, meaning) in families.items()}


def rows_of(metrics_by_role):
    """Returns the rows that the document must have: name, type, labels, roles, meaning."""
    rows = {}
    for role in ROLES:
        for name, (kind, labels, meaning) in metrics_by_role[role].items():
            roles = rows.get(name, (None, None, (), None))[2]
            rows[name] = (kind, labels, (*roles, role), meaning)
    return [f"| `{name}` | {kind} | {labels} | {', '.join(roles)} | {meaning} |"
            for name, (kind, labels, roles, meaning) in sorted(rows.items())]


@pytest.fixture
def metrics_by_role(cluster, tmp_path):
    """Returns the metrics that each role exports after an entry."""
    discipline = cluster.discipline()
    faculty = cluster.faculty(discipline)
    tally = cluster.tally()
    scoreboard = cluster.start("scoreboard", *cluster.redis_flags)
    assert faculty.post(entry()).status == 200
    cluster.assert_verified()
    wait_until(lambda: scoreboard.metric("estadio_score_readable"), "the score to be read")
    with Server(tmp_path / "data") as whole:
        whole.post(entry())
        whole.scores_of_all_accepted()
        servers = {"all": whole, "faculty": faculty, "discipline": discipline, "tally": tally,
                   "scoreboard": scoreboard}
        return {role: exported(server.get("/metrics").text()) for role, server in servers.items()}


def test_the_document_lists_every_metric_as_it_is_exported(metrics_by_role):
    listed = [line for line in DOCUMENT.read_text(encoding="utf-8").splitlines()
              if line.startswith("| `")]
    expected = rows_of(metrics_by_role)
    assert listed == expected, "docs/metrics.md has to have:\n" + "\n".join(expected)


def test_every_metric_follows_prometheus_conventions(metrics_by_role):
    for role, metrics in metrics_by_role.items():
        for name, (kind, _, meaning) in metrics.items():
            assert re.fullmatch(r"(estadio|process)_[a-z0-9_]+", name), name
            assert name.endswith("_total") == (kind == "counter"), f"{role}: {name} is a {kind}"
            assert meaning.endswith("."), f"{role}: {name}: {meaning}"
