"""Plain listings: errors of a backtest, offers of the price catalogue."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from gpumix.domain.backtest import Backtest, ErrorSlice
from gpumix.domain.offer import Offer
from gpumix.report.tables import Table, basis, table, text, value


def backtest_tables(result: Backtest) -> tuple[Table, ...]:
    """One table of errors an engine and kind of slice, worst slice first."""
    kinds = dict.fromkeys((s.engine, s.by) for s in result.slices)
    return tuple(
        table(
            f"{engine}, by {by}" if by != "all" else engine,
            ErrorSlice,
            [s for s in result.slices if (s.engine, s.by) == (engine, by)],
            ("name", lambda s: text(s.name)),
            ("rows", lambda s: value("rows", s.rows, record=ErrorSlice)),
            ("covered", lambda s: value("covered", s.covered)),
            ("median", lambda s: value("median", s.median, record=ErrorSlice)),
            ("mean", lambda s: value("mean", s.mean, record=ErrorSlice)),
            ("p90", lambda s: value("p90", s.p90, record=ErrorSlice)),
            ("bias", lambda s: value("bias", s.bias, record=ErrorSlice)),
            ("held", lambda s: value("held", s.held, record=ErrorSlice)),
        )
        for engine, by in kinds
    )


def offers_table(offers: Sequence[Offer], as_of: date) -> Table:
    """Offers with price, age and evidence, in the order given."""
    return table(
        "Prices",
        Offer,
        offers,
        ("gpu", lambda o: text(o.gpu)),
        ("gpus_per_instance", lambda o: value("gpus_per_instance", o.gpus_per_instance)),
        ("purchase", lambda o: text(o.purchase.value)),
        ("usd_per_gpu_hour", lambda o: value("usd_per_gpu_hour", o.usd_per_gpu_hour)),
        ("provider", lambda o: text(o.provider)),
        ("region", lambda o: text(o.region)),
        ("country", lambda o: text(o.country or "")),
        ("price_as_of", lambda o: value("price_as_of", o.as_of)),
        ("age_days", lambda o: value("age_days", max((as_of - o.as_of).days, 0))),
        ("basis", lambda o: basis(o.basis)),
    )
