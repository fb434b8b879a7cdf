"""How far predictions are relied on: by confidence, and what a team's own measurements do to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import pytest

from gpumix.domain.evidence import Basis
from gpumix.options.trust import Trust, tightened, widened
from gpumix.perf.interval import Z80


@dataclass
class Shift:
    sigma: Any
    basis: Any
    note: Any


def trust(confidence: float) -> Trust:
    return Trust(np.array([0.2, 0.4]), confidence, (Basis.MODELLED, Basis.MODELLED))


@pytest.mark.parametrize(("confidence", "z"), [(0.5, 0.0), (0.8, 0.8416), (0.9, Z80)])
def test_a_plan_is_made_at_its_quantile_of_speed(confidence: float, z: float) -> None:
    one = trust(confidence)
    assert one.planned == pytest.approx(np.exp(z * one.sigma), rel=1e-4)
    assert one.spread == pytest.approx(np.exp(Z80 * one.sigma))


def test_measured_rows_are_calibrated_and_known_better() -> None:
    moved = Shift(np.array([0.1, 0.3]), np.array(["calibrated", ""]), np.array(["moved", ""]))
    before = trust(0.8)
    after = tightened(before, cast(Any, moved))
    assert after.basis == (Basis.CALIBRATED, Basis.MODELLED)
    assert after.confidence == before.confidence
    assert (after.planned < before.planned).all()
    assert (after.note(0, "own"), after.note(1, "own")) == ("own; moved", "own")


def test_what_no_measurement_covers_has_times_wider_by_the_factor() -> None:
    before = trust(0.8)
    wide = widened(before, 1.5)
    assert wide.spread == pytest.approx(1.5 * before.spread)
    assert (wide.planned > before.planned).all()
