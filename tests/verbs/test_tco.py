"""`gpumix tco`: figures worked by hand, what is refused, and where the words stand."""

from __future__ import annotations

import math
from datetime import date
from pathlib import Path

import pytest
import yaml

from gpumix.errors import InputError
from gpumix.verbs.tco import Tco, tco_file

TODAY = date(2026, 11, 30)
BASE = {
    "tco": 1,
    "name": "case",
    "defaults": "none",
    "horizon": {"years": 3},
    "options": {
        "own": {
            "kind": "own",
            "gpus": 8,
            "lines": [{"item": "server", "category": "hardware", "price": 300000, "per": "once"}],
        },
        "rent": {
            "kind": "on_demand",
            "gpus": 8,
            "lines": [
                {
                    "item": "GPU",
                    "category": "rent",
                    "quantity": "gpus",
                    "price": 3,
                    "per": "busy_hour",
                }
            ],
        },
    },
}


def ask(tmp_path: Path, **changes: object) -> Tco:
    """The answer to the base case with other values at these paths (`__` for a dot)."""
    case = yaml.safe_load(yaml.safe_dump(BASE))
    for path, value in changes.items():
        *keys, last = path.split("__")
        here = case
        for key in keys:
            here = here[int(key)] if isinstance(here, list) else here.setdefault(key, {})
        if isinstance(here, list):
            here[int(last) : int(last) + 1] = [value]
        else:
            here[last] = value
    file = tmp_path / "case.yaml"
    file.write_text(yaml.safe_dump(case, sort_keys=False))
    return tco_file(file, today=TODAY)


def test_rent_by_the_hour_is_provisioned_only_while_busy(tmp_path):
    found = ask(tmp_path, load__busy=0.5).answer.options["rent"]
    assert found.cash.total == pytest.approx(3 * 8 * 8760 * 0.5 * 3)
    assert found.cost_per_gpu_hour.provisioned == pytest.approx(3.0)
    assert found.cost_per_gpu_hour.busy == pytest.approx(3.0)


def test_a_run_is_charged_by_its_hours(tmp_path):
    lines = [
        {
            "item": "accelerators",
            "category": "hardware",
            "price": 35000,
            "depreciation": {"method": "economic", "ooms_per_year": 0.14},
            "split": {"chip": 0.6},
            "rest": "server",
        },
        {
            "item": "interconnect",
            "category": "network",
            "of": "hardware",
            "price": 0.19,
            "gross_up": True,
        },
    ]
    found = ask(
        tmp_path,
        load={"gpu_hours": 1_000_000},
        site={"pue": 1.2, "tariff": {"energy": 0.08}},
        options__own={"kind": "own", "gpus": 8, "power": {"it_kw_per_gpu": 1.0}, "lines": lines},
    ).answer.options["own"]
    hardware = 35000 * 0.14 * math.log(10) * 1e6 / 8766
    assert found.by_item["chip"] == pytest.approx(0.6 * hardware)
    assert found.by_item["server"] == pytest.approx(0.4 * hardware)
    assert found.by_item["interconnect"] == pytest.approx(hardware * 0.19 / 0.81)
    assert found.by_item["electricity"] == pytest.approx(1e6 * 1.2 * 0.08)
    assert found.cash.up_front == pytest.approx(found.cash.total)
    assert found.cost_per_gpu_hour.provisioned == pytest.approx(found.cash.total / 1e6)


def test_a_country_without_a_row_is_known_by_what_the_case_states(tmp_path):
    stated = {"country": "FR", "tariff": {"energy": 0.2}, "outage_hours_per_year": 0, "taxes": {}}
    power = {"it_kw": 10}
    changes = {"site": stated, "finance": {"cost_of_capital": 0.08}, "options__own__power": power}
    bare = ask(tmp_path, **changes)
    assert bare.answer.options["own"].by_item["electricity"] == pytest.approx(10 * 8760 * 3 * 0.2)
    laid = ask(tmp_path, **changes, defaults="typical").answer.options["own"]
    assert laid.by_category["support"] > 0


def test_ratchet_minimum_and_power_factor(tmp_path):
    demand = {"price": 10, "unit": "kVA", "power_factor": 0.8, "ratchet": 0.75, "minimum_kw": 20}
    peaks = [10, 100, 40, 80] + [10] * 8
    found = ask(
        tmp_path,
        horizon={"months": 12},
        site={"tariff": {"energy": 0.1, "demand": demand}},
        options__own={"kind": "own", "metered": {"kwh": 1000, "peak_kw": peaks, "days": 30}},
    ).answer.options["own"]
    billed = [month.demand for month in found.energy.bill_by_month]
    assert billed[:5] == pytest.approx([250.0, 1250.0, 937.5, 1000.0, 937.5])
    assert found.by_category["demand"] == pytest.approx(sum(billed))


