"""What `gpumix compare` is asked beside the model: load, context, market, batches, CSV."""

from __future__ import annotations

import csv
import io
from datetime import date
from functools import partial
from typing import Any

import pytest
from rich.console import Console

from gpumix.catalog import load
from gpumix.domain.comparison import Comparison
from gpumix.domain.offer import Purchase
from gpumix.errors import InputError
from gpumix.report import markdown, terminal
from gpumix.report.comparison_csv import answer_csv
from gpumix.report.views import comparison as view
from gpumix.verbs.compare import LoadWords, MarketWords, compare_names
from gpumix.verbs.training_words import TrainWords

MODEL = "Qwen/Qwen3-8B"
TWO = "h100-sxm-80gb,l40s-48gb"


def compared(what: str = MODEL, **changes: Any) -> Any:
    asked: dict[str, Any] = {
        "gpus": TWO, "input_tokens": None, "output_tokens": None, "slo": None,
        "precision": None, "engine": "vllm",
    }  # fmt: skip
    return compare_names(what, None, **{**asked, **changes})


@pytest.fixture(scope="module")
def everything() -> Comparison:
    found: Comparison = compared(gpus=None, market=MarketWords(everything=True))
    return found


# -- which GPUs ------------------------------------------------------------------------------


def test_without_names_only_data_centre_parts_on_sale_are_compared(everything: Comparison) -> None:
    found: Comparison = compared(gpus=None)
    catalog = load()
    gpus = {row.gpu for row in found.rows}
    assert gpus == set(catalog.gpus) - set(catalog.markets)
    assert {"h100-sxm-80gb", "a100-sxm-80gb", "l40s-48gb"} <= gpus
    assert not {"rtx4090-24gb", "v100-sxm-32gb", "t4-16gb"} & gpus
    assert {row.gpu for row in everything.rows} == set(catalog.gpus)


def test_every_market_is_of_a_known_gpu() -> None:
    catalog = load()
    assert set(catalog.markets) <= set(catalog.gpus)
    assert {one.architecture for one in catalog.dropped} <= {
        gpu.architecture for gpu in catalog.gpus.values()
    }


def test_a_part_that_the_engine_dropped_says_so_and_another_engine_runs_on_it(
    everything: Comparison,
) -> None:
    volta = next(row for row in everything.rows if row.gpu == "v100-sxm-32gb")
    assert volta.status == "not supported"
    assert "vllm 0.14" in volta.reason
    assert "v100-sxm-32gb" not in {winner.gpu for winner in everything.winners}
    other = compared(gpus="v100-sxm-32gb", engine="llama.cpp")
    assert [row.status for row in other.rows] != ["not supported"]


# -- the first screen ------------------------------------------------------------------------


def test_the_first_screen_is_three_usual_gpus_and_the_five_cheapest(
    everything: Comparison,
) -> None:
    first = view.first_rows(everything)
    assert len(first) == len(view.ALWAYS_TOLD) + view.CHEAPEST_TOLD
    assert set(view.ALWAYS_TOLD) <= {row.gpu for row in first}
    able = [row.gpu for row in everything.rows if row.fits and row.gpu not in view.ALWAYS_TOLD]
    assert [row.gpu for row in first if row.gpu not in view.ALWAYS_TOLD] == able[:5]
    out = io.StringIO()
    console = Console(file=out, width=80)
    terminal.show_comparison(everything, console, whole=False)
    short = out.getvalue().splitlines()
    assert max(map(len, short)) <= 80
    assert len(short) <= 40
    assert "--details" in out.getvalue()
    out.truncate(0)
    terminal.show_comparison(everything, console)
    assert len(out.getvalue().splitlines()) > 2 * len(short)


# -- prices ----------------------------------------------------------------------------------


def test_prices_are_those_of_the_named_providers_paid_as_named() -> None:
    words = MarketWords(providers="aws", purchase="on_demand")
    (row,) = compared(gpus="h100-sxm-80gb", market=words).rows
    usable = load().usable(date.today())
    own = [
        offer.usd_per_gpu_hour
        for offer in usable
        if offer.gpu == "h100-sxm-80gb"
        and offer.provider == "aws"
        and offer.purchase is Purchase.ON_DEMAND
    ]
    assert row.price.providers == 1
    assert min(own) <= row.price.usd_per_gpu_hour <= max(own)
    found = compared(market=MarketWords(providers="aws,gcp", purchase="reserved"))
    assert found.price_rule == "median over aws, gcp of current reserved offers"
    assert all(row.price is None or row.price.providers <= 2 for row in found.rows)


