"""The compiled simulator against its plain twin, against known answers, and against bad traffic."""

from __future__ import annotations

import importlib
import math
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up_replica import made_up_table
from reference_simulator import simulate_slowly

from gpumix.catalog import load
from gpumix.compiled import sources_hash
from gpumix.domain.traffic import Lengths, Requests
from gpumix.domain.workload import Slo
from gpumix.perf.inference.deployment import Deployment, Setup, deployments
from gpumix.perf.inference.loads import closed_loop, offline, static_batch
from gpumix.perf.inference.steps import decode_step_s, prefill_s
from gpumix.serving import simulator
from gpumix.serving.capacity import Traffic, sustained
from gpumix.serving.simulated_capacity import capacity_by_simulation
from gpumix.serving.simulator.loop import run
from gpumix.serving.simulator.simulation import Autoscale, Event, Settings, simulate
from gpumix.serving.simulator.steptable import StepTable, step_table
from gpumix.serving.traffic import draw, stream


def _users(concurrency: int, prompt: int, answer: Any, each: int) -> Requests:
    """Users who send their next request when the last one ended."""
    at = np.arange(concurrency * each)
    follows = np.where(at < concurrency, -1, at - concurrency)
    return stream(np.zeros(len(at)), prompt, answer, follows=follows)


WORDS = ("queued", "served", "too long", "turned away", "timed out")


def deployed_with(engine: str) -> Deployment:
    catalog = load()
    model = catalog.models["meta-llama/Llama-3.1-8B-Instruct"]
    setup = Setup(model, catalog.gpus["h100-sxm-80gb"], engine)
    return deployments([setup], catalog.coefficients)


@pytest.fixture(scope="module")
def deployed() -> Deployment:
    return deployed_with("vllm")


def random_case(seed: int) -> tuple[Requests, StepTable, Settings]:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 40))
    table = made_up_table(seed)
    arrival = np.cumsum(rng.exponential(rng.choice([0.01, 0.1, 1.0]), n))
    follows = np.full(n, -1)
    if rng.integers(2):
        for i in range(1, n):
            if rng.uniform() < 0.3:
                follows[i] = i - 1
                arrival[i] = rng.choice([0.0, rng.uniform(0.0, 2.0)])
        heads = follows < 0
        arrival[heads] = np.sort(arrival[heads])
    requests = stream(
        arrival,
        rng.integers(1, 120, n),
        rng.integers(0, 90, n),
        prefix_id=rng.integers(-1, 2, n),
        prefix_tokens=rng.integers(0, 60, n),
        tier=rng.integers(0, 2, n),
        follows=follows,
    )
    replicas, scale = int(rng.integers(1, 4)), None
    if rng.integers(3) == 0:
        scale = Autoscale(
            fewest=int(rng.integers(1, replicas + 1)),
            target=float(rng.uniform(0.5, 4.0)),
            cold_start_s=float(rng.choice([0.0, 0.3, 2.0])),
            look_s=float(rng.uniform(0.05, 1.0)),
            cool_down_s=float(rng.choice([0.0, 0.5, 4.0])),
        )
    prefill = int(rng.integers(0, replicas)) if scale is None else 0
    rules = Settings(
        replicas=replicas,
        autoscale=scale,
        prefill_replicas=prefill,
        transfer_s_per_token=float(rng.choice([0.0, 1e-4, 1e-2])),
        router=str(rng.choice(["round-robin", "least-outstanding"])),
        timeout_s=float(rng.choice([math.inf, 0.7, 3.0])),
        most_waiting=int(rng.choice([2**40, 5])),
        longest_tokens=int(rng.choice([2**30, 150])),
        batching="static" if not prefill and rng.integers(3) == 0 else "continuous",
    )
    return requests, table, rules


