"""A contest across processes. A test can make each process, and the network between them, fail."""

import contextlib
import dataclasses
import json
import os
import pathlib
import signal
import subprocess
import time

import clocks
from cluster import Cluster
from deadlines import seconds, wait_until
from disk import Disk
from estadio import BINARY, entry, environment, uuid_of_version_7
from link import Network
from services import Kafka, KafkaCluster, Redis
from services.server import HOST, free_port

# Timeouts. They are shorter than in production, because the faults are short too.
ANSWER = "3s"
DURABLE = "2s"
RETRY_FOR = "180s"
LOAD_FOR = "3s"
RECOVERY_S = 120

@dataclasses.dataclass
class Machines:
    """The parts that all contests share: servers, their disks if a test can fill them, links by
    name, and the library that makes a process' clock wrong."""
    network: Network
    kafka: Kafka | KafkaCluster
    redis: Redis
    kafka_disk: Disk | None
    redis_disk: Disk | None
    links: dict
    wrong_clock: pathlib.Path
    replication: int = 1  # copies of each topic


class Member:
    """A role's process. It restarts on the same port and has the methods of a services.Server."""

    def __init__(self, stage, name, *flags):
        self.stage = stage
        self.name = name
        self.flags = flags
        self.listen = f"{HOST}:{free_port()}"
        self.clock = stage.new_clock(name, stage.draw_clock())
        self.start()

    @property
    def role(self):
        return self.name.rstrip("0123456789")

    def start(self):
        own = self.clock.environment if self.stage.has_clocks else {}
        self.process = self.stage.start(self.role, *self.flags, listen=self.listen,
                                        env=environment(**own))

    def set_clock(self, ahead_s):
        """Moves the clock that the process sees. REQUIRES: a stage with clocks."""
        self.clock.set(ahead_s)

    def kill(self):
        self.process.kill()

    def stop(self):
        assert self.process.stop() == 0, self.process.log_text()[-4000:]

    def pause(self):
        self.process.signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self.process.process.pid, os.WSTOPPED)

    def resume(self):
        self.process.signal(signal.SIGCONT)

    def wait_until_ready(self):
        self.process.wait_until_ready(within=RECOVERY_S)


