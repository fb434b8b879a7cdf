"""ConfigIQ's worked method by input alone, and what it leaves out as switches; docs/configiq.md.

Printed figures: redhat-performance/configiq @ 52334371, docs/HYBRID_SAVINGS_AUDIT.md, "End-to-end
calculation walkthrough" and "Independent arithmetic scenarios".
"""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from gpumix.domain.tco import TcoAnswer
from gpumix.errors import InputError
from gpumix.inventory.case import read_case
from gpumix.verbs.tco import tco_at, tco_by_volume, tco_file

ROOT = Path(__file__).parents[2]
WALKTHROUGH = ROOT / "examples" / "configiq" / "walkthrough.yaml"
SCENARIOS = ROOT / "examples" / "configiq" / "scenarios.yaml"
PAGE = ROOT / "docs" / "configiq.md"
PRINTED = {
    "hosted": {
        ("input tokens",): 360,
        ("output tokens",): 270,
        ("operations",): 900,
        ("implementation",): 416.67,
    },
    "rented": {
        ("CoreWeave 4x GB200",): 5312,
        ("infrastructure and observability",): 500,
        ("operations",): 3600,
        ("implementation",): 1111,
    },
    "purchased": {
        ("8x A100 server", "resale of 8x A100 server"): 2667,
        ("cost of capital",): 793,
        ("installation", "resale of installation"): 233,
        ("maintenance",): 667,
        ("electricity",): 448,
        ("facilities", "infrastructure"): 1700,
        ("operations",): 4500,
        ("implementation",): 1389,
    },
}
"""USD a month of each line, as printed."""
TOTALS = {"hosted": (1946.67, 0.779), "rented": (10523, 4.21), "purchased": (12397, 4.96)}
"""Full cost a month, and of a million billed tokens."""
MARGINAL = {
    "hosted": ("input tokens", "output tokens"),
    "rented": ("CoreWeave 4x GB200", "infrastructure and observability"),
    "purchased": ("maintenance", "electricity", "facilities", "infrastructure"),
}
"""Lines that its calc.ts marks `includedInMarginal`."""
SCENARIO = {
    "1 M tokens": (1.40, 200, 400),
    "40.5 M tokens": (56.70, 200, 400),
    "80.19 M tokens": (None, 200, 400),
    "81 M tokens": (None, 200, 400),
    "81,000,001 tokens": (None, 400, 800),
}


@pytest.fixture(scope="module")
def full() -> TcoAnswer:
    return tco_file(WALKTHROUGH).answer


@pytest.fixture(scope="module")
def marginal() -> TcoAnswer:
    return tco_file(WALKTHROUGH, costs="marginal").answer


def monthly(found: TcoAnswer, name: str) -> float:
    return found.options[name].level_cost_per_year / 12.0


def digits(printed: float) -> float:
    """Half of the last digit that is printed."""
    text = str(printed)
    return 0.5 * 10.0 ** -(len(text.partition(".")[2]) if "." in text else 0)


@pytest.mark.parametrize("name", PRINTED)
def test_every_printed_line_comes_out_to_its_rounding(full: TcoAnswer, name: str) -> None:
    option = full.options[name]
    for items, printed in PRINTED[name].items():
        found = sum(option.by_item[item] for item in items) / full.months
        assert found == pytest.approx(printed, abs=digits(printed)), items
    assert set(option.by_item) == {item for items in PRINTED[name] for item in items}
    month, mtok = TOTALS[name]
    assert monthly(full, name) == pytest.approx(month, abs=digits(month))
    assert option.cost_per_mtok.combined == pytest.approx(mtok, abs=digits(mtok))


def test_the_work_is_as_printed(full: TcoAnswer) -> None:
    hosted = full.options["hosted"]
    assert hosted.units_per_year["request"] / 12.0 == 976_562.5
    assert hosted.tokens_per_year / 12.0 == pytest.approx(2.5e9)
    assert hosted.units_per_year["request"] / 8760 / 3600 == pytest.approx(0.3716, abs=5e-5)