@settings(deadline=None, max_examples=300)
@given(st.integers(0, 2**32 - 1))
def test_it_agrees_with_its_plain_twin(seed: int) -> None:
    requests, table, rules = random_case(seed)
    fast = simulate(requests, table, rules)
    slow, replicas = simulate_slowly(requests, table, rules)
    assert [WORDS[o] for o in fast.outcome] == [r.outcome for r in slow]
    np.testing.assert_allclose(fast.first_s, [r.first for r in slow], rtol=1e-9)
    np.testing.assert_allclose(fast.finish_s, [r.finish for r in slow], rtol=1e-9)
    np.testing.assert_allclose(fast.clock_s, [r.clock for r in replicas], rtol=1e-9)
    np.testing.assert_allclose(fast.on_s, [r.on_s for r in replicas], rtol=1e-9)
    assert fast.iterations == sum(r.steps for r in replicas)
    assert fast.evictions == sum(r.evictions for r in replicas)
    assert fast.gaps.min() >= 0
    assert fast.gaps.sum() == fast.decoded
    assert np.all(fast.outcome != 0)


# -- answers that are known ------------------------------------------------------------------


def one_at_a_time(service_s: float) -> StepTable:
    """A replica that takes one prompt of one token a step, in a fixed time, and no longer."""
    return made_up_table(0)._replace(
        decode_s=np.full((2, 7), service_s), attend_s=np.zeros((2, 7)),
        tokens_s=np.full(3, service_s), head_s=np.zeros(2), span_s=np.zeros(64),
        host_s=np.zeros(4), overlap=0.0, chunk_tokens=1, max_sequences=1, kv_blocks=10,
        reserves=False, first_token_s=0.0,
    )  # fmt: skip


@pytest.mark.parametrize("load", [0.3, 0.6, 0.8])
def test_one_server_with_fixed_service_waits_as_m_d_1(load: float) -> None:
    rng = np.random.default_rng(1)
    arrival = np.cumsum(rng.exponential(1.0 / load, 400_000))
    found = simulate(stream(arrival, 1, 1), one_at_a_time(1.0))
    wait = float((found.ttft_s - 1.0).mean())
    assert wait == pytest.approx(load / (2.0 * (1.0 - load)), rel=0.05)


def test_an_empty_replica_serves_as_a_single_stream(deployed: Any) -> None:
    table = step_table(deployed, 1000.0, 200.0)
    found = simulate(stream([0.0, 100.0, 200.0], 1000, 200), table)
    first = deployed.first_token_s + prefill_s(deployed, 1000.0, 1000.0)
    assert found.ttft_s == pytest.approx(float(first[0]), rel=0.03)
    tpot = decode_step_s(deployed, 1.0, 1100.0)
    assert found.tpot_s == pytest.approx(float(tpot[0]), rel=0.03)


@pytest.mark.parametrize("engine", ["vllm", "tensorrt-llm"])
@pytest.mark.parametrize("users", [1, 16, 64])
def test_a_closed_loop_is_the_engines(engine: str, users: int) -> None:
    """Where nothing waits for memory, rate and TPOT are within 2.5 % of the closed form."""
    dep, each = deployed_with(engine), 40
    answers = np.full(each, 500)
    if users > 1:  # spread out, so that users fall out of step
        answers = np.random.default_rng(0).integers(250, 751, each * users)
    found = simulate(_users(users, 1000, answers, each), step_table(dep, 1000.0, 500.0))
    closed = closed_loop(dep, 1000.0, 500.0, float(users))
    half = each // 2  # before the first user runs out
    ends = found.finish_s.reshape(each, users)[:half]
    tokens = answers.reshape(each, users)[1:half].sum(axis=0)
    rate = float((tokens / (ends[-1] - ends[0])).sum())
    assert rate == pytest.approx(float(closed.output_tokens_per_s[0]), rel=0.025)
    tpot = float(found.tpot_s[: half * users].mean())
    assert tpot == pytest.approx(float(closed.tpot_s[0]), rel=0.025)