def test_a_loan_comes_back_in_level_payments(tmp_path):
    loan = {"loan_share": 0.8, "rate": 0.12, "years": 3}
    found = ask(tmp_path, options__own__financing=loan).answer.options["own"]
    payment = 240000 * 0.01 / (1 - 1.01**-36)
    assert found.by_item["loan"] == pytest.approx(-240000)
    assert found.by_item["loan payment"] == pytest.approx(36 * payment)
    assert found.cash.up_front == pytest.approx(60000)


def test_what_is_owed_at_the_end_is_paid_then(tmp_path):
    loan = {"loan_share": 1.0, "rate": 0.12, "years": 5}
    found = ask(
        tmp_path, finance__cost_of_capital=1.01**12 - 1, options__own__financing=loan
    ).answer.options["own"]
    assert found.present_cost == pytest.approx(
        300000
    )  # a loan at the cost of capital costs nothing


def test_a_credit_never_exceeds_the_rent_of_its_month(tmp_path):
    rent = BASE["options"]["rent"]["lines"][0]
    once = {"item": "credit", "category": "credit", "price": -60000, "per": "once", "until": 12}
    found = ask(tmp_path, options__rent__lines=[rent, once]).answer.options["rent"]
    assert found.by_category["credit"] == pytest.approx(-60000)
    assert found.cash.by_month[1:4] == pytest.approx([0.0, 0.0, 0.0], abs=20000)
    assert min(found.cash.by_month) >= 0.0
    much = {**once, "price": -1e9}
    found = ask(tmp_path, options__rent__lines=[rent, much]).answer.options["rent"]
    assert found.by_category["credit"] == pytest.approx(-3 * 8 * 8760)


def test_support_starts_when_a_phase_is_bought(tmp_path):
    first = BASE["options"]["own"]["lines"][0]
    second = {**first, "item": "second", "at": 12, "price": 100000}
    support = {
        "item": "support",
        "category": "support",
        "of": "hardware",
        "price": 0.1,
        "per": "year",
    }
    found = ask(tmp_path, options__own__lines=[first, second, support]).answer.options["own"]
    assert found.by_category["support"] == pytest.approx(0.1 * (300000 * 3 + 100000 * 2))


def test_tax_on_tax_and_what_comes_back(tmp_path):
    taxes = [
        {"name": "duty", "rate": 10, "base": ["value"]},
        {"name": "IGST", "rate": 18, "base": ["value", "duty"], "recoverable": 1, "lag_months": 6},
    ]
    line = {**BASE["options"]["own"]["lines"][0], "tax": "server"}
    found = ask(tmp_path, site__taxes={"server": taxes}, options__own__lines=[line])
    landed = found.answer.options["own"].lines["server"]
    assert landed.tax_total == pytest.approx(300000 * (0.1 + 0.198))
    assert landed.tax_final == pytest.approx(30000)
    assert landed.landed == pytest.approx(389400)
    back = [e for e in found.entries["own"] if e.category == "tax refund"]
    assert [(e.month, e.amount) for e in back] == [(6.0, pytest.approx(-59400))]


def test_outages_burn_diesel_or_are_dark(tmp_path):
    site = {
        "pue": 1.5,
        "tariff": {"energy": 0.1},
        "outage_hours_per_year": 876,
        "generator": {
            "rated_kw": 40,
            "litres_per_hour": {"per_rated_kw": 0.04, "per_load_kw": 0.23},
            "diesel_price": 0.8,
        },
    }
    option = {**BASE["options"]["own"], "power": {"idle_kw": 2, "load_kw": 6}}
    lit = ask(tmp_path, site=site, load__busy=0.5, options__own=option).answer.options["own"]
    litres = 876 * (0.04 * 40 + 0.23 * 6.0)
    assert lit.energy.generator_l_per_year == pytest.approx(litres)
    assert lit.by_category["fuel"] == pytest.approx(3 * litres * 0.8)
    assert lit.by_category["energy"] == pytest.approx(3 * 6.0 * 8760 * 0.9 * 0.1)
    del site["generator"]
    dark = ask(tmp_path, site=site, load__busy=0.5, options__own=option).answer.options["own"]
    assert dark.energy.dark_hours_per_year == pytest.approx(876)
    assert "fuel" not in dark.by_category
    assert dark.cost_per_gpu_hour.busy == pytest.approx(
        dark.level_cost_per_year / (8 * 8760 * 0.5 * 0.9)
    )