@pytest.mark.parametrize("name", MARGINAL)
def test_marginal_leaves_out_what_its_rule_leaves_out(
    full: TcoAnswer, marginal: TcoAnswer, name: str
) -> None:
    found = marginal.options[name].by_item
    assert set(found) == set(MARGINAL[name])
    assert all(found[item] == full.options[name].by_item[item] for item in found)
    assert marginal.costs == "marginal"
    assert marginal.options[name].books is None


def test_the_arithmetic_scenarios_come_out_exactly() -> None:
    found = tco_file(SCENARIOS).answer
    for name, printed in SCENARIO.items():
        one = found.variants.get(name, found)
        for option, want in zip(("hosted", "rented", "purchased"), printed, strict=True):
            if want is not None:
                assert monthly(one, option) == pytest.approx(want, abs=1e-6), (name, option)
    assert found.variants["81 M tokens"].options["rented"].replicas == 1
    assert found.variants["81,000,001 tokens"].options["rented"].replicas == 2


def test_the_crossover_is_the_printed_token() -> None:
    values = {"options.rented.lines.0.price": 1, "options.rented.lines.1.price": 30}
    _, grown = tco_by_volume(read_case(SCENARIOS), values)
    (met,) = (one for one in grown.crossings if one.after == "rented")
    assert not met.is_step
    assert math.ceil(met.share * 1_000_000 - 1e-6) == 235_714_286


def test_a_spare_replica_is_one_more_of_what_is_sized_by_its_work() -> None:
    found = tco_file(SCENARIOS).answer.variants
    spare, without = found["80.19 M tokens and a spare replica"], found["80.19 M tokens"]
    assert spare.options["purchased"].replicas == 2
    assert monthly(spare, "hosted") == monthly(without, "hosted")
    assert monthly(spare, "purchased") == pytest.approx(2 * monthly(without, "purchased"))


def test_costs_are_full_or_marginal_and_flows_say_not_which(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="costs"):
        tco_file(WALKTHROUGH, costs="marginel")
    path = tmp_path / "case.yaml"
    path.write_text("tco: 1\nname: x\noptions: {a: {kind: flows, flows: [-1, 2]}}\n")
    assert tco_file(path).answer.options
    with pytest.raises(InputError, match="does not say which"):
        tco_file(path, costs="marginal")


def rows(full: TcoAnswer, marginal: TcoAnswer) -> list[str]:
    """The page's table of switches: USD a month, full, and marginal in brackets."""
    found = []
    for name in ("", *full.variants):
        pair = [one.variants[name] if name else one for one in (full, marginal)]
        cells = [
            f"{monthly(pair[0], option):,.0f} ({monthly(pair[1], option):,.0f})"
            for option in PRINTED
        ]
        found.append(f"| {name or 'as ConfigIQ has it'} | {' | '.join(cells)} |")
    return found


def test_the_page_says_what_is_computed(full: TcoAnswer, marginal: TcoAnswer) -> None:
    page = PAGE.read_text(encoding="utf-8")
    for row in rows(full, marginal):
        assert row in page
    for found in (full, *full.variants.values(), marginal, *marginal.variants.values()):
        assert found.cheapest == "hosted"
    dearer = [n for n, v in full.variants.items() if monthly(v, "rented") > monthly(v, "purchased")]
    assert [name.split()[0] for name in dearer] == ["rent"]
    assert all(
        monthly(one, "purchased") < monthly(one, "rented")
        for one in (marginal, *marginal.variants.values())
    )


def test_the_discount_from_which_a_commitment_pays_is_that_of_the_page() -> None:
    committed = {
        "options.rented.lines.0.per": "hour",
        "options.rented.lines.0.quantity": 1,
    }
    document = read_case(WALKTHROUGH)
    by_the_hour, _ = tco_at(document, {})

    def at(discount: float) -> float:
        found, _ = tco_at(document, committed | {"options.rented.lines.0.discount": discount})
        return monthly(found, "rented")

    assert "it would from 83 % on" in PAGE.read_text(encoding="utf-8")
    assert at(0.83) < monthly(by_the_hour, "rented") < at(0.82)
