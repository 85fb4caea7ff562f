"""deploy/compose/ as a user runs it, with the tests' own Docker engine.

Run from the repository's root, as root:

    /usr/bin/python3 -m pytest tests/compose

Skipped when no engine can start. The image of estadio has the binary of this build. The base image
is pulled. When that fails, tools/base-image makes it from Debian's archive.

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
