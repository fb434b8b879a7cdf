"""The command line as a user meets it: answers, messages, exit codes, never a traceback."""

from __future__ import annotations

import csv
import json
import re
import sys
from pathlib import Path

import pytest

from gpumix import cli

CASES = Path(__file__).parent / "cases" / "mix"
FRONTIER = str(Path(__file__).parents[1] / "examples" / "frontier.yaml")
PROBLEM = str(CASES / "s01_cost_per_token_not_per_hour.json")


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["gpumix", *arguments])
    try:
        cli.main()
    except SystemExit as stop:
        return int(stop.code or 0)
    return 0


def test_an_unmeetable_promise_ends_with_exit_code_3_and_a_way_out(  # type: ignore[no-untyped-def]
    monkeypatch, tmp_path, capsys
):
    inventory = tmp_path / "team.yaml"
    text = Path(FRONTIER).read_text(encoding="utf-8").replace("tpot_p95: 50 ms", "tpot_p95: 1 ms")
    inventory.write_text(text, encoding="utf-8")
    assert run(monkeypatch, "plan", str(inventory), "--out", str(tmp_path / "out")) == 3
    said = capsys.readouterr().err
    assert "gpumix: workloads.assistant.slo: no GPU meets it" in said
    assert "workloads.assistant.slo.tpot_p95: " in said
    assert " instead of 1 ms" in said
    assert not (tmp_path / "out").exists()


def test_solve_writes_the_solution(monkeypatch, tmp_path, capsys):  # type: ignore[no-untyped-def]
    case = CASES / "s01_cost_per_token_not_per_hour.json"
    assert run(monkeypatch, "solve", str(case), "--out", str(tmp_path / "s.json")) == 0
    solution = json.loads((tmp_path / "s.json").read_text())
    assert solution["cost"] == pytest.approx(116508.0)
    assert solution["status"] == "optimal"
    assert "optimal" in capsys.readouterr().out


def test_solve_says_infeasible_with_exit_code_3(monkeypatch, tmp_path, capsys):  # type: ignore[no-untyped-def]
    case = CASES / "s13_infeasible_says_why.json"
    assert run(monkeypatch, "solve", str(case), "--out", str(tmp_path / "s.json")) == 3
    solution = json.loads((tmp_path / "s.json").read_text())
    assert set(solution["conflict"]) == {"demand:premium", "site_kw:dc"}
    assert solution["cost"] is None
    assert "no plan" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["solve", "nowhere.json", "--out", "x.json"], "no such file"),
        (["plan", "nowhere.yaml"], "gpumix init"),
        (["plan", "."], "is a directory"),
        (["compare", "meta-llama/Llama-3.1-8B-Instrct"], "did you mean"),
        (["compare", "meta-llama/Llama-3.1-8B-Instruct", "--gpus", "h1000"], "did you mean"),
        (["compare", "meta-llama/Llama-3.1-8B-Instruct", "--slo", "ttft=5"], "promise"),
        (["compare", "meta-llama/Llama-3.1-8B-Instruct", "--slo", "ttft_p95=5"], "unit"),
        (["compare", "meta-llama/Llama-3.1-8B-Instruct", "--precision", "fp7"], "did you mean"),
        (["compare", "meta-llama/Llama-3.1-8B-Instruct", "--input", "-4"], "between"),
        (["compare", "black-forest-labs/FLUX.1-dev", "--input", "5"], "not tokens"),
        (["compare", "Qwen/Qwen3-8B", "--slo", "ttft_p95=-5ms"], "between 0.1 ms and 10 years"),
        (["compare", "Qwen/Qwen3-8B", "--slo", "ttft_p95=1s,ttft_p95=2s"], "promised twice"),
        (["compare", "Qwen/Qwen3-8B", "--input", "50000"], "longer than the context"),
        (["compare", "Qwen/Qwen3-8B", "--gpus", ","], "names nothing"),
        (["compare", "Qwen/Qwen3-8B", "chat"], "goes with an inventory"),
        (["compare", FRONTIER], "is missing (one of pretraining, assistant"),
        (["compare", FRONTIER, "assistant", "--input", "3"], "go with an inventory"),
        (["compare", FRONTIER, "assistant", "--engine", "sglang"], "go with an inventory"),
        (["compare", "gpt2", "--train", "--seq-len", "0", "--global-batch", "0"], "--global-batch"),
        (["explain", "none.json"], "gpumix plan"),
        (["explain", PROBLEM], "is not a plan"),
        (["compare", "gpt2", "--train", "--tokens", "many"], "expected a number"),
        (["compare", "gpt2", "--train", "--slo", "ttft_p95=1s"], "does not go with"),
        (["compare", "gpt2", "--tokens", "2T"], "add --train"),
        (["predict", "inference", "--points", "no.csv", "--out", "o.csv"], "no such file"),
        (["prices", "list", "--provider", "amazn"], "unknown provider"),
        (["prices", "list", "--gpu", "h10o"], "did you mean"),
        (["explain", "ttft_p59_s"], "did you mean"),
        (["backtest", "--points", "no.csv"], "no such file"),
        (["plan"], "Missing argument"),
        (["plann"], "No such command"),
    ],
)
def test_a_mistake_gets_a_message_and_exit_code_2(  # type: ignore[no-untyped-def]
    monkeypatch, tmp_path, capsys, arguments, said
):
    monkeypatch.chdir(tmp_path)
    assert run(monkeypatch, *arguments) == 2
    streams = capsys.readouterr()
    assert said in streams.err
    assert "Traceback" not in streams.err
    assert not list(tmp_path.iterdir())


