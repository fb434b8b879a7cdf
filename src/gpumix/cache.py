"""Where what can be made again is kept between runs: compiled code, bundled scripts.

The user's cache folder, or the folder that the environment variable GPUMIX_CACHE_DIR names; never
the package, which may be read-only or shared.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import platformdirs

VARIABLE = "GPUMIX_CACHE_DIR"


def cache_folder(name: str) -> Path | None:
    """The folder of this name in the cache, made where missing; None where nothing can be kept."""
    stated = os.environ.get(VARIABLE)
    root = Path(stated or platformdirs.user_cache_dir("gpumix", appauthor=False))
    if not stated and not root.is_absolute():
        return None  # a user without a home
    folder = root / name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except (OSError, ValueError):
        return None
    return folder
