"""A plan made again from its folder is the same plan, wherever the folder lies."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.served import INVENTORY

import gpumix
from gpumix.errors import InputError
from gpumix.report.export import plan_from_dict, read_plan
from gpumix.verbs.plan import open_inventory, plan_into

SHEET = """provider,gpu,gpus_per_instance,purchase,usd_per_gpu_hour
our-reseller,l40s-48gb,1,on_demand,0.91
"""
TRACED = """
  tickets:
    kind: chat
    model: meta-llama/Llama-3.1-8B-Instruct
    traffic: {trace: tickets.csv, requests_per_s: 2}
"""
JOB = """
  adapters:
    {kind: finetune, model: Qwen/Qwen2.5-7B-Instruct, tokens: 200M, runs_per_month: 12}
"""
MEASURED = """id,gpu,n_gpus,tp,model,input_len,output_len,load,load_value,metric,value,source
m1,l40s-48gb,1,1,meta-llama/Llama-3.1-8B-Instruct,1024,256,concurrency,16,output_tok_s_total,700,us
"""


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a plan of served text, a trace, a job, an own site, rates and measurements."""
    home = tmp_path_factory.mktemp("team")
    text = INVENTORY.replace("supply:", f"{TRACED}{JOB}\nsupply:", 1)
    text += "  on_prem: {hq: {country: BD, racks: 1, kw_per_rack: 10, gpus: [l40s-48gb]}}\n"
    text += "  owned: {hq: {l40s-48gb: 2}}\nprices: rates.csv\n"
    (home / "team.yaml").write_text(text, encoding="utf-8")
    (home / "rates.csv").write_text(SHEET, encoding="utf-8")
    rows = "".join(f"{3 * i + i % 3},{200 + i % 50},{50 + i % 30}\n" for i in range(400))
    (home / "tickets.csv").write_text(
        f"arrival_s,input_tokens,output_tokens\n{rows}", encoding="utf-8"
    )
    (home / ".gpumix").mkdir()
    (home / ".gpumix" / "measurements.csv").write_text(MEASURED, encoding="utf-8")
    folder = tmp_path_factory.mktemp("elsewhere") / "plan"
    plan_into(folder, home / "team.yaml")
    shutil.rmtree(home)
    return folder


def _plan(folder: Path) -> dict[str, Any]:
    data: dict[str, Any] = json.loads((folder / "plan.json").read_text(encoding="utf-8"))
    data.pop("seconds")
    return data


def test_a_plan_tells_its_version_and_the_date_of_its_data(first: Path) -> None:
    plan = read_plan(first / "plan.json")
    assert plan.version == gpumix.__version__
    assert plan.data_as_of is not None
    assert plan.data_as_of.isoformat() >= "2026-10-20"
    assert plan.inventory is not None
    assert plan.inventory.rates[0].usd_per_gpu_hour == 0.91
    assert plan.inventory.rates[0].provider == "our-reseller"


