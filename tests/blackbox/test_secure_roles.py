"""The roles with everything between them encrypted, and nobody let in without a secret."""

import contextlib
import pathlib
import ssl
import subprocess
import uuid

import pytest

from cluster import Cluster, hindrance
from deadlines import wait_until
from estadio import entry, run_estadio
from services import Kafka, Listener, Missing, Redis

KAFKA_PASSWORD = "password-of-kafka"
REDIS_PASSWORD = "password-of-redis"


def openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


class Authority:
    """Certificates for 127.0.0.1, to serve with and to call with."""

    def __init__(self, folder):
        self.folder = folder
        self.ca = folder / "ca.pem"
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                "-nodes", "-keyout", folder / "ca.key", "-out", self.ca, "-days", "2", "-subj",
                "/CN=estadio test authority")

    def issue(self, name):
        """A certificate and its key, both PEM."""
        cert, key, request = (self.folder / f"{name}.{kind}" for kind in ("pem", "key", "csr"))
        extensions = self.folder / f"{name}.ext"
        extensions.write_text("subjectAltName=IP:127.0.0.1\n")
        # RSA, as PKCS #8: what every JVM reads.
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", request, "-subj",
                f"/CN={name}")
        openssl("x509", "-req", "-in", request, "-CA", self.ca, "-CAkey", self.folder / "ca.key",
                "-CAcreateserial", "-days", "2", "-extfile", extensions, "-out", cert)
        return cert, key


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def secure_services(tmp_path_factory, authority):
    """A broker with a listener of SASL over TLS, a Redis with a user and TLS."""
    if (why := hindrance()) is not None:
        pytest.skip(why)
    folder = tmp_path_factory.mktemp("secure")
    cert, key = authority.issue("broker")
    # Java takes both in one file.
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
        password_file = folder / "redis.password"
        password_file.write_text(REDIS_PASSWORD + "\n")
        self.to_redis = ["--redis", f"rediss://estadio@127.0.0.1:{self.redis_service.tls_port}/0",
                         "--redis-password-file", password_file, "--redis-ca", authority.ca,
                         "--redis-prefix", self.redis_prefix]
        self.to_kafka = self.kafka_with(KAFKA_PASSWORD)

    def kafka_with(self, password):
        config = self.folder / f"kafka-{uuid.uuid4()}.properties"
        config.write_text("security.protocol=SASL_SSL\nsasl.mechanism=PLAIN\n"
                          f"sasl.username=estadio\nsasl.password={password}\n"
                          f"ssl.ca.location={self.authority.ca}\n")
        host, port = self.kafka.endpoint_of("SECURE")
        return ["--kafka", f"{host}:{port}", "--kafka-config", config, "--topic-prefix",
                self.prefix]

    def judges(self):
        cert, key = self.authority.issue("discipline")
        started = self.start("discipline", *self.to_kafka, "--grpc", "127.0.0.1:0", "--grpc-cert",
                             cert, "--grpc-key", key, "--grpc-ca", self.authority.ca)
        line = wait_until(
            lambda: next((l for l in started.log_lines() if l.get("message") == "judging"), None),
            lambda: f"a discipline server to judge:\n{started.log_text()}", within=60)
        return f"127.0.0.1:{line['grpc_port']}"

    def edge(self, judges, *flags):
        cert, key = self.authority.issue("faculty")
        return self.start("faculty", "--disciplines", judges, "--tls-cert", cert, "--tls-key", key,
                          *flags, tls=ssl.create_default_context(cafile=self.authority.ca))


@pytest.fixture
def cluster(secure_services, authority, tmp_path):
    contest = SecureCluster(secure_services, authority, tmp_path)
    yield contest
    contest.end()


def assert_says(role, reason):
    wait_until(lambda: reason in role.get("/readyz").text(),
               lambda: f"{role.name} to name {reason}: {role.get('/readyz').text()}", within=60)


def test_a_contest_is_counted_and_proven_with_everything_encrypted(cluster, tmp_path):
    judges = cluster.judges()
    cluster.start("tally", *cluster.to_kafka, *cluster.to_redis)
    cert, key = cluster.authority.issue("caller")
    edge = cluster.edge(judges, "--grpc-tls", "--grpc-ca", cluster.authority.ca, "--grpc-cert",
                        cert, "--grpc-key", key)
    edge.wait_until_ready()
    board = cluster.start("scoreboard", *cluster.to_redis)
    acks = tmp_path / "acks"
    sent = run_estadio("load", edge.url, "--rate", "500", "--duration", "1s", "--retry", "--acks",
                       acks, "--tls-ca", cluster.authority.ca)
    assert sent.returncode == 0, sent.stderr
    board.wait_until_ready()
    wait_until(lambda: board.scores()["total"] == 500, "the scoreboard to show 500")
    proof = run_estadio("verify", *cluster.to_kafka, *cluster.to_redis, "--acks", acks)
    assert proof.returncode == 0, proof.stdout + proof.stderr
    for role in cluster.roles:
        arguments = pathlib.Path(f"/proc/{role.process.pid}/cmdline").read_text()
        for secret in (KAFKA_PASSWORD, REDIS_PASSWORD):
            assert secret not in role.log_text() + arguments


def test_a_faculty_server_without_a_certificate_gets_no_judge(cluster):
    judges = cluster.judges()
    edge = cluster.edge(judges, "--grpc-tls", "--grpc-ca", cluster.authority.ca)
    assert_says(edge, "nobody judges")
    assert edge.post(entry()).status == 503
    in_the_clear = cluster.edge(judges)
    assert_says(in_the_clear, "nobody judges")


def test_wrong_passwords_are_told_and_not_shown(cluster):
    cluster.judges()
    tally = cluster.start("tally", *cluster.kafka_with("hunter2hunter2"), *cluster.to_redis)
    assert_says(tally, "uthentication")
    assert "hunter2" not in tally.get("/readyz").text() + tally.log_text()
    cluster.folder.joinpath("redis.password").write_text("hunter3hunter3\n")
    board = cluster.start("scoreboard", *cluster.to_redis)
    assert_says(board, "password")
    assert "hunter3" not in board.get("/readyz").text() + board.log_text()
