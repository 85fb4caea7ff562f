"""The roles with encryption between all of them. A caller without a secret is refused."""

import contextlib
import pathlib
import ssl
import uuid

import pytest

from certificates import Authority
from cluster import Cluster, assert_says, hindrance
from deadlines import wait_until
from estadio import entry, run_estadio
from services import Kafka, Listener, Missing, Redis

KAFKA_PASSWORD = "password-of-kafka"
REDIS_PASSWORD = "password-of-redis"


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def secure_services(tmp_path_factory, authority):
    """A broker with SASL over TLS, and a Redis with a user and TLS."""
    if (why := hindrance()) is not None:
        pytest.skip(why)
    folder = tmp_path_factory.mktemp("secure")
    cert, key = authority.issue("broker")
    # Java takes certificate and key in one file.
    both = folder / "broker.pem"
    both.write_text(key.read_text() + cert.read_text())
    prefix = "listener.name.secure"
    settings = {
        f"{prefix}.ssl.keystore.type": "PEM",
        f"{prefix}.ssl.keystore.location": both,
        f"{prefix}.sasl.enabled.mechanisms": "PLAIN",
        f"{prefix}.plain.sasl.jaas.config":
            "org.apache.kafka.common.security.plain.PlainLoginModule required "
            f'user_estadio="{KAFKA_PASSWORD}";'}
    with contextlib.ExitStack() as started:
        try:
            yield (started.enter_context(Kafka(folder / "kafka", settings=settings,
                                               listeners={"SECURE": Listener("SASL_SSL")})),
                   started.enter_context(Redis(
                       folder / "redis", tls=authority.issue("redis"),
                       settings={"user": f"estadio on >{REDIS_PASSWORD} ~* &* +@all"})))
        except Missing as missing:
            pytest.skip(f"NOT TESTED: {missing}")


class SecureCluster(Cluster):
    def __init__(self, services, authority, folder):
        super().__init__(*services)
        self.authority = authority
        self.folder = folder
        self.password_file = folder / "redis.password"
        self.password_file.write_text(REDIS_PASSWORD + "\n")
        self.config = self.config_with(KAFKA_PASSWORD)

    def config_with(self, password):
        config = self.folder / f"kafka-{uuid.uuid4()}.properties"
        config.write_text("security.protocol=SASL_SSL\nsasl.mechanism=PLAIN\n"
                          f"sasl.username=estadio\nsasl.password={password}\n"
                          f"ssl.ca.location={self.authority.ca}\n")
        return config

    @property
    def kafka_flags(self):
        host, port = self.kafka.endpoint_of("SECURE")
        return ["--kafka", f"{host}:{port}", "--kafka-config", self.config, "--topic-prefix",
                self.prefix]

    @property
    def redis_flags(self):
        return ["--redis", f"rediss://estadio@127.0.0.1:{self.redis_service.tls_port}/0",
                "--redis-password-file", self.password_file, "--redis-ca", self.authority.ca,
                "--redis-prefix", self.redis_prefix]

    def judges(self):
        cert, key = self.authority.issue("discipline")
        return self.discipline("--grpc-cert", cert, "--grpc-key", key, "--grpc-ca",
                               self.authority.ca)

    def edge(self, judges, *flags):
        cert, key = self.authority.issue("faculty")
        return self.faculty(judges, flags=["--tls-cert", cert, "--tls-key", key, *flags],
                            is_ready=False,
                            tls=ssl.create_default_context(cafile=self.authority.ca))


@pytest.fixture
def cluster(secure_services, authority, tmp_path):
    contest = SecureCluster(secure_services, authority, tmp_path)
    yield contest
    contest.end()


def test_a_contest_is_counted_and_proven_with_everything_encrypted(cluster, tmp_path):
    judges = cluster.judges()
    cluster.tally()
    cert, key = cluster.authority.issue("caller")
    edge = cluster.edge(judges, "--grpc-tls", "--grpc-ca", cluster.authority.ca, "--grpc-cert",
                        cert, "--grpc-key", key)
    edge.wait_until_ready()
    board = cluster.start("scoreboard", *cluster.redis_flags)
    acks = tmp_path / "acks"
    sent = run_estadio("load", edge.url, "--rate", "500", "--duration", "1s", "--retry", "--acks",
                       acks, "--tls-ca", cluster.authority.ca)
    assert sent.returncode == 0, sent.stderr
    board.wait_until_ready()
    wait_until(lambda: board.scores()["total"] == 500, "the scoreboard to show 500")
    cluster.assert_verified("--acks", acks)
    for role in cluster.roles:
        arguments = pathlib.Path(f"/proc/{role.process.pid}/cmdline").read_text()
        for secret in (KAFKA_PASSWORD, REDIS_PASSWORD):
            assert secret not in role.log_text() + arguments


def test_a_faculty_server_without_a_certificate_gets_no_judge(cluster):
    judges = cluster.judges()
    edge = cluster.edge(judges, "--grpc-tls", "--grpc-ca", cluster.authority.ca)
    assert_says(edge, "no server judges")
    assert edge.post(entry()).status == 503
    in_the_clear = cluster.edge(judges)
    assert_says(in_the_clear, "no server judges")


def test_a_wrong_password_is_an_error_that_does_not_show_it(cluster):
    cluster.judges()
    tally = cluster.tally("--kafka-config", cluster.config_with("hunter2hunter2"))
    assert_says(tally, "uthentication")
    assert "hunter2" not in tally.get("/readyz").text() + tally.log_text()
    cluster.password_file.write_text("hunter3hunter3\n")
    board = cluster.start("scoreboard", *cluster.redis_flags)
    assert_says(board, "password")
    assert "hunter3" not in board.get("/readyz").text() + board.log_text()
