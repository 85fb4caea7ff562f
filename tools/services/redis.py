"""One Redis server.

    DATA/redis.conf      written at every start
    DATA/appendonlydir/  the server's data
    DATA/server.log      the log

Every write is in the append-only file before its answer, and on the disk within a second. A kill -9
loses nothing. A power cut loses up to a second.
"""

import subprocess

from services.server import HOST, Failed, Server, free_port, program, receive

CLIENT_S = 60

SETTINGS = {
    "appendonly": "yes",
    "appendfsync": "everysec",
    # The append-only file is enough.
    "save": '""',
}


class Redis(Server):
    """A server without password. With `tls`, a certificate and its key, it also serves `tls_port`."""

    NAME = "redis"
    FIXED = frozenset((
        "bind", "port", "tls-port", "unixsocket", "dir", "include", "daemonize", "supervised",
        "logfile", "requirepass"))
    # 0, or the signal itself before the server handles it.
    STOPPED = frozenset((0, -15))
    START_S = 60

    def __init__(self, data, port=0, settings=None, tls=None):
        super().__init__(data, port, settings)
        self.tls = tls
        self.tls_port = tls and free_port(other_than={self.port})

    @property
    def files(self):
        """The folder of its data."""
        return self.data / "appendonlydir"

    def prepare(self):
        server = program("redis-server", "redis")
        lines = [f"{key} {value}\n" for key, value in {
            **SETTINGS,
            **self.settings,
            "bind": HOST,
            "port": self.port,
            **self.tls_settings(),
        }.items()]
        # The server writes its files into its working folder.
        (self.data / "redis.conf").write_text("".join(lines), encoding="utf-8")
        return [server, "redis.conf"]

    def tls_settings(self):
        if self.tls is None:
            return {}
        certificate, key = self.tls
        return {"tls-port": self.tls_port, "tls-cert-file": certificate, "tls-key-file": key,
                "tls-auth-clients": "no"}

    def answers(self, connection):
        """Returns whether the server serves. It answers -LOADING while it reads its data."""
        connection.sendall(b"PING\r\n")
        return receive(connection, 7) == b"+PONG\r\n"

    def cli(self, *arguments, within=CLIENT_S):
        """Runs redis-cli against this server. Returns its output without the last newline."""
        command = [program("redis-cli", "redis"), "-e", "-h", HOST, "-p", str(self.port),
                   *map(str, arguments)]
        try:
            result = subprocess.run(command, check=False, stdin=subprocess.DEVNULL,
                                    capture_output=True, encoding="utf-8", errors="replace",
                                    timeout=within)
        except subprocess.TimeoutExpired:
            raise Failed(f"redis-cli did not end within {within} s") from None
        if result.returncode != 0:
            raise Failed(f"redis-cli ended with {result.returncode}:\n"
                         f"{result.stdout}{result.stderr}")
        return result.stdout.removesuffix("\n")
