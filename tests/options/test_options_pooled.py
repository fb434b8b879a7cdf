"""What queued work is planned at: its part of the pool that the busiest hour needs."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from gpumix.catalog import Catalog, load
from gpumix.domain.traffic import Lengths
from gpumix.domain.workload import Demand, Inventory, Kind, Slo, Tier, Workload
from gpumix.options import sustained
from gpumix.options.media import picture_options
from gpumix.options.option import Option, undominated
from gpumix.options.pooled import by_simulation
from gpumix.options.queued import is_queued
from gpumix.options.serving import serving_options
from gpumix.serving.pools import fewest, pool_rate

NOTHING = Lengths(0.0, 0.0)
PICTURES = Workload(
    id="pictures", kind=Kind.MEDIA, model="black-forest-labs/FLUX.1-dev", precisions=("bf16",),
    kv_precision="", engine="", tier=Tier.STANDARD, run=None, slos=(Slo("e2e", 0.95, 15.0),),
    window=tuple(range(168)), countries=(), gpus=(), steps=28,
    demand=None, confidence=0.5,
)  # fmt: skip


@pytest.fixture(scope="module")
def catalogue() -> Catalog:
    return load()


def steady(per_hour: float, sizes: Lengths = NOTHING) -> Demand:
    return Demand((per_hour,) * 168, 0.0, sizes, NOTHING, 1.0, 0.0, "")


def pictures(catalogue: Catalog, per_hour: float, limit_s: float = 15.0) -> Option:
    asked = replace(PICTURES, demand=steady(per_hour), slos=(Slo("e2e", 0.95, limit_s),))
    gpus, model = [catalogue.gpus["h100-sxm-80gb"]], catalogue.models[PICTURES.model]
    tried = picture_options(asked, model, gpus, {"h100-sxm-80gb": 1}, catalogue.coefficients)
    (option,) = by_simulation(asked, tried)
    return option


def vectors(catalogue: Catalog, slo: Slo, sizes: Lengths, per_s: float) -> list[Option]:
    asked = replace(
        PICTURES, id="vectors", kind=Kind.EMBEDDING, model="BAAI/bge-m3", engine="vllm",
        kv_precision="bf16", slos=(slo,), demand=steady(3600.0 * per_s, sizes), steps=None,
    )  # fmt: skip
    gpus = [catalogue.gpus["l4-24gb"]]
    model = catalogue.models["BAAI/bge-m3"]
    tried = serving_options(asked, model, gpus, {"l4-24gb": 1}, catalogue.coefficients)
    return by_simulation(asked, tried)


def test_a_replica_is_planned_at_its_part_of_what_the_busiest_hours_pool_sustains(
    catalogue: Catalog,
) -> None:
    few, many = pictures(catalogue, 20.0), pictures(catalogue, 4000.0)
    usual = pictures(catalogue, 1000.0 / 3.0)
    assert (few.peak_replicas, usual.peak_replicas) == (1, 3)
    assert few.units_per_hour < usual.units_per_hour < many.units_per_hour
    assert usual.server is not None
    assert usual.units_per_hour == pytest.approx(3600.0 * pool_rate(usual.server, 3))
    assert usual.slos[0].predicted.value == pytest.approx(9.8, rel=0.03)
    assert usual.slos[0].kept


def test_what_a_pool_could_never_keep_says_so(catalogue: Catalog) -> None:
    option = pictures(catalogue, 100.0, limit_s=9.0)
    assert not option.serves
    assert "longer than promised" in option.reason
    assert option.shortfall > 1.0


def test_heavy_tails_of_prompts_break_what_mean_prompts_keep(catalogue: Catalog) -> None:
    """The promise is on whole requests: a long one is late without any wait."""
    slo, per_s = Slo("e2e", 0.99, 0.1), 10.0
    (even,) = vectors(catalogue, slo, Lengths(1000.0, 0.0), per_s)
    (unlike,) = vectors(catalogue, slo, Lengths(1000.0, 0.4), per_s)
    (tailed,) = vectors(catalogue, slo, Lengths(1000.0, 1.5), per_s)
    assert even.serves
    assert unlike.server is not None
    assert even.server is not None
    assert unlike.server.times_s.std() > even.server.times_s.std() == 0.0
    assert unlike.server.mean_s == pytest.approx(even.server.mean_s, rel=0.1)
    assert not tailed.serves
    assert tailed.shortfall > 1.0 > even.shortfall


def test_larger_replicas_stay_where_fewer_gpus_of_them_are_enough() -> None:
    small = Option("w", "g", 1, 1, "bf16", units_per_hour=10.0, peak_replicas=7)
    large = Option("w", "g", 2, 2, "bf16", units_per_hour=19.0, peak_replicas=3)
    assert undominated([small, large]) == [small, large]
    assert undominated([small, replace(large, peak_replicas=4)]) == [small]


def test_the_served_teams_vectors_are_rated_in_their_pool(
    inventory: Inventory, tried: dict[str, list[Option]]
) -> None:
    team = inventory.workloads[1]
    assert [is_queued(w) for w in inventory.workloads] == [False, True]
    assert not is_queued(replace(team, slos=()))
    found = sustained.simulated(inventory, tried).options["vectors"]
    for option in (o for o in found if o.serves):
        assert option.server is not None
        assert option.peak_replicas == fewest(option.server, 5.0)
        full = 3600.0 / option.server.mean_s
        assert 0.9 * full < option.units_per_hour < full
        assert np.all(option.server.times_s > 0.0)
    reasons = [o.reason for o in found if not o.serves]
    assert any("does as much with fewer GPUs" in reason for reason in reasons)
    assert math.isfinite(sum(o.units_per_hour for o in found))
