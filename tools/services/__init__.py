"""Servers of others that we run beside ours: a Kafka broker, a Redis server.

tools/kafka and tools/redis are commands over this package; tests use it directly:

    from services import Kafka, Redis            # with tools/ on sys.path

    with Kafka(tmp_path / "kafka") as broker:    # started; stopped on leaving
        broker.address                           # "127.0.0.1:24127"
        broker.kill()                            # kill -9
        broker.start()                           # same port, same data
        broker.pause(); broker.resume()          # SIGSTOP, SIGCONT

What is not installed is told by Missing, whose text says how to install it; a test skips on that.
"""

from services.kafka import Kafka, Listener
from services.redis import Redis
from services.server import Failed, Missing, Server

__all__ = ["Failed", "Kafka", "Listener", "Missing", "Redis", "Server"]
