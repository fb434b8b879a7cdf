"""What a fleet served becomes measurements, and predictions come near to it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from followed import L40S, fleet, held, read

from gpumix.errors import InputError
from gpumix.files import read_columns
from gpumix.loop.speed import served
from gpumix.verbs import calibrate_fleet as verb
from gpumix.verbs import drift as drift_verb


@pytest.mark.parametrize("seed", [20, pytest.param(21, marks=pytest.mark.slow)])
def test_the_median_residual_is_under_five_per_cent_after_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, seed: int
) -> None:
    sources = fleet(tmp_path, seed, f"speed:{L40S}:0.75@0")
    monkeypatch.setattr(drift_verb, "read_launches", lambda _: read(tmp_path))

    def residuals(measured: Path | None) -> list[float]:
        facts = drift_verb.gather(sources, tmp_path, measured=measured).facts
        return [
            abs(float(np.median(np.log(one.observed / one.predicted)[-7:])))
            for one in served(facts)
        ]

    before = residuals(None)
    store = tmp_path / "store"
    found = verb.calibrate_fleet(sources, tmp_path, store)
    after = residuals(store)
    assert max(before) > 0.15
    assert float(np.median(after)) < 0.05
    assert max(after) < 0.05
    assert found.total == 6
    rows = read_columns(store / "measurements.csv")
    assert set(rows["engine_version"]) == {"0.10.2"}
    assert set(rows["source"]) == {"fleet-2026-10-05.csv"}
    assert len(set(rows["load_value"])) == 6


def test_after_it_the_new_speed_is_no_drift(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    sources = fleet(tmp_path, 22, f"speed:{L40S}:0.8@14")
    assert [f.kind for f in held(monkeypatch, tmp_path, sources).findings] == ["speed"]
    store = tmp_path / "store"
    verb.calibrate_fleet(sources, tmp_path, store)
    assert not held(monkeypatch, tmp_path, sources, measured=store).findings
    worse = fleet(tmp_path, 22, f"speed:{L40S}:0.8@14", f"speed:{L40S}:0.8@21")
    found = held(monkeypatch, tmp_path, worse, measured=store)
    assert [(f.kind, f.against) for f in found.findings] == [("speed", "plan")]


def test_a_fleet_that_tells_no_load_calibrates_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import pyarrow.parquet as pq

    sources = fleet(tmp_path, 23, days=8)
    monkeypatch.setattr(drift_verb, "read_launches", lambda _: read(tmp_path))
    path = sources / "samples.parquet"
    pq.write_table(pq.read_table(path).drop_columns(["requests_running"]), path)
    with pytest.raises(InputError, match="running requests"):
        verb.calibrate_fleet(sources, tmp_path, tmp_path / "store")
    assert not (tmp_path / "store").exists()
