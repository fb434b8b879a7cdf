"""What a team's own measurements do to how far predictions are relied on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from gpumix.domain.evidence import Basis
from gpumix.domain.workload import Tier
from gpumix.options.trust import Trust, tightened


@dataclass
class Work:
    tier: Tier


@dataclass
class Shift:
    sigma: Any
    basis: Any
    note: Any


def test_measured_rows_are_calibrated_and_planned_in_the_middle() -> None:
    before = Trust(np.array([1.5, 1.5]), np.array([1.5, 1.5]), (Basis.MODELLED, Basis.MODELLED))
    moved = Shift(np.array([0.1, 0.3]), np.array(["calibrated", ""]), np.array(["moved", ""]))
    after = tightened(before, cast(Any, moved), cast(Any, Work(Tier.STANDARD)))
    assert after.basis == (Basis.CALIBRATED, Basis.MODELLED)
    assert after.planned[0] == 1.0
    assert after.planned[1] == after.spread[1] > after.spread[0] > 1.0
    premium = tightened(before, cast(Any, moved), cast(Any, Work(Tier.PREMIUM)))
    assert (premium.planned == premium.spread).all()