def test_engines_that_prefill_first_march_in_step() -> None:
    """Equal answers all end together, so all prompts come at once and wait for each other."""
    users, dep = 16, deployed_with("sglang")
    table = step_table(dep, 1000.0, 200.0)
    assert table.prefills_first
    found = simulate(_users(users, 1000, 200, 6), table)
    ends = found.finish_s.reshape(6, users)
    assert np.ptp(ends, axis=1) == pytest.approx(0.0, abs=1e-9)
    waves = float(prefill_s(dep, 1000.0 * users, 1000.0)[0])
    assert waves / 2.0 < float(found.ttft_s.mean()) < 1.1 * waves
    mixing = simulate(_users(users, 1000, 200, 6), table._replace(prefills_first=False))
    assert mixing.tpot_s.mean() > found.tpot_s.mean()
    assert found.gaps.sum() == mixing.gaps.sum() == found.decoded


def test_a_static_batch_is_the_engines(deployed: Any) -> None:
    table = step_table(offline(deployed), 1000.0, 200.0)
    found = simulate(stream(np.zeros(16), 1000, 200), table, Settings(batching="static"))
    engine = static_batch(deployed, 1000.0, 200.0, 16.0)
    assert len(set(found.first_s)) == len(set(found.finish_s)) == 1
    assert found.first_s == pytest.approx(float(engine.ttft_s[0]), rel=0.03)  # before the server
    rate = 16 * 200 / float(found.clock_s[0])
    assert rate == pytest.approx(float(engine.output_tokens_per_s[0]), rel=0.05)


def test_a_static_batch_is_not_refilled() -> None:
    table = made_up_table(3, chunk_tokens=40, max_sequences=2, kv_blocks=40)
    answers = [3, 20, 5, 5]
    static = Settings(batching="static")
    found = simulate(stream([0.0, 0.0, 0.0, 0.1], 8, answers), table, static)
    assert found.finish_s[0] < found.finish_s[1] < found.first_s[2] == found.first_s[3]
    flowing = simulate(stream([0.0, 0.0, 0.0, 0.1], 8, answers), table)
    assert flowing.finish_s.max() < found.finish_s.max()


def test_littles_law_and_conservation(deployed: Any) -> None:
    table = step_table(deployed, 1155.0, 211.0)
    requests = draw(20_000, 12.0, Lengths(1155.0, 0.9), Lengths(211.0, 0.8), arrival_cv=1.3)
    found = simulate(requests, table)
    assert np.all(found.served)
    assert found.prefilled == int(requests.input_tokens.sum())
    assert found.decoded == int((requests.output_tokens - 1).sum())
    inside = float((found.finish_s - found.first_s).sum())
    assert float(found.sequence_s.sum()) == pytest.approx(inside, rel=1e-9)


def test_latency_rises_with_load_and_falls_with_replicas(deployed: Any) -> None:
    table = step_table(deployed, 1155.0, 211.0)

    def mean_ttft(rate: float, replicas: int) -> float:
        runs = [
            simulate(
                draw(1500, rate, Lengths(1155.0, 0.9), Lengths(211.0, 0.8), seed=seed),
                table,
                Settings(replicas=replicas),
            )
            for seed in range(20)
        ]
        return float(np.mean([np.percentile(run.ttft_s, 95) for run in runs]))

    by_load = [mean_ttft(rate, 1) for rate in (4.0, 8.0, 12.0, 16.0)]
    assert by_load == sorted(by_load)
    by_replicas = [mean_ttft(20.0, n) for n in (2, 3, 4)]
    assert by_replicas == sorted(by_replicas, reverse=True)


def test_capacity_keeps_the_promise_and_pools(deployed: Any) -> None:
    traffic = Traffic(Lengths(1155.0, 0.9), Lengths(211.0, 0.8), 1.3)
    slos = (Slo("ttft", 0.95, 1.0), Slo("tpot", 0.95, 0.05))
    table = step_table(deployed, 1155.0, 211.0)
    one = capacity_by_simulation(table, traffic, slos, 10.0)
    again = capacity_by_simulation(table, traffic, slos, 10.0)
    assert one == again
    assert all(t <= slo.limit_s for t, slo in zip(one.latency_s, slos, strict=True))
    elsewhere = capacity_by_simulation(table, traffic, slos, 200.0)
    assert elsewhere.requests_per_s == pytest.approx(one.requests_per_s, rel=0.04)
    four = capacity_by_simulation(table, traffic, slos, 40.0, replicas=4)
    assert four.requests_per_s > 4.0 * one.requests_per_s
    times = ("decode_s", "attend_s", "tokens_s", "head_s", "span_s", "host_s", "first_token_s")
    slowed = table._replace(**{name: 1.3 * getattr(table, name) for name in times})
    slower = capacity_by_simulation(slowed, traffic, slos, 10.0)
    assert slower.requests_per_s < one.requests_per_s
    closed = float(sustained(deployed, traffic, slos).requests_per_s[0])
    assert one.requests_per_s == pytest.approx(closed, rel=0.35)


