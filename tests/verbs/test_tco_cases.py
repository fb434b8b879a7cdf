"""Published worked examples come out of `gpumix tco` by their input files alone."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from time import process_time

import pytest

from gpumix.report.export import record_to_dict
from gpumix.verbs.tco import tco_file

CASES = sorted((Path(__file__).parent.parent / "cases" / "ledger").glob("*.yaml"))
EXAMPLES = sorted((Path(__file__).parent.parent.parent / "examples").glob("tco-*.yaml"))
TODAY = date(2026, 11, 30)


def at(answer: object, path: str) -> object:
    """What stands at a path such as /options/own/cash/by_year/0."""
    for step in path.strip("/").split("/"):
        answer = answer[int(step)] if isinstance(answer, list) else answer[step]  # type: ignore[index]
    return answer


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_published_case(case):
    start = process_time()
    answer = record_to_dict(tco_file(case, today=TODAY).answer)
    assert process_time() - start < 2.0
    expected = json.loads(case.with_suffix(".expected.json").read_text())["expect"]
    assert expected
    for one in expected:
        found, want = at(answer, one["path"]), one["value"]
        if want is None:
            assert found is None, one["path"]
            continue
        tolerance = {"abs": one.get("abs", 0.0), "rel": one.get("rel", 0.0)}
        assert found == pytest.approx(want, **tolerance), one["path"]


@pytest.mark.parametrize("case", EXAMPLES, ids=lambda path: path.stem)
def test_sums_of_leaves_are_totals_to_the_cent(case):
    found = tco_file(case, today=TODAY)
    assert len(found.answer.options) >= 3
    for name, option in found.answer.options.items():
        entries = found.entries[name]
        total = sum(entry.amount for entry in entries)
        assert total == pytest.approx(option.cash.total, abs=0.005)
        assert sum(option.cash.by_year) == pytest.approx(total, abs=0.005)
        assert sum(option.cash.by_month) == pytest.approx(total, abs=0.005)
        assert sum(option.by_category.values()) == pytest.approx(total, abs=0.005)
        assert sum(option.by_item.values()) == pytest.approx(total, abs=0.005)
        rate = found.answer.cost_of_capital
        present = sum(e.amount * (1.0 + rate) ** (-e.month / 12.0) for e in entries)
        assert present == pytest.approx(option.present_cost, abs=0.005)
