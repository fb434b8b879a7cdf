"""Doors that hold: sheets that are missing, tables without answers, places that take nothing."""

from __future__ import annotations

import csv
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from gpumix import cli
from gpumix.compiled import sources_hash
from gpumix.serving import simulator

ROOT = Path(__file__).resolve().parents[2]
FRONTIER = str(ROOT / "examples" / "frontier.yaml")
PROBLEM = str(ROOT / "tests" / "cases" / "mix" / "s01_cost_per_token_not_per_hour.json")
SHARED = ROOT.parent / "shared" / "cases" / "doors"
HEADER = "id,gpu,n_gpus,model,input_len,output_len,load,load_value,metric\n"
GOOD = "a,h100-sxm-80gb,1,meta-llama/Llama-3.1-8B-Instruct,1024,256,concurrency,16,ttft_ms_mean\n"


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["gpumix", *arguments])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    return int(stop.value.code or 0)


def predict(
    monkeypatch: pytest.MonkeyPatch, folder: Path, table: str, *more: str, work: str = "inference"
) -> tuple[int, list[dict[str, str]]]:
    """Exit code and the rows written; no rows where nothing was written."""
    points, out = folder / "q.csv", folder / "o.csv"
    points.write_text(table, encoding="utf-8")
    code = run(monkeypatch, "predict", work, "--points", str(points), "--out", str(out), *more)
    lines = out.read_text(encoding="utf-8").splitlines() if out.exists() else []
    return code, list(csv.DictReader(lines))


@pytest.mark.parametrize("work", ["inference", "training"])
@pytest.mark.parametrize("sheet", ["--models", "--gpus"])
def test_a_sheet_that_is_missing_is_named(  # type: ignore[no-untyped-def]
    monkeypatch, tmp_path, capsys, work, sheet
):
    code, rows = predict(monkeypatch, tmp_path, HEADER + GOOD, sheet, "nosuch.csv", work=work)
    assert (code, rows) == (2, [])
    assert capsys.readouterr().err == "gpumix: nosuch.csv: no such file\n"


@pytest.mark.parametrize("work", ["inference", "training"])
@pytest.mark.parametrize(
    ("option", "sheet", "said"),
    [
        ("--models", "hf_id,kind,params_total_b\nx,speech,1\ny,speech,-1\n",
         "line 3: params_total_b is"),
        ("--gpus", "id,mem_gb,mem_bw_gbs,tdp_w,bf16_tflops\nz,80,1e30,700,900\n",
         "line 2: mem_bw_gbs is"),
    ],
)  # fmt: skip
def test_a_bad_row_of_a_sheet_that_no_question_uses_is_named(  # type: ignore[no-untyped-def]
    monkeypatch, tmp_path, capsys, work, option, sheet, said
):
    path = tmp_path / "sheet.csv"
    path.write_text(sheet, encoding="utf-8")
    code, rows = predict(monkeypatch, tmp_path, HEADER + GOOD, option, str(path), work=work)
    assert (code, rows) == (2, [])
    assert f"{path} {said}" in capsys.readouterr().err


def test_a_row_that_fails_alone_stays_a_row_with_a_note(monkeypatch, tmp_path, capsys):  # type: ignore[no-untyped-def]
    bad = GOOD.replace("h100-sxm-80gb", "h1000")
    code, rows = predict(monkeypatch, tmp_path, HEADER + bad + GOOD)
    assert code == 0
    assert [bool(row["value"]) for row in rows] == [False, True]
    assert "did you mean" in rows[0]["note"]
    said = capsys.readouterr().out
    assert "1 of 2 rows predicted" in said
    assert "1 without, the first: row 1 (id " in said
    assert "did you mean" in said
    assert "Next:" not in said


