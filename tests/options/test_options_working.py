"""Utilisation is one thing: the share of the time that a replica works."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gpumix.domain.workload import Inventory, Kind
from gpumix.options import sustained
from gpumix.options.option import Option
from gpumix.options.working import working_share
from gpumix.serving.simulator.simulation import Settings, simulate
from gpumix.serving.traffic import draw
from gpumix.units import SECONDS_PER_HOUR


def test_what_is_done_one_by_one_works_for_its_rate_times_its_time(
    inventory: Inventory, tried: dict[str, list[Option]]
) -> None:
    """Whatever the promise leaves of the replica's rate."""
    vectors = inventory.workloads[1]
    option = next(o for o in tried["vectors"] if o.serves)
    assert option.server is not None
    per_hour = 0.25 * SECONDS_PER_HOUR / option.server.mean_s
    assert float(working_share(option, vectors, per_hour)) == pytest.approx(0.25)
    tight = replace(option, units_per_hour=1.1 * per_hour)
    assert float(working_share(tight, vectors, per_hour)) == pytest.approx(0.25)
    assert float(working_share(option, vectors, 9.0 * per_hour)) == 1.0


@pytest.mark.parametrize("load", [0.02, 0.1, 0.4])
def test_a_replica_of_text_works_while_any_request_is_in_it(
    inventory: Inventory, tried: dict[str, list[Option]], load: float
) -> None:
    """Against the simulation's own count of the time in which steps run."""
    chat = inventory.workloads[0]
    option = next(o for o in tried["chat"] if o.serves)
    demand = chat.demand
    assert demand is not None
    per_s = load * option.units_per_hour / SECONDS_PER_HOUR
    stream = draw(4000, per_s, demand.input, demand.output, arrival_cv=1.0, seed=9)
    ran = simulate(stream, sustained.table_of(option, demand), Settings(replicas=1))
    share = float(ran.busy_s.sum() / ran.on_s.sum())
    assert float(working_share(option, chat, per_s * SECONDS_PER_HOUR)) == pytest.approx(
        share, abs=0.08
    )


def test_text_works_more_the_more_it_is_asked_and_never_more_than_always(
    inventory: Inventory, tried: dict[str, list[Option]]
) -> None:
    chat = inventory.workloads[0]
    option = next(o for o in tried["chat"] if o.serves)
    shares = working_share(option, chat, option.units_per_hour * np.linspace(0.0, 1.2, 25))
    assert shares[0] == 0.0
    assert np.all(np.diff(shares) >= 0.0)
    assert 0.99 < shares[-1] <= 1.0


def test_work_that_may_wait_works_flat_out_or_not_at_all(
    inventory: Inventory, tried: dict[str, list[Option]]
) -> None:
    batch = replace(inventory.workloads[0], kind=Kind.BATCH)
    option = next(o for o in tried["chat"] if o.serves)
    assert float(working_share(option, batch, 0.3 * option.units_per_hour)) == pytest.approx(0.3)