class Stage(Cluster):
    """A contest with random numbers of members. `accepted` holds {id: outcome} of the acknowledged
    entries. An outcome is None when the answer did not have it. With `has_clocks` each member has a
    clock of its own. It starts as far ahead as one of `clocks_ahead_s`, drawn at random."""

    def __init__(self, machines, folder, rng, has_clocks, clocks_ahead_s=(0,)):
        super().__init__(machines.kafka, machines.redis)
        self.machines = machines
        self.folder = folder
        self.rng = rng
        self.has_clocks = has_clocks
        self.clocks_ahead_s = clocks_ahead_s
        self.members = []
        self.links = dict(machines.links)
        self.acks = folder / "acks.ndjson"
        self.accepted = {}
        self.unsettled = []
        self.loads = 0

    def __enter__(self):
        with contextlib.ExitStack() as undone:
            undone.callback(self.__exit__, None, None, None)
            # A failed test before this one may have left them.
            for server in (self.kafka, self.redis_service):
                if not server.is_ready():
                    server.kill()
                    server.start()
            self.fill()
            undone.pop_all()
        return self

    def __exit__(self, *_):
        try:
            self.end()
        finally:
            for link in set(self.links.values()) - set(self.machines.links.values()):
                link.close()

    def fill(self):
        """Starts one or two members of each role, and waits until all are ready."""
        judges, takers = [], []
        for number in range(self.rng.randint(1, 2)):
            grpc = f"{HOST}:{free_port()}"
            self.add(f"discipline{number}", "--kafka", self.kafka_of("discipline"),
                     "--topic-prefix", self.prefix, "--replication",
                     str(self.machines.replication), "--grpc", grpc,
                     "--durability-timeout", DURABLE)
            judges.append(self.link(f"faculty-discipline{number}", [grpc]))
        for number in range(self.rng.randint(1, 2)):
            member = self.add(f"faculty{number}", "--disciplines",
                              ",".join(link.address for link in judges),
                              "--durability-timeout", DURABLE)
            takers.append(member.listen)
        for number in range(self.rng.randint(1, 2)):
            self.add(f"tally{number}", *self.tally_flags, "--readers", str(self.rng.randint(1, 2)))
        self.add("scoreboard", "--redis", f"redis://{self.links['scoreboard-redis'].address}/0",
                 "--redis-prefix", self.redis_prefix)
        self.front = self.link("clients-faculty", takers)
        self.wait_until_recovered()

    def kafka_of(self, role):
        """Returns Kafka's address for a role: that of its link, if there is one."""
        link = self.links.get(f"{role}-kafka")
        return link.address if link else self.kafka.address

    def new_clock(self, name, ahead_s):
        clock = clocks.Clock(self.machines.wrong_clock, self.folder / f"{name}.clock")
        clock.set(ahead_s)
        return clock

    def draw_clock(self):
        """Returns by how many seconds the clock of a new member is ahead."""
        return self.rng.choice(self.clocks_ahead_s) if len(self.clocks_ahead_s) > 1 else 0

    @property
    def tally_flags(self):
        return ["--kafka", self.kafka_of("tally"), "--topic-prefix", self.prefix,
                "--redis", f"redis://{self.links['tally-redis'].address}/0",
                "--redis-prefix", self.redis_prefix]

    def add(self, name, *flags):
        member = Member(self, name, *flags)
        self.members.append(member)
        return member

    def link(self, name, addresses):
        targets = [(host, int(port)) for host, port in (each.split(":") for each in addresses)]
        self.links[name] = made = self.machines.network.link(targets)
        return made

    def members_of(self, role):
        return [member for member in self.members if member.role == role]

    # The requests of clients.

    @contextlib.contextmanager
    def load(self, gives_ids=True, clock=None):
        """Runs clients for LOAD_FOR. With ids they retry until all is accepted. Without ids the first
        answer to each must be 200. `clock` is the clients' own. Waits for their end."""
        self.loads += 1
        acks = self.folder / f"acks-{self.loads}.ndjson"
        said = self.folder / f"load-{self.loads}.log"
        ways = []
        if gives_ids:
            ways = ["--retry", "--retry-for", RETRY_FOR,
                    *self.rng.choice([[], [], ["--batch", "20"]])]
        own = clock.environment if clock else {}
        before = self.accepted_by_members()
        with open(said, "wb") as sink:
            clients = subprocess.Popen(
                [str(BINARY), "load", f"http://{self.front.address}", "--rate",
                 str(self.rng.choice([200, 500, 1000])), "--duration", LOAD_FOR, "--connections",
                 "32", "--timeout", ANSWER, "--acks", str(acks), *ways],
                env=environment(**own), stdin=subprocess.DEVNULL, stdout=sink, stderr=sink)
        try:
            wait_until(lambda: self.accepted_by_members() > before, "the first entries")
            yield
            status = clients.wait(timeout=seconds(300))
            assert status == 0, said.read_text(errors="replace")[-4000:]
        finally:
            clients.kill()
            clients.wait()
        for ack in map(json.loads, acks.read_text().splitlines()):
            self.note_accepted(ack["id"], ack.get("outcome"))

    def accepted_by_members(self):
        return sum(member.process.metric("estadio_entries_accepted_total")
                   for member in self.members_of("faculty"))

    def note_accepted(self, given, outcome):
        known = self.accepted.setdefault(given, outcome)
        assert outcome is None or known in (None, outcome), f"{given}: {known}, then {outcome}"
        with open(self.acks, "a", encoding="ascii") as sink:
            verdict = {} if outcome is None else {"outcome": outcome}
            sink.write(json.dumps({"id": given, **verdict}) + "\n")

    def ask_in_vain(self):
        """Sends an entry that must not be accepted, as nothing can be stored. settle() repeats it."""
        asked = entry(id=uuid_of_version_7(time.time() * 1000))
        edge = self.rng.choice(self.members_of("faculty"))
        with contextlib.suppress(OSError):  # the faculty server itself may be down
            answer = edge.process.post(asked)
            assert answer.status in (429, 503, 504), answer
        self.unsettled.append(asked)

    def settle(self):
        """Sends the refused entries again. They must be accepted now."""
        edge = self.rng.choice(self.members_of("faculty"))
        for asked in self.unsettled:
            def accepted():
                return (answer := edge.process.post(asked)).status == 200 and answer.json()

            outcome = wait_until(accepted, f"{asked} to be accepted")["outcome"]
            self.note_accepted(asked["id"], outcome)
        self.unsettled.clear()

    def wait_until_recovered(self):
        for member in self.members:
            member.wait_until_ready()

    def assert_exact(self):
        """Checks that the score counts each accepted entry exactly once."""
        self.assert_verified("--acks", self.acks)
        board, = self.members_of("scoreboard")

        def total():
            return board.process.scores()["total"]

        wait_until(lambda: total() == len(self.accepted),
                   lambda: f"the board to show {len(self.accepted)}: it has {total()}")

