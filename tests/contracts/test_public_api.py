"""The names that other people may rely on."""

from __future__ import annotations

import subprocess
import sys

import gpumix


def test_every_public_name_exists() -> None:
    for name in gpumix.__all__:
        assert getattr(gpumix, name) is not None
    assert len(gpumix.__all__) <= 16


def test_importing_gpumix_loads_no_heavy_library() -> None:
    code = "import sys, gpumix.cli; print(*(m for m in sys.modules if '.' not in m))"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    heavy = {"numpy", "highspy", "pydantic", "yaml", "numba", "jinja2", "vl_convert", "pyarrow"}
    assert not heavy & set(loaded)
