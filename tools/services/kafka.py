"""One Kafka broker, which is its own controller (KRaft), or a cluster of three.

    DATA/server.properties   written at every start
    DATA/log/                the broker's data; meta.properties has the cluster's id
    DATA/server.log          warnings, errors and the time of the start
    DATA/tmp/                libraries that the JVM unpacks

A cluster has these in DATA/1, DATA/2 and DATA/3. Each broker is a controller too.

tools/kafka.pom.xml names the jars. Maven copies them into build/kafka/libs. The copy of the pom
there shows whether the jars are current.
"""

import base64
import concurrent.futures
import contextlib
import dataclasses
import fcntl
import pathlib
import re
import shutil
import struct
import subprocess
import uuid

from services.server import (HOST, Failed, RunsInContext, Server, free_port, program,
                             receive)

ROOT = pathlib.Path(__file__).resolve().parents[2]
POM = ROOT / "tools" / "kafka.pom.xml"
# The full name, because Maven hides the cause when it cannot look up a prefix.
COPY_JARS = "org.apache.maven.plugins:maven-dependency-plugin:copy-dependencies"
HOME = ROOT / "build" / "kafka"
JARS = HOME / "libs"

BROKERS_MAX = 3
CLUSTER_HEAP = "320m"

INSTALL_S = 600
FORMAT_S = 120
TOOL_S = 120

LOGGING = ("-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
           "-Dorg.slf4j.simpleLogger.log.kafka.server.KafkaRaftServer=info",
           "-Dorg.slf4j.simpleLogger.showDateTime=true",
           "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSXXX")
# A short-lived JVM starts faster without the optimisations of long runs.
SHORT_RUN = ("-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData")

# The command line tools by their names in Kafka's own bin/.
TOOLS = {
    "kafka-acls": "org.apache.kafka.tools.AclCommand",
    "kafka-configs": "kafka.admin.ConfigCommand",
    "kafka-console-consumer": "org.apache.kafka.tools.consumer.ConsoleConsumer",
    "kafka-console-producer": "org.apache.kafka.tools.ConsoleProducer",
    "kafka-consumer-groups": "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand",
    "kafka-consumer-perf-test": "org.apache.kafka.tools.ConsumerPerformance",
    "kafka-dump-log": "kafka.tools.DumpLogSegments",
    "kafka-get-offsets": "org.apache.kafka.tools.GetOffsetShell",
    "kafka-leader-election": "org.apache.kafka.tools.LeaderElectionCommand",
    "kafka-producer-perf-test": "org.apache.kafka.tools.ProducerPerformance",
    "kafka-topics": "org.apache.kafka.tools.TopicCommand",
}
# Tools that work on files, or have another option for the broker's address.
TOOLS_WITHOUT_ADDRESS = frozenset(("kafka-dump-log", "kafka-producer-perf-test"))

SETTINGS = {
    # One broker holds the only replica of everything.
    "default.replication.factor": "1",
    "min.insync.replicas": "1",
    "offsets.topic.replication.factor": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    # A mistyped name must not create a topic.
    "auto.create.topics.enable": "false",
    "num.partitions": "1",
    # These settings make the broker small and quick to start.
    "offsets.topic.num.partitions": "1",
    "transaction.state.log.num.partitions": "1",
    "share.coordinator.state.topic.num.partitions": "1",
    "log.cleaner.dedupe.buffer.size": str(8 << 20),
    # The first consumer of a group does not wait for others.
    "group.initial.rebalance.delay.ms": "0",
    # After a kill -9 a broker waits for the timeout of its old session, by default 9 s.
    "broker.session.timeout.ms": "3000",
    "broker.heartbeat.interval.ms": "500",
}


