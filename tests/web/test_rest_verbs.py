"""REST's verbs: each answers what the command line's --json prints, and opens no path."""

from __future__ import annotations

import base64
import io
import json
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from tests.web import web_fixture

import gpumix.cli
from gpumix.catalog import MEASUREMENTS
from gpumix.errors import InputError
from gpumix.files import write_columns
from gpumix.web.app import create_app
from gpumix.web.rest.place import Place
from gpumix.web.rest.table import OBSERVE, VERBS
from gpumix.web.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
ELSEWHERE = {
    "plan": "plans", "explain": "explain", "prices/list": "prices/list",
    "prices/history": "prices/history", "prices/compare": "prices/compare", OBSERVE: OBSERVE,
}  # fmt: skip
"""Verbs that other addresses answer."""
NOT_SERVED = {"serve", "mcp", "prices/refresh"}
"""They start a server, or ask other hosts: docs/serve.md says so."""
INVENTORY = """
name: vectors
horizon: {start: 2027-01, years: 1}
workloads:
  vectors:
    kind: embedding
    model: BAAI/bge-m3
    traffic: {input_tokens: 300, requests_per_s: 5}
    slo: {e2e_p95: 1 s}
supply:
  cloud: {gpus: [l40s-48gb], purchase: [on_demand]}
scenarios:
  twice: {workloads.vectors.traffic.requests_per_s: 10}
"""
LLAMA = "meta-llama/Llama-3.1-8B-Instruct"
POINTS = f"""id,gpu,n_gpus,tp,model,engine,input_len,output_len,load,load_value,metric
p1,h100-sxm-80gb,1,1,{LLAMA},vllm,1024,256,concurrency,16,output_tok_s_total
p2,h999,1,1,{LLAMA},vllm,1024,256,concurrency,16,output_tok_s_total
"""
JOBS_ASKED = "id,gpu,n_gpus,model,method,seq_len,global_batch,metric\n" + (
    f"t1,h100-sxm-80gb,8,{LLAMA},lora,2048,64,tok_s_per_gpu\n"
)
RUNS = "\n".join(
    [POINTS.splitlines()[0] + ",value", f"{POINTS.splitlines()[1]},1900", ""]
)  # fmt: skip
SHEET = (
    "provider,gpu,gpus_per_instance,purchase,usd_per_gpu_hour,as_of\n"
    "acme,l40s-48gb,1,on_demand,1.0,2026-11-24\n"
)
VMS = (
    "InstanceType,AcceleratorName,AcceleratorCount,Price,SpotPrice,Region\n"
    "p5.48xlarge,H100,8,60.0,20.0,us-east-1\n"
)
APIS = json.dumps({
    "openai/meta-llama/Llama-3.1-8B-Instruct": {
        "litellm_provider": "deepinfra", "mode": "chat",
        "input_cost_per_token": 1e-07, "output_cost_per_token": 2e-07,
    }
})  # fmt: skip


def cli(*words: str) -> int:
    """The command line in this process; its exit code."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["gpumix", *words])
        try:
            gpumix.cli.main()
        except SystemExit as stop:
            return int(stop.code or 0)
    return 0


@contextmanager
def within(folder: Path) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        yield


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working folder of the command line that a server shows: a plan, a fleet, files."""
    folder = tmp_path_factory.mktemp("team")
    fleet = folder / "fleet"
    fleet.mkdir()
    for path in (ROOT / "examples" / "fleet").iterdir():
        if path.suffix != ".md":
            (fleet / path.name).write_bytes(path.read_bytes())
    texts = {
        "team.yaml": INVENTORY, "ask.csv": POINTS, "train.csv": JOBS_ASKED, "runs.csv": RUNS,
        "sheet.csv": SHEET, "vms.csv": VMS, "apis.json": APIS,
        "bank.yaml": (ROOT / "examples" / "dhaka-bank.yaml").read_text(encoding="utf-8"),
        "tco-dhaka.yaml": (ROOT / "examples" / "tco-dhaka.yaml").read_text(encoding="utf-8"),
        "prices.csv": (ROOT / "examples" / "fleet" / "prices.csv").read_text(encoding="utf-8"),
    }  # fmt: skip
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    with within(folder):
        assert cli("plan", "team.yaml", "--out", "plan", "--effort", "quick") == 0
    (folder / "problem.json").write_bytes((folder / "plan" / "problem.json").read_bytes())
    return folder


