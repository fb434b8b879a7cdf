"""`/whatif`: what would change a plan, as it was asked when it was made; and the plan's mix chosen
again at another price, load or limit, in a job.
"""

from __future__ import annotations

import functools
import json
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from pydantic import Field

from gpumix.domain.plan_difference import InputChange, LineChange
from gpumix.domain.what_if import EVERY, Names, WhatIf, WhatIfAnswer
from gpumix.errors import InputError, Problem
from gpumix.report import export
from gpumix.report.cfo import HALF_PX, Chart
from gpumix.report.tables import Table
from gpumix.report.views import cfo_charts
from gpumix.report.views import decisions as decision_view
from gpumix.report.views import whatif as view
from gpumix.web.folders import Listed, chosen, plans
from gpumix.web.house import House, Query
from gpumix.web.jobs import QUESTION, Job
from gpumix.web.pages.page import Page, drawn
from gpumix.web.pages.plan import read
from gpumix.web.render import query_string
from gpumix.web.shown import Answer, Shown

_KEPT = 4
_FIRST: Final = 2
"""Tables that stand open."""
_ASKED: Final = ("name", "as_of", "horizon_usd", "money", "break_evens", "rules", "scenarios",
                 "confidence_costs")  # fmt: skip
"""What of a plan's JSON says what would change it."""


_PERCENT: Final = 100.0
_LONGEST: Final = 200
_PROBLEM: Final = "problem.json"


class WhatifQuery(Query):
    """Which plan, and what of it is changed."""

    folder: str = Field("", description="Folder of the plan; default the newest.", max_length=255)
    price_of: str = Field(EVERY, description="A GPU, a provider or site, terms such as spot, or"
                          " all: whose cost changes.", max_length=_LONGEST)  # fmt: skip
    price: float | None = Field(None, ge=1, le=1000, description="Its cost [% of the plan's].")
    load_of: str = Field(EVERY, description="A workload, or all: whose load changes.",
                         max_length=_LONGEST)  # fmt: skip
    load: float | None = Field(None, ge=1, le=1000, description="Its load [% of the plan's].")
    without: str = Field("", description="GPUs, providers, sites or terms to do without, with"
                         " commas between them.", max_length=_LONGEST)  # fmt: skip
    budget_usd: float | None = Field(None, ge=0, le=1e15, description="Budget to buy with [USD].")

    def asked(self) -> WhatIf:
        """What is changed; empty where nothing is."""
        return WhatIf(
            {} if self.price is None else {self.price_of: self.price / _PERCENT},
            {} if self.load is None else {self.load_of: self.load / _PERCENT},
            tuple(name for part in self.without.split(",") if (name := part.strip())),
            self.budget_usd,
        )


class Working(Exception):
    """The answer is not there yet: a job works on it."""

    def __init__(self, job: Job) -> None:
        self.job = job
        super().__init__(job.id)


def answer(query: WhatifQuery, house: House) -> Shown:
    """What would change a plan. Raises: NotHere, InputError, Working, QueueFull."""
    known = plans(house.folder)
    if not query.folder and not known:
        words = "No plan is shown here yet: start from an example, or from your own inventory."
        return Shown("What if", words, {"plans": []},
                     more={"folders": [], "folder": "", "names": None})  # fmt: skip
    one = chosen(known, query.folder or known[0].name, "plan")
    plan = read(one)
    data, tables, charts = _parts(one)
    if query.asked() != WhatIf():
        return _solved(query, one, plan.name, house)
    drawn_words = (
        f"{plan.money.draws:,} draws of all ranges together, seed {plan.money.seed}."
        if plan.money
        else ""
    )
    return Shown(
        title=plan.name,
        eyebrow=f"What if · as of {plan.as_of}",
        headline=view.headline(plan),
        lead=tuple(w for w in (drawn_words, decision_view.scenario_words(plan)) if w),
        data=data,
        charts=charts,
        tables=tables[:_FIRST],
        folded=tables[_FIRST:],
        more={"folders": known, "folder": one.name, "names": _names(one), "is_asked": False},
    )


