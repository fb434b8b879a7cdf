"""The record of a fit: without a group, a linear fit's step is its refit."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))

import fit_record


def test_without_a_group_a_linear_fit_is_its_refit() -> None:
    random = np.random.default_rng(0)
    slopes, target = random.normal(size=(30, 3)), random.normal(size=30)
    groups = np.array(["a", "b", "c"] * 10)

    def refit(keep: np.ndarray) -> np.ndarray:
        own = slopes[keep]
        return np.asarray(np.linalg.solve(own.T @ own + np.eye(3), own.T @ target[keep]))

    theta = refit(np.ones(30, bool))
    # the third value hangs on the first too, as an architecture's on the level
    effect = np.array([[0.2, 0.0, 0.0], [0.0, 0.5, 0.0], [0.2, 0.0, 0.1]])
    fit = fit_record.Fitted(
        section="s", paths=[("t", "k", name) for name in "xyz"], log_prior=np.zeros(3),
        effect=effect, theta=theta, slopes=slopes, errors=slopes @ theta - target,
        labels={"source": groups}, range_sigmas=np.inf, bounds={}, source={},
    )  # fmt: skip
    constants, moved = fit_record.lines(fit)
    assert [float(one["value"]) for one in constants] == pytest.approx(
        np.exp(effect @ theta).tolist(), rel=1e-4
    )
    after = np.sqrt(np.diag(effect @ np.linalg.inv(slopes.T @ slopes + np.eye(3)) @ effect.T))
    assert [float(one["sigma"]) for one in constants] == pytest.approx(after.tolist(), rel=5e-3)
    assert len(moved) > 3
    for one in moved:
        value = np.exp(effect @ refit(groups != one["group"]))["xyz".index(one["name"])]
        assert float(one["without"]) == pytest.approx(value, rel=1e-3)
        assert one["rows"] == 10