def test_none_predicted_is_no_success_and_the_commonest_reason_is_told(  # type: ignore[no-untyped-def]
    monkeypatch, tmp_path, capsys
):
    nobody = GOOD.replace("meta-llama/Llama-3.1-8B-Instruct", "nobody/knows")
    wordless = GOOD.replace("concurrency", "whenever")
    code, rows = predict(monkeypatch, tmp_path, HEADER + nobody + wordless + nobody)
    assert code == 2
    assert len(rows) == 3
    assert all(row["note"] and not row["value"] for row in rows)
    said = capsys.readouterr().err
    assert "0 of 3 rows predicted" in said
    assert "2 of them: model: unknown model 'nobody/knows'" in said
    assert predict(monkeypatch, tmp_path, HEADER)[0] == 2
    assert "holds no rows" in capsys.readouterr().err


@pytest.mark.shared
@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared cases are not beside the repository")
@pytest.mark.parametrize("name", ["training-tp-0.01.csv", "training-tp-1e308.csv"])
def test_cases_of_layouts_that_cannot_be(monkeypatch, tmp_path, name):  # type: ignore[no-untyped-def]
    table = (SHARED / name).read_text(encoding="utf-8")
    code, (row,) = predict(monkeypatch, tmp_path, table, work="training")
    assert code == 2
    assert "tp must be a whole number from 1 to 100,000: '1e" in row["note"]
    assert row["value"] == row["limit"] == ""


TRAINING = "gpu,model,metric,n_gpus,seq_len,micro_batch,global_batch,stack,{}\n"
TRAINED = "h100-sxm-80gb,meta-llama/Llama-3.1-8B,tok_s_per_gpu,8,4096,1,64,megatron,{}\n"


@pytest.mark.parametrize(
    ("columns", "cells"),
    [
        (("tp", "pp", "cp", "ep", "dp", "vp", "gpus_per_node"),
         ("0.01", "1e308", "-1", "inf", "1.5", "1e7", "eight")),
        (("lora_rank", "inter_gbps_per_node"), ("1e308", "-1", "inf", "many")),
    ],
)  # fmt: skip
def test_every_number_that_cannot_be_has_its_reason(monkeypatch, tmp_path, columns, cells):  # type: ignore[no-untyped-def]
    for column in columns:
        table = TRAINING.format(column) + "".join(map(TRAINED.format, (*cells, "")))
        code, (*bad, good) = predict(monkeypatch, tmp_path, table, work="training")
        assert code == 0
        assert float(good["value"]) > 0.0
        for cell, row in zip(cells, bad, strict=True):
            assert f"{column} must be a " in row["note"]
            assert repr(cell) in row["note"]
            assert row["value"] == row["limit"] == ""


WRITES = {
    "plan": ("plan", FRONTIER),
    "simulate": ("simulate", "--model", "Qwen/Qwen3-8B", "--gpu", "l40s-48gb", "--profile", "flat"),
    "solve": ("solve", PROBLEM),
    "predict": ("predict", "inference", "--points", "q.csv"),
}
WORKS = {
    "plan": "gpumix.verbs.plan.plan_file",
    "simulate": "gpumix.verbs.simulate.simulate_file",
    "solve": "gpumix.verbs.solve.solve_file",
    "predict": "gpumix.verbs.predict.predict_columns",
}


@pytest.mark.parametrize("verb", list(WRITES))
@pytest.mark.parametrize(
    ("out", "said"),
    [
        ("q.csv/below", "q.csv is a file"),
        ("x" * 300, "File name too long"),
        ("new/" + "x" * 300, "File name too long"),
        (os.devnull, "is "),
        ("", "is "),
    ],
)
def test_where_results_go_is_checked_before_the_work(  # type: ignore[no-untyped-def]
    monkeypatch, tmp_path, capsys, verb, out, said
):
    def worked(*_: object, **__: object) -> None:
        pytest.fail("the work began")

    if verb in ("plan", "simulate") and not out:
        out = "q.csv"  # a folder may be the working folder, not a file
    monkeypatch.chdir(tmp_path)
    (tmp_path / "q.csv").write_text(HEADER + GOOD, encoding="utf-8")
    monkeypatch.setattr(WORKS[verb], worked)
    assert run(monkeypatch, *WRITES[verb], "--out", out) == 2
    assert said in capsys.readouterr().err
    assert [p.name for p in tmp_path.iterdir()] == ["q.csv"]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write all")