def test_staff_is_fixed_by_posts_not_by_servers(tmp_path):
    staff = {"least": 0.5, "per_server": 0.1, "salary": 100000, "whole": True}
    cost = {}
    for servers in (1, 9, 11):
        found = ask(tmp_path, site__staff=staff, options__own__servers=servers)
        cost[servers] = found.answer.options["own"].by_category["staff"]
    assert cost == pytest.approx({1: 300000.0, 9: 300000.0, 11: 600000.0})


def test_break_even_over_the_busy_share_is_where_both_cost_the_same(tmp_path):
    asked = {"even": {"between": ["own", "rent"], "over": "busy"}}
    share = ask(tmp_path, break_even=asked).answer.break_evens["even"].value
    assert share == pytest.approx(300000 / (3 * 8 * 8760 * 3))
    at_it = ask(tmp_path, load__busy=share).answer.options
    assert at_it["own"].present_cost == pytest.approx(at_it["rent"].present_cost)


def test_a_break_even_that_is_not_there_says_who_is_cheaper(tmp_path):
    asked = {"even": {"between": ["own", "rent"], "over": "busy", "search": [0.0, 0.1]}}
    found = ask(tmp_path, break_even=asked).answer.break_evens["even"]
    assert found.value is None
    assert "rent is cheaper" in found.reason


def test_payback_runs_on_past_the_horizon(tmp_path):
    found = ask(tmp_path, load__busy=0.25, compare=[["own", "rent"]]).answer
    months = found.comparisons["own against rent"].payback_months
    assert months == pytest.approx(300000 / (3 * 8 * 730 * 0.25))
    assert months > 36


def test_ranges_give_tornado_and_draws(tmp_path):
    ranges = {"load.busy": [0.1, 0.4, 0.9], "options.own.lines.0.price": [200000, 300000, 400000]}
    found = ask(tmp_path, ranges=ranges, draws={"n": 400, "seed": 1}).answer
    assert next(iter(found.tornado)) == "load.busy"
    assert found.tornado["load.busy"].flips
    spread = found.distribution["own"]
    assert 200000 < spread.p10 < spread.p50 < spread.p90 < 400000
    assert sum(found.share_cheapest.values()) == pytest.approx(1.0)
    again = ask(tmp_path, ranges=ranges, draws={"n": 400, "seed": 1}).answer
    assert again == found


def test_a_variant_is_the_whole_case_again(tmp_path):
    changes = {"busier": {"load.busy": 0.8}, "no rent": {"options.rent.lines.0.price": 0}}
    found = ask(tmp_path, load__busy=0.4, variants=changes).answer
    rent = found.options["rent"].present_cost
    assert found.variants["busier"].options["rent"].present_cost == pytest.approx(2 * rent)
    assert found.variants["no rent"].options["rent"].present_cost == 0.0


def test_one_server_in_frankfurt_costs_the_same_whatever_else_is_declared():
    example = Path(__file__).parent.parent.parent / "examples" / "tco-frankfurt.yaml"
    found = tco_file(example, today=TODAY).answer.options["own"]
    assert found.by_category["staff"] == pytest.approx(0.5 * 200000 * 0.86 * 4)
    assert found.servers == 1


