"""`/prices`: what a GPU costs now and did before; every price dated, the old ones marked."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any, Literal

from pydantic import Field

from gpumix.domain.prices import ListedOffer
from gpumix.errors import GpumixError
from gpumix.report import export
from gpumix.report.views import charts
from gpumix.report.views import prices as view
from gpumix.verbs.price_trends import price_history
from gpumix.verbs.prices import list_offers
from gpumix.web.house import House, Query
from gpumix.web.limits import limits
from gpumix.web.pages.page import WIDE_PX, Page, drawn
from gpumix.web.shown import Shown, table_csv

GPU = "h100"
Sort = Literal["price", "age", "provider", "region", "purchase"]


class PricesQuery(Query):
    """The options of `gpumix prices list`."""

    gpu: str = Field(GPU, description="GPU id, family or size: h100-sxm-80gb, h100, 8xH100.")
    provider: str | None = Field(None, description="Provider; default all.")
    country: str | None = Field(None, description="ISO country; default all.")
    purchase: str | None = Field(None, description="on_demand, spot, reserved, reserved_1y, ...")
    derived: bool = Field(False, description="Also commitments that gpumix estimates.")
    sort: Sort = Field("price", description="Order of the offers.")


def _orders(today: date) -> dict[str, Callable[[ListedOffer], Any]]:
    return {
        "price": lambda one: one.offer.usd_per_gpu_hour,
        "age": lambda one: one.offer.age_days(today),
        "provider": lambda one: one.offer.provider,
        "region": lambda one: one.offer.region,
        "purchase": lambda one: one.offer.purchase.value,
    }


_SORTED_BY = {
    "usd_per_gpu_hour": "price", "age_days": "age", "provider": "provider", "region": "region",
    "purchase": "purchase",
}  # fmt: skip


def answer(query: PricesQuery, house: House) -> Shown:
    """Offers of a GPU and their history. Raises: InputError for unknown names."""
    today = date.today()
    found = list_offers(
        query.gpu, query.provider, query.country, query.purchase, None, today, query.derived
    )
    data: dict[str, Any] = {"offers": [export.offer_to_dict(one, today) for one in found]}
    try:
        history = price_history(query.gpu, query.purchase, today)
    except GpumixError as error:  # nobody ever listed it so
        history, why_not = None, str(error)
    most = limits().listed_offers
    rows = sorted(found, key=_orders(today)[query.sort])
    offers = view.offers_table(rows[:most], today).without("layer")
    every = table_csv([view.offers_table(rows, today)])
    more = f"The first {most} of {len(found):,} offers; the CSV has all." if found[most:] else ""
    if history is None:
        return Shown(
            query.gpu, f"{len(found)} offers; {why_not}", data, "Prices", tables=(offers,),
            sorts=_SORTED_BY, csv=every,
        )  # fmt: skip
    data["history"] = export.record_to_dict(history)
    (caption, dots), *_ = view.chart_rows(history)
    months = [one.without("bar") for one in view.month_tables(history)]
    return Shown(
        title=view.sized(history.gpu),
        eyebrow=f"Prices · USD per GPU-hour · as of {history.as_of}",
        headline=view.history_headline(history),
        data=data,
        lead=tuple(words for words in (*view.history_remarks(history), more) if words),
        charts=drawn(("history", caption, charts.prices_over_time(dots), WIDE_PX)),
        chart_first=True,
        tables=tuple(t for t in (offers, view.summary_table(history)) if t.rows),
        folded=tuple(months),
        sorts=_SORTED_BY,
        csv=every,
    )


PAGE = Page(
    "prices", "Prices", "Offers of a GPU now and its prices by month: median, range, count, age.",
    PricesQuery, answer, "prices_page.html.j2", is_kept=True,
)  # fmt: skip