def test_capacity_does_not_hang_on_the_length_of_the_run(deployed: Any) -> None:
    """Loose promises fill a large batch; a short run is over before its queue shows."""
    traffic = Traffic(Lengths(300.0, 0.9), Lengths(300.0, 0.8), 1.0)
    slos = (Slo("ttft", 0.99, 2.0), Slo("tpot", 0.99, 0.2))
    table = step_table(deployed, 300.0, 300.0)
    short = capacity_by_simulation(table, traffic, slos, 30.0, requests=1000)
    assert short.batch > 200.0
    long = capacity_by_simulation(table, traffic, slos, 30.0, requests=20_000)
    assert short.requests_per_s == pytest.approx(long.requests_per_s, rel=0.05)


def test_what_cannot_be_kept_has_no_capacity(deployed: Any) -> None:
    traffic = Traffic(Lengths(1155.0, 0.9), Lengths(211.0, 0.8), 1.3)
    table = step_table(deployed, 1155.0, 211.0)
    found = capacity_by_simulation(table, traffic, (Slo("tpot", 0.95, 1e-4),), 10.0)
    assert found.requests_per_s == 0.0


def test_premium_goes_first() -> None:
    table = made_up_table(3, chunk_tokens=16, max_sequences=2, kv_blocks=40)
    tiers = np.arange(60) % 2
    found = simulate(stream(np.linspace(0.0, 0.1, 60), 16, 4, tier=tiers), table)
    ttft = found.ttft_s
    assert ttft[tiers == 0].max() < ttft[tiers == 1].max()
    assert ttft[tiers == 0].mean() < 0.6 * ttft[tiers == 1].mean()


def test_a_lost_replica_loses_no_request(deployed: Any) -> None:
    table = step_table(deployed, 500.0, 100.0)
    requests = draw(3000, 20.0, Lengths(500.0, 0.5), Lengths(100.0, 0.5))
    events = (Event(40.0, 0, "down"), Event(70.0, 0, "up"), Event(90.0, 1, "drain"))
    found = simulate(requests, table, Settings(replicas=2, events=events))
    calm = simulate(requests, table, Settings(replicas=2))
    assert np.all(found.served)
    assert found.evictions > 0
    assert found.e2e_s.mean() > calm.e2e_s.mean()


def test_nothing_runs_while_all_replicas_are_down() -> None:
    table = made_up_table(3, kv_blocks=40)
    found = simulate(stream([0.0, 1.0], 8, 4), table, Settings(events=(Event(0.0, 0, "down"),)))
    assert [WORDS[o] for o in found.outcome] == ["queued", "queued"]


def test_a_new_replica_helps_only_after_its_cold_start() -> None:
    table = made_up_table(3, chunk_tokens=16, max_sequences=2, kv_blocks=40)
    scale = Autoscale(fewest=1, target=4.0, cold_start_s=5.0, look_s=1.0, cool_down_s=1e9)
    early = stream(np.linspace(0.0, 5.9, 200), 16, 4)
    late = stream(np.linspace(0.0, 9.0, 300), 16, 4)
    before, after = (
        simulate(r, table, Settings(replicas=2, autoscale=scale)) for r in (early, late)
    )
    assert before.busy_s[1] == 0.0
    assert after.busy_s[1] > 0.0
    assert after.on_s[1] == pytest.approx(after.clock_s.max() - 1.0)


