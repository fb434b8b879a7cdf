"""Lets the tests of the doors use the sound result files of tests/inventory."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent.parent / "inventory"))
