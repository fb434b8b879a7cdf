"""The finance director's page of a plan's report, and the views of it that other renderers show."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from gpumix.domain.plan import Plan
from gpumix.report.pages import CHART_PX
from gpumix.report.tables import Table
from gpumix.report.views import cfo as view
from gpumix.report.views import cfo_charts, charts

HALF_PX = 520
"""Width of a chart that shares a line with another."""
_MOST_LINES = 3
"""Lines whose rent is drawn."""


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart of the page: what it shows, its specification and its static drawing."""

    id: str
    caption: str
    spec: Mapping[str, Any]
    svg: Markup


def chart(id: str, caption: str, spec: Mapping[str, Any], width: int = HALF_PX) -> Chart:
    """A chart drawn once, for readers without scripts."""
    return Chart(f"chart-{id}", caption, spec, Markup(charts.as_svg(spec, width)))


@dataclass(frozen=True, slots=True)
class CfoPage:
    """Everything on the page, in its order."""

    answer: tuple[str, ...]
    trust: str
    expires: str
    entries: str
    limits: str
    cash: Table
    cash_charts: tuple[Chart, ...]
    against: Table
    own_or_rent: Table
    rent_charts: tuple[Chart, ...]
    without_price: tuple[str, ...]
    tornado: Table
    tornado_charts: tuple[Chart, ...]
    flips: tuple[str, ...]
    spread: Table
    draw_charts: tuple[Chart, ...]
    books: Table
    books_words: str
    owned: Table
    step_charts: tuple[Chart, ...]
    ages: Table
    room: Table

    @property
    def charts(self) -> tuple[Chart, ...]:
        """Every chart."""
        return (
            *self.cash_charts, *self.rent_charts, *self.tornado_charts, *self.draw_charts,
            *self.step_charts,
        )  # fmt: skip

    @property
    def tables(self) -> tuple[Table, ...]:
        """Every table."""
        return (
            self.cash, self.against, self.own_or_rent, self.tornado, self.spread, self.books,
            self.owned, self.ages, self.room,
        )  # fmt: skip


def cfo_page(plan: Plan) -> CfoPage:
    """The page of a plan; what the plan does not know is empty."""
    return CfoPage(
        answer=tuple(view.answer_lines(plan)),
        trust=view.trust_words(plan),
        expires=view.expiry_words(plan),
        entries=plan.ledger.entries if plan.ledger else "entries.csv",
        limits=view.limit_words(plan),
        cash=view.cash_table(plan),
        cash_charts=_drawn(
            ("cash-year", "Cash by year", cfo_charts.cash_by_year(plan), HALF_PX),
            ("cash-month", "Cash by month and so far", cfo_charts.cash_by_month(plan), HALF_PX),
        ),
        against=view.against_table(plan),
        own_or_rent=view.own_or_rent_table(plan),
        rent_charts=_rent_charts(plan),
        without_price=tuple(view.without_price(plan)),
        tornado=view.tornado_table(plan),
        tornado_charts=_drawn(
            ("tornado", "Present cost, one input at a time", cfo_charts.tornado(plan), CHART_PX)
        ),
        flips=tuple(view.flips(plan)) if plan.money else (),
        spread=view.spread_table(plan),
        draw_charts=_drawn(
            ("draws", "Present cost, all inputs together", cfo_charts.draws(plan), CHART_PX)
        ),
        books=view.books_table(plan),
        books_words=view.books_words(plan),
        owned=view.owned_table(plan),
        step_charts=_drawn(
            ("steps", "Orders, service, ends and resale", cfo_charts.purchases(plan), CHART_PX),
            ("held", "GPUs held", cfo_charts.gpus_held(plan), CHART_PX),
        ),
        ages=view.ages_table(plan),
        room=view.room_table(plan),
    )


def cfo_tables(plan: Plan) -> list[Table]:
    """Cash by year, against the alternatives, own against rent, racks and power; those that have
    rows: what a terminal and Markdown show."""
    every: Iterable[Table] = (
        view.cash_table(plan), view.against_table(plan), view.own_or_rent_table(plan),
        view.room_table(plan),
    )  # fmt: skip
    return [one for one in every if one.rows]


def _rent_charts(plan: Plan) -> tuple[Chart, ...]:
    found: list[tuple[str, str, Mapping[str, Any] | None, int]] = []
    for i, one in enumerate(view.comparable(plan)[:_MOST_LINES]):
        busy = cfo_charts.own_against_rent(one)
        found.append((f"busy-{i}", f"{one.resource}: own or rent, by use", busy, HALF_PX))
        volume = cfo_charts.own_by_volume(one)
        found.append((f"volume-{i}", f"{one.resource}: own or rent, by volume", volume, HALF_PX))
    return _drawn(*found)


def _drawn(*charts: tuple[str, str, Mapping[str, Any] | None, int]) -> tuple[Chart, ...]:
    return tuple(
        chart(id, caption, spec, width) for id, caption, spec, width in charts if spec is not None
    )