# Three brokers hold a copy of everything. A record is acknowledged once two of them have it.
CLUSTER_SETTINGS = {
    "default.replication.factor": "3",
    "min.insync.replicas": "2",
    "offsets.topic.replication.factor": "3",
    "transaction.state.log.replication.factor": "3",
    "transaction.state.log.min.isr": "2",
    "share.coordinator.state.topic.replication.factor": "3",
    "share.coordinator.state.topic.min.isr": "2",
    # A broker that does not answer is out of sync after this, by default 30 s.
    "replica.lag.time.max.ms": "5000",
    # The controllers elect a leader after this silence, by default 2 s, which is too short for a busy
    # machine: each election stops the cluster.
    "controller.quorum.fetch.timeout.ms": "4000",
    "controller.quorum.election.timeout.ms": "2000",
}


def is_installed():
    with contextlib.suppress(FileNotFoundError):
        return (JARS / POM.name).read_bytes() == POM.read_bytes()
    return False


def install():
    """Fetches the jars when they are missing."""
    if is_installed():
        return
    maven = program("mvn", "kafka")
    HOME.mkdir(parents=True, exist_ok=True)
    with open(HOME / "install.lock", "w", encoding="ascii") as lock:
        # The holder of the lock ends within INSTALL_S.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if is_installed():
            return
        fetched = HOME / "libs.new"
        shutil.rmtree(fetched, ignore_errors=True)
        command = [maven, "--batch-mode", "--quiet", "--file", str(POM),
                   COPY_JARS, f"-DoutputDirectory={fetched}"]
        try:
            result = subprocess.run(command, check=False, stdin=subprocess.DEVNULL,
                                    stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                    errors="replace", timeout=INSTALL_S)
        except subprocess.TimeoutExpired:
            raise Failed(f"Maven did not fetch Kafka within {INSTALL_S} s") from None
        if result.returncode != 0:
            raise Failed(f"Maven could not fetch Kafka; it needs its repository or a copy of it:\n"
                         f"{result.stdout}")
        shutil.copyfile(POM, fetched / POM.name)
        shutil.rmtree(JARS, ignore_errors=True)
        fetched.rename(JARS)


def java_command(*arguments):
    return [program("java", "kafka"), "-cp", f"{JARS}/*", *LOGGING, *arguments]


def tool_command(tool, *arguments):
    """Returns the command of a tool in TOOLS, or of a class by its full name."""
    if tool not in TOOLS and "." not in tool:
        raise Failed(f"there is no tool '{tool}'; known are: {', '.join(TOOLS)}; or give the full "
                     f"name of a class")
    install()
    return java_command(*SHORT_RUN, TOOLS.get(tool, tool), *arguments)


def new_cluster_id():
    """Returns 128 random bits in base64, as Kafka does. The text never looks like a flag."""
    while True:
        name = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        if not name.startswith("-"):
            return name


@dataclasses.dataclass(frozen=True)
class Listener:
    """A further listener of a broker. A broker sends its clients the address to connect to: the
    `advertised_port` is that of a proxy in front, else the listener's own."""
    protocol: str = "PLAINTEXT"  # or SSL, SASL_PLAINTEXT, SASL_SSL
    advertised_port: int | None = None