def test_broken_json_names_line_and_column(monkeypatch, tmp_path, capsys):  # type: ignore[no-untyped-def]
    (tmp_path / "p.json").write_text('{"name": "x",\n  "units" 3}', encoding="utf-8")
    assert run(monkeypatch, "solve", str(tmp_path / "p.json"), "--out", str(tmp_path / "s")) == 2
    assert "line 2" in capsys.readouterr().err


def test_init_writes_once(monkeypatch, tmp_path, capsys):  # type: ignore[no-untyped-def]
    target = tmp_path / "team.yaml"
    assert run(monkeypatch, "init", str(target)) == 0
    assert "gpumix plan" in capsys.readouterr().out
    before = target.read_text(encoding="utf-8")
    assert run(monkeypatch, "init", str(target)) == 2
    assert target.read_text(encoding="utf-8") == before


def test_compare_json_is_only_json(monkeypatch, capsys):  # type: ignore[no-untyped-def]
    arguments = ["--gpus", "h100-sxm-80gb,a100-sxm-80gb,l40s-48gb,l4-24gb", "--json"]
    assert run(monkeypatch, "compare", "meta-llama/Llama-3.1-8B-Instruct", *arguments) == 0
    data = json.loads(capsys.readouterr().out)
    assert {row["gpu"] for row in data["rows"]} == {
        "h100-sxm-80gb", "a100-sxm-80gb", "l40s-48gb", "l4-24gb",
    }  # fmt: skip
    served = [row for row in data["rows"] if row["usd_per_mtok"]]
    assert served
    for row in served:
        assert row["usd_per_mtok"] == sorted(row["usd_per_mtok"], reverse=True)
    assert data["winners"][0]["requests_per_s"] == 0


@pytest.mark.parametrize(
    ("arguments", "headings"),
    [
        (["Qwen/Qwen3-8B", "--gpus", "h100-sxm-80gb"], ("# Qwen/Qwen3-8B", "## ")),
        (
            ["Qwen/Qwen3-8B", "--train", "--gpus", "h100-sxm-80gb", "--counts", "8"],
            ("# Qwen/Qwen3-8B", "## Cost against time"),
        ),
    ],
)
def test_compare_as_markdown_is_only_markdown(monkeypatch, capsys, arguments, headings):  # type: ignore[no-untyped-def]
    assert run(monkeypatch, "compare", *arguments, "--format", "md") == 0
    page = capsys.readouterr().out
    assert page.startswith(headings[0])
    assert headings[1] in page
    assert "| h100-sxm-80gb |" in page


