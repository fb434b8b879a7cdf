"""Why a prediction is what it is: the step's parts add up to the speed that is told."""

from __future__ import annotations

from datetime import date

import pytest

from gpumix import catalog
from gpumix.compare.serving import Question, compare_gpus
from gpumix.compare.training import TrainQuestion, compare_train
from gpumix.domain.comparison import Comparison
from gpumix.domain.defaults import GPUS_PER_NODE
from gpumix.domain.training_comparison import TrainingComparison
from gpumix.domain.workload import Slo, TrainingRun
from gpumix.options.reasons import KERNELS, TERMS, run_speed
from gpumix.options.runs import Job, predict_run
from gpumix.verbs.explain import explain

CAT = catalog.load()
TODAY = date(2026, 11, 24)
LLAMA_8B = "meta-llama/Llama-3.1-8B-Instruct"
GPUS = ("h100-sxm-80gb", "a100-sxm-80gb", "l40s-48gb")
RUN = TrainingRun("full", 1e9, 4096, 128, None, 1.0, "megatron", 16, None)


@pytest.fixture(scope="module")
def served() -> Comparison:
    return compare_gpus(Question(LLAMA_8B, gpus=GPUS), CAT, TODAY)


@pytest.fixture(scope="module")
def trained() -> TrainingComparison:
    return compare_train(TrainQuestion(LLAMA_8B, RUN, gpus=GPUS, counts=(8, 16)), CAT, TODAY)


def test_parts_add_up_to_the_step_and_the_step_to_the_rate(served: Comparison) -> None:
    for row in served.rows:
        assert row.speed is not None
        assert row.speed.step_s is not None
        assert row.batch is not None
        assert sum(p.seconds for p in row.speed.parts) == pytest.approx(row.speed.step_s)
        assert sum(p.share for p in row.speed.parts) == pytest.approx(1.0)
        rate = row.batch / row.speed.step_s
        assert rate == pytest.approx(row.speed.predicted.value, rel=0.05)
        shares = [p.share for p in row.speed.parts]
        assert shares == sorted(shares, reverse=True)


def test_an_answer_of_one_token_is_told_of_one_token() -> None:
    """What classifies reads a prompt and says a word; the parts are still those of its rate."""
    question = Question(LLAMA_8B, 1000.0, 1.0, gpus=("h100-sxm-80gb",))
    (row,) = compare_gpus(question, CAT, TODAY).rows
    assert row.speed is not None
    assert row.speed.step_s is not None
    assert row.batch is not None
    assert row.batch / row.speed.step_s == pytest.approx(row.speed.predicted.value, rel=0.05)


def test_every_able_gpu_tells_what_binds_and_what_was_measured_nearest(served: Comparison) -> None:
    for row in served.rows:
        assert row.limit in ("compute", "bandwidth", "interconnect", "host", "kv_memory")
        assert row.nearest is not None
        assert row.nearest.source
        assert row.nearest.as_of


def test_a_full_memory_is_told_to_bind() -> None:
    loose = (Slo("ttft", 0.95, 600.0), Slo("tpot", 0.95, 60.0))
    question = Question("Qwen/Qwen2.5-14B-Instruct", 2000.0, 500.0, loose, gpus=("l40s-48gb",))
    assert compare_gpus(question, CAT, TODAY).rows[0].limit == "kv_memory"


def test_no_part_of_another_layout_is_told() -> None:
    alone = compare_gpus(Question(LLAMA_8B, gpus=("h100-sxm-80gb",)), CAT, TODAY).rows[0]
    assert alone.tp == 1
    assert alone.speed is not None
    assert not {"all-reduce", "all-to-all", "expert products"} & {p.name for p in alone.speed.parts}


def test_training_runs_have_neighbours(trained: TrainingComparison) -> None:
    able = [run for run in trained.runs if run.fits]
    assert able
    assert all(run.nearest is not None for run in able)
    assert all(run.nearest is None for run in trained.runs if not run.fits)


def test_a_training_step_is_the_sum_of_its_terms() -> None:
    job = Job.of(RUN, CAT.models[LLAMA_8B], CAT)
    run = predict_run(job, CAT.gpus["h100-sxm-80gb"], 16, GPUS_PER_NODE, "bf16")
    speed = run_speed(run)
    assert speed.step_s == pytest.approx(run.layout.step_s)
    assert sum(p.share for p in speed.parts) == pytest.approx(1.0)
    tokens = RUN.global_batch or 0
    assert tokens * RUN.seq_len / run.layout.step_s == pytest.approx(run.tokens_per_s, rel=1e-6)


@pytest.mark.parametrize("path", sorted({p for _, p in (*KERNELS.values(), *TERMS.values())}))
def test_every_part_leads_to_its_formula_and_source(path: str) -> None:
    found = explain(path.removeprefix("gpumix."))
    assert found.formula is not None
    assert found.formula.source
