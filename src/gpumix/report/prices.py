"""The page of a GPU's price history: one HTML file that needs no other, charts as SVG."""

from __future__ import annotations

from markupsafe import Markup

from gpumix.domain.prices import PriceHistory
from gpumix.report.pages import CHART_PX, environment
from gpumix.report.tables import Table
from gpumix.report.views import charts
from gpumix.report.views import prices as view


def history_html(history: PriceHistory) -> str:
    """The page of a price history, a whole HTML document."""
    drawn = [
        (caption, Markup(charts.as_svg(charts.prices_over_time(rows), CHART_PX)))
        for caption, rows in view.chart_rows(history)
    ]
    return (
        environment()
        .get_template("prices.html.j2")
        .render(
            name=view.sized(history.gpu),
            headline=view.history_headline(history),
            remarks=view.history_remarks(history),
            charts=drawn,
            tables=[view.summary_table(history), *_plain(view.month_tables(history))],
            as_of=history.as_of,
        )
    )


def _plain(tables: list[Table]) -> list[Table]:
    return [one.without("bar") for one in tables]
