"""Unit costs: what any split must keep."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpumix.cost import jobs, unit_cost

positive = st.floats(1e-3, 1e9)


@settings(deadline=None, max_examples=50)
@given(positive, positive, positive, positive, positive)
def test_splits_keep_the_total(usd, prefill_s, decode_s, input_tokens, output_tokens):
    by_time = unit_cost.split_by_time(usd, prefill_s, decode_s, input_tokens, output_tokens)
    price_in, price_out = by_time
    total = (price_in * input_tokens + price_out * output_tokens) / 1e6
    assert total == pytest.approx(usd, rel=1e-9)


def test_no_tokens_of_a_kind_have_no_price():
    price_in, price_out = unit_cost.split_by_time(10.0, 5.0, 0.0, 1e6, 0.0)
    assert price_in == 10.0
    assert math.isnan(price_out)
    many = unit_cost.split_by_time(*(np.array([x, x]) for x in (10.0, 1.0, 4.0, 1e6, 1e6)))
    assert many[1] == pytest.approx([8.0, 8.0])


@settings(deadline=None, max_examples=50)
@given(positive, positive, positive, positive)
def test_break_even_utilisation_equalises_unit_costs(usd_x, usd_y, rate_x, rate_y):
    load = unit_cost.break_even_utilisation(usd_x, usd_y, rate_x, rate_y)
    at_load = unit_cost.usd_per_mtok(usd_x, rate_x, load)
    assert at_load == pytest.approx(unit_cost.usd_per_mtok(usd_y, rate_y, 1.0), rel=1e-9)


@settings(deadline=None, max_examples=30)
@given(positive, positive, st.floats(0.01, 1.0), st.floats(1.0, 3.0))
def test_dearer_or_idler_is_never_cheaper(usd, rate, load, factor):
    base = unit_cost.usd_per_mtok(usd, rate, load)
    assert unit_cost.usd_per_mtok(usd * factor, rate, load) >= base
    assert unit_cost.usd_per_mtok(usd, rate, load / factor) >= base
    assert unit_cost.usd_per_unit(usd, rate / factor) >= unit_cost.usd_per_unit(usd, rate)
    assert unit_cost.usd_per_run(usd * factor, 10.0, 1.3) >= unit_cost.usd_per_run(usd, 10.0, 1.3)
    assert unit_cost.usd_per_run(usd, 10.0, factor) >= unit_cost.usd_per_run(usd, 10.0, 1.0)


def test_a_run_costs_the_gpu_hours_it_holds_and_its_programmes():
    done = jobs.finish(10.0, 0.0, 0.0, 50.0, startup_h=0.5)
    assert unit_cost.usd_per_run(2.0 * 8.0, done.held_h, 1.0) == pytest.approx(2.0 * 8.0 * 10.5)
    assert unit_cost.usd_per_run(2.0 * 8.0, done.held_h, 1.5) == pytest.approx(252.0)
