"""Limits on the cash of a year: every plan of a small problem by hand, and both ways of solving."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gpumix import mix
from gpumix.errors import InputError

HOURS = (10.0, 10.0)
"""Two years of one block each; an hour of rent costs 1 USD, so 10 USD a year for one instance."""


def problem(
    *most: float, cash: tuple[float, ...] = (30.0, -6.0), demand: float = 2.0
) -> mix.Problem:
    """Two instances in each year: bought at 30 USD, of which 6 come back in the second year, or
    rented by the hour at 20 USD each a year."""
    years = tuple(mix.Block(f"y{i + 1}", hours) for i, hours in enumerate(HOURS))
    bought = mix.Term("0-24", (0, 1), 24.0, 30.0, cash[: len(most)])
    late = mix.Term("12-24", (1,), 18.0, 30.0, (0.0, 18.0)[: len(most)])
    return mix.Problem(
        name="cash",
        units="units",
        repeat=1.0,
        blocks=years,
        resources=(
            mix.Resource("buy", "x", "committed", 1, terms=(bought, late)),
            mix.Resource("rent", "x", "hourly", 1, hourly_cost=2.0),
        ),
        workloads=(mix.Workload("chat", "inference", demand=(demand, demand)),),
        configs=(mix.Config("chat", "buy", 1, 1.0), mix.Config("chat", "rent", 1, 1.0)),
        cash=tuple(
            mix.CashLimit(f"{2027 + i}", usd, tuple(float(i == p) for p in range(2)))
            for i, usd in enumerate(most)
        ),
    )


@pytest.mark.parametrize(
    ("most", "usd", "terms"),
    [
        ((60.0, 100.0), 48.0, (2, 0)),  # both bought at once
        ((50.0, 100.0), 24.0 + 20.0 + 18.0, (1, 1)),  # one is rented for the first year
        ((40.0, 100.0), 2 * (20.0 + 18.0), (0, 2)),
        ((50.0, -6.0), None, None),  # only two at once give that back
        ((60.0, -12.0), 48.0, (2, 0)),
        ((39.0, 100.0), None, None),  # two rented are the least of the first year
    ],
)
def test_the_cheapest_that_the_cash_of_each_year_allows(
    most: tuple[float, ...], usd: float | None, terms: tuple[int, int] | None
) -> None:
    found = mix.solve(problem(*most), workers=1)
    assert found.cost == (None if usd is None else pytest.approx(usd))
    if terms is None:
        assert any(name.startswith("cash:") for name in found.conflict)
    else:
        assert tuple(found.terms["buy"].values()) == terms
        assert mix.check(problem(*most), found) == []


def test_a_plan_that_pays_more_than_a_year_allows_is_found_out() -> None:
    free = mix.solve(problem(), workers=1)
    assert mix.check(problem(59.9), replace(free)) == ["cash:2027"]
    assert mix.check(problem(60.0), free) == []


def test_the_least_that_would_do() -> None:
    short = problem(39.0)
    assert mix.needed(short, ["cash:2027"]) == pytest.approx(40.0)
    assert mix.solve(mix.relaxed(short, "cash:2027", 40.0), workers=1).cost == pytest.approx(76.0)


def test_waiting_is_no_cash() -> None:
    own = problem(60.0, 100.0)
    waits = replace(own.configs[0], var_cost=5.0, unpaid=5.0)
    assert mix.solve(replace(own, configs=(waits, own.configs[1])), workers=1).cost is not None
    paid = replace(waits, unpaid=0.0)
    rents = mix.solve(replace(own, configs=(paid, own.configs[1])), workers=1)
    assert rents.terms["buy"] == {"0-24": 0, "12-24": 0}


def test_a_large_problem_that_is_taken_apart_keeps_them_too() -> None:
    effort = replace(mix.QUICK, exact=0, exact_counts=0)
    found = mix.solve(problem(50.0, 100.0), effort=effort, workers=1)
    assert found.cost == pytest.approx(62.0)
    apart = replace(effort, whole=0)
    found = mix.solve(problem(50.0, 100.0), effort=apart, workers=1)
    assert found.cost == pytest.approx(62.0)


def test_groups_take_cash_once() -> None:
    own = problem(60.0, 100.0)
    opened = mix.Group("room", ("buy",), 1.0, cash=(1.0, 0.0))
    assert mix.solve(replace(own, groups=(opened,)), workers=1).cost == pytest.approx(63.0)


def test_the_json_form() -> None:
    own = replace(problem(50.0, -3.0), groups=(mix.Group("room", ("buy",), cash=(1.0, -1.0)),))
    assert mix.read_problem(mix.problem_to_dict(own)) == own
    data = mix.problem_to_dict(own)
    data["cash"] = [{"id": "2027", "most": 1.0, "of_block": [1.0]}]
    with pytest.raises(InputError) as error:
        mix.read_problem(data)
    assert "has 1 numbers for 2 blocks" in str(error.value)
    assert "has 2 numbers for 1 cash limits" in str(error.value)