class Kafka(Server):
    """A broker; `heap` is its JVM's limit, as -Xmx takes it.

    `listeners` are further listeners by names in capital letters. `endpoint_of` returns their
    addresses. KafkaCluster sets `number`, `new_cluster_id` and `voters` of its
    brokers.
    """

    NAME = "kafka"
    FIXED = frozenset((
        "node.id", "process.roles", "listeners", "advertised.listeners",
        "listener.security.protocol.map", "inter.broker.listener.name",
        "controller.listener.names", "controller.quorum.voters",
        "controller.quorum.bootstrap.servers", "log.dir", "log.dirs", "metadata.log.dir"))
    # The exit status of a JVM on SIGTERM, or the signal itself before the JVM handles it.
    STOPPED = frozenset((143, -15))

    def __init__(self, data, port=0, settings=None, heap="512m", listeners=None):
        super().__init__(data, port, settings)
        if not re.fullmatch(r"[1-9][0-9]*[kKmMgG]", heap):
            raise Failed(f"a heap is a number with k, m or g, as 512m: {heap}")
        self.heap = heap
        self.number = 1
        self.new_cluster_id = new_cluster_id()
        self.voters = [self]
        self.listeners = listeners or {}
        taken = {self.port, *(each.advertised_port for each in self.listeners.values())}
        self.ports = {"BROKER": self.port}
        for name in (*self.listeners, "CONTROLLER"):
            self.ports[name] = free_port(other_than=taken)
            taken.add(self.ports[name])

    def endpoint_of(self, listener):
        return HOST, self.ports[listener]

    @property
    def cluster_id(self):
        """The same over all starts. Known after the first start."""
        text = (self.data / "log" / "meta.properties").read_text()
        return re.search(r"^cluster\.id=(.*)$", text, re.MULTILINE)[1]

    def prepare(self):
        install()
        temporary = self.data / "tmp"
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir()
        self.write_properties()
        # The formatting of the storage writes this file last.
        if not (self.data / "log" / "meta.properties").exists():
            self.format()
        return java_command(
            f"-Xmx{self.heap}", "-XX:+ExitOnOutOfMemoryError", "-XX:-UsePerfData",
            "-Djava.net.preferIPv4Stack=true", f"-Djava.io.tmpdir={temporary}",
            "kafka.Kafka", "server.properties")

    def write_properties(self):
        advertised = {"BROKER": self.port,
                      **{name: each.advertised_port or self.ports[name]
                         for name, each in self.listeners.items()}}
        protocols = {"BROKER": "PLAINTEXT", "CONTROLLER": "PLAINTEXT",
                     **{name: each.protocol for name, each in self.listeners.items()}}

        def listed(ports):
            return ",".join(f"{name}://{HOST}:{port}" for name, port in ports.items())

        properties = {
            **SETTINGS,
            **self.settings,
            "process.roles": "broker,controller",
            "node.id": str(self.number),
            "listeners": listed(self.ports),
            "advertised.listeners": listed(advertised),
            "listener.security.protocol.map": ",".join(f"{name}:{protocol}"
                                                       for name, protocol in protocols.items()),
            "inter.broker.listener.name": "BROKER",
            "controller.listener.names": "CONTROLLER",
            "controller.quorum.voters": ",".join(
                f"{each.number}@{HOST}:{each.ports['CONTROLLER']}" for each in self.voters),
            # Relative to the data folder, in which the broker runs.
            "log.dirs": "log",
        }
        lines = [f"{key}={value}\n" for key, value in properties.items()]
        (self.data / "server.properties").write_text("".join(lines), encoding="utf-8")

    def format(self):
        command = java_command(*SHORT_RUN, "kafka.tools.StorageTool", "format",
                               "--cluster-id", self.new_cluster_id, "--config", "server.properties")
        try:
            result = subprocess.run(command, check=False, cwd=self.data, timeout=FORMAT_S,
                                    stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                    stderr=subprocess.STDOUT, text=True, errors="replace")
        except subprocess.TimeoutExpired:
            raise Failed(f"{self.data} was not formatted within {FORMAT_S} s") from None
        if result.returncode != 0:
            raise Failed(f"{self.data} could not be formatted:\n{result.stdout}")

    def answers(self, connection):
        """Returns whether the broker names itself as a broker that is in use.

        This is a Metadata request of version 1 for no topics, in Kafka's protocol, and the start of
        its answer. Numbers are big-endian. A text has its size before it:

            size i32 | api 3 i16 | version 1 i16 | id i32 | client none i16 | topics 0 i32
            size i32 | id i32 | brokers i32 | a broker each: number i32 | host text i16 | port i32 |
            rack text i16, of size -1 when there is none
        """
        request = struct.pack(">hhihi", 3, 1, 1, -1, 0)
        connection.sendall(struct.pack(">i", len(request)) + request)
        _, answered, brokers = struct.unpack(">iii", receive(connection, 12))
        if answered != 1 or not 0 <= brokers <= BROKERS_MAX:
            return False
        numbers = set()
        for _ in range(brokers):
            number, host = struct.unpack(">ih", receive(connection, 6))
            receive(connection, host + 4)
            rack, = struct.unpack(">h", receive(connection, 2))
            receive(connection, max(rack, 0))
            numbers.add(number)
        return self.number in numbers

    def cli(self, tool, *arguments, text=None, within=TOOL_S):
        """Runs a tool of TOOLS against this broker, with `text` as its input. Returns its output.

        The tool gets the broker's address, unless it is in TOOLS_WITHOUT_ADDRESS.
        """
        command = tool_command(tool, *map(str, arguments))
        if tool not in TOOLS_WITHOUT_ADDRESS:
            command += ["--bootstrap-server", self.address]
        try:
            result = subprocess.run(command, check=False, input=text or "", capture_output=True,
                                    encoding="utf-8", errors="replace", timeout=within)
        except subprocess.TimeoutExpired:
            raise Failed(f"{tool} did not end within {within} s") from None
        if result.returncode != 0:
            raise Failed(f"{tool} ended with {result.returncode}:\n{result.stdout}{result.stderr}")
        return result.stdout


