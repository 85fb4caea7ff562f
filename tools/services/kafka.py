"""One Kafka broker, which is its own controller (KRaft).

    DATA/server.properties   written at every start
    DATA/log/                the broker's data; meta.properties has the cluster's id
    DATA/server.log          warnings, errors and the time of the start
    DATA/tmp/                libraries that the JVM unpacks

tools/kafka.pom.xml names the jars. Maven copies them into build/kafka/libs. The copy of the pom
there shows whether the jars are current.
"""

import base64
import contextlib
import dataclasses
import fcntl
import pathlib
import re
import shutil
import struct
import subprocess
import uuid

from services.server import HOST, Failed, Server, free_port, program, receive

ROOT = pathlib.Path(__file__).resolve().parents[2]
POM = ROOT / "tools" / "kafka.pom.xml"
# The full name, because Maven hides the cause when it cannot look up a prefix.
COPY_JARS = "org.apache.maven.plugins:maven-dependency-plugin:copy-dependencies"
HOME = ROOT / "build" / "kafka"
JARS = HOME / "libs"

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
    addresses.
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
            "node.id": "1",
            "listeners": listed(self.ports),
            "advertised.listeners": listed(advertised),
            "listener.security.protocol.map": ",".join(f"{name}:{protocol}"
                                                       for name, protocol in protocols.items()),
            "inter.broker.listener.name": "BROKER",
            "controller.listener.names": "CONTROLLER",
            "controller.quorum.voters": f"1@{HOST}:{self.ports['CONTROLLER']}",
            # Relative to the data folder, in which the broker runs.
            "log.dirs": "log",
        }
        lines = [f"{key}={value}\n" for key, value in properties.items()]
        (self.data / "server.properties").write_text("".join(lines), encoding="utf-8")

    def format(self):
        command = java_command(*SHORT_RUN, "kafka.tools.StorageTool", "format",
                               "--cluster-id", new_cluster_id(), "--config", "server.properties")
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
        its answer. Numbers are big-endian:

            size i32 | api 3 i16 | version 1 i16 | id i32 | client none i16 | topics 0 i32
            size i32 | id i32 | brokers i32 | ...
        """
        request = struct.pack(">hhihi", 3, 1, 1, -1, 0)
        connection.sendall(struct.pack(">i", len(request)) + request)
        _, answered, brokers = struct.unpack(">iii", receive(connection, 12))
        return answered == 1 and brokers == 1

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
