"""What to try before buying: each lever is what the engine says with that one thing changed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import pytest

from gpumix.catalog import Catalog, load
from gpumix.compare.serving import Question, compare_gpus
from gpumix.domain.comparison import Comparison
from gpumix.domain.plan import Lever
from gpumix.domain.workload import Inventory, Slo, Workload
from gpumix.options.levers import LEAST_SAVING, Asker, Priced, draft_of, levers
from gpumix.options.option import Option

DAY = date(2026, 11, 24)
LLAMA, BIG = "meta-llama/Llama-3.1-8B-Instruct", "meta-llama/Llama-3.1-70B-Instruct"
SLOS = (Slo("ttft", 0.95, 1.0), Slo("tpot", 0.95, 0.05))


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load()


def ask(
    catalog: Catalog, model: str = LLAMA, gpu: str = "h100-sxm-80gb", **more: object
) -> Comparison:
    question = Question(model, 2000.0, 300.0, SLOS, gpus=(gpu,))
    return compare_gpus(replace(question, **more), catalog, DAY)  # type: ignore[arg-type]


def named(comparison: Comparison, start: str) -> Lever | None:
    return next((x for x in comparison.levers if x.name.startswith(start)), None)


def cost(comparison: Comparison) -> float:
    return comparison.rows[0].usd_per_mtok[-1]


@pytest.mark.parametrize("precision", ["fp8", "int8", "int4"])
def test_a_precision_saves_what_asking_for_it_saves(catalog: Catalog, precision: str) -> None:
    now, changed = ask(catalog), ask(catalog, precisions=(precision,))
    lever = named(now, f"{precision.upper()} weights")
    saving = 1.0 - cost(changed) / cost(now)
    if saving < LEAST_SAVING:
        assert lever is None
    else:
        assert lever is not None
        assert lever.saving_share == pytest.approx(saving)
        assert lever.unit_cost_usd == pytest.approx(cost(changed))
        assert "quality" in lever.note


def test_a_looser_promise_saves_what_the_looser_question_saves(catalog: Catalog) -> None:
    tight, loose = ((replace(SLOS[0], limit_s=limit), SLOS[1]) for limit in (0.4, 0.6))
    now, changed = ask(catalog, BIG, slos=tight), ask(catalog, BIG, slos=loose)
    lever = named(now, "ttft_p95 of 600 instead of 400 ms")
    assert lever is not None
    assert lever.unit_cost_usd == pytest.approx(cost(changed))
    # Rows are of the fewest GPUs, levers start from the cheapest layout.
    assert LEAST_SAVING <= lever.saving_share <= 1.0 - cost(changed) / cost(now) + 1e-9


def test_a_format_the_gpu_lacks_is_said_to_be_emulated(catalog: Catalog) -> None:
    tight = (Slo("tpot", 0.95, 0.03),)
    lever = named(ask(catalog, BIG, "a100-pcie-80gb", slos=tight), "FP8 weights")
    assert lever is not None
    assert "has no fp8" in lever.note
    native = named(ask(catalog, BIG, slos=tight), "FP8 weights")
    assert native is not None
    assert "has no fp8" not in native.note


@pytest.mark.parametrize("model", [LLAMA, BIG, "BAAI/bge-m3", "mistralai/Mixtral-8x7B-v0.1"])
def test_only_savings_are_listed_the_largest_first(catalog: Catalog, model: str) -> None:
    shares = [x.saving_share for x in ask(catalog, model, "a100-sxm-80gb").levers]
    assert shares == sorted(shares, reverse=True)
    assert all(LEAST_SAVING <= share < 1.0 for share in shares)


def test_what_is_allowed_already_is_no_lever(catalog: Catalog) -> None:
    assert named(ask(catalog, precisions=("bf16", "fp8")), "FP8 weights") is None


def test_speculation_pays_at_small_batches_only(catalog: Catalog) -> None:
    gpus = ("a100-sxm-80gb", "a100-pcie-80gb", "l40s-48gb")
    found = [named(ask(catalog, BIG, gpu), "Speculative decoding") for gpu in gpus]
    paying = [lever for lever in found if lever is not None]
    assert paying
    for lever in paying:
        assert "Llama-3.2-1B" in lever.name
        assert "x decoding speed at a batch of" in lever.note
    crowd = ask(catalog, BIG, gpus[0], slos=(Slo("tpot", 0.95, 2.0),))
    assert named(crowd, "Speculative decoding") is None


def test_a_draft_shares_the_vocabulary_and_is_small(catalog: Catalog) -> None:
    found = draft_of(catalog.models[BIG], catalog)
    assert found is not None
    assert found.id == "meta-llama/Llama-3.2-1B-Instruct"
    assert draft_of(catalog.models["meta-llama/Llama-3.2-1B-Instruct"], catalog) is None


def test_prefix_caching_is_told_as_an_if_where_no_share_is_known(catalog: Catalog) -> None:
    lever = named(ask(catalog), "Prefix caching, if 37%")
    assert lever is not None
    assert "measured in mooncake-conv" in lever.note


def test_a_lever_that_saves_exactly_the_least_is_listed(
    catalog: Catalog, inventory: Inventory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prices made up: now 4 $, with FP8 weights 3 $, a quarter less; with others hardly less."""
    monkeypatch.setattr("gpumix.options.levers.LEAST_SAVING", 0.25)
    vectors = inventory.workloads[1]

    def price(asked: Workload, _: Sequence[Option]) -> Priced:
        usd = 4.0 if asked == vectors else 3.0 if asked.precisions == ("fp8",) else 3.9
        return Priced(usd, Option(asked.id, "h100-sxm-80gb", 1, 1, "bf16"))

    found = levers(vectors, Asker(catalog, lambda *_: [], price))
    assert [(lever.name, lever.saving_share) for lever in found] == [("FP8 weights", 0.25)]


def test_a_larger_batch_tells_how_many_sequences_it_runs(catalog: Catalog) -> None:
    """Loose promises and short texts: the engine's cap on sequences is what binds."""
    loose = (Slo("ttft", 0.95, 60.0), Slo("tpot", 0.95, 1.0))
    now = ask(catalog, gpu="h200-sxm-141gb", slos=loose, input_tokens=300.0, output_tokens=200.0)
    lever = named(now, "Larger batch within the promises")
    assert lever is not None
    told = re.search(r"about ([\d,]+) sequences at once", lever.note)
    assert told is not None
    batch = now.rows[0].batch
    assert batch is not None
    assert int(told[1].replace(",", "")) > batch


def test_where_nothing_serves_there_is_no_lever_and_no_winner(catalog: Catalog) -> None:
    hopeless = ask(catalog, BIG, "t4-16gb")
    assert hopeless.levers == ()
    assert hopeless.winners == ()
