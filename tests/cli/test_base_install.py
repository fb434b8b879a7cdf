"""Verbs that need no extra start without one: what `pip install gpumix` alone brings."""

from __future__ import annotations

import subprocess
import sys

EXTRAS = (
    "duckdb", "httpx", "hostlist", "fastapi", "starlette", "uvicorn", "multipart", "mcp",
    "grafana_foundation_sdk", "pandas", "polars", "ray", "pyspark",
)  # fmt: skip
ASKED = (
    ("calibrate", "none.json", "--gpu", "l40s-48gb"),
    ("replan", "--plan", "none"),
    ("plan", "none.yaml"),
    ("plan", "none.yaml", "other.yaml"),
    ("compare", "Qwen/Qwen3-8B", "--gpus", "none"),
    ("fit", "Qwen/Qwen3-8B", "--gpus", "none"),
    ("predict", "inference", "--points", "none.csv"),
    ("predict", "training", "--points", "none.csv"),
    ("simulate", "--plan", "none.json"),
    ("measure", "none"),
    ("backtest", "--points", "none.csv"),
    ("tco", "none.yaml"),
    ("site", "none.yaml"),
    ("export", "none.json", "--out", "out"),
    ("guard", "none.json", "--for", "kueue", "--out", "out"),
    ("diff", "none", "other"),
    ("solve", "none.json"),
    ("explain", "none.json", "chat"),
    ("prices", "list", "--gpu", "none"),
    ("prices", "check", "none.csv"),
)
_RUN = """
import sys
from typer.testing import CliRunner

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in EXTRAS:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Absent())
from gpumix.cli import app
for asked in ASKED:
    done = CliRunner().invoke(app, list(asked))
    told = done.output + repr(done.exception)
    if "pip install" in told or "No module named" in told:
        print(asked, told[:300])
"""


def test_a_verb_without_an_extra_does_not_ask_for_one() -> None:
    """Each is asked for something that is not there: it must say that, and no more."""
    script = f"EXTRAS = {EXTRAS!r}\nASKED = {ASKED!r}\n{_RUN}"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
