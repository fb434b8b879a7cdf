"""A plan with its money: a ledger and draws by hand, of the size of the bank in Dhaka."""

from __future__ import annotations

import dataclasses
from datetime import date

from tests.report import plan_fixture

from gpumix.cost.case.streams import stream_of
from gpumix.cost.case.sums import cash_by_category, cash_of, ledger_option
from gpumix.domain.ledger import Entry, PlanLedger
from gpumix.domain.money import (
    Flip,
    MoneyAgainst,
    MoneyInput,
    MoneyOption,
    OwnOrRent,
    PlanBooks,
    PlanMoney,
    RentPrice,
    TornadoBar,
    VolumePoint,
)
from gpumix.domain.plan import Plan
from gpumix.domain.tco import Irr, Spread

MONTHS = 36
RATE = 0.13


def entries(option: str = "dhaka/l40s-48gb/buy") -> tuple[Entry, ...]:
    """Two servers bought, taxes back after a year, bills by month, resale at the end."""

    def entry(month: float, category: str, price: float, closes: bool = False) -> Entry:
        return Entry(
            month, option, category, category, 2.0, "server", price, "a quotation", "quoted",
            date(2026, 11, 2), closes=closes,
        )  # fmt: skip

    bills = (entry(float(m), "support", 900.0, closes=True) for m in range(1, MONTHS + 1))
    return (
        entry(0.0, "hardware", 131_500.0),
        entry(0.0, "tax", 22_075.63),
        entry(12.0, "tax refund", -15_900.63),
        entry(36.0, "residual", -27_500.0, closes=True),
        *bills,
    )


def ledger(rows: tuple[Entry, ...]) -> PlanLedger:
    """The ledger of entries of one option."""
    streams = [stream_of(row) for row in rows]
    option = ledger_option(
        rows[0].option, "buy", streams, MONTHS, RATE, gpus=16, gpu_hours=1e5, busy_gpu_hours=4e4
    )
    return PlanLedger(
        "Dhaka", "USD", date(2027, 1, 1), MONTHS, RATE, {rows[0].option: option},
        cash=cash_of(streams, MONTHS), by_category=cash_by_category(streams, MONTHS),
    )  # fmt: skip


def money(other: str = "all cloud") -> PlanMoney:
    """The figures of a plan against one alternative."""
    price = MoneyInput(
        "price of servers", 80_000.0, 100_000.0, 130_000.0, "USD", 10_000.0, 1e6, "quotations",
        date(2026, 6, 1), True,
    )  # fmt: skip
    busy = MoneyInput("use", 0.25, 0.368, 0.6, "share", 0.01, 1.0, "", None, False)
    own = Spread(268_739.0, 305_451.0, 347_545.0)
    rent = Spread(151_538.0, 211_825.0, 289_888.0)
    return PlanMoney(
        draws=2000,
        seed=1,
        inputs=(price, busy),
        options=(
            MoneyOption("the plan", 294_671.0, 300_000.0, (1.0, 2.0, 3.0), own, own, 0.075),
            MoneyOption(other, 202_888.0, 240_000.0, (1.0, 2.0, 3.0), rent, rent, 0.925),
        ),
        best_alternative=other,
        against=(
            MoneyAgainst(
                other, -41_330.0, -91_783.0, Spread(-152_000.0, -93_000.0, -20_000.0),
                Irr(-0.077, (-0.077,)), 55.0, 84.0, ("data leave the country",),
            ),
        ),
        tornado=(
            TornadoBar(price, 239_978.0, 376_709.0, other, other, False),
            TornadoBar(busy, 292_233.0, 299_482.0, other, "the plan", True),
        ),
        flips=(
            Flip("use", "share", 0.368, 0.541, other),
            Flip("price of servers", "USD", 100_000.0, 66_437.0, other),
            Flip("tariff", "USD/kWh", 0.103, None, other, "the plan is dearer at any"),
        ),
        own_or_rent=(
            OwnOrRent(
                "dhaka/l40s-48gb/buy", "l40s-48gb", 16, 8, 0.368, 294_671.0, (0.0, 0.5, 1.0),
                (287_055.0, 297_411.0, 307_766.0),
                (RentPrice("median of 15 providers", 1.37, (0.0, 275_888.0, 551_776.0), 0.541),),
                (VolumePoint(4, 147_000.0, (137_944.0,)), VolumePoint(12, 294_000.0, (413_832.0,))),
            ),
            OwnOrRent("b", "h100", 8, 8, 0.5, 1.0, (), (), (), (), "no price is known"),
        ),
        books=PlanBooks(
            5.0, 275_350.0, (55_070.0,) * 3, (220_280.0, 165_210.0, 110_140.0), 55_000.0, -55_140.0
        ),
    )  # fmt: skip


def plan() -> Plan:
    """The plan of every other renderer's test, with a ledger and its money."""
    rows = entries()
    own = ledger(rows)
    return dataclasses.replace(
        plan_fixture.plan(), ledger=own, money=money(), cost_of_capital=RATE,
        cash_usd=own.cash.total if own.cash else None,
        cash_by_year_usd=own.cash.by_year if own.cash else (),
    )  # fmt: skip
