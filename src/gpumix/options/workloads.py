"""What could do each workload of an inventory, by its kind; or that nothing on offer can."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from gpumix.domain.gpu import Gpu
from gpumix.domain.workload import Inventory, Kind, Workload
from gpumix.errors import Infeasible, InputError, NoEstimate, Problem
from gpumix.options.levers import Change
from gpumix.options.media import picture_options
from gpumix.options.option import Option
from gpumix.options.serving import serving_options
from gpumix.options.slices import slice_options
from gpumix.options.training import hopeless_job, job_options
from gpumix.predict.inference import serving_evidence
from gpumix.supply.supply import Supplies

if TYPE_CHECKING:
    from gpumix.catalog import Catalog


def options(inventory: Inventory, catalog: Catalog, supplies: Supplies) -> dict[str, list[Option]]:
    """What could do each workload, by workload id, the impossible included.

    Raises: InputError for a model of which nothing can be said; Infeasible naming, for each
        workload that nothing can do, the GPU that comes nearest and what would help.
    """
    largest = supplies.largest_instance()
    gpus = [catalog.gpus[gpu] for gpu in largest]
    found: dict[str, list[Option]] = {}
    problems: list[Problem] = []
    hopeless: list[Problem] = []
    for workload in inventory.workloads:
        place = f"workloads.{workload.id}"
        try:
            whole = options_of(workload, gpus, largest, catalog)
            found[workload.id] = [*whole, *slice_options(workload, whole, catalog)]
        except NoEstimate as error:
            problems.append(Problem(f"{place}.model", str(error)))
            continue
        if not any(o.serves for o in found[workload.id]):
            hopeless.append(_hopeless(place, workload, found[workload.id], gpus, catalog))
    if problems:
        raise InputError([*problems, *hopeless])
    if hopeless:
        raise _out_of_reach(hopeless)
    return found


def options_of(
    workload: Workload,
    gpus: Sequence[Gpu],
    largest: Mapping[str, int],
    catalog: Catalog,
    change: Change = lambda dep: dep,
) -> list[Option]:
    """Every way to do one workload, the impossible included; `change` alters what is asked of the
    engine (levers)."""
    model = catalog.models[workload.model]
    if workload.run is not None:
        return job_options(workload, gpus, largest, catalog)
    if workload.kind is Kind.MEDIA:
        return picture_options(workload, model, gpus, largest, catalog.coefficients)
    evidence = serving_evidence(catalog)
    return serving_options(workload, model, gpus, largest, catalog.coefficients, evidence, change)


def _hopeless(
    place: str,
    workload: Workload,
    tried: Sequence[Option],
    gpus: Sequence[Gpu],
    catalog: Catalog,
) -> Problem:
    """Why nothing can do a workload, told of the option that comes nearest."""
    if workload.run is not None and gpus:
        return hopeless_job(place, workload, gpus, tried, catalog)
    if not tried:
        where = f" in {', '.join(workload.countries)}" if workload.countries else ""
        fix = f"widen supply{', `residency`' if where else ''} or `gpus`"
        return Problem(place, f"no supply offers a GPU for it{where}", fix)
    nearest = min(tried, key=lambda o: (o.shortfall or math.inf, -o.gpus, o.gpu))
    way = f"{nearest.gpus} x {nearest.gpu} at {nearest.precision}"
    if 1.0 < nearest.shortfall < math.inf:
        fix = f"loosen that limit {nearest.shortfall:.2f}-fold, or add a lower precision"
        return Problem(
            f"{place}.slo", f"no GPU meets it; {way} comes nearest: {nearest.reason}", fix
        )
    return Problem(f"{place}.model", f"fits no GPU on offer; e.g. {way}: {nearest.reason}")


def _out_of_reach(problems: Sequence[Problem]) -> Infeasible:
    """The error of workloads that nothing on offer can do, with what would make each possible."""
    return Infeasible(
        "\n".join(f"{p.place}: {p.message}" for p in problems),
        [p.place for p in problems],
        [f"{p.place}: {p.fix}" for p in problems if p.fix],
    )