def question(query: WhatifQuery, one: Listed, house: House) -> Job:
    """The job of a question of a plan; one that was asked before is not asked again.

    Raises: InputError where the plan has no problem to solve, or not what is named; QueueFull.
    """
    from gpumix.verbs.what_if import changed

    asked = query.asked()
    path = _problem(one)
    changed(_read(path, path.stat().st_mtime), asked)
    text = json.dumps(asdict(asked))

    def put(work: Path) -> None:
        (work / QUESTION).write_text(text, encoding="utf-8")
        shutil.copyfile(path, work / _PROBLEM)

    stated = query.model_copy(update={"folder": one.name}).model_dump(exclude_defaults=True)
    key = one.name, one.changed_s, text
    return house.jobs.ask(one.name, key, put, f"/whatif{query_string(stated)}")


def _solved(query: WhatifQuery, one: Listed, name: str, house: House) -> Shown:
    """The plan's mix chosen again, once its job has ended."""
    job = question(query, one, house)
    if job.found is None:
        if job.problems:
            raise InputError([Problem(p["path"] or "", p["message"] or "") for p in job.problems])
        raise Working(job)
    found = _record(job.found)
    changes = ", ".join(f"{c.kind} of {c.what}: {c.after}" for c in found.changes)
    return Shown(
        title=name,
        eyebrow=f"What if · {changes}",
        headline=view.solved_headline(found),
        lead=tuple(view.solved_words(found)),
        warnings=tuple(view.solved_warnings(found)),
        data={"name": name, "solved": export.record_to_dict(found)},
        tables=tuple(view.solved_tables(found)),
        more={"folders": plans(house.folder), "folder": one.name, "names": _names(one),
              "is_asked": True},
    )  # fmt: skip


def _record(told: Answer | Any) -> WhatIfAnswer:
    """The record that a job told of."""
    return WhatIfAnswer(
        **{
            **told,
            "changes": tuple(InputChange(**change) for change in told["changes"]),
            "mix": tuple(LineChange(**line) for line in told["mix"]),
            "breaks": tuple(told["breaks"]),
            "conflict": tuple(told["conflict"]),
        }
    )


def _problem(one: Listed) -> Path:
    """The mix problem of a plan. Raises: InputError where it lies elsewhere or is missing."""
    path = one.path / _PROBLEM
    if not path.is_file() or path.is_symlink():
        fix = "plan it again: `gpumix plan` writes one beside the plan"
        raise InputError(Problem("folder", f"holds no {_PROBLEM}", fix))
    return path


def _names(one: Listed) -> Names | None:
    """What of a plan can be changed; None where its problem cannot be read."""
    from gpumix.verbs.what_if import names_of

    try:
        path = _problem(one)
        return names_of(_read(path, path.stat().st_mtime))
    except InputError:
        return None


@functools.lru_cache(maxsize=_KEPT)
def _read(path: Path, changed_s: float) -> Any:
    from gpumix.verbs.what_if import read_solved

    return read_solved(path)


@functools.lru_cache(maxsize=_KEPT)
def _parts(one: Listed) -> tuple[Answer, tuple[Table, ...], tuple[Chart, ...]]:
    plan = read(one)
    whole: dict[str, Any] = export.plan_to_dict(plan)
    data = {"schema_version": whole["schema_version"], **{name: whole[name] for name in _ASKED}}
    charts = drawn(
        ("tornado", "Present cost, one input at a time", cfo_charts.tornado(plan), HALF_PX),
        ("draws", "Present cost, all inputs together", cfo_charts.draws(plan), HALF_PX),
    )
    return data, tuple(view.tables(plan)), charts


PAGE = Page(
    "whatif", "What if", "What would change a plan: inputs that flip it, scenarios, draws; and its"
    " mix chosen again at another price, load or limit.", WhatifQuery, answer, "whatif.html.j2",
    waits=True,
)  # fmt: skip
