"""The formulas of a training step: published values, limits and monotony."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpumix.perf.training import terms

POSITIVE = st.floats(1e-3, 1e6)


def test_megatron_all_reduce_volume():
    """Megatron-LM: four all-reduces of the activations a layer, 2 (t - 1) / t each on a ring."""
    seconds = terms.tensor_parallel_time(4096.0, 8192.0, 10.0, 8.0, 4.0, 300e9)
    assert seconds == pytest.approx(10 * 4 * 2 * 7 / 8 * 2 * 4096 * 8192 / 300e9)


def test_zero3_moves_one_and_a_half_times_plain_data_parallelism():
    """ZeRO, section 7: three volumes against the two of an all-reduce."""
    bytes_, ranks, bandwidth = 14e9, 64.0, 100e9
    sharded = terms.shard_time(3.0, bytes_, ranks, bandwidth)
    assert sharded / terms.shard_time(2.0, bytes_, ranks, bandwidth) == pytest.approx(1.5)


def test_flash_backward_costs_two_and_a_half_forwards():
    forward = terms.attention_flops(1.0, 4096.0, 8192.0, 0.5, 0.5)
    assert terms.attention_flops(1.0, 4096.0, 8192.0, 0.5, 3.0) == pytest.approx(3.5 * forward)


def test_lora_saves_a_third_and_recompute_costs_a_third():
    full, lora, again = (terms.passes(w, r, 0.0) for w, r in ((1, 0), (0, 0), (1, 1)))
    assert (lora / full, again / full) == (pytest.approx(2 / 3), pytest.approx(4 / 3))


@settings(deadline=None, max_examples=50)
@given(st.integers(1, 64), st.integers(1, 512), st.integers(1, 8))
def test_bubble_shrinks_with_micro_batches_and_interleaving(pp, m, v):
    bubble = terms.bubble_share(float(pp), float(m), float(v))
    assert bubble >= 0
    assert terms.bubble_share(float(pp), float(m + 1), float(v)) <= bubble
    assert terms.bubble_share(float(pp), float(m), float(v + 1)) <= bubble


@settings(deadline=None, max_examples=50)
@given(POSITIVE, POSITIVE, st.floats(1.0, 8.0))
def test_overlap_lies_between_the_longer_and_the_sum(work, hidden, power):
    both = terms.overlapped(work, hidden, power)
    assert max(work, hidden) * (1 - 1e-9) <= both <= (work + hidden) * (1 + 1e-9)


@settings(deadline=None, max_examples=50)
@given(st.floats(1, 512), st.sampled_from([1.0, 2.0, 4.0, 8.0]), st.floats(1e9, 1e12))
def test_a_group_is_never_faster_than_its_links(ranks, stride, network):
    rate = terms.group_bandwidth(ranks, stride, 8.0, 450e9, network)
    assert min(network / 8, 450e9) * (1 - 1e-9) <= rate <= 450e9


def test_large_products_reach_the_peak_fraction():
    seconds = terms.matmul_time(1e18, 1e15, 0.8, 3e12, 0.0, 3.0, 2.0)
    assert seconds == pytest.approx(1e18 / 0.8e15)
    assert terms.matmul_time(1e18, 1e15, 0.8, 3e12, 1e-3, 3.0, 2.0) > seconds


def test_head_unbalances_a_deep_pipeline_more():
    shallow, deep = (terms.stage_imbalance(96.0, 2.0, p, 1.0) for p in (4.0, 48.0))
    assert 1.0 < shallow < deep
    assert math.isclose(terms.stage_imbalance(96.0, 2.0, 48.0, 0.0), 1.0)
