"""A team's own GPUs and models go through the verbs, and with the plan that was made of them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from tests.inventory.test_own_parts import CONFIG, GPUS, MODELS, RATES, TEXT

from gpumix.domain.comparison import Comparison
from gpumix.domain.plan import Plan
from gpumix.inventory.results import Stated
from gpumix.simulate.planned import PlanQuestion
from gpumix.verbs.calibrate import calibrate
from gpumix.verbs.compare import compare_names
from gpumix.verbs.plan import plan_file, plan_into
from gpumix.verbs.simulate import simulate_plan

SERVED = """
  chat:
    kind: chat
    model: {config: ours/config.json}
    traffic: {profile: azure-conv, peak_requests_per_s: 1}
    slo: {ttft_p95: 4 s}
supply:"""


def write(home: Path) -> Path:
    (home / "ours").mkdir()
    files = {
        "gpus.csv": GPUS,
        "models.csv": MODELS,
        "rates.csv": RATES,
        "ours/config.json": json.dumps(CONFIG),
        "team.yaml": TEXT.replace("\nsupply:", SERVED),
    }
    for name, text in files.items():
        (home / name).write_text(text, encoding="utf-8")
    return home / "team.yaml"


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Plan]:
    """The folder of a plan whose files are gone, and the plan."""
    home = tmp_path_factory.mktemp("team")
    folder = tmp_path_factory.mktemp("elsewhere") / "plan"
    made = plan_into(folder, write(home)).plan
    shutil.rmtree(home)
    return folder, made


def test_a_plan_is_made_again_without_the_files(planned: tuple[Path, Plan]) -> None:
    folder, made = planned
    assert {line.gpu for line in made.mix} == {"acme-64gb"}
    again = plan_file(folder).plan
    assert (again.mix, again.horizon_usd) == (made.mix, made.horizon_usd)


def test_a_plan_is_simulated_without_the_files(planned: tuple[Path, Plan]) -> None:
    found = simulate_plan(PlanQuestion(workload="chat"), planned[0])
    assert found.workload == "chat"


def test_compare_knows_the_parts_of_the_inventory(tmp_path: Path) -> None:
    asked = {"gpus": None, "input_tokens": None, "output_tokens": None, "slo": None}
    found = compare_names(str(write(tmp_path)), "sheet", **asked, precision=None, engine="vllm")
    assert isinstance(found, Comparison)
    assert [row.gpu for row in found.rows] == ["acme-64gb"]


def test_results_of_a_model_of_the_teams_own_calibrate_it(tmp_path: Path) -> None:
    write(tmp_path)
    runs = tmp_path / "runs.csv"
    runs.write_text(
        "id,gpu,n_gpus,tp,model,input_len,output_len,load,load_value,metric,value\n"
        "1,l40s-48gb,1,1,acme/tiny-7b,512,128,concurrency,8,output_tok_s_total,330\n",
        encoding="utf-8",
    )
    configs = {"acme/tiny-7b": tmp_path / "ours" / "config.json"}
    found = calibrate([runs], Stated(), tmp_path / "kept", configs=configs)
    assert found.total == 1
