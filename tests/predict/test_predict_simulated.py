"""Bursts and stated rates: answered by a run of the simulator with the run's own requests."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gpumix.catalog import Catalog, load
from gpumix.domain.predictions import Predictions
from gpumix.domain.traffic import Lengths
from gpumix.predict.inference import predict_inference
from gpumix.predict.simulated import lengths_cut

ROW: dict[str, Any] = {
    "gpu": "h100-sxm-80gb", "n_gpus": 1, "tp": 1, "model": "meta-llama/Llama-3.1-8B-Instruct",
    "engine": "vllm", "input_len": 512, "output_len": 128, "load": "request_rate", "load_value": 4,
    "metric": "ttft_ms_p50", "requests": "", "dataset": "",
}  # fmt: skip


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load()


def asked(catalog: Catalog, *changes: dict[str, Any], **options: Any) -> Predictions:
    rows = [ROW | change for change in changes]
    return predict_inference(
        {name: [row[name] for row in rows] for name in ROW}, catalog=catalog, **options
    )


def test_the_same_seed_gives_the_same_answers_and_another_one_others(catalog: Catalog) -> None:
    change = {"load_value": 20, "metric": "ttft_ms_p95"}
    first, again = asked(catalog, change), asked(catalog, change)
    other = asked(catalog, change, seed=1)
    assert first["value"][0] == again["value"][0]
    assert first["value"][0] != other["value"][0]
    assert other["value"][0] == pytest.approx(first["value"][0], rel=0.3)
    assert first["basis"][0] == "simulated"
    assert first["note"][0] == "precision bf16, as published; simulated with 1,000 requests"
    assert first["low"][0] < first["value"][0] < first["high"][0]


def test_what_is_asked_of_a_run_fits_together(catalog: Catalog) -> None:
    """At a rate that is kept, tokens come at the rate offered; joules are watts over tokens."""
    metrics = ("output_tok_s_total", "requests_s", "avg_power_w", "joules_per_output_token",
               "ttft_ms_mean", "e2e_ms_mean", "tpot_ms_mean", "itl_ms_mean")  # fmt: skip
    out = asked(catalog, *({"metric": metric} for metric in metrics))
    tokens, served, watts, joules, ttft, e2e, tpot, itl = out["value"].tolist()
    assert served == pytest.approx(4.0, rel=0.1)
    assert tokens == pytest.approx(128.0 * served)
    assert joules == pytest.approx(watts / tokens)
    assert e2e == pytest.approx(ttft + 127.0 * tpot)
    assert itl == pytest.approx(tpot)


def test_gaps_are_weighed_by_tokens_and_times_per_token_by_requests(catalog: Catalog) -> None:
    """As a burst of chats runs out, long answers decode on at small batches."""
    chats = {"load": "burst", "load_value": 400, "dataset": "ShareGPT"}
    out = asked(catalog, chats | {"metric": "itl_ms_mean"}, chats | {"metric": "tpot_ms_mean"})
    gaps, requests = out["value"].tolist()
    assert gaps < 0.98 * requests


def test_one_prompt_alone_is_one_user(catalog: Catalog) -> None:
    alone = {"load": "concurrency", "load_value": 1}
    for metric in ("ttft_ms_mean", "tpot_ms_mean", "e2e_ms_mean"):
        out = asked(
            catalog,
            {"load": "burst", "load_value": 1, "metric": metric},
            alone | {"metric": metric},
        )
        assert out["value"][0] == pytest.approx(out["value"][1], rel=0.05)
        assert out["basis"].tolist() == ["simulated", "calibrated"]


def test_a_queue_that_grows_is_told_and_its_waits_grow_with_the_run(catalog: Catalog) -> None:
    """Offered twice what it serves, the middle request of twice as many waits twice as long."""
    served = asked(catalog, {"load": "max_throughput", "metric": "requests_s"})["value"][0]
    over = {"load_value": 2.0 * served, "output_len": 128}
    out = asked(catalog, over | {"requests": 4000}, over | {"requests": 8000})
    short, long = out["value"].tolist()
    assert long == pytest.approx(2.0 * short, rel=0.25)
    assert "overloaded: the queue grows by" in out["note"][0]
    grows = float(out["note"][0].rpartition(" by ")[2].split()[0])
    rate = asked(catalog, over | {"requests": 8000, "metric": "requests_s"})["value"][0]
    assert grows == pytest.approx(2.0 * served - rate, rel=0.15)


def test_no_requests_is_the_closed_form(catalog: Catalog) -> None:
    burst = {"load": "burst", "load_value": 50}
    column = asked(catalog, {"requests": 0}, burst | {"requests": 0})
    option = asked(catalog, {}, burst, requests=0)
    assert column["basis"].tolist() == option["basis"].tolist() == ["calibrated", "calibrated"]
    assert column["value"].tolist() == option["value"].tolist()
    assert set(column["note"]) == {"precision bf16, as published"}


def test_a_number_of_requests_that_cannot_be_is_refused(catalog: Catalog) -> None:
    out = asked(catalog, {"requests": 2.5}, {"requests": 10_000_000})
    assert np.isnan(out["value"]).all()
    assert all("requests must be a whole number" in note for note in out["note"])


def test_pipelines_and_bursts_beyond_the_limit_stay_in_closed_form(catalog: Catalog) -> None:
    pipeline = {"n_gpus": 2, "pp": 2, "tp": 1}
    rows = [ROW | pipeline, ROW | {"pp": 1, "load": "burst", "load_value": 1e6}]
    out = predict_inference({n: [r[n] for r in rows] for n in rows[0]}, catalog=catalog)
    assert "simulated" not in out["basis"]
    assert np.isfinite(out["value"]).all()


def test_copies_share_what_arrives(catalog: Catalog) -> None:
    """Twice the copies at twice the rate and twice the run answer about as soon."""
    rows = [
        ROW | {"dp": 1, "load_value": 10, "requests": 2000},
        ROW | {"dp": 2, "n_gpus": 2, "load_value": 20, "requests": 4000},
    ]
    out = predict_inference({n: [r[n] for r in rows] for n in rows[0]}, catalog=catalog)
    assert out["value"][1] == pytest.approx(out["value"][0], rel=0.1)


@pytest.mark.parametrize("longest", [1.05, 1.5, 4.0])
def test_a_cut_keeps_the_mean(longest: float) -> None:
    found = lengths_cut(Lengths(340.0, 1.0), longest, (np.arange(1000) + 0.5) / 1000)
    assert found.mean() == pytest.approx(340.0, rel=0.01)
    assert found.max() <= longest * 340.0 + 0.5
    assert found.min() >= 1


def test_lengths_that_are_round_were_set_and_are_all_equal(catalog: Catalog) -> None:
    """A page of `ShareGPT or random` that says 1,000 in and 2,000 out ran the latter."""
    either = {"load": "burst", "load_value": 64, "dataset": "ShareGPT or random, mean lengths"}
    set_, mean = (
        {"input_len": 1000, "output_len": 2000},
        {"input_len": 1001.3, "output_len": 1999.1},
    )
    out = asked(catalog, either | set_, set_ | {"load": "burst", "load_value": 64}, either | mean)
    assert out["value"][0] == out["value"][1] != out["value"][2]
