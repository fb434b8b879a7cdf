"""Where a printed number comes from: its meaning from the registry, its formula from the code.

Names are fields of the registry or functions of the engines: `explain("ttft_p95_s")`,
`explain("usd_per_mtok")`.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import pkgutil
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from gpumix import fields
from gpumix.catalog import load
from gpumix.docstrings import docstring
from gpumix.domain.explanation import Explanation, Formula, Listed, PlacementExplanation
from gpumix.domain.plan import Plan
from gpumix.errors import DataError, InputError, UnknownName, unknown_name
from gpumix.verbs.explain_constant import is_constant, listed_constants, tables_with
from gpumix.verbs.specify import things

ENGINES: Final = ("gpumix.perf", "gpumix.serving", "gpumix.cost")
_SOURCE: Final = re.compile(r"^Sources?:\s*(.*?)(?=\n\s*\n|\n>>>|\Z)", re.MULTILINE | re.DOTALL)
_PAGE: Final = re.compile(r"docs/([\w-]+)\.md")
"""A page of the documentation, which an installation does not hold."""
_MOST_RELATED: Final = 6
_COMMON: Final = frozenset({"usd", "per", "s", "of", "id", "to", "total"})


def explain(name: str) -> Explanation:
    """All that is known of a field or a formula: label, unit, meaning, formula, source.

    Raises: UnknownName, with the nearest names.
    """
    known = fields.registry()
    paths = _by_path() if "." in name else {}
    formula = paths.get(name) or paths.get(f"gpumix.{name}")
    own = known.get(name) or known.get(name.rpartition(".")[2])
    if own is not None and formula is None:
        return _of_field(own)
    formula = formula or formulas().get(name)
    if formula is None:
        raise UnknownName("", "quantity", name, [*known, *formulas()])
    return Explanation(
        name=formula.path.rpartition(".")[2],
        label=formula.path,
        unit="",
        shown_in="",
        definition=formula.summary,
        example="",
        formula=formula,
        related=(
            *(f.name for f in known.values() if f.formula == formula.path),
            *tables_with(formula.path.rpartition(".")[2]),
        ),
    )


def is_quantity(name: str) -> bool:
    """Whether a name is a field's or a formula's; a dotted one may be a constant's instead."""
    if "." in name and is_constant(name):
        return False
    try:
        explain(name)
    except UnknownName:
        return False
    return True


def listed() -> tuple[Listed, ...]:
    """Everything by the name that `explain` knows, with one line each: quantities, formulas, then
    GPUs, models, providers, countries, constants of the fit.

    A formula that a quantity has its name from goes by its dotted path.
    """
    known = fields.registry()
    return (
        *(Listed(own.name, "quantity", own.definition) for own in known.values()),
        *(
            Listed(formula.path if name in known else name, "formula", formula.summary)
            for name, formula in formulas().items()
        ),
        *(Listed(name, kind, "") for kind, names in things(load()).items() for name in names),
        *listed_constants(),
    )


def explain_plan(plan: Plan, workload: str | None = None) -> tuple[PlacementExplanation, ...]:
    """Why each way that a plan, or one of its workloads, runs is as fast as it is.

    Raises: InputError for a workload that the plan does not have.
    """
    ids = [w.id for w in plan.workloads]
    if workload is not None and workload not in ids:
        raise InputError(unknown_name("WORKLOAD", "workload", workload, ids))
    found: dict[tuple[object, ...], PlacementExplanation] = {}
    for one in plan.workloads:
        for p in one.placements if workload in (None, one.id) else ():
            formula = formula_at(p.speed.formula) if p.speed and p.speed.formula else None
            way = one.id, p.gpu, p.gpus, p.tp, p.precision, p.slice
            found.setdefault(way, PlacementExplanation(one.id, one.model, p, formula))
    return tuple(found.values())


def formula_at(path: str) -> Formula:
    """The documented function at a dotted path.

    Raises: DataError where there is none, or it has no docstring.
    """
    module_name, _, name = path.rpartition(".")
    if not path.startswith("gpumix."):  # a plan's file may say anything; import nothing else
        raise DataError(f"{path}: is not a formula of gpumix")
    try:
        function = getattr(importlib.import_module(module_name), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise DataError(f"{path}: no such function ({error})") from None
    return _formula(path, function)


@functools.cache
def formulas() -> Mapping[str, Formula]:
    """The formulas of the engines by function name, in the order of their modules.

    A formula is a public function with a `Source:`; where two share a name, the first keeps it
    and the other goes by its dotted path.
    """
    found: dict[str, Formula] = {}
    for path, function in public_functions().items():
        if _SOURCE.search(docstring(function)):
            name = path.rpartition(".")[2]
            found[path if name in found else name] = _formula(path, function)
    return found


@functools.cache
def public_functions() -> Mapping[str, Callable[..., Any]]:
    """Every public function of the engines by its dotted path."""
    found: dict[str, Callable[..., Any]] = {}
    for engine in ENGINES:
        package = importlib.import_module(engine)
        names = [m.name for m in pkgutil.walk_packages(package.__path__, f"{engine}.")]
        for module_name in sorted(names):
            module = importlib.import_module(module_name)
            for name, member in vars(module).items():
                public = not name.startswith("_") and inspect.isroutine(inspect.unwrap(member))
                if public and getattr(member, "__module__", "") == module_name:
                    found[f"{module_name}.{name}"] = member
    return found


def _by_path() -> dict[str, Formula]:
    return {formula.path: formula for formula in formulas().values()}


def _of_field(own: fields.Field) -> Explanation:
    return Explanation(
        name=own.name,
        label=own.label,
        unit=own.unit,
        shown_in=own.shown_unit,
        definition=own.definition,
        example=_example(own),
        formula=formula_at(own.formula) if own.formula else None,
        related=(*_related(own), *tables_with(own.name)),
    )


def _example(own: fields.Field) -> str:
    return fields.format_value(own, float(own.example)) if own.is_number else own.example


def _related(own: fields.Field) -> tuple[str, ...]:
    def words(name: str) -> set[str]:
        return set(name.lower().replace(".", "_").split("_")) - _COMMON

    mine = words(own.name)
    scored = []
    for place, other in enumerate(fields.registry().values()):
        same_formula = bool(own.formula) and own.formula == other.formula
        score = 2 * len(mine & words(other.name)) + same_formula
        if score and other.name != own.name:
            scored.append((-score, place, other.name))
    return tuple(name for _, _, name in sorted(scored)[:_MOST_RELATED])


def _formula(path: str, function: Callable[..., Any]) -> Formula:
    text = _PAGE.sub(r"gpumix's documentation (\1)", docstring(function))
    if not text:
        raise DataError(f"{path}: has no docstring")
    summary, _, rest = text.partition("\n")
    source = _SOURCE.search(text)
    body = _SOURCE.sub("", rest).strip()
    return Formula(
        path=path,
        signature=f"{path.rpartition('.')[2]}{_signature(function)}",
        summary=summary.strip(),
        text=re.sub(r"\n{3,}", "\n\n", body),
        source=" ".join(source[1].split()) if source else "",
    )


def _signature(function: Callable[..., Any]) -> str:
    try:
        return str(inspect.signature(function)).replace("'", "")
    except ValueError:
        return "(...)"