def test_replicas_that_follow_the_load_cost_less_than_all_and_serve_better_than_few() -> None:
    table = made_up_table(3, chunk_tokens=16, max_sequences=2, kv_blocks=40)
    calm, rush = np.arange(0.0, 300.0, 3.0), np.arange(300.0, 420.0, 0.03)
    requests = stream(np.concatenate([calm, rush, calm + 420.0]), 16, 6)
    scale = Autoscale(fewest=1, target=2.0, cold_start_s=2.0, look_s=1.0, cool_down_s=30.0)
    one, four = (simulate(requests, table, Settings(replicas=n)) for n in (1, 4))
    scaled = simulate(requests, table, Settings(replicas=4, autoscale=scale))
    assert np.all(scaled.served)
    assert four.ttft_s.mean() < scaled.ttft_s.mean() < 0.5 * one.ttft_s.mean()
    assert one.on_s.sum() < scaled.on_s.sum() < 0.6 * four.on_s.sum()
    never = Autoscale(fewest=4, target=2.0, cold_start_s=2.0, look_s=1.0, cool_down_s=30.0)
    same = simulate(requests, table, Settings(replicas=4, autoscale=never))
    np.testing.assert_allclose(same.finish_s, four.finish_s, rtol=1e-12)


def test_a_scaler_does_not_look_at_an_empty_fleet() -> None:
    table = made_up_table(3, kv_blocks=40)
    scale = Autoscale(fewest=1, target=2.0, cold_start_s=2.0, look_s=1e-3, cool_down_s=30.0)
    found = simulate(stream([0.0, 1e9], 8, 4), table, Settings(replicas=2, autoscale=scale))
    assert np.all(found.served)


@pytest.mark.parametrize(
    "rules",
    [
        Settings(router="random"),
        Settings(batching="dynamic"),
        Settings(batching="static", events=(Event(0.0, 0, "down"),)),
        Settings(replicas=2, autoscale=Autoscale(3, 1.0, 1.0, 1.0, 1.0)),
        Settings(replicas=2, autoscale=Autoscale(1, 0.0, 1.0, 1.0, 1.0)),
        Settings(replicas=2, prefill_replicas=2),
        Settings(replicas=2, prefill_replicas=1, batching="static"),
        Settings(replicas=2, prefill_replicas=1, transfer_s_per_token=-1.0),
        Settings(replicas=2, starting=1, autoscale=Autoscale(1, 1.0, 1.0, 1.0, 1.0)),
    ],
)
def test_settings_that_contradict_are_refused(rules: Settings) -> None:
    with pytest.raises(ValueError, match=r"router|batching|replicas|target"):
        simulate(stream([0.0], 8, 4), made_up_table(0), rules)


def test_apart_prefill_and_decode_wait_for_each_other_only_as_long_as_the_cache_moves() -> None:
    table = made_up_table(3, chunk_tokens=64, max_sequences=4, kv_blocks=40)
    alone = simulate(stream([0.0], 30, 20), table)
    apart = Settings(replicas=2, prefill_replicas=1, transfer_s_per_token=0.01)
    moved = simulate(stream([0.0], 30, 20), table, apart)
    assert moved.ttft_s == pytest.approx(alone.ttft_s)
    assert moved.e2e_s == pytest.approx(alone.e2e_s + 30 * 0.01)


def test_apart_the_prompts_of_others_do_not_slow_decoding(deployed: Any) -> None:
    table = step_table(deployed, 4000.0, 200.0)
    requests = draw(2000, 8.0, Lengths(4000.0, 0.5), Lengths(200.0, 0.5))
    link = Settings(replicas=4, prefill_replicas=2, transfer_s_per_token=131072 / 50e9)
    together, apart = (simulate(requests, table, s) for s in (Settings(replicas=4), link))
    assert np.all(apart.served)
    assert apart.prefilled == int(requests.input_tokens.sum())
    assert apart.decoded == int((requests.output_tokens - 1).sum())
    assert apart.tpot_s[apart.output_tokens > 50].max() < together.tpot_s.max()
    assert np.nanpercentile(apart.tpot_s, 95) < np.nanpercentile(together.tpot_s, 95)


