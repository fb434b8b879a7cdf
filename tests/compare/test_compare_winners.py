"""The cheapest layout and count is right at every demand."""

from __future__ import annotations

import json
import math
from datetime import date
from pathlib import Path

import pytest

from gpumix.catalog import load
from gpumix.compare.serving import Question, compare_gpus
from gpumix.compare.winners import MOST_WINNERS, Layout, layouts, winners
from gpumix.options.option import Option
from gpumix.report.views.comparison import headline

KNOWN = Path(__file__).resolve().parents[1] / "cases" / "known" / "p02-low-demand-layout"
GPT_OSS = Question(
    "openai/gpt-oss-120b", 1000.0, 1000.0, precisions=("mxfp4",),
    gpus=("h100-sxm-80gb", "a100-sxm-80gb"),
)  # fmt: skip


def layout(gpu: str, tp: int, usd: float, rate: float) -> Layout:
    return Layout(Option("chat", gpu, tp, tp, "bf16"), usd, rate)


def test_every_demand_gets_the_cheapest_count_of_any_layout() -> None:
    """Against every layout and every count, on a grid of demands."""
    able = [
        layout("a", 1, 1.0, 0.7), layout("a", 2, 2.0, 2.9), layout("a", 8, 8.0, 13.0),
        layout("b", 1, 1.7, 1.9), layout("b", 4, 6.8, 11.0), layout("c", 1, 3.1, 4.4),
        layout("d", 2, 9.0, 3.0),
    ]  # fmt: skip
    found = winners(able)
    ends = [w.requests_per_s for w in found[1:]] + [39.0]
    rates = {(one.option.gpu, one.option.tp): one.requests_per_s for one in able}
    for step in range(1, 1170):
        demand = step / 30.0
        best = min(math.ceil(demand / o.requests_per_s - 1e-9) * o.usd_per_hour for o in able)
        told = found[next(i for i, end in enumerate(ends) if demand <= end + 1e-9)]
        assert told.usd_per_hour == pytest.approx(best)
        assert told.replicas * rates[told.gpu, told.tp] >= demand - 1e-9
    assert {w.gpu for w in found} == {"a", "b", "c"}  # d is never the cheapest


def test_a_used_up_replica_is_followed_by_another() -> None:
    found = winners([layout("a", 1, 2.0, 0.1)])
    assert [w.replicas for w in found] == [1, 2, 3]
    assert [w.requests_per_s for w in found] == pytest.approx([0.0, 0.1, 0.2])
    assert [w.load for w in found] == pytest.approx([0.0, 1 / 2, 2 / 3])


def test_entries_end_where_one_tiny_replica_is_the_cheapest_throughout() -> None:
    found = winners([layout("a", 1, 0.01, 0.001), layout("b", 8, 900.0, 50.0)])
    assert len(found) == MOST_WINNERS
    assert found[-1].replicas == MOST_WINNERS


def test_only_options_that_serve_on_priced_gpus_are_layouts() -> None:
    able = Option("chat", "a", 4, 4, "bf16", units_per_hour=7200.0)
    late = Option("chat", "a", 1, 1, "bf16", units_per_hour=7200.0, reason="too slow")
    unpriced = Option("chat", "z", 1, 1, "bf16", units_per_hour=7200.0)
    (found,) = layouts([able, late, unpriced], {"a": 1.5})
    assert (found.option, found.usd_per_hour, found.requests_per_s) == (able, 6.0, 2.0)


def test_an_idle_service_is_quoted_the_layout_that_is_cheapest_for_it() -> None:
    """The known case: at saturation four A100 do the most per dollar, idle one is enough."""
    found = compare_gpus(GPT_OSS, load(), date(2026, 11, 24)).winners
    (check,) = json.loads((KNOWN / "case.json").read_text())["checks"]
    ((_, low, high),) = check["json"]
    assert low <= found[0].usd_per_hour <= high
    assert (found[0].gpu, found[0].tp, found[0].replicas) == ("a100-sxm-80gb", 1, 1)
    assert max(w.tp for w in found) > 1  # more demand, more GPUs a replica
    rates = [w.requests_per_s for w in found]
    assert rates == sorted(set(rates))


def test_a_headline_names_few_changes() -> None:
    found = compare_gpus(Question("Qwen/Qwen3-14B", 1000.0, 250.0), load(), date(2026, 11, 24))
    assert headline(found).startswith(
        f"Cheapest at the least demand: {found.winners[0].gpu}; from "
    )
    assert headline(found).endswith("; then see the table.")
    assert headline(found).count("requests/s") == 4
