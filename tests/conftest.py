"""What all tests share: property tests draw the same examples in every run.

`GPUMIX_EXPLORE=1` draws new ones, and more of them, to look for what the fixed ones miss. Compiled
code is kept in `.cache/` of the repository, out of the user's own folder; each state of its sources
has a folder there, and those of other states are thrown away.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from hypothesis import settings

from gpumix.cache import VARIABLE

ROOT = Path(__file__).resolve().parents[1]
os.environ.setdefault(VARIABLE, str(ROOT / ".cache"))

from gpumix import mix  # noqa: E402  after the folder is named
from gpumix.compiled import sources_hash  # noqa: E402
from gpumix.serving import simulator  # noqa: E402

settings.register_profile("fixed", derandomize=True, deadline=None)
settings.register_profile("explore", max_examples=500, deadline=None, print_blob=True)
settings.load_profile("explore" if os.environ.get("GPUMIX_EXPLORE") else "fixed")

used = (sources_hash(simulator), sources_hash(mix))
for kept in (ROOT / ".cache").glob("compiled-*"):
    if not kept.name.endswith(used):
        shutil.rmtree(kept, ignore_errors=True)
