"""The common parts of the commands tools/kafka and tools/redis."""

import argparse
import pathlib
import signal
import sys

from services.server import Failed

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Asked(BaseException):
    """A signal asked us to end."""


def port(text):
    number = int(text)
    if not 0 <= number <= 65535:
        raise ValueError
    return number


def setting(text):
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise argparse.ArgumentTypeError(f"'{text}' is not KEY=VALUE")
    return key, value


def add_start_options(parser, data, usual_port, root):
    parser.add_argument("--data", type=pathlib.Path, default=data, metavar="DIR",
                        help=f"its data folder; default {data.relative_to(root)}")
    parser.add_argument("--port", type=port, default=usual_port, metavar="N",
                        help=f"default {usual_port}; 0 takes a free one")
    parser.add_argument("--set", type=setting, action="append", default=[], metavar="KEY=VALUE",
                        dest="settings", help="a setting of the server's; may be repeated")


def serve(server):
    """Runs a server until SIGINT, SIGTERM or SIGHUP, and then stops it."""
    def end(*_):
        for number in ENDING:
            signal.signal(number, signal.SIG_IGN)
        raise Asked

    for number in ENDING:
        signal.signal(number, end)
    try:
        server.start()
        print("\n".join([f"{server.NAME}: ready on {server.address}", *server.parts()]), flush=True)
        server.wait()
    except Asked:
        server.stop()
    finally:
        server.kill()


def run(name, action):
    """Runs the function of a command, and ends with its exit status."""
    try:
        action()
    except (Failed, OSError) as failure:
        print(f"{name}: {failure}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
