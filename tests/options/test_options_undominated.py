"""Which sizes of a replica the mix is offered."""

from __future__ import annotations

from gpumix.options.option import Option, undominated


def gang(gpus: int, steady: float, spot: float) -> Option:
    return Option("run", "h100-sxm-80gb", gpus, 1, "bf16", units_per_hour=steady * gpus,
                  spot_units_per_hour=spot * gpus)  # fmt: skip


def test_a_larger_gang_stays_where_it_does_more_on_spot_alone() -> None:
    """32 GPUs are the best use of capacity that stays, 128 of spot; 64 of neither."""
    found = [gang(32, 1.0, 0.90), gang(64, 0.99, 0.89), gang(128, 0.98, 0.95)]
    assert [option.gpus for option in undominated(found)] == [32, 128]


def test_a_larger_gang_that_does_no_more_of_anything_goes() -> None:
    assert [o.gpus for o in undominated([gang(8, 1.0, 1.0), gang(16, 1.0, 1.0)])] == [8]
