"""`gpumix simulate`: what it answers, what it refuses, and that counts add up."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from gpumix.catalog import Catalog, load
from gpumix.domain.simulation import Simulation
from gpumix.errors import InputError
from gpumix.inventory.trace import read_requests
from gpumix.report.simulation import headline, latency_table, simulation_html
from gpumix.serving.traffic import stream
from gpumix.simulate.question import SimulationQuestion
from gpumix.simulate.simulation import run_simulation

TODAY = date(2026, 11, 20)
CHAT = SimulationQuestion(
    "meta-llama/Llama-3.1-8B-Instruct", "l40s-48gb", profile="azure-conv", requests=2000
)


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load()


@pytest.fixture(scope="module")
def found(catalog: Catalog) -> Simulation:
    return run_simulation(CHAT, catalog, TODAY)


def test_counts_add_up_and_percentiles_rise(found: Simulation) -> None:
    counts = found.requests
    assert counts.offered == 2000
    assert counts.offered == counts.served + counts.queued + counts.shed + counts.timed_out
    for spread in (found.ttft_s, found.tpot_s, found.e2e_s, found.itl_s):
        values = [spread.p50, spread.p90, spread.p95, spread.p99]
        assert None not in values
        assert values == sorted(v for v in values if v is not None)
    assert 0.0 <= found.slo_attainment <= 1.0
    assert 0.0 < found.utilisation <= 1.0 + 1e-9
    assert found.usd_per_mtok_output is not None
    assert found.joules_per_output_token is not None


def test_the_same_seed_gives_the_same_run(found: Simulation, catalog: Catalog) -> None:
    again = run_simulation(CHAT, catalog, TODAY)
    assert replace(again, wall_s=0.0) == replace(found, wall_s=0.0)


def test_overload_without_a_time_out_is_told(found: Simulation, catalog: Catalog) -> None:
    hard = run_simulation(replace(CHAT, rate=200.0), catalog, TODAY)
    assert any(w.startswith("overloaded: ") for w in hard.warnings)
    assert not any("overloaded" in w for w in found.warnings)
    assert hard.ttft_s.p99 is not None
    assert hard.ttft_s.p99 > 120.0
    cells = latency_table(hard).rows[0]
    assert cells[-1].text.endswith(" min")


def test_the_headline_tells_of_the_fleet(catalog: Catalog) -> None:
    few = replace(CHAT, requests=50, rate=2.0)
    for changes, words in (
        ({"replicas": 2, "max_replicas": 4}, "2 to 4 × 1 × l40s-48gb keeps"),
        ({"replicas": 3, "prefill_replicas": 1}, "3 × 1 × l40s-48gb (1 of them for prefill)"),
        ({"batching": "static"}, "1 × l40s-48gb in static batches keeps"),
    ):
        one = run_simulation(replace(few, **changes), catalog, TODAY)
        assert headline(one).startswith(words)


def test_an_engine_of_an_unknown_name_is_told(catalog: Catalog) -> None:
    found = run_simulation(replace(CHAT, requests=50, engine="vlm"), catalog, TODAY)
    assert any("did you mean vllm?" in default for default in found.defaults)


def test_replicas_help_and_overload_times_out(catalog: Catalog) -> None:
    hard = replace(CHAT, rate=20.0, timeout_s=5.0)
    one, four = (run_simulation(replace(hard, replicas=n), catalog, TODAY) for n in (1, 4))
    assert one.requests.timed_out > 0
    assert four.slo_attainment > one.slo_attainment


def test_replicas_that_follow_the_load_use_fewer_gpu_hours(catalog: Catalog) -> None:
    busy = replace(CHAT, rate=12.0, slos=(), requests=4000)
    four = run_simulation(replace(busy, replicas=4), catalog, TODAY)
    scaled = run_simulation(replace(busy, max_replicas=4, cold_start_s=5.0), catalog, TODAY)
    assert four.gpu_hours == pytest.approx(4.0 * four.simulated_s / 3600.0)
    assert four.energy_kwh == pytest.approx(four.avg_power_w * four.simulated_s / 3.6e6)
    assert scaled.gpu_hours < four.gpu_hours
    assert scaled.requests.served == 4000
    slow = run_simulation(replace(busy, max_replicas=4), catalog, TODAY)
    assert any("cold start 76 s, 16 s of it to load the weights" in d for d in slow.defaults)
    assert (slow.ttft_s.p99 or 0.0) > (scaled.ttft_s.p99 or 0.0)


def test_pools_apart_and_static_batches(catalog: Catalog) -> None:
    busy = replace(CHAT, rate=2.0, replicas=2)
    together, apart, static = (
        run_simulation(replace(busy, **more), catalog, TODAY)  # type: ignore[arg-type]
        for more in ({}, {"prefill_replicas": 1}, {"batching": "static"})
    )
    assert apart.requests.served == static.requests.served == together.requests.served
    assert (apart.itl_s.p99 or 0.0) < (together.itl_s.p99 or 0.0)
    assert (static.ttft_s.p95 or 0.0) > (together.ttft_s.p95 or 0.0)
    assert any("GB/s" in d for d in apart.defaults)


def test_a_trace_is_rescaled_and_cut(catalog: Catalog, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    rows = "".join(f"{i},{100 + i},{20}\n" for i in range(50))
    path.write_text("arrival_s,input_tokens,output_tokens\n" + rows, encoding="utf-8")
    asked = replace(CHAT, profile=None, trace=read_requests(path), requests=120, rate=4.0)
    result = run_simulation(asked, catalog, TODAY)
    assert result.requests.offered == 120
    assert result.requests_per_s == pytest.approx(4.0)


def test_the_page_needs_no_other_file(found: Simulation) -> None:
    page = simulation_html(found)
    assert headline(found)[:20] in page
    assert "<svg" in page
    assert "src=" not in page


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"profile": None}, "exactly one"),
        ({"trace": Path("x.csv")}, "exactly one"),
        ({"rate": -1.0}, "--rate"),
        ({"replicas": 0}, "--replicas"),
        ({"timeout_s": 0.0}, "--timeout-s"),
        ({"precision": "bf61"}, "bf16"),
        ({"profile": "azure"}, "azure-conv"),
        ({"batching": "dynamic"}, "continuous"),
        ({"replicas": 4, "max_replicas": 2}, "below --replicas"),
        ({"cold_start_s": 3.0}, "--max-replicas"),
        ({"prefill_replicas": 1}, "leave none"),
        ({"replicas": 2, "prefill_replicas": 1, "batching": "static"}, "--prefill-replicas"),
        ({"kv_link_gb_per_s": 3.0}, "needs --prefill-replicas"),
        ({"gpu": "h999"}, "h999"),
        ({"model": "meta-llama/Llama-3.1-405B-Instruct", "gpu": "l4-24gb"}, "does not fit"),
    ],
)
def test_bad_questions_are_refused(
    catalog: Catalog, change: dict[str, object], message: str
) -> None:
    with pytest.raises(InputError) as caught:
        run_simulation(replace(CHAT, **change), catalog, TODAY)  # type: ignore[arg-type]
    assert message in str(caught.value)


def test_what_a_profile_is_drawn_with_is_told(catalog: Catalog) -> None:
    for name, prefixes in (("mooncake-conv", "37% shared"), ("azure-conv", "not recorded")):
        found = run_simulation(replace(CHAT, profile=name, requests=50), catalog, TODAY)
        (told,) = [d for d in found.defaults if "gaps of CV" in d]
        assert f"{catalog.profiles[name].arrival_cv:.2f}" in told
        assert prefixes in told


def test_a_rate_means_nothing_to_one_request_and_cannot_be_given_to_simultaneous_ones(
    catalog: Catalog,
) -> None:
    def at_once(count: int) -> Simulation:
        trace = stream([0.0] * count, 200, 20)
        asked = replace(CHAT, profile=None, requests=None, trace=trace, rate=3.0)
        return run_simulation(asked, catalog, TODAY)

    assert at_once(1).requests.served == 1
    with pytest.raises(InputError, match="all requests arrive at one moment"):
        at_once(2)


def test_the_timeline_has_only_parts_in_which_something_ran(catalog: Catalog) -> None:
    """Two bursts, a day apart: what runs, waits and is held is a number throughout."""
    trace = stream([0.0] * 20 + [86400.0] * 20, 200, 100)
    asked = replace(CHAT, profile=None, requests=None, trace=trace)
    two = run_simulation(asked, catalog, TODAY).timeline
    assert len(two.t_s) == len(two.running) < 10
    assert all(0.0 < n <= 20.0 for n in two.running)
    assert all(0.0 <= share <= 1.0 for share in two.kv_used)


def test_a_request_longer_than_the_models_context_is_refused(catalog: Catalog) -> None:
    context = catalog.models[CHAT.model].context
    assert context is not None
    trace = stream([0.0, 1.0], [context + 1, 100], 10)
    asked = replace(CHAT, profile=None, requests=None, trace=trace, gpu="h200-sxm-141gb")
    assert run_simulation(asked, catalog, TODAY).requests.shed == 1
