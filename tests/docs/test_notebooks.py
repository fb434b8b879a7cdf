"""The notebooks of examples/ run without a screen and show a plan and its tables."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from doc_page import ROOT

OURS = {**os.environ, "PYTHONPATH": str(ROOT / "src")}


@pytest.mark.slow
def test_the_marimo_notebook_runs(tmp_path: Path) -> None:
    pytest.importorskip("marimo", reason="gpumix[notebook] is not installed")
    command = [sys.executable, str(ROOT / "examples" / "notebook.py")]
    done = subprocess.run(
        command, cwd=tmp_path, env=OURS, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    for column in ("usd_per_month", "limit_s", "output_tokens_per_s_per_gpu_low"):
        assert column in done.stdout


@pytest.mark.slow
def test_the_jupyter_notebook_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    nbformat = pytest.importorskip("nbformat", reason="gpumix[notebook] is not installed")
    nbclient = pytest.importorskip("nbclient", reason="gpumix[notebook] is not installed")
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "src"))
    path = ROOT / "examples" / "notebook.ipynb"
    notebook = nbformat.reads(path.read_text(encoding="utf-8"), as_version=4)
    nbformat.validate(notebook)
    client = nbclient.NotebookClient(
        notebook, timeout=900, resources={"metadata": {"path": str(tmp_path)}}
    )
    made = json.dumps(client.execute())
    assert "<h1>" in made
    assert "usd_per_month" in made


def test_the_notebooks_keep_no_output_and_no_count() -> None:
    kept = json.loads((ROOT / "examples" / "notebook.ipynb").read_text(encoding="utf-8"))
    code = [cell for cell in kept["cells"] if cell["cell_type"] == "code"]
    assert len(code) > 3
    assert all(not cell["outputs"] and cell["execution_count"] is None for cell in code)