# -- bad traffic -----------------------------------------------------------------------------


def test_the_code_on_disk_is_renewed_when_any_source_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """numba looks only at the file of the outermost function; the folder is named for them all."""
    assert sources_hash(simulator) in run._cache.cache_path  # type: ignore[attr-defined]
    assert Path(run._cache.cache_path).parent == Path(os.environ["GPUMIX_CACHE_DIR"])  # type: ignore[attr-defined]
    folder = tmp_path / "copied_serving"
    package = Path(str(simulator.__file__)).parent
    shutil.copytree(package, folder, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.syspath_prepend(str(tmp_path))
    copy = importlib.import_module("copied_serving")
    hashes = {sources_hash(simulator), sources_hash(copy)}
    assert len(hashes) == 1
    names = ("replica", "steptime", "scaling", "state", "heaps", "steptable", "loop", "queues")
    for name in names:
        with (folder / f"{name}.py").open("a", encoding="utf-8") as source:
            source.write("# changed\n")
        hashes.add(sources_hash(copy))
    assert len(hashes) == 1 + len(names)


def test_an_empty_stream_is_an_empty_outcome() -> None:
    found = simulate(stream([], 1, 1), made_up_table(0))
    assert len(found.outcome) == 0


@pytest.mark.parametrize(
    ("arrival", "inputs", "outputs"),
    [([1.0, 0.5], 5, 5), ([-1.0, 0.0], 5, 5), ([0.0, np.nan], 5, 5), ([0.0, 1.0], 0, 5),
     ([0.0, 1.0], 5, -1)],
)  # fmt: skip
def test_bad_streams_are_refused(arrival: list[float], inputs: int, outputs: int) -> None:
    with pytest.raises(ValueError, match=r"arrivals|prompt"):
        simulate(stream(arrival, inputs, outputs), made_up_table(0))


def test_a_table_too_small_for_its_batch_is_refused() -> None:
    table = made_up_table(0)._replace(max_sequences=500)
    with pytest.raises(ValueError, match="step table"):
        simulate(stream([0.0], 5, 5), table)


def test_what_can_never_fit_is_shed_and_the_rest_served() -> None:
    table = made_up_table(5, kv_blocks=10)
    found = simulate(stream([0.0, 0.0, 0.0], [10, 10_000, 10], 5), table)
    assert [WORDS[o] for o in found.outcome] == ["served", "too long", "served"]


def test_overload_ends_at_the_stop_or_in_time_outs() -> None:
    table = made_up_table(5, kv_blocks=40)
    flood = stream(np.linspace(0.0, 1.0, 5000), 30, 30)
    stopped = simulate(flood, table, Settings(stop_s=5.0))
    counts = np.bincount(stopped.outcome, minlength=5)
    assert counts.sum() == 5000
    assert counts[0] > 0
    assert counts[1] > 0
    impatient = simulate(flood, table, Settings(timeout_s=2.0))
    assert np.all((impatient.outcome == 1) | (impatient.outcome == 4))


def test_a_server_before_the_engine_hands_requests_over_one_by_one() -> None:
    """A request alone does not wait for it; of a crowd each waits for those before it; two replicas
    have a server each."""
    table = one_at_a_time(1e-4)
    slow = table._replace(front_s=0.5)
    alone = stream([0.0, 10.0], 1, 1)
    assert simulate(alone, slow).ttft_s == pytest.approx(simulate(alone, table).ttft_s)
    crowd = stream(np.zeros(20), 1, 1)
    found = simulate(crowd, slow)
    assert np.diff(found.first_s) == pytest.approx(0.5)
    assert found.arrival_s.tolist() == [0.0] * 20
    assert found.ttft_s.max() == pytest.approx(19 * 0.5, rel=1e-2)
    both = simulate(crowd, slow, Settings(replicas=2))
    assert both.ttft_s.max() == pytest.approx(found.ttft_s.max() / 2, rel=1e-2)
