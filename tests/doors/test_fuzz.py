"""A small, fixed part of `make fuzz`: the same spoiled files in every run."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from doors import DOORS, Door, files, hold


@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.name)
def test_a_sound_file_is_read(door: Door, tmp_path: Path) -> None:
    path = tmp_path / door.file
    path.write_text(door.text_of(door.sample), encoding="utf-8")
    assert door.read(path) is not None


@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.name)
def test_a_spoiled_file_gets_an_answer_or_a_refusal(door: Door, tmp_path: Path) -> None:
    @settings(
        max_examples=25, derandomize=True, deadline=None, database=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(content=files(door))
    def spoiled(content: bytes) -> None:
        hold(door, tmp_path, content)

    spoiled()


@settings(max_examples=200, deadline=None)
@given(text=st.text("0123456789.,_eE+- %kMBTmshdBDTUSD:", max_size=30))
def test_quantities_are_read_or_refused(text: str) -> None:
    from gpumix.domain import quantities

    for read in (
        quantities.number, quantities.whole, quantities.duration, quantities.share,
        quantities.rate, quantities.money, quantities.day, quantities.window_hours,
    ):  # fmt: skip
        try:
            read(text)
        except ValueError as error:
            assert str(error)  # noqa: PT017
