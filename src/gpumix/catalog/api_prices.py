"""Prices of hosted tokens: the packaged table, and a team's own sheet over it."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Final

from gpumix.catalog.tables import Row, read_packaged, read_sheet, refuse_data, refuse_input
from gpumix.domain.api import ApiKind, ApiPrice
from gpumix.errors import Problem, unknown_name

TABLE: Final = "api_prices.csv"
COLUMNS: Final = (
    "provider",
    "name",
    "hf_id",
    "kind",
    "mode",
    "usd_per_mtok_input",
    "usd_per_mtok_cached",
    "usd_per_mtok_output",
    "batch_input",
    "batch_output",
    "context",
    "country",
    "as_of",
    "as_of_precision",
    "source",
)
REQUIRED: Final = ("provider", "hf_id", "usd_per_mtok_input", "usd_per_mtok_output", "as_of")
MODES: Final = ("chat", "responses", "completion", "embedding")
HIGHEST: Final = 10_000.0
"""USD per million tokens above which a price is none: the dearest listed is 600 (a price per token
or per thousand written into the wrong column is what is met)."""
OLDEST: Final = date(2020, 6, 1)
"""The first API that sold tokens of a language model opened in June 2020."""


def api_record(row: Row) -> ApiPrice:
    """One line of `api_prices.csv`, or of a sheet with its columns."""
    model = row.text("hf_id") or None
    kind = ApiKind.SUBSTITUTE if model is None else ApiKind.SAME
    stated = row.text("kind")
    if stated and stated != kind:
        what = "names a model" if model else "names no model"
        row.wrong(f"kind is {stated!r} and hf_id {what}", f"write {kind.value}, or mend hf_id")
    context = row.whole("context")
    if context == 0:
        row.wrong("context is 0", "leave it empty where it is not known")
    return ApiPrice(
        provider=row.required_text("provider"),
        name=row.text("name") or row.text("hf_id"),
        model=model,
        kind=kind,
        mode=row.choice("mode", MODES) if row.text("mode") else "chat",
        usd_per_mtok_input=row.positive("usd_per_mtok_input", HIGHEST),
        usd_per_mtok_cached=_rate(row, "usd_per_mtok_cached"),
        usd_per_mtok_output=_output(row),
        batch_input=_rate(row, "batch_input"),
        batch_output=_rate(row, "batch_output"),
        context=context,
        country=row.text("country") or None,
        as_of=_day(row),
        as_of_precision=row.text("as_of_precision") or "day",
        source=row.text("source") or "your own sheet",
    )


def _rate(row: Row, column: str) -> float | None:
    value = row.number(column)
    if value is not None and value > HIGHEST:
        row.wrong(f"{column} is {value:g}", f"write USD per million tokens, at most {HIGHEST:g}")
    return value


def _output(row: Row) -> float:
    """USD per million output tokens; 0 is a price of embeddings alone, which have no output."""
    value = _rate(row, "usd_per_mtok_output")
    if value is None and not row.text("usd_per_mtok_output"):
        row.wrong("usd_per_mtok_output is empty", "write USD per million tokens; 0 for embeddings")
    elif value == 0.0 and row.text("mode") != "embedding":
        row.wrong("usd_per_mtok_output is 0", "only embeddings have no output")
    return value or 0.0


def _day(row: Row) -> date:
    """The row's date; a month counts as its first day."""
    text = row.text("as_of")
    month = re.fullmatch(r"\d{4}-\d{2}", text)
    try:
        return date.fromisoformat(f"{text}-01" if month else text)
    except ValueError:
        row.wrong(f"as_of is {text!r}", "write a date as 2026-11-30, or a month as 2026-11")
        return date.min


def load_api_prices(models: Collection[str], folder: Path | None = None) -> tuple[ApiPrice, ...]:
    """The packaged prices. Raises: DataError for a row that names a model nobody knows."""
    found = read_packaged(TABLE, api_record, folder)
    lost = sorted({p.model for p in found if p.model is not None} - set(models))
    refuse_data([unknown_name(TABLE, "model", name, models) for name in lost])
    return found


def read_api_sheet(
    path: Path, models: Collection[str], aliases: Mapping[str, str], today: date
) -> tuple[ApiPrice, ...]:
    """A team's own API prices, in the columns of `api_prices.csv`; `hf_id` may be an alias.

    Raises: InputError with every bad row: a price that is none, a date before 2020 or in the
    future, an unknown model, two rows for one price.
    """
    problems: list[Problem] = []
    found: dict[tuple[str, str, str | None], tuple[ApiPrice, str]] = {}
    lower = {name.lower(): id for name, id in [*((m, m) for m in models), *aliases.items()]}

    def record(row: Row) -> ApiPrice:
        name = row.text("hf_id")
        if name and name.lower() in lower:
            row.cells = {**row.cells, "hf_id": lower[name.lower()]}
        return api_record(row)

    for price, row in read_sheet(path, REQUIRED, COLUMNS, record):
        problems = row.problems
        if price.model is not None and price.model not in models:
            problems.append(unknown_name(row.place, "model", price.model, models))
        if price.as_of != date.min and not OLDEST <= price.as_of <= today:
            row.wrong(f"as_of is {price.as_of}", f"a day from {OLDEST} to {today}")
        if price.country is not None and not re.fullmatch("[A-Z]{2}", price.country):
            row.wrong(f"country is {price.country!r}", "write its ISO code, such as DE")
        key = (price.provider, price.name, price.country)
        if key in found:
            row.wrong(
                f"has the price of line {found[key][1].rpartition(' ')[2]} again",
                "keep one of them",
            )
        found[key] = (price, row.place)
    refuse_input(problems)
    return tuple(price for price, _ in found.values())


def overlay(listed: Sequence[ApiPrice], own: Sequence[ApiPrice]) -> tuple[ApiPrice, ...]:
    """Listed prices less those that a team has its own of (provider and model, or name), and its
    own."""
    replaced = {(p.provider, p.model or p.name) for p in own}
    kept = [p for p in listed if (p.provider, p.model or p.name) not in replaced]
    return (*kept, *own)
