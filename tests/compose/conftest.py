"""deploy/compose/ as its user runs it, with a Docker engine of the tests' own.

Run from the repository's root, as root:

    /usr/bin/python3 -m pytest tests/compose

Skipped where no engine can be started. The image of estadio is made of the binary that is built.
The base image is pulled, or made from Debian's archive where it cannot be (tools/base-image).

Environment:
    IMAGES_FROM_SOURCE  when set, every image is built by the Dockerfile alone, as users build it
    ESTADIO_BIN         the binary (default build/release/bin/estadio)
"""

import pathlib
import sys

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path += [str(HERE), str(ROOT / "tests/blackbox"), str(ROOT / "tools")]