def test_a_folder_that_is_read_only_is_told(monkeypatch, tmp_path, capsys):  # type: ignore[no-untyped-def]
    tmp_path.chmod(0o555)
    assert run(monkeypatch, "solve", PROBLEM, "--out", str(tmp_path / "s.json")) == 2
    assert "Permission denied" in capsys.readouterr().err


def test_init_into_a_missing_folder_and_onto_a_device(monkeypatch, tmp_path, capsys):  # type: ignore[no-untyped-def]
    assert run(monkeypatch, "init", str(tmp_path / "new" / "team.yaml")) == 0
    assert (tmp_path / "new" / "team.yaml").stat().st_size > 100
    capsys.readouterr()
    assert run(monkeypatch, "init", str(tmp_path / "new" / "team.yaml" / "x")) == 2
    assert "is a file" in capsys.readouterr().err


SCRIPT = """
from gpumix.cache import cache_folder
from gpumix.report import html
from gpumix.serving.simulator.loop import run
print(cache_folder("x"), run._cache.cache_path if run._cache.cache_path else None)
print(len(html._javascript()) > 100_000)
"""


def python(script: str, **environment: str) -> str:
    """What a script prints in a clean environment with the package of this repository."""
    clean = {k: v for k, v in os.environ.items() if k not in ("HOME", "GPUMIX_CACHE_DIR")}
    clean |= {"PYTHONPATH": str(ROOT / "src"), "PYTHONDONTWRITEBYTECODE": "1", **environment}
    done = subprocess.run(
        [sys.executable, "-c", script], env=clean, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="the folder has another name elsewhere")
def test_what_is_kept_lies_in_the_users_cache_folder(tmp_path):  # type: ignore[no-untyped-def]
    printed = python(SCRIPT, HOME=str(tmp_path), XDG_CACHE_HOME="")
    home = tmp_path / ".cache" / "gpumix"
    assert printed.split() == [
        str(home / "x"),
        str(home / f"compiled-{sources_hash(simulator)}"),
        "True",
    ]
    assert [p.suffix for p in (home / "scripts").iterdir()] == [".js"]
    printed = python(SCRIPT, HOME=str(tmp_path / "other"), GPUMIX_CACHE_DIR=str(tmp_path / "own"))
    assert printed.split()[0] == str(tmp_path / "own" / "x")
    assert not (tmp_path / "other").exists()


def test_without_a_folder_to_write_to_it_still_runs(tmp_path):  # type: ignore[no-untyped-def]
    """Nothing is kept, nothing is written into the package."""
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    before = {p for p in (ROOT / "src").rglob("*") if p.suffix in (".nbi", ".nbc", ".js")}
    quietly = "import sys; sys.stderr = sys.stdout\n"
    told, *printed = python(quietly + SCRIPT, GPUMIX_CACHE_DIR=str(tmp_path / "file")).splitlines()
    assert "no cache folder can be written" in told
    assert "GPUMIX_CACHE_DIR" in told
    assert printed == ["None None", "True"]
    assert {p for p in (ROOT / "src").rglob("*") if p.suffix in (".nbi", ".nbc", ".js")} == before


def test_code_that_cannot_be_read_back_is_compiled_anew(tmp_path):  # type: ignore[no-untyped-def]
    """A cache that was cut short, or whose folder went away, costs time and nothing else."""
    script = """
from gpumix.compiled import compiled_entry
def double(x):
    return 2.0 * x
print(compiled_entry(double)(4.0))
"""
    package = tmp_path / "made"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "double.py").write_text(script, encoding="utf-8")
    load = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import made.double"
    assert python(load, GPUMIX_CACHE_DIR=str(tmp_path)) == "8.0\n"
    (folder,) = tmp_path.glob("compiled-*")
    kept = sorted(p.suffix for p in folder.iterdir())
    assert kept == [".nbc", ".nbi"]
    for one in folder.iterdir():
        one.write_bytes(one.read_bytes()[:10])
    assert python(load, GPUMIX_CACHE_DIR=str(tmp_path)) == "8.0\n"
    shutil.rmtree(folder)
    assert python(load, GPUMIX_CACHE_DIR=str(tmp_path)) == "8.0\n"