def test_training_takes_them_too() -> None:
    asked = partial(compared, train=True, run=TrainWords(method="lora", tokens="50M", counts="8"))
    found = asked(market=MarketWords(purchase="on_demand"))
    assert {p.purchase for run in found.runs for p in run.purchases} == {"on_demand"}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"market": MarketWords(providers="awz")}, "did you mean aws"),
        ({"market": MarketWords(purchase="on_demnd")}, "on_demand"),
        ({"load": LoadWords(users=5.0, concurrency=5.0)}, "without --concurrency"),
        ({"load": LoadWords(users=-1.0)}, "between 1"),
        ({"load": LoadWords(context=100.0)}, "longer than the context"),
        ({"load": LoadWords(sweep="tp")}, "--sweep batch"),
        ({"train": True, "load": LoadWords(users=5.0)}, "does not go with"),
    ],
)
def test_what_cannot_be_asked_is_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError) as caught:
        compared(**changes)
    assert said in str(caught.value)


# -- load and context ------------------------------------------------------------------------


def test_users_are_a_load_over_the_time_of_think_and_answer() -> None:
    found = compared(load=LoadWords(users=500.0), slo="ttft_p95=1s,tpot_p95=50ms")
    rate = 500.0 / (30.0 + 1.0 + 255.0 * 0.05)
    assert [one.requests_per_s for one in found.at_load] == pytest.approx([rate, rate])
    for one in found.at_load:
        row = next(row for row in found.rows if row.gpu == one.gpu)
        assert one.load <= 1.0
        # one replica fewer of the same layout would not carry it
        assert one.load * one.replicas / max(one.replicas - 1, 1e-9) > 1.0
        assert one.usd_per_hour == pytest.approx(row.price.usd_per_gpu_hour * one.tp * one.replicas)
    assert "500 users" in view.headline(found)
    in_flight = compared(load=LoadWords(concurrency=500.0), slo="ttft_p95=1s,tpot_p95=50ms")
    assert in_flight.at_load[0].requests_per_s == pytest.approx(500.0 / 13.75)


def test_a_context_that_the_cache_does_not_hold_does_not_fit() -> None:
    """8B weights and 40,000 tokens of cache are more than a card of 24 GB holds."""
    short = compared(gpus="a10-24gb")
    long = compared(gpus="a10-24gb", load=LoadWords(context=40000.0))
    assert 1 in {winner.tp for winner in short.winners}
    assert {winner.tp for winner in long.winners} >= {2}
    assert 1 not in {winner.tp for winner in long.winners}
    none = compared("Qwen/Qwen3-32B", gpus="a10-24gb", load=LoadWords(context=40000.0))
    assert none.rows[0].tp is None or none.rows[0].tp >= 4


# -- batches and CSV -------------------------------------------------------------------------


def test_a_sweep_is_faster_and_slower_per_user_with_every_batch() -> None:
    found = compared(load=LoadWords(sweep="batch"))
    for gpu in TWO.split(","):
        own = [one for one in found.sweep if one.gpu == gpu]
        assert [one.batch for one in own[:4]] == [1.0, 8.0, 32.0, 128.0]
        assert [one.is_largest for one in own] == [False] * (len(own) - 1) + [True]
        speeds = [one.output_tokens_per_s_per_gpu.value for one in own]
        assert speeds == sorted(speeds)
        times = [one.tpot_p50_s.value for one in own]
        assert times == sorted(times)
    assert {one.ratio for one in found.sweep if one.gpu == "h100-sxm-80gb"} == {1.0}
    slow = [one.ratio for one in found.sweep if one.gpu == "l40s-48gb"]
    assert all(ratio is not None and 0.1 < ratio < 0.6 for ratio in slow)
    assert "largest" in markdown.comparison_markdown(found)
    lines = list(csv.DictReader(io.StringIO(answer_csv(found))))
    assert [float(line["batch"]) for line in lines] == [one.batch for one in found.sweep]


def test_csv_has_a_line_for_each_gpu_with_the_figures_of_the_json(everything: Comparison) -> None:
    lines = list(csv.DictReader(io.StringIO(answer_csv(everything))))
    assert [line["gpu"] for line in lines] == [row.gpu for row in everything.rows]
    for line, row in zip(lines, everything.rows, strict=True):
        assert line["status"] == row.status
        assert line["tp"] == str(row.tp or "")
        if row.usd_per_mtok:
            assert float(line["usd_per_mtok_at_100_percent"]) == row.usd_per_mtok[-1]
        if row.price:
            assert float(line["usd_per_gpu_hour"]) == row.price.usd_per_gpu_hour


def test_csv_of_a_training_run_has_a_line_for_each_way_of_paying() -> None:
    found = compared(train=True, run=TrainWords(method="lora", tokens="50M", counts="1,8"))
    lines = list(csv.DictReader(io.StringIO(answer_csv(found))))
    assert len(lines) == sum(max(len(run.purchases), 1) for run in found.runs)
    assert {line["purchase"] for line in lines} == {"on_demand", "spot"}
