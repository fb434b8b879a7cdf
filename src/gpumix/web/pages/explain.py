"""`/explain`: what a printed figure means, how it is computed, on what it stands."""

from __future__ import annotations

from datetime import date

from pydantic import Field

from gpumix.report import export
from gpumix.report.tables import Table, column, text
from gpumix.report.views import constants as constants_view
from gpumix.report.views import specification as spec_view
from gpumix.verbs.explain import explain, is_quantity, listed
from gpumix.verbs.explain_constant import explain_constants, is_constant
from gpumix.verbs.specify import is_known, specify
from gpumix.web.house import House, Query
from gpumix.web.pages.page import Page
from gpumix.web.shown import Shown


class ExplainQuery(Query):
    """Which name; none lists all."""

    name: str = Field("", description="A field, formula, GPU, model, provider, country or "
                      "constant of the fit.", max_length=200)  # fmt: skip
    find: str = Field("", description="List only names that hold these letters.", max_length=100)


def answer(query: ExplainQuery, house: House) -> Shown:
    """The page of a name, or of all names. Raises: UnknownName with the nearest."""
    if not query.name:
        return _list(query.find)
    if not is_quantity(query.name) and is_known(query.name):
        return _specified(query.name)
    if not is_quantity(query.name) and is_constant(query.name):
        return _constants(query.name)
    found = explain(query.name)
    return Shown(
        title=found.label,
        eyebrow=f"Explain · {found.name}",
        headline=found.definition,
        data=export.record_to_dict(found),
        more={"found": found, "names": None},
    )


def _specified(name: str) -> Shown:
    found = specify(name.split(","), date.today())
    return Shown(
        title=", ".join(found.names),
        eyebrow=f"Explain · {found.kind}",
        headline="",
        lead=(*found.notes, *spec_view.sources(found)),
        data=export.record_to_dict(found),
        tables=(spec_view.table(found),),
        more={"found": None, "names": None},
    )


def _constants(name: str) -> Shown:
    found = explain_constants([name])
    one = found[0]
    alone = len(found) == 1
    return Shown(
        title=one.path if alone else name,
        eyebrow="Explain · constant",
        headline=one.meaning if alone else f"{len(found)} constants of the fit go by this name.",
        lead=(
            (*tuple(constants_view.sentences(one))[1:], constants_view.HOW_MOVED)
            if alone
            else (constants_view.SIDE_BY_SIDE,)
        ),
        data={"constants": [export.record_to_dict(each) for each in found]},
        tables=(constants_view.moved(one) if alone else constants_view.overview(found),),
        more={"found": None, "names": None},
    )


def _list(find: str) -> Shown:
    wanted = find.lower()
    names = [one for one in listed() if wanted in one.name.lower() or wanted in one.summary.lower()]
    columns = (column("name", "CostPart"), column("kind", "AttributionRow"))
    rows = tuple((text(one.name, note=one.summary), text(one.kind)) for one in names)
    return Shown(
        title="What the figures mean",
        eyebrow="Explain",
        headline=f"{len(names):,} names: fields, formulas, GPUs, models, providers, countries, "
        "constants.",
        data={"names": [export.record_to_dict(one) for one in names]},
        tables=(Table("Names", columns, rows),),
        more={"found": None, "names": names, "find": find},
    )


PAGE = Page(
    "explain", "Explain", "What a figure means: unit, formula, inputs, source.",
    ExplainQuery, answer, "explain.html.j2", is_kept=True,
)  # fmt: skip