def test_a_plan_is_made_again_from_its_folder(
    first: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (moved := tmp_path / "moved").mkdir()
    shutil.copytree(first, moved / "plan")
    (moved / ".gpumix").mkdir()  # measurements of somebody else's work
    other = MEASURED.replace("700", "7000")
    (moved / ".gpumix" / "measurements.csv").write_text(other, encoding="utf-8")
    monkeypatch.chdir(moved)
    plan_into(Path("again"), Path("plan") / "plan.json")
    assert _plan(Path("again")) == _plan(first)
    kept = {p.relative_to(first) for p in first.rglob("*") if p.is_file()}
    assert {p.relative_to("again") for p in Path("again").rglob("*") if p.is_file()} == kept
    assert len(kept) == 6


def test_a_folder_opens_as_its_plan_json_does(first: Path) -> None:
    by_folder, by_file = open_inventory(first), open_inventory(first / "plan.json")
    assert by_folder.inventory == by_file.inventory
    assert by_folder.files == by_file.files
    assert set(by_folder.files) == {
        f"traces/{by_folder.inventory.traces[0].sha256}.csv",
        "measured/measurements.csv",
    }


def test_another_program_or_other_data_are_told(first: Path, tmp_path: Path) -> None:
    from gpumix.verbs.plan import _with_warning

    plan = read_plan(first / "plan.json")
    assert _with_warning(plan, replace(plan)) is plan
    told = _with_warning(plan, replace(plan, version="0.0.9"))
    assert "gpumix 0.0.9" in told.warnings[-1]


def _broken(first: Path, folder: Path, change: Callable[[dict[str, Any]], object]) -> Path:
    shutil.copytree(first, folder)
    data = json.loads((folder / "plan.json").read_text(encoding="utf-8"))
    change(data)
    (folder / "plan.json").write_text(json.dumps(data), encoding="utf-8")
    return folder


def _set(data: Any, path: str, value: object) -> None:
    *parts, last = path.split(".")
    for part in parts:
        data = data[int(part) if part.isdigit() else part]
    data[int(last) if last.isdigit() else last] = value


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("workloads.0.model", "meta-llama/Llama-3.1-8B-Instrct", "did you mean"),
        ("workloads.0.demand", None, "is missing"),
        ("workloads.0.demand.units_per_hour", [1.0], "168 hours"),
        ("workloads.0.demand.units_per_hour.3", -1.0, "must lie between 0"),
        ("workloads.0.demand.units_per_hour.3", 1e300, "must lie between 0"),
        ("workloads.0.demand.input.mean", "many", "must be a number"),
        ("workloads.0.demand.input.quantiles", [[0.5]], "must have 2 entries"),
        ("workloads.0.slos.0.metric", "joy", "unknown promise"),
        ("workloads.0.window", [], "is empty"),
        ("workloads.0.window.0", 168, "must lie between 0 and 167"),
        ("workloads.0.precisions.0", "fp7", "unknown precision"),
        ("workloads.1.id", "chat", "two have one id"),
        ("workloads.1.id", "", "must be a name of 1 to 200 characters"),
        ("name", "x" * 201, "must be a name of 1 to 200 characters"),
        ("workloads.3.run", None, "does not go with kind finetune"),
        ("workloads.3.run.method", "magic", "unknown word"),
        ("workloads.3.run.tokens", 0, "must lie between"),
        ("workloads", [], "names no workload"),
        ("cloud.gpus.0", "h100-smx-80gb", "did you mean h100-sxm-80gb"),
        ("cloud.purchases.0", "buy", "unknown word"),
        ("cloud.purchases.0", "gift", "gift"),
        ("cloud.colour", "red", "unknown key"),
        ("sites.0.country", "XX", "unknown country"),
        ("sites.0.owned.0", ["l40s-48gb", -2], "must lie between 1"),
        ("sites.0.kw_per_rack", True, "must be a number"),
        ("rates.0.gpus_per_instance", 0, "must lie between 1"),
        ("rates.0.usd_per_instance_hour", 1e6, "outside the sane band"),
        ("years", 0, "must lie between 1 and 10"),
        ("timezone", "Mars/Base", "unknown timezone"),
        ("report_currency", "XXX", "unknown currency"),
        ("as_of", "yesterday", "must be a day"),
        ("traces.0.sha256", "../../../secret", "64 hexadecimal digits"),
    ],
)
def test_a_wrong_inventory_gets_its_place_and_reason(
    first: Path, tmp_path: Path, path: str, value: object, said: str
) -> None:
    folder = _broken(first, tmp_path / "plan", lambda data: _set(data["inventory"], path, value))
    with pytest.raises(InputError, match="inventory") as caught:
        open_inventory(folder)
    assert said in str(caught.value)


def test_a_plan_without_inventory_is_refused(first: Path, tmp_path: Path) -> None:
    folder = _broken(first, tmp_path / "plan", lambda data: data.pop("inventory"))
    with pytest.raises(InputError, match="carries no inventory"):
        open_inventory(folder)
    data = json.loads((folder / "plan.json").read_text(encoding="utf-8"))
    for key in ("version", "data_as_of"):
        del data[key]
    assert plan_from_dict(data | {"schema_version": "1.0"}).inventory is None


@pytest.mark.parametrize("name", ["traces", "measured"])
def test_a_copy_that_was_changed_is_refused(first: Path, tmp_path: Path, name: str) -> None:
    folder = _broken(first, tmp_path / "plan", lambda _: None)
    (copy,) = (folder / name).iterdir()
    copy.write_text(copy.read_text(encoding="utf-8") + " ", encoding="utf-8")
    with pytest.raises(InputError, match="SHA-256 differs"):
        open_inventory(folder)


def test_measurements_that_are_gone_are_missed_but_a_trace_is_not(
    first: Path, tmp_path: Path
) -> None:
    folder = _broken(first, tmp_path / "plan", lambda _: None)
    shutil.rmtree(folder / "traces")
    assert set(open_inventory(folder).files) == {"measured/measurements.csv"}
    shutil.rmtree(folder / "measured")
    with pytest.raises(InputError, match="measurements"):
        open_inventory(folder)
