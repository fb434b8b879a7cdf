"""Machine code kept between runs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from gpumix.cache import VARIABLE

_RUN = """
from tiny.half import half
print(half(3), half(3.0), type(half(3)).__name__)
"""


def _run(folder: Path) -> str:
    env = {**os.environ, VARIABLE: str(folder / "cache"), "PYTHONPATH": str(folder)}
    env["PYTHONPATH"] += os.pathsep + os.pathsep.join(sys.path)
    done = subprocess.run(
        [sys.executable, "-c", _RUN], env=env, capture_output=True, text=True, check=True
    )
    return done.stdout


def test_code_of_other_types_under_the_same_name_is_not_run(tmp_path: Path) -> None:
    """As two processes leave it that compile for other types at the same moment."""
    package = tmp_path / "tiny"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "half.py").write_text(
        "from gpumix.compiled import compiled_entry\n\n\n"
        "@compiled_entry\ndef half(x):\n    return x // 2\n"
    )
    right = _run(tmp_path)
    assert right == "1 1.0 int\n"
    one, two = sorted((tmp_path / "cache").rglob("*.nbc"))
    first = one.read_bytes()
    one.write_bytes(two.read_bytes())
    two.write_bytes(first)
    assert _run(tmp_path) == right