def test_format_json_is_json_for_short(monkeypatch, capsys):  # type: ignore[no-untyped-def]
    asked = ["compare", "Qwen/Qwen3-8B", "--gpus", "l40s-48gb"]
    assert run(monkeypatch, *asked, "--json") == 0
    short = capsys.readouterr().out
    assert run(monkeypatch, *asked, "--format", "json") == 0
    assert capsys.readouterr().out == short
    assert run(monkeypatch, *asked, "--format", "yaml") == 2
    assert "'terminal', 'md', 'json'" in capsys.readouterr().err


SMALL = """
name: Small team
horizon: {start: 2027-01, years: 1}
workloads:
  chat:
    kind: chat
    model: meta-llama/Llama-3.1-8B-Instruct
    traffic: {profile: servegen-chat, peak_requests_per_s: 5}
    gpus: [l40s-48gb]
supply:
  cloud: {providers: [aws, runpod], purchase: [on_demand]}
"""


def test_plan_as_markdown_is_only_markdown(monkeypatch, tmp_path, capsys):  # type: ignore[no-untyped-def]
    inventory = tmp_path / "team.yaml"
    inventory.write_text(SMALL, encoding="utf-8")
    out = str(tmp_path / "out")
    assert run(monkeypatch, "plan", str(inventory), "--out", out, "--format", "md") == 0
    page = capsys.readouterr().out
    assert page.startswith("# Small team")
    assert "## chat" in page
    assert (tmp_path / "out" / "plan.json").exists()


def test_predict_returns_every_row_in_order(monkeypatch, tmp_path):  # type: ignore[no-untyped-def]
    points = tmp_path / "points.csv"
    points.write_text(
        "id,gpu,n_gpus,model,input_len,output_len,load,load_value,metric\n"
        "b,h100-sxm-80gb,1,meta-llama/Llama-3.1-8B-Instruct,1024,256,concurrency,16,output_tok_s_total\n"
        "a,h100-smx-80gb,1,meta-llama/Llama-3.1-8B-Instruct,1024,256,concurrency,16,output_tok_s_total\n",
        encoding="utf-8",
    )
    out = tmp_path / "out.csv"
    assert run(monkeypatch, "predict", "inference", "--points", str(points), "--out", str(out)) == 0
    lines = out.read_text(encoding="utf-8").splitlines()
    assert lines[0] == "id,value,low,high,basis,limit,note"
    assert lines[1].startswith("b,")
    assert float(lines[1].split(",")[1]) > 0
    assert lines[2].startswith("a,,")
    assert "did you mean" in lines[2]


def test_predict_adds_the_nearest_measurement_where_asked(monkeypatch, tmp_path):  # type: ignore[no-untyped-def]
    points, out = tmp_path / "points.csv", tmp_path / "out.csv"
    points.write_text(
        "id,gpu,n_gpus,model,input_len,output_len,load,load_value,metric\n"
        "a,h100-sxm-80gb,1,meta-llama/Llama-3.1-8B-Instruct,1024,256,concurrency,16,ttft_ms_mean\n"
        "b,h100-sxm-80gb,1,nobody/knows,1024,256,concurrency,16,ttft_ms_mean\n",
        encoding="utf-8",
    )
    arguments = ("--points", str(points), "--out", str(out), "--nearest")
    assert run(monkeypatch, "predict", "inference", *arguments) == 0
    first, second = csv.DictReader(out.read_text(encoding="utf-8").splitlines())
    assert first["nearest_metric"].startswith("ttft_ms")
    error = float(first["nearest_predicted"]) / float(first["nearest_measured"]) - 1.0
    assert float(first["nearest_error"]) == pytest.approx(error)
    assert first["nearest_source"]
    assert second["nearest_id"] == second["value"] == ""