def sent(path: Path) -> dict[str, str]:
    return {"name": path.name, "base64": base64.b64encode(path.read_bytes()).decode()}


def answered(folder: Path, scratch: Path, verb: str, body: dict[str, Any]) -> dict[str, Any]:
    """What REST's answer of a verb is: of a body as it comes, in a place of its own."""
    one = VERBS[verb]
    place = Place(folder, scratch / "sent", scratch / "out")
    asked = one.model.model_validate_json(json.dumps(body))
    return dict(json.loads(place.told(one.answer(asked, place, lambda _: None))))


Body = Callable[[Path], dict[str, Any]]
SAME: dict[str, tuple[str, Body]] = {
    "compare": ("compare Qwen/Qwen3-8B --gpus l40s-48gb --users 20 --json",
                lambda _: {"model": "Qwen/Qwen3-8B", "gpus": "l40s-48gb", "users": 20}),
    "compare of a workload": ("compare team.yaml vectors --json",
                lambda t: {"inventory": sent(t / "team.yaml"), "workload": "vectors"}),
    "compare of a run": ("compare Qwen/Qwen3-8B --train --tokens 1B --counts 8 --json",
                lambda _: {"model": "Qwen/Qwen3-8B", "train": {"tokens": "1B", "counts": "8"}}),
    "fit": ("fit Qwen/Qwen3-8B --gpus l40s-48gb --users 4 --json",
            lambda _: {"model": "Qwen/Qwen3-8B", "gpus": "l40s-48gb", "users": 4}),
    "fit of a run": ("fit Qwen/Qwen3-8B --gpus l40s-48gb --train --method lora --json",
            lambda _: {"model": "Qwen/Qwen3-8B", "gpus": "l40s-48gb",
                       "train": {"method": "lora"}}),
    "tco": ("tco tco-dhaka.yaml --json", lambda t: {"case": sent(t / "tco-dhaka.yaml")}),
    "site": ("site bank.yaml --json", lambda t: {"inventory": sent(t / "bank.yaml")}),
    "simulate": (
        "simulate --model Qwen/Qwen3-8B --gpu l40s-48gb --profile azure-conv --requests 300 --json",
        lambda _: {"model": "Qwen/Qwen3-8B", "gpu": "l40s-48gb", "profile": "azure-conv",
                   "requests": 300}),
    "simulate of a plan": (
        "simulate --plan plan --workload vectors --requests 1000 --json",
        lambda _: {"plan": "plan", "workload": "vectors", "requests": 1000}),
    "sweep": ("plan team.yaml --scenarios --out . --effort quick --json",
              lambda t: {"inventories": [sent(t / "team.yaml")], "scenarios": True}),
    "backtest": ("backtest --points runs.csv --json",
                 lambda t: {"points": sent(t / "runs.csv")}),
    "calibrate": ("calibrate runs.csv --store . --json",
                  lambda t: {"results": [sent(t / "runs.csv")]}),
    "measure": ("measure plan --json", lambda _: {"plan": "plan"}),
    "attribute": ("attribute fleet --by team --json", lambda _: {"fleet": "fleet", "by": ["team"]}),
    "audit": ("audit fleet --json", lambda _: {"fleet": "fleet"}),
    "drift": ("drift fleet --plan plan --no-solve --json",
              lambda _: {"fleet": "fleet", "plan": "plan", "solve": False}),
    "replan": ("replan --plan plan --as-of 2027-04-01 --effort quick --json",
               lambda _: {"plan": "plan", "as_of": "2027-04-01", "effort": "quick"}),
    "diff": ("diff plan plan --fail-if gpus>999 --json",
             lambda t: {"before": "plan", "after": sent(t / "plan" / "plan.json"),
                        "fail_if": ["gpus>999"]}),
    "prices/check": ("prices check sheet.csv --json", lambda t: {"sheet": sent(t / "sheet.csv")}),
    "guard": ("guard plan/plan.json --for quota,slurm --out made --json",
              lambda _: {"plan": "plan", "targets": "quota,slurm"}),
    "export": ("export plan --for vllm --out made --json",
               lambda _: {"plan": "plan", "targets": "vllm"}),
    "prices/import": ("prices import vms.csv --format skypilot --provider aws --as-of 2026-11-01 "
                      "--out made.csv --json",
                      lambda t: {"files": [sent(t / "vms.csv")], "format": "skypilot",
                                 "provider": "aws", "as_of": "2026-11-01"}),
    "prices/import-api": ("prices import-api apis.json --as-of 2026-11-24 --out apis.csv --json",
                          lambda t: {"file": sent(t / "apis.json"), "as_of": "2026-11-24"}),
}  # fmt: skip
"""Words of the command line, and the body that asks the same."""
ONLY_REST = {"texts", "text"}
ONLY_THERE = {"folder", "out", "sheet"}
CLOCKS = {"wall_s"}
"""Keys that hold files' texts, that say where the command line wrote them, how long a run took."""


