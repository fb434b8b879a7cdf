"""What all tests share: property tests draw the same examples in every run.

`GPUMIX_EXPLORE=1` draws new ones, and more of them, to look for what the fixed ones miss.
"""

from __future__ import annotations

import os

from hypothesis import settings

settings.register_profile("fixed", derandomize=True, deadline=None)
settings.register_profile("explore", max_examples=500, deadline=None, print_blob=True)
settings.load_profile("explore" if os.environ.get("GPUMIX_EXPLORE") else "fixed")