def test_explain_tells_why_a_plan_is_as_fast_as_it_is(monkeypatch, capsys, tmp_path):  # type: ignore[no-untyped-def]
    plan = Path(__file__).parent / "golden" / "plan.json"
    assert run(monkeypatch, "explain", str(plan), "support-chat", "--json") == 0
    (found,) = json.loads(capsys.readouterr().out)["placements"]
    assert found["placement"]["nearest"]["source"]
    assert found["formula"]["path"] == found["placement"]["speed"]["formula"]
    assert run(monkeypatch, "explain", str(plan)) == 0
    assert "Where a step goes" in capsys.readouterr().out
    assert run(monkeypatch, "explain", str(plan.parent), "support-chat") == 0
    capsys.readouterr()
    broken = tmp_path / "plan.json"
    broken.write_text("{", encoding="utf-8")
    for wrong, message in (
        ((str(plan), "suport-chat"), "did you mean support-chat"),
        ((str(broken),), "is not valid JSON"),
        ((str(tmp_path / "none.json"),), "no such file"),
        (("tpot_p95_s", "support-chat"), "needs a plan"),
    ):
        assert run(monkeypatch, "explain", *wrong) == 2
        assert message in capsys.readouterr().err


def test_explain_leads_to_formula_and_source(monkeypatch, capsys):  # type: ignore[no-untyped-def]
    assert run(monkeypatch, "explain", "tpot_p95_s") == 0
    out = capsys.readouterr().out
    assert "Source" in out
    assert "gpumix.serving.capacity.latency" in out


def test_explain_says_where_the_names_are(monkeypatch, capsys, tmp_path):  # type: ignore[no-untyped-def]
    assert run(monkeypatch, "explain", "zzzqqqxx") == 2
    assert capsys.readouterr().err.rstrip().endswith("(`gpumix explain --list` names all)")
    assert run(monkeypatch, "explain", "usd_per_mtoken") == 2
    err = capsys.readouterr().err
    assert "did you mean" in err
    assert "? `gpumix explain --list` names all" in err
    for path in (tmp_path / "report.html", tmp_path):
        assert run(monkeypatch, "explain", str(path)) == 2
        assert "is not a plan (name plan.json or its folder)" in capsys.readouterr().err


def test_help_of_every_verb_has_an_example(monkeypatch, capsys):  # type: ignore[no-untyped-def]
    for verb in ("init", "plan", "compare", "simulate", "solve", "backtest", "explain"):
        assert run(monkeypatch, verb, "--help") == 0
        assert "Example: gpumix" in capsys.readouterr().out


SIMULATE = (
    "simulate", "--model", "Qwen/Qwen3-8B", "--gpu", "l40s-48gb", "--requests", "500",
)  # fmt: skip


def test_simulate_prints_the_contract(monkeypatch, tmp_path, capsys):  # type: ignore[no-untyped-def]
    out = tmp_path / "pages"
    more = ("--profile", "azure-conv", "--json", "--out", str(out))
    assert run(monkeypatch, *SIMULATE, *more) == 0
    found = json.loads(capsys.readouterr().out)
    counts = found["requests"]
    assert counts["offered"] == 500 == sum(counts.values()) - 500
    for name in ("ttft_s", "tpot_s", "e2e_s"):
        assert set(found[name]) == {"mean", "p50", "p90", "p95", "p99"}
    for name in ("slo_attainment", "output_tokens_per_s", "utilisation", "wall_s"):
        assert found[name] > 0.0
    assert found["usd_per_mtok_output"] > 0.0
    assert {p.name for p in out.iterdir()} == {"simulation.json", "simulation.html"}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--tp", "3"), "does not divide the 32 attention heads"),
        (("--max-replicas", "2", "--replicas", "3"), "below --replicas"),
        (("--scale-target", "5"), "--max-replicas"),
        (("--cold-start-s", "nan", "--max-replicas", "2"), "between 0 and"),
        (("--prefill-replicas", "1"), "none to decode"),
        (("--prefill-replicas", "1", "--replicas", "2", "--batching", "static"), "static"),
        (("--kv-link-gb-per-s", "10"), "--prefill-replicas"),
        (("--batching", "statik", "--rate", "-1"), "did you mean static"),
        (("--slo", "ttft_p95=0ms"), "between 0.1 ms"),
    ],
)
def test_simulate_refuses_what_cannot_be(monkeypatch, tmp_path, capsys, options, said):  # type: ignore[no-untyped-def]
    out = tmp_path / "out"
    more = ("--profile", "azure-conv", *options, "--out", str(out))
    assert run(monkeypatch, *SIMULATE, *more) == 2
    assert said in capsys.readouterr().err
    assert not out.exists()


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("0,10,10\n5,10,10\n3,10,10\n", "line 4: arrival_s falls"),
        ("-1,10,10\n0,10,10\n", "line 2: arrival_s is '-1'"),
        ("0,0,10\n1,10,10\n", "line 2: input_tokens is '0'"),
        ("0,10.5,10\n1,10,10\n", "line 2: input_tokens is '10.5' (a whole count"),
        ("0,9000000,10\n1,9000000,10\n", "longer than the context"),
        ("", "holds 0 requests"),
    ],
)
def test_simulate_names_the_line_of_a_bad_trace(monkeypatch, tmp_path, capsys, rows, said):  # type: ignore[no-untyped-def]
    trace = tmp_path / "t.csv"
    trace.write_text(f"arrival_s,input_tokens,output_tokens\n{rows}", encoding="utf-8")
    assert run(monkeypatch, *SIMULATE, "--trace", str(trace)) == 2
    assert said in capsys.readouterr().err