@pytest.mark.parametrize("case", SAME)
def test_an_answer_is_what_the_command_line_prints(
    case: str, team: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words, body = SAME[case]
    verb = case.partition(" of ")[0]
    here = tmp_path / "cli"
    here.mkdir()
    for path in team.iterdir():
        (here / path.name).symlink_to(path)
    with within(here):
        capsys.readouterr()
        assert cli(*words.split()) in (0, 3, 4)
    there = json.loads(capsys.readouterr().out)
    found = answered(team, tmp_path, verb, body(team))
    assert found.pop("schema_version") == there.pop("schema_version", "1.4")
    for only in ONLY_REST:
        found.pop(only, None)
    for clock in CLOCKS:
        assert (found.pop(clock, None) is None) == (there.pop(clock, None) is None)
    for where in ONLY_THERE:
        assert (where in found) <= (where in there)
        found.pop(where, None)
        there.pop(where, None)
    assert found == there
    assert str(tmp_path) not in json.dumps(found)


def test_tables_are_predicted_as_the_command_line_writes_them(team: Path, tmp_path: Path) -> None:
    for verb, name in (("inference", "ask.csv"), ("training", "train.csv")):
        there, here = tmp_path / f"there-{name}", tmp_path / f"here-{name}"
        words = ["predict", verb, "--points", str(team / name), "--out", str(there), "--nearest"]
        code = cli(*words)
        body = {"points": sent(team / name), "nearest": True}
        found = answered(team, tmp_path / verb, f"predict/{verb}", body)
        write_columns(here, found["answers"])
        assert code == 0
        assert here.read_text(encoding="utf-8") == there.read_text(encoding="utf-8")


def test_starters_and_solutions_are_as_written(team: Path, tmp_path: Path) -> None:
    with within(tmp_path):
        cli("init", "a.yaml", "--template", "rag")
        cli("solve", str(team / "problem.json"), "--out", "s.json")
        (tmp_path / "answers.yaml").write_text("work: chat\n", encoding="utf-8")
        cli("start", "b.yaml", "--answers", "answers.yaml")
    made = answered(team, tmp_path / "1", "init", {"template": "rag"})
    assert made["inventory"] == (tmp_path / "a.yaml").read_text(encoding="utf-8")
    solved = answered(team, tmp_path / "2", "solve", {"problem": sent(team / "problem.json")})
    there = json.loads((tmp_path / "s.json").read_text(encoding="utf-8"))
    there.pop("seconds")  # of this run's clock
    assert {name: solved[name] for name in there} == there
    started = answered(team, tmp_path / "3", "start", {"work": "chat"})
    assert started["inventory"] == (tmp_path / "b.yaml").read_text(encoding="utf-8")


def test_every_verb_of_the_command_line_is_served(described: dict[str, Any]) -> None:
    verbs = set()
    for command in gpumix.cli.app.registered_commands:
        assert command.callback is not None
        verbs.add(command.name or command.callback.__name__)
    for group in gpumix.cli.app.registered_groups:
        assert group.typer_instance is not None
        verbs |= {f"{group.name}/{one.name}" for one in group.typer_instance.registered_commands}
    served = {verb for verb in verbs if f"/api/v1/{ELSEWHERE.get(str(verb), verb)}" in described}
    assert verbs - served == NOT_SERVED
    compared = {case.partition(" of ")[0] for case in SAME}
    rest = {"init", "start", "solve", "demo", "predict/inference", "predict/training"}
    assert compared | rest == VERBS.keys()
    page = (ROOT / "docs" / "serve.md").read_text(encoding="utf-8")
    assert all(f"`{verb.replace('/', ' ')}`" in page for verb in NOT_SERVED)


@pytest.fixture(scope="module")
def described(ask: TestClient) -> dict[str, Any]:
    return dict(ask.get("/api/v1/openapi.json").json()["paths"])


@pytest.mark.parametrize(
    ("verb", "body", "words"),
    [
        ("tco", {"case": "/etc/passwd"}, "object"),
        ("tco", {"case": {"name": "../../etc/passwd", "text": ""}}, "pattern"),
        ("tco", {"case": {"name": "a.yaml"}}, "text or base64"),
        ("tco", {"case": {"name": "a.yaml", "base64": "%%"}}, "base64"),
        ("site", {"inventory": {"name": "a.yaml", "text": "prices: /etc/passwd\n"}}, "leads out"),
        ("init", {"templat": "rag"}, "unknown parameter"),
        ("compare", {"model": "/etc/team.yaml"}, "not a file"),
        ("compare", {"model": "x", "workload": "passwd"}, "goes with an inventory"),
        ("guard", {"plan": "../../etc", "targets": "quota"}, "unknown plan"),
        ("guard", {"plan": {"name": "p.json", "text": '{"traces": [{"sha256": "../../x"}]}'},
                   "targets": "quota"}, "leads out"),
        ("guard", {"plan": {"name": "p.json", "text": "{}"}, "targets": "quota"}, "not a plan"),
        ("diff", {"before": {"name": "p.json", "text": "["}, "after": "dhaka"}, "not JSON"),
        ("fit", {"model": "Qwen/Qwen3-8B", "gpus": "h100-smx-80gb"}, "unknown GPU"),
        ("predict/inference", {"points": {"name": "a.csv", "text": "x\n1\n"}}, ""),
        ("init", {"source": {"name": "a.csv", "text": "\ud800"}}, ""),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_and_no_path_is_opened(
    ask: TestClient, verb: str, body: dict[str, Any], words: str
) -> None:
    raw = json.dumps(body).encode()
    headers = {"content-type": "application/json"}
    answer = ask.post(f"/api/v1/{verb}", content=raw, headers=headers)
    assert answer.status_code in (404, 422), answer.text
    first = answer.json()["problems"][0]
    assert set(first) == {"path", "message", "did_you_mean"}
    assert words in first["message"]
    assert "/tmp" not in answer.text


def test_observe_takes_files_alone(ask: TestClient) -> None:
    wrong = ask.post("/api/v1/observe", data={"sources": "http://10.0.0.1:9090"})
    assert wrong.status_code == 422
    named = {"sources": ("http://10.0.0.1:9090", b"x")}
    assert ask.post("/api/v1/observe", files=named).status_code == 422


def test_a_fleet_of_this_server_stays_as_it_is(team: Path, tmp_path: Path) -> None:
    kept, scratch = tmp_path / "root" / "seen", tmp_path / "scratch"
    sources = [str(team / "fleet" / name) for name in ("samples.parquet", "sacct.txt")]
    declared = str(team / "fleet" / "declare.json")
    assert cli("observe", *sources, "--declare", declared, "--out", str(kept)) == 0
    before = {path: path.read_bytes() for path in kept.rglob("*") if path.is_file()}
    body = {"fleet": "seen", "bills": [sent(team / "fleet" / "bill.csv")]}
    assert answered(kept.parent, scratch, "attribute", body)["rows"]
    after = {path: path.read_bytes() for path in kept.rglob("*") if path.is_file()}
    assert after == before
    assert (scratch / "sent" / "fleet" / "attribution.json").is_file()


def test_calibrating_again_adds_to_what_was_stored(team: Path, tmp_path: Path) -> None:
    first = answered(team, tmp_path / "1", "calibrate", {"results": [sent(team / "runs.csv")]})
    store = tmp_path / "1" / "out" / MEASUREMENTS
    again = {"results": [sent(team / "runs.csv")], "store": sent(store)}
    assert first["total"] == 1
    assert answered(team, tmp_path / "2", "calibrate", again)["total"] == 1
    with pytest.raises(InputError, match="send one of them"):
        answered(team, tmp_path / "3", "calibrate", {})


def ended(ask: TestClient, job: dict[str, Any]) -> dict[str, Any]:
    until = time.monotonic() + 120
    while (found := dict(ask.get(f"/api/v1/jobs/{job['id']}").json()))["state"] in (
        "waiting", "running",
    ):  # fmt: skip
        assert time.monotonic() < until
        time.sleep(0.1)
    return found


@pytest.mark.slow
def test_jobs_of_real_processes_keep_answers_and_files(team: Path, tmp_path: Path) -> None:
    folder = tmp_path / "shown"
    folder.mkdir()
    with web_fixture.opened(create_app(Settings(folder))) as ask:
        files = [
            ("sources", (path.name, path.read_bytes()))
            for path in (team / "fleet").iterdir()
            if path.name in ("samples.parquet", "sacct.txt")
        ]
        files.append(("declare", ("declare.json", (team / "fleet/declare.json").read_bytes())))
        taken = ask.post("/api/v1/observe", files=files, data={"name": "My fleet"})
        assert taken.status_code == 202, taken.text
        assert taken.headers["location"] == f"/api/v1/jobs/{taken.json()['id']}"
        seen = ended(ask, taken.json())
        assert (seen["state"], seen["verb"], seen["plan"]) == ("done", "observe", None), seen
        assert ask.get(seen["answer"]).json()["gpus"] > 0
        assert ask.get("/api/v1").json()["fleets"] == [seen["folder"]]
        body = {"fleet": seen["folder"], "bills": [sent(team / "fleet" / "bill.csv")]}
        whose = ended(ask, ask.post("/api/v1/attribute", json=body).json())
        assert ask.get(whose["answer"]).json()["rows"]
        names = zipfile.ZipFile(io.BytesIO(ask.get(whose["files"]).content)).namelist()
        assert names == ["answer.json"]
        failed = ended(ask, ask.post("/api/v1/audit", json={"fleet": "nope"}).json())
        assert failed["state"] == "failed"
        assert "unknown fleet" in failed["problems"][0]["message"]
        assert ask.get(f"/api/v1/jobs/{failed['id']}/answer").status_code == 404
    assert sorted(path.name for path in folder.iterdir()) == sorted(
        [seen["folder"], whose["folder"]]
    )
