"""kill -9 at random moments under load: nothing acknowledged is lost, nothing counts twice.

`estadio load --retry` is the client. It sends each entry again, with the same id, until it gets an
ack. The server always comes back on the same port and data directory. A failing run
prints KILL9_SEED; with it and the same KILL9_MOMENTS the moments are the same again.
"""

import os
import random
import subprocess
import time

from deadlines import TIME_FACTOR, seconds, wait_until
from estadio import BINARY, assert_verified, environment, is_caught_up, read_acks
from services.server import free_port

MOMENTS = int(os.environ.get("KILL9_MOMENTS", "3"))
SEED = int(os.environ.get("KILL9_SEED", random.SystemRandom().getrandbits(32)))

LOAD_MS = 1500


class Load:
    """`estadio load --retry` in the background. `finish` waits for its end and checks it."""

    def __init__(self, url, acks, rate):
        self.output = open(acks.with_suffix(".output"), "wb")
        self.process = subprocess.Popen(
            [str(BINARY), "load", url, "--rate", str(rate), "--duration", f"{LOAD_MS}ms",
             "--connections", "32", "--retry", "--acks", str(acks)],
            env=environment(), stdin=subprocess.DEVNULL, stdout=self.output,
            stderr=subprocess.STDOUT)

    def finish(self):
        assert self.process.wait(timeout=seconds(120)) == 0, self.said()

    def said(self):
        self.output.flush()
        with open(self.output.name, encoding="utf-8", errors="replace") as output:
            return output.read()[-4000:]

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.output.close()


def test_kill_9_under_load_loses_nothing_and_counts_nothing_twice(tmp_path, start):
    print(f"KILL9_SEED={SEED} KILL9_MOMENTS={MOMENTS}")
    rng = random.Random(SEED)
    # Small segments, so that some moments are at the change of segments.
    always = dict(data=tmp_path / "data", listen=f"127.0.0.1:{free_port()}")
    flags = ["--segment-bytes", "1MiB"]
    all_acks = tmp_path / "acks.ndjson"
    all_acks.touch()
    acknowledged = {}

    server = start(*flags, **always)
    for moment in range(MOMENTS):
        acks = tmp_path / f"acks-{moment}.ndjson"
        rate = int(rng.choice([200, 1000, 3000]) / TIME_FACTOR)
        alive_seconds = rng.uniform(0.02, LOAD_MS / 1000 - 0.1)
        where = f"KILL9_SEED={SEED}, moment {moment}: {rate}/s, {alive_seconds:.3f} s in"
        with Load(server.url, acks, rate) as load:
            time.sleep(alive_seconds)  # the moment itself, not a wait for anything
            server.kill()
            # The dead server's data must be valid as it is.
            assert_verified(server.data)
            server = start(*flags, **always)
            load.finish()

        with open(all_acks, "ab") as sink:
            sink.write(acks.read_bytes())
        for given, outcome in read_acks(acks):
            assert acknowledged.setdefault(given, outcome) == outcome, where
        scores = wait_until(lambda: is_caught_up(s := server.scores()) and s,
                            f"{where}: a score that has read the log")
        difference = scores["total"] - len(acknowledged)
        assert difference == 0, f"{where}: {difference:+d} of {len(acknowledged)}"
        assert_verified(server.data, "--acks", all_acks)
    assert acknowledged, "no entry was acknowledged at all"
    assert server.stop() == 0
    assert_verified(server.data, "--acks", all_acks)
