"""deploy/compose/ as its user runs it, with a real Docker engine.

Run from the repository's root:

    /usr/bin/python3 -m pytest tests/compose

Skipped where there is no engine. Images are built, which takes minutes the first time; the base
image is pulled, or made from Debian's archive where it cannot be (tools/base-image, as root).
"""

import pathlib
import sys

sys.dont_write_bytecode = True
ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path += [str(ROOT / "tests/blackbox"), str(ROOT / "tools")]
