"""An attribution as rows of FOCUS 1.2: one a share, and one for what lies outside of the GPUs.

The sum of EffectiveCost is the bill's. BilledCost is 0: an invoice has no shares. Whose a share is
stands in `x_` columns, which the specification leaves to whoever writes.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Final

from gpumix.domain.fleet import Attribution, AttributionRow, Outside
from gpumix.files import plain_cell

_COLUMNS: Final = (
    "BilledCost",
    "BillingCurrency",
    "ChargeCategory",
    "ChargeDescription",
    "ChargePeriodEnd",
    "ChargePeriodStart",
    "EffectiveCost",
    "ResourceId",
    "x_team",
    "x_workload",
    "x_model",
    "x_gpu",
    "x_kind",
    "x_gpu_hours",
    "x_tokens_in",
    "x_tokens_out",
    "x_joules",
)
_MICRO: Final = Decimal(1_000_000)


def focus_rows(found: Attribution) -> str:
    """The CSV, with a header."""
    text = io.StringIO()
    writer = csv.DictWriter(text, _COLUMNS, lineterminator="\n", restval="")
    writer.writeheader()
    writer.writerows(_rows(found))
    return text.getvalue()


def _rows(found: Attribution) -> Iterator[Mapping[str, object]]:
    for row in found.rows:
        yield _common(found, row.usd_micro) | _share(row)
    for one in found.totals.outside:
        yield _common(found, one.usd_micro) | _left(one)


def _common(found: Attribution, usd_micro: int) -> dict[str, object]:
    return {
        "BilledCost": "0.000000",
        "BillingCurrency": found.currency,
        "ChargePeriodStart": found.start,
        "ChargePeriodEnd": found.end,
        "EffectiveCost": f"{Decimal(usd_micro) / _MICRO:.6f}",
    }


def _share(row: AttributionRow) -> dict[str, object]:
    return {
        "ChargeCategory": "Usage",
        "ChargeDescription": f"GPU-hours: {row.kind}",
        "ResourceId": _plain(row.node),
        "x_team": _plain(row.team),
        "x_workload": _plain(row.workload),
        "x_model": _plain(row.model),
        "x_gpu": row.gpu or "",
        "x_kind": row.kind,
        "x_gpu_hours": row.hours,
        "x_tokens_in": row.tokens_in,
        "x_tokens_out": row.tokens_out,
        "x_joules": row.joules,
    }


def _left(one: Outside) -> dict[str, object]:
    return {"ChargeCategory": one.charge_category, "ChargeDescription": one.reason}


def _plain(text: str | None) -> str:
    """A text that no spreadsheet takes for a formula."""
    return plain_cell(text or "")