class KafkaCluster(RunsInContext):
    """Three brokers that hold a copy of everything, as a context manager. `brokers` has them.

    With `port` the brokers listen on it and the next two; 0 takes free ones. All start and stop
    together. A broker can be killed, stopped and started alone. While two are away the third cannot
    serve either, since the controllers have no majority.
    """

    NAME = Kafka.NAME

    def __init__(self, data, port=0, settings=None, heap=CLUSTER_HEAP):
        self.data = pathlib.Path(data).resolve()
        self.brokers = []
        for number in range(1, BROKERS_MAX + 1):
            broker = Kafka(self.data / str(number), port and port + number - 1,
                           {**CLUSTER_SETTINGS, **(settings or {})}, heap)
            broker.number = number
            self.brokers.append(broker)
        for broker in self.brokers:
            broker.voters = self.brokers
            broker.new_cluster_id = self.brokers[0].new_cluster_id

    @property
    def address(self):
        return ",".join(broker.address for broker in self.brokers)

    def parts(self):
        """Returns a line for each broker, with the pid to kill."""
        return [f"broker {broker.number} on {broker.address}: pid {broker.pid}"
                for broker in self.brokers]

    def is_ready(self):
        return all(broker.is_ready() for broker in self.brokers)

    def start(self):
        """Starts the brokers that do not run, and waits until all are ready."""
        started = [broker for broker in self.brokers if not broker.is_running()]
        try:
            for broker in started:
                broker.claim()
            # New folders are formatted at once. The brokers start from this thread, see Server.
            with concurrent.futures.ThreadPoolExecutor() as pool:
                commands = list(pool.map(Kafka.prepare, started))
            for broker, command in zip(started, commands):
                broker.launch(command)
            for broker in started:
                broker.wait_until_ready()
        except BaseException:
            self.kill()
            raise
        return self

    def wait_until_ready(self, within=None):
        for broker in self.brokers:
            broker.wait_until_ready(within)

    def stop(self):
        """Stops one broker after the other. A broker hands over what it leads with the help of the
        controllers' majority. So the last one is killed. Its data stays, as after any kill -9."""
        running = [broker for broker in self.brokers if broker.is_running()]
        for number, broker in enumerate(running):
            has_majority = 2 * (len(running) - number) > len(self.brokers)
            (broker.stop if has_majority else broker.kill)()

    def wait(self):
        """Waits for an unexpected end of all brokers, and then raises Failed."""
        for broker in self.brokers:
            broker.process.wait()
        self.brokers[-1].wait()

    def kill(self):
        for broker in self.brokers:
            broker.kill()

    def cli(self, tool, *arguments, **options):
        """Runs a tool of TOOLS against the first broker that serves. Returns its output."""
        return next(broker for broker in self.brokers if broker.is_ready()).cli(
            tool, *arguments, **options)
