"""`gpumix calibrate` and the verbs that use what it stored, as a user meets them."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from gpumix import cli

LLAMA = "meta-llama/Llama-3.1-8B-Instruct"
HEADER = "id,gpu,n_gpus,tp,model,engine,input_len,output_len,load,load_value,metric"
ROWS = [
    f"p{n},h100-sxm-80gb,1,1,{LLAMA},vllm,1024,256,concurrency,{n},output_tok_s_total"
    for n in (4, 16, 64)
]


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["gpumix", *arguments])
    try:
        cli.main()
    except SystemExit as stop:
        return int(stop.code or 0)
    return 0


@pytest.fixture
def project(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A working folder with questions and three measurements of one deployment."""
    monkeypatch.chdir(tmp_path)
    lines = [f"{row},{value}" for row, value in zip(ROWS, (500, 1900, 5200), strict=True)]
    (tmp_path / "runs.csv").write_text("\n".join([f"{HEADER},value", *lines]), encoding="utf-8")
    (tmp_path / "ask.csv").write_text("\n".join([HEADER, *ROWS]), encoding="utf-8")
    return tmp_path


def predicted(monkeypatch: pytest.MonkeyPatch, *more: str) -> list[str]:
    arguments = ["predict", "inference", "--points", "ask.csv", "--out", "out.csv", *more]
    assert run(monkeypatch, *arguments) == 0
    return Path("out.csv").read_text(encoding="utf-8").splitlines()[1:]


def test_calibrate_then_predict(monkeypatch, project, capsys):  # type: ignore[no-untyped-def]
    plain = predicted(monkeypatch)
    assert run(monkeypatch, "calibrate", "runs.csv") == 0
    out = capsys.readouterr().out
    assert "3 of 3 rows stored" in out
    assert "Typical error of a deployment" in out
    assert "gpumix predict" in out
    assert (project / ".gpumix" / "measurements.csv").is_file()
    moved = predicted(monkeypatch)
    assert moved != plain
    assert all(",measured," in line and "runs.csv" in line for line in moved)


def test_a_store_elsewhere_is_named(monkeypatch, project):  # type: ignore[no-untyped-def]
    assert run(monkeypatch, "calibrate", "runs.csv", "--store", "kept") == 0
    plain = predicted(monkeypatch)
    assert not any(",measured," in line for line in plain)
    assert predicted(monkeypatch, "--measured", "kept") != plain


def test_calibrate_json_is_only_json(monkeypatch, project, capsys):  # type: ignore[no-untyped-def]
    assert run(monkeypatch, "calibrate", "runs.csv", "--json") == 0
    data = json.loads(capsys.readouterr().out)
    assert data["total"] == 3
    (deployment,) = data["deployments"]
    assert deployment["error_after"] < deployment["error_before"]
    assert run(monkeypatch, "calibrate", "runs.csv", "--json") == 0
    assert json.loads(capsys.readouterr().out)["files"][0]["stored"] == 0


def test_compare_says_what_moved_it(monkeypatch, project, capsys):  # type: ignore[no-untyped-def]
    assert run(monkeypatch, "calibrate", "runs.csv") == 0
    capsys.readouterr()
    assert run(monkeypatch, "compare", LLAMA, "--gpus", "h100-sxm-80gb", "--json") == 0
    data = json.loads(capsys.readouterr().out)
    assert "runs.csv" in data["rows"][0]["note"]
    assert data["levers"][0]["saving_share"] > 0.0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["calibrate", "nowhere.json"], "no such file"),
        (["calibrate", "."], "is a directory"),
        (["calibrate", "ask.csv"], "column 'value' is missing"),
        (["calibrate", "runs.csv", "--tp", "-1"], "--tp: tp must be a whole number from 1"),
        (["calibrate", "runs.csv", "--n-gpus", "1e308"], "--n-gpus: n_gpus must be a whole"),
        (["calibrate", "runs.csv", "--rate", "-1"], "--rate: must be above 0"),
        (["calibrate"], "RESULTS: none are named"),
        (["compare", LLAMA, "--measured", "nowhere"], "holds no measurements.csv"),
        (["plan", "team.yaml", "--measured", "nowhere"], "holds no measurements.csv"),
    ],
)
def test_a_mistake_gets_a_message_and_stores_nothing(  # type: ignore[no-untyped-def]
    monkeypatch, project, capsys, arguments, said
):
    assert run(monkeypatch, *arguments) == 2
    streams = capsys.readouterr()
    assert said in streams.err
    assert "Traceback" not in streams.err
    assert not (project / ".gpumix").exists()


BENCH = Path(__file__).resolve().parent / "cases" / "bench"


def test_any_table_by_a_map_of_columns(monkeypatch, project, capsys):  # type: ignore[no-untyped-def]
    names = "value: tok_s\ngpu: card\nmodel: llm\nload_value: users\n"
    (project / "map.yaml").write_text(names, encoding="utf-8")
    table = str(BENCH / "own_table.csv")
    asked = ["calibrate", table, "--metric", "output_tok_s_total"]
    sizes = ["--input-len", "1000", "--output-len", "200", "--json"]
    assert run(monkeypatch, *asked, *sizes, "--map", "map.yaml") == 0
    assert json.loads(capsys.readouterr().out)["total"] == 2
    for wrong in ("value", "price=tok_s", "value=tok_s"):
        assert run(monkeypatch, *asked, *sizes, "--map", wrong, "--store", "other") == 2
    assert not (project / "other").exists()


def test_backtest_reads_results(monkeypatch, project, capsys):  # type: ignore[no-untyped-def]
    report = str(BENCH / "trtllm_bench_report.json")
    asked = ["backtest", "--results", report, "--json"]
    assert run(monkeypatch, *asked, "--gpu", "h100-sxm-80gb") == 0
    (every,) = [s for s in json.loads(capsys.readouterr().out)["slices"] if s["name"] == "all"]
    assert every["rows"] == 15
    assert run(monkeypatch, *asked, "--gpu", "l40s-48gb") == 2
    assert run(monkeypatch, *asked, "--points", "runs.csv") == 2
    assert run(monkeypatch, "backtest", "--gpu", "l40s-48gb") == 2


def test_an_inventory_is_started_once(monkeypatch, project, capsys):  # type: ignore[no-untyped-def]
    source = str(BENCH.parent / "starts" / "deployment.yaml")
    assert run(monkeypatch, "init", "team2.yaml", "--from", source) == 0
    assert "FILL IN" in (project / "team2.yaml").read_text(encoding="utf-8")
    assert run(monkeypatch, "init", "team2.yaml", "--from", source) == 2
    assert run(monkeypatch, "init", "other.yaml", "--from", "runs.csv") == 2
    assert "is no bill" in capsys.readouterr().err
    assert not (project / "other.yaml").exists()