def test_simulate_wants_traffic(monkeypatch, capsys):  # type: ignore[no-untyped-def]
    assert run(monkeypatch, *SIMULATE) == 2
    assert "exactly one" in capsys.readouterr().err
    assert run(monkeypatch, *SIMULATE, "--trace", "no-such.csv") == 2
    assert "no such file" in capsys.readouterr().err


def test_compare_train_prints_the_trade_of_cost_for_time(monkeypatch, capsys):  # type: ignore[no-untyped-def]
    arguments = (
        "compare", "Qwen/Qwen2.5-32B-Instruct", "--train", "--tokens", "600B", "--counts", "8,64",
        "--gpus", "h100-sxm-80gb,a100-sxm-80gb,l40s-48gb", "--calendar-usd-per-day", "5000",
    )  # fmt: skip
    assert run(monkeypatch, *arguments) == 0
    shown = capsys.readouterr().out
    titles = ("Cost against time", "On demand", "On spot", "Break-even", "Left out", "Next:")
    for part in titles:
        assert part in shown
    assert run(monkeypatch, *arguments, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["schema_version"]
    assert {r["gpus"] for r in found["runs"]} == {8, 64}
    assert all(r["fits"] or r["fix"] for r in found["runs"])


def test_compare_train_says_what_would_make_a_run_possible_with_exit_code_3(monkeypatch, capsys):  # type: ignore[no-untyped-def]
    arguments = (
        "compare", "Qwen/Qwen2.5-32B-Instruct", "--train", "--tokens", "600B", "--counts", "64",
        "--gpus", "h100-sxm-80gb,l40s-48gb", "--finish-within", "5d",
    )  # fmt: skip
    assert run(monkeypatch, *arguments) == 3
    told = capsys.readouterr()
    assert "No GPU type and count can finish in time" in told.out
    assert "a way out: n_gpus: " in told.err
    assert "a way out: finish_within: " in told.err
    assert run(monkeypatch, *arguments, "--json") == 3
    assert json.loads(capsys.readouterr().out)["ways_out"]


def test_plan_says_what_would_make_a_job_possible_with_exit_code_3(monkeypatch, tmp_path, capsys):  # type: ignore[no-untyped-def]
    path = tmp_path / "late.yaml"
    path.write_text(
        """
horizon: {start: 2027-01, years: 1}
workloads:
  base:
    {kind: pretrain, model: Qwen/Qwen2.5-32B-Instruct, tokens: 600B, n_gpus: 64,
     global_batch: 1024, finish_within: 5 d}
supply:
  cloud: {gpus: [h100-sxm-80gb, l40s-48gb], purchase: on_demand}
""",
        encoding="utf-8",
    )
    assert run(monkeypatch, "plan", str(path), "--out", str(tmp_path / "out")) == 3
    told = capsys.readouterr().err
    assert "workloads.base.finish_within: no GPU finishes in time" in told
    assert re.search(r"workloads\.base\.n_gpus: \d+ instead of 64", told)
