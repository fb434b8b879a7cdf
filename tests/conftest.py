"""What all tests share: property tests draw the same examples in every run.

`GPUMIX_EXPLORE=1` draws new ones, and more of them, to look for what the fixed ones miss. Compiled
code is kept beside `serving/simulator/loop.py` and knows only that file's age; where a file it was
made from is younger, it is thrown away.
"""

from __future__ import annotations

import os
from pathlib import Path

from hypothesis import settings

import gpumix.serving.simulator

settings.register_profile("fixed", derandomize=True, deadline=None)
settings.register_profile("explore", max_examples=500, deadline=None, print_blob=True)
settings.load_profile("explore" if os.environ.get("GPUMIX_EXPLORE") else "fixed")


def _forget_stale_machine_code() -> None:
    folder = Path(next(iter(gpumix.serving.simulator.__path__)))
    youngest = max(path.stat().st_mtime for path in folder.glob("*.py"))
    for kept in folder.glob("__pycache__/*.nb?"):
        if kept.stat().st_mtime < youngest:
            kept.unlink(missing_ok=True)


_forget_stale_machine_code()
