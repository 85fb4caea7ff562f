"""A role that reads the log back ends at once when it is asked to, however long the log is.

Kafka serves the client id of such a role slowly (a quota), so the read-back of this much would take
half a minute and more.
"""

import signal
import time

import pytest

from deadlines import TIME_FACTOR, wait_until
from estadio import (CLOSED_CONTEST, NDJSON, as_ndjson, environment, random_entry,
                     uuid_of_version_7)

REQUESTS = 180
ENTRIES = 1000  # of a request
STUDENT_BYTES = 200
SLOW_BYTES_A_SECOND = 1_000_000
ENDS_WITHIN_S = 15  # a third of what the read-back would take

pytestmark = pytest.mark.skipif(TIME_FACTOR != 1, reason="NOT TESTED under a sanitizer: it would "
                                                         "take minutes to write the log")


def fill(edge, rng, requests=REQUESTS, entries=ENTRIES):
    """Posts entries with ids that no compression makes small. Returns the last request's."""
    for _ in range(requests):
        posted = [random_entry(rng, id=uuid_of_version_7(time.time() * 1000, rng),
                               student=rng.randbytes(STUDENT_BYTES // 2).hex())
                  for _ in range(entries)]
        wait_until(lambda: edge.post(as_ndjson(posted), media_type=NDJSON).status == 200,
                   "the entries to be accepted")
    return posted


@pytest.fixture
def slowly(cluster, tmp_path):
    """Flags of a role that Kafka serves slowly."""
    name = f"slow-{cluster.prefix}"
    cluster.kafka.cli("kafka-configs", "--alter", "--entity-type", "clients", "--entity-name", name,
                      "--add-config", f"consumer_byte_rate={SLOW_BYTES_A_SECOND}")
    config = tmp_path / "kafka.properties"
    config.write_text(f"client.id={name}\n")
    return ["--kafka-config", config]


def test_a_tally_that_reads_back_ends_at_once(cluster, slowly, rng):
    judges = cluster.discipline("--partitions", "1")
    edge = cluster.faculty(judges)
    tally = cluster.tally()
    fill(edge, rng)
    cluster.assert_verified()
    assert tally.stop() == 0
    counted = cluster.hash("positions")
    fill(edge, rng, requests=1, entries=20)

    slow = cluster.tally(*slowly)
    wait_until(lambda: slow.metric("estadio_retry_bytes"), "the read-back to begin")
    slow.signal(signal.SIGTERM)
    assert slow.wait(within=ENDS_WITHIN_S) == 0
    # Nor did the read-back fail, as it does when Kafka is slower than usual.
    assert "will be tried again" not in slow.log_text()
    assert cluster.hash("positions") == counted, "the read-back had ended"

    cluster.tally()
    cluster.assert_verified()


def test_a_discipline_server_that_reads_the_accepted_ids_ends_at_once(cluster, clock, slowly, rng,
                                                                      tmp_path):
    judges = cluster.discipline("--partitions", "1")
    accepted = fill(cluster.faculty(judges), rng)[-1]
    over = tmp_path / "over.toml"
    over.write_text(CLOSED_CONTEST.replace(
        "2020-01-01T00:00:00Z", time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())))

    slow = cluster.discipline(*slowly, "--contest", over, env=environment(**clock.fast_environment))
    edge = cluster.faculty(slow, flags=["--contest", over])
    wait_until(lambda: slow.metric("estadio_contest_phase", phase="closed") == 1,
               "the contest to be closed")
    assert edge.post(accepted).status == 503, "the ids are read"
    slow.signal(signal.SIGTERM)
    assert slow.wait(within=ENDS_WITHIN_S) == 0
