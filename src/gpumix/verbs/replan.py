"""`gpumix replan`: the plan from today's fleet, held against going on with the one there is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

from gpumix import __version__
from gpumix.catalog import Catalog
from gpumix.domain.replanned import Replanned
from gpumix.errors import InputError, Problem
from gpumix.loop.replan import Again, left_of, replan
from gpumix.plan.effort import NORMAL, Work
from gpumix.plan.plan import Progress
from gpumix.publish import check_folder, write_set
from gpumix.report import export
from gpumix.report.difference import replan_json, replan_markdown
from gpumix.verbs.plan import FILES as PLAN_FILES
from gpumix.verbs.plan import Opened, files_of, open_made

REPLAN, REPLAN_MD = "replan.json", "replan.md"
FILES = (*PLAN_FILES, REPLAN, REPLAN_MD)


def replan_fleet(
    plan: Path,
    fleet: Path | None = None,
    prices: Path | None = None,
    as_of: date | None = None,
    out: Path | None = None,
    progress: Progress = lambda _: None,
    work: Work = NORMAL,
    measured: Path | None = None,
    drifted: bool = False,
    bills: Sequence[Path] = (),
) -> Replanned:
    """The plan from what runs on a day (today where none is told), and what is different.

    `plan` is a plan.json or its folder, `fleet` a folder of `observe` whose counts go before the
    plan's, `prices` a price sheet that goes before the plan's prices. `drifted`: demand, lengths,
    prices (by `bills`) and speeds are those that the fleet shows where they have drifted. With a
    folder `out` the new plan's files go there.

    Raises: InputError with the problems of the files; nothing is written then.
    """
    if drifted and fleet is None:
        fix = "name the fleet: gpumix replan FLEET --plan PLAN --drifted"
        raise InputError(Problem("--drifted", "needs a fleet to look at", fix))
    if out is not None:
        check_folder(out, FILES)
    progress(f"reading {plan}")
    before, started = open_made(plan, measured)
    seen = None if fleet is None else gpus_seen(fleet, started.catalog)
    rates = () if prices is None else started.catalog.read_rates(prices)
    left = left_of(before, as_of or date.today(), seen, rates)
    catalog = started.catalog.with_rates(left.inventory.rates)
    if left.inventory.api is not None:
        catalog = catalog.with_apis(left.inventory.api)
    if drifted and fleet is not None:
        from gpumix.loop.again import Drifted, with_drift  # a plan without a fleet needs no extra
        from gpumix.loop.drift import hold
        from gpumix.verbs.drift import gather

        progress("what has drifted")
        found = gather(fleet, plan, bills, measured=measured, progress=progress)
        answer = hold(found.facts, found.currency, found.notes)
        if out is not None and any(one.kind == "speed" for one in answer.findings):
            fix = f"gpumix calibrate --fleet {fleet} --plan {plan}, then replan with --measured"
            raise InputError(Problem("--drifted", "speeds drifted: the new plan needs them", fix))
        now = with_drift(answer, found.facts, Drifted(left.inventory, catalog))
        left, catalog = replace(left, inventory=now.inventory), now.catalog
    again = replan(before, left, catalog, progress, work)
    if out is not None:
        _write(out, again, started)
    return again.answer


def _write(folder: Path, again: Again, started: Opened) -> None:
    made = replace(again.planned, plan=replace(again.planned.plan, version=__version__))
    texts = {
        REPLAN: export.to_json(replan_json(again.answer)),
        REPLAN_MD: replan_markdown(again.answer),
    }
    write_set(folder, {**files_of(made, started), **texts})


def gpus_seen(folder: Path, catalog: Catalog) -> Mapping[str, int]:
    """GPU id -> how many a fleet shows on the last day of its samples, parts of one GPU as one.

    Raises: InputError where the folder holds no samples.
    """
    from gpumix.loop.counts import on_last_day
    from gpumix.loop.facts import hours_in
    from gpumix.telemetry.attribute import attribute
    from gpumix.verbs.observe import opened

    with opened(folder) as there:
        found = on_last_day(hours_in(attribute(there.fleet, None, catalog).hours))
    if not found:
        fix = "gpumix observe SOURCE... --out FLEET"
        raise InputError(Problem(str(folder), "has no samples of GPUs", fix))
    known = {gpu: count for gpu, count in found.items() if gpu is not None}
    if unknown := sum(found.values()) - sum(known.values()):
        fix = "gpumix observe SOURCE... --out FLEET --declare FILE, with the type of their nodes"
        raise InputError(Problem(str(folder), f"{unknown} GPUs are of an unknown type", fix))
    return known
