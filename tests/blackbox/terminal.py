"""Programs on a terminal."""

import contextlib
import os
import pty
import re
import subprocess
import tty

from deadlines import seconds

# What may steer a terminal or turn a line, beside line feeds: C0, DEL, C1, line separators, and the
# bidirectional controls of UAX 9.
STEERING = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
HOSTILE = "a\x1b[2J\x9bK\u061c\u200e\u200f\u202a\u202e\u2066\u2069\x85b"


def output_on_a_terminal(command):
    """Runs a command with standard output on a terminal. Returns its status and the output."""
    ours, theirs = pty.openpty()
    with contextlib.ExitStack() as stack:
        stack.callback(os.close, ours)
        with contextlib.ExitStack() as until_started:
            until_started.callback(os.close, theirs)
            tty.setraw(theirs)
            process = subprocess.Popen(list(map(str, command)), stdin=subprocess.DEVNULL,
                                       stdout=theirs, stderr=subprocess.DEVNULL)
        stack.callback(process.kill)
        output = b""
        with contextlib.suppress(OSError):  # of a terminal that its last process has closed
            while part := os.read(ours, 65536):
                output += part
        status = process.wait(timeout=seconds(60))
    return status, output.decode("utf-8")
