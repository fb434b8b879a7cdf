"""`/own`: the ways of having GPUs over their use, each counted on its ledger, with what moves them.

The crossings are solved by the same code as those of `gpumix tco`.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import Field

from gpumix import fields
from gpumix.domain.case import Costs
from gpumix.domain.tco import TcoAnswer
from gpumix.errors import unknown_name
from gpumix.files import read_rows
from gpumix.inventory.case import read_case
from gpumix.inventory.yaml import Document
from gpumix.report import export
from gpumix.report.cfo import Chart
from gpumix.report.tables import Cell, Column, Table, text
from gpumix.report.views import compare_charts
from gpumix.report.views import tco as view
from gpumix.report.views import volume as volume_view
from gpumix.report.views.tco import in_currency
from gpumix.verbs.tco import Curve, grows, tco_at, tco_by_volume
from gpumix.web.house import House, Query, catalogue
from gpumix.web.pages.page import WIDE_PX, Page, drawn
from gpumix.web.problems import NotHere
from gpumix.web.shown import Answer, Shown

_DATA = Path(__file__).parent.parent.parent / "data"
_POINTS = tuple(i / 16 for i in range(1, 17))
"""Shares of hours busy that are counted: those at which crossings are looked for, so once."""
_BUSY = "load.busy"
_KEPT_CASES = 16
_PERCENT = 100.0
_ALL_SHARES = [0.0, 1.0]


Over = Literal["volume", "busy"]


class OwnQuery(Query):
    """A case and the figures that a reader moves; what is not stated is as the case has it."""

    case: str = Field("", description="Name of the case.", max_length=100)
    over: Over | None = Field(None, description="volume of the work, or share of hours busy;"
                              " default volume where the costs follow it.")  # fmt: skip
    costs: Costs | None = Field(None, description="full or marginal, of every option alike;"
                                " default as the case has it.")  # fmt: skip
    busy: float | None = Field(None, ge=1, le=100, description="Share of hours busy [%].")
    years: float | None = Field(None, ge=1, le=10, description="Length of the horizon.")
    capital: float | None = Field(None, ge=0, le=50, description="Cost of capital [% a year].")
    hardware: float | None = Field(None, ge=10, le=500, description="Price of servers [%].")
    rent: float | None = Field(None, ge=10, le=500, description="Rents [% of the case's].")
    energy: float | None = Field(None, ge=10, le=500, description="Electricity [% of the case's].")
    fx: float | None = Field(None, ge=10, le=500, description="Other currencies [%].")


@dataclass(frozen=True, slots=True)
class Slider:
    """A figure that a reader moves, within its ends, and where it stands."""

    name: str
    path: str
    kind: str
    label: str
    low: float
    high: float
    step: float
    unit: str
    says: str
    value: float = _PERCENT


@functools.cache
def sliders() -> tuple[Slider, ...]:
    """The rows of data/web_sliders.csv."""
    rows = read_rows(_DATA / "web_sliders.csv")
    return tuple(
        Slider(
            row["name"], row["path"], row["kind"], row["label"], float(row["low"]),
            float(row["high"]), float(row["step"]), row["unit"], row["says"],
        )
        for row in rows
    )  # fmt: skip


def cases(folder: Path) -> dict[str, Path]:
    """Cases by name: those of the package, then those in the folder that is shown."""
    found = {path.stem: path for path in sorted((_DATA / "cases").glob("*.yaml"))}
    inside = sorted(folder.glob("*.yaml")) if folder.is_dir() else []
    for path in inside:
        is_case = path.resolve().is_relative_to(folder.resolve()) and _starts_as_case(path)
        if is_case and path.stem not in found:
            found[path.stem] = path
    return found


def answer(query: OwnQuery, house: House) -> Shown:
    """The page of a case. Raises: InputError where its figures make no case."""
    known = cases(house.folder)
    name = query.case or next(iter(known))
    if name not in known:
        raise NotHere(unknown_name("case", "case", name, known))
    document = read_kept(known[name], known[name].stat().st_mtime)
    tree = document.data
    moved = tuple(_at(one, tree, query) for one in sliders() if list(_paths(tree, one)))
    values: dict[str, Any] = {} if query.costs is None else {"costs": query.costs}
    for one in moved:
        if getattr(query, one.name) is not None:
            values |= _values(tree, one)
    over = query.over or _usual(known[name], known[name].stat().st_mtime)
    drawn_over = _over_volume if over == "volume" else _over_use
    found, data, words, chart, tables = drawn_over(document, values, moved)
    return Shown(
        title=found.name,
        eyebrow=f"Own or rent · {found.months} months · {found.currency} ·"
        f" cost of capital {found.cost_of_capital:.1%} a year".replace("%", " %"),
        headline=view.headline(found),
        lead=(view.costs_words(found), *words),
        data=data,
        warnings=(*found.warnings, *(f"Not counted: {one}" for one in found.left_out)),
        charts=chart,
        chart_first=True,
        tables=(view.tables(found)[0], *(t for t in tables if t.rows)),
        folded=view.tables(found)[1:],
        more={"cases": list(known), "case": name, "sliders": moved, "over": over,
              "overs": get_args(Over), "costs": found.costs, "every_costs": get_args(Costs)},
    )  # fmt: skip


_Drawn = tuple[TcoAnswer, Answer, tuple[str, ...], tuple[Chart, ...], tuple[Table, ...]]


def _over_volume(document: Document, values: dict[str, Any], moved: Sequence[Slider]) -> _Drawn:
    found, grown = tco_by_volume(document, {**values, "break_even": {}}, catalogue())
    data = {**export.record_to_dict(found), "by_volume": export.record_to_dict(grown)}
    caption = f"{fields.label('present_cost')} by volume"
    chart = drawn(("curve", caption, volume_view.chart(grown, found), WIDE_PX))
    tables = volume_view.table(grown, found), volume_view.crossings_table(grown, found)
    return found, data, tuple(volume_view.words(grown)), chart, tables


def _over_use(document: Document, values: dict[str, Any], moved: Sequence[Slider]) -> _Drawn:
    pairs = _pairs(document.data)
    found, curve = tco_at(document, {**values, "break_even": pairs}, _BUSY, _POINTS, catalogue())
    now = next((one.value for one in moved if one.name == "busy"), _PERCENT)
    caption = f"{fields.label('present_cost')} by share of hours busy"
    chart = drawn(("curve", caption, _chart(found, curve, now), WIDE_PX))
    words = tuple(_crossing_words(found))
    return found, export.record_to_dict(found), words, chart, (_curve_table(found, curve),)


@functools.lru_cache(maxsize=_KEPT_CASES)
def read_kept(path: Path, changed_s: float) -> Document:
    """The tree of a case file, kept while the file does not change; nobody writes into it."""
    return read_case(path)


@functools.lru_cache(maxsize=_KEPT_CASES)
def _usual(path: Path, changed_s: float) -> Over:
    return "volume" if grows(read_kept(path, changed_s), catalogue()) else "busy"


def _starts_as_case(path: Path) -> bool:
    with path.open(encoding="utf-8", errors="replace") as handle:
        return any(line.startswith("tco:") for line, _ in zip(handle, range(20), strict=False))


def _pairs(tree: Mapping[str, Any]) -> dict[str, Any]:
    """A crossing over the share of hours busy between what is owned first and every other."""
    options = tree["options"]
    owned = [name for name, one in options.items() if one.get("kind") in ("own", "colocate")]
    first = owned[0] if owned else next(iter(options))
    return {
        f"{first}, {other}": {"between": [first, other], "over": "busy", "search": _ALL_SHARES}
        for other in options
        if other != first
    }


def _paths(tree: Any, slider: Slider) -> Iterator[tuple[str, Any]]:
    """The paths that a slider moves, and the figure or figures there."""
    pattern, _, category = slider.path.removesuffix("]").partition("[")
    yield from _found(tree, pattern.split("."), "", category)
    if slider.kind != "factor" and not any(True for _ in _found(tree, pattern.split("."), "", "")):
        default = {"load.busy": 1.0, "horizon.years": 3.0}.get(pattern, 0.0)
        yield pattern, default


def _found(here: Any, steps: list[str], path: str, category: str) -> Iterator[tuple[str, Any]]:
    if not steps:
        if isinstance(here, int | float) and not isinstance(here, bool):
            yield path, here
        return
    first, *rest = steps
    if isinstance(here, list):
        inner = [(str(i), one) for i, one in enumerate(here)]
    elif isinstance(here, dict):
        if not rest and category and here.get("category") != category:
            return
        inner = [(str(key), one) for key, one in here.items()]
    else:
        return
    for key, one in inner:
        if first in ("*", key):
            yield from _found(one, rest, f"{path}.{key}" if path else key, category)


def _at(slider: Slider, tree: Any, query: OwnQuery) -> Slider:
    """The slider where the query, else the case, has it."""
    stated = getattr(query, slider.name)
    if stated is None and slider.kind != "factor":
        _, own = next(_paths(tree, slider))
        stated = own * _PERCENT if slider.kind == "share" else own
    value = _PERCENT if stated is None else stated
    low, high = min(slider.low, value), max(slider.high, value)
    return replace(slider, low=low, high=high, value=value)


def _values(tree: Any, slider: Slider) -> dict[str, Any]:
    if slider.kind == "figure":
        return {slider.path: slider.value}
    share = slider.value / _PERCENT
    if slider.kind == "share":
        return {slider.path: share}
    return {path: figure * share for path, figure in _paths(tree, slider)}


def _chart(found: TcoAnswer, curve: Curve, now: float) -> Mapping[str, Any]:
    rows = [
        {"busy": _PERCENT * at, "cost": costs[i], "option": name}
        for name, costs in curve.present_cost.items()
        for i, at in enumerate(curve.values)
    ]
    return compare_charts.cost_over_use(rows, in_currency(found, "present_cost"), now)


def _curve_table(found: TcoAnswer, curve: Curve) -> Table:
    """What every option costs at each share of hours busy; the cheapest of a row is marked."""
    names = list(curve.present_cost)
    own = fields.field("present_cost")
    columns = (
        Column("utilisations", "Hours busy", False, fields.field("utilisations").definition),
        *(Column("present_cost", name, True, own.definition) for name in names),
    )
    rows = []
    for i, at in enumerate(curve.values):
        costs = [curve.present_cost[name][i] for name in names]
        least = min(costs)
        cells = [
            Cell(fields.format_value(own, cost), *(("least", "good") if cost == least else ()))
            for cost in costs
        ]
        rows.append((text(fields.format_value("utilisations", at)), *cells))
    return Table(f"{in_currency(found, 'present_cost')} by use", columns, tuple(rows))


def _crossing_words(found: TcoAnswer) -> Iterator[str]:
    for name, crossing in found.break_evens.items():
        one, _, other = name.partition(", ")
        if crossing.value is None:
            yield f"{one} and {other} do not cross: {crossing.reason}."
        else:
            share = f"{crossing.value:.1%}".replace("%", " %")
            yield f"{one} costs as much as {other} at {share} of hours busy."


PAGE = Page(
    "own", "Own or rent", "The ways of having GPUs over their use, counted on the ledger.",
    OwnQuery, answer, "own.html.j2",
)  # fmt: skip
