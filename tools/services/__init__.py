"""Third-party servers that run beside ours: a Kafka broker, a Redis server.

tools/kafka and tools/redis are commands over this package. Tests use it directly:

    from services import Kafka, Redis            # with tools/ on sys.path

    with Kafka(tmp_path / "kafka") as broker:    # started; stopped on leaving
        broker.address                           # "127.0.0.1:24127"
        broker.kill()                            # kill -9
        broker.start()                           # same port, same data
        broker.pause(); broker.resume()          # SIGSTOP, SIGCONT

    with KafkaCluster(tmp_path / "kafka") as cluster:
        cluster.address                          # "127.0.0.1:24127,127.0.0.1:24128,…"
        cluster.brokers[0].kill()                # each is a Kafka

The exception Missing says how to install a missing program. A test then skips.
"""

from services.kafka import Kafka, KafkaCluster, Listener
from services.redis import Redis
from services.server import Failed, Missing, Server

__all__ = ["Failed", "Kafka", "KafkaCluster", "Listener", "Missing", "Redis", "Server"]