OWN_LINE = "options__own__lines__0__"
REFUSED = {
    "negative price": ({OWN_LINE + "price": -5}, "is negative"),
    "unknown currency": ({OWN_LINE + "currency": "XYZ"}, "XYZ has no rate of exchange"),
    "rate not positive": ({"finance__fx": {"BDT": 0}}, "must be above 0"),
    "until before at": ({OWN_LINE + "at": 12, OWN_LINE + "until": 6}, "is not after `at`"),
    "at after the horizon": ({OWN_LINE + "at": 40}, "is after the horizon"),
    "tax base not above": (
        {"site__taxes": {"x": [{"name": "a", "rate": 5, "base": ["b"]}]}},
        "'b' is no tax above 'a'",
    ),
    "tax over 100 %": ({"site__taxes": {"x": [{"name": "a", "rate": 150}]}}, "must be at most 100"),
    "busy outside 0-1": ({"load__busy": 1.5}, "must be at most 1"),
    "outages over a year": ({"site__outage_hours_per_year": 9000}, "must be at most 8760"),
    "residual over 1": ({OWN_LINE + "residual": 1.5}, "must be at most 1"),
    "of nothing": (
        {OWN_LINE + "of": "storage", OWN_LINE + "category": "support"},
        "no line 'storage'",
    ),
    "loan with neither": (
        {"options__own__loan": {"principal": 100, "rate_per_period": 0.01}},
        "exactly one of",
    ),
    "break-even over nothing": (
        {"break_even": {"x": {"between": ["own", "rent"], "over": "options.own.speed"}}},
        "nothing stands at options.own.speed",
    ),
    "unknown option": ({"compare": [["own", "lent"]]}, "no option is called 'lent'"),
    "unknown key": ({"options__own__serverz": 2}, "unknown key"),
    "power without tariff": (
        {"defaults": "typical", "options__own__power": {"it_kw": 5}},
        "without tariff or country",
    ),
    "future date": ({OWN_LINE + "as_of": "2031-01-01"}, "is in the future"),
    "unknown server": ({"options__own__power": {"server": "hgx-h100"}}, "server"),
    "range out of order": ({"ranges": {"load.busy": [0.9, 0.5, 0.1]}}, "low, typical, high"),
    "variant that is no case": ({"variants": {"v": {"load.busy": 3}}}, "must be at most 1"),
    "wrong unit": ({OWN_LINE + "per": "fortnight"}, "unknown: 'fortnight'"),
    "true for a number": ({OWN_LINE + "price": True}, "expected a number"),
    "two counts of a unit": (
        {"load__units": [{"name": "a", "per_day": 5, "per_month": 5}]},
        "`per_day` and `per_month`",
    ),
    "payment below the interest": (
        {"options__own__loan": {"principal": 1000, "rate_per_period": 0.01, "payment": 10}},
        "never pays the loan back",
    ),
    "country that is none": ({"site__country": "France"}, "unknown country"),
    "country without a row": (
        {"site__country": "FR", "defaults": "typical", "site__tariff": {"energy": 0.2}},
        "state finance.cost_of_capital, site.outage_hours_per_year, site.taxes",
    ),
    "no tariff for a meter": ({"options__own__metered": {"kwh": 5}}, "needs site.tariff"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(tmp_path, name):
    changes, words = REFUSED[name]
    with pytest.raises(InputError) as refused:
        ask(tmp_path, **changes)
    assert any(words in problem.message for problem in refused.value.problems), refused.value


def test_all_problems_are_told_at_once_with_their_lines(tmp_path):
    with pytest.raises(InputError) as refused:
        ask(
            tmp_path,
            **{OWN_LINE + "price": -5, OWN_LINE + "per": "fortnight", "compare": [["a", "b"]]},
        )
    assert len(refused.value.problems) >= 4
    assert all("line" in problem.place for problem in refused.value.problems)


def test_a_wrong_word_hides_no_other_problem(tmp_path):
    with pytest.raises(InputError) as refused:
        ask(tmp_path, **{OWN_LINE + "price": -5, OWN_LINE + "category": "hardwar", "horizn": 3})
    told = [problem.message for problem in refused.value.problems]
    assert [m for m in told if m == "unknown key 'horizn'"]
    assert [m for m in told if "hardwar" in m]
    assert [m for m in told if "is negative" in m]


def test_an_irr_without_a_root_says_why(tmp_path):
    flows = {"kind": "flows", "flows": [100, 60], "irr_near": 0.1}
    found = ask(tmp_path, options__f=flows).answer.options["f"].irr
    assert found is not None
    assert found.value is None
    assert "never change sign" in found.reason


def test_unsourced_defaults_are_refused_where_the_file_asks(tmp_path):
    with pytest.raises(InputError, match="without a source"):
        ask(tmp_path, defaults="typical", require_sourced=True)


def test_stated_figures_win_and_defaults_are_written_down(tmp_path):
    first = BASE["options"]["own"]["lines"][0]
    storage = {"item": "NAS", "category": "storage", "price": 5000, "per": "once"}
    found = ask(tmp_path, defaults="typical", options__own__lines=[first, storage]).answer
    paths = {default.what for default in found.assumptions}
    assert "own: spares" in paths
    assert "own: storage" not in paths
    assert found.options["own"].by_category["storage"] == 5000
    assert [d.sourced for d in found.assumptions] == sorted(d.sourced for d in found.assumptions)
