"""What could do each workload of an inventory, by its kind; or why nothing on offer can."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from gpumix.domain.workload import LEAST_LIMIT_S, Inventory, Kind, Tier, Workload
from gpumix.errors import InputError, NoEstimate, Problem
from gpumix.options.custom import custom_options
from gpumix.options.levers import Change
from gpumix.options.media import picture_options
from gpumix.options.needs import able_gpus, lacks
from gpumix.options.option import Option
from gpumix.options.serving import serving_options
from gpumix.options.slices import slice_options
from gpumix.options.training import hopeless_job, job_options
from gpumix.predict.inference import serving_evidence
from gpumix.supply.availability import up_share
from gpumix.supply.rentals import GANGS
from gpumix.supply.supply import Supplies
from gpumix.units import MS, PERCENT

if TYPE_CHECKING:
    from gpumix.catalog import Catalog


def options(inventory: Inventory, catalog: Catalog, supplies: Supplies) -> dict[str, list[Option]]:
    """What could do each workload, by workload id, the impossible included.

    Raises: InputError for a model of which nothing can be said.
    """
    found: dict[str, list[Option]] = {}
    problems: list[Problem] = []
    for workload in inventory.workloads:
        try:
            found[workload.id] = options_of(workload, supplies, catalog)
        except NoEstimate as error:
            problems.append(Problem(f"workloads.{workload.id}.model", str(error)))
    if problems:
        raise InputError(problems)
    return found


def options_of(workload: Workload, supplies: Supplies, catalog: Catalog) -> list[Option]:
    """Every way to do one workload, on whole GPUs and on parts, the impossible included."""
    return [
        option
        for rtt_s, largest in supplies.largest_by_distance(workload.id).items()
        for option in options_at(workload, largest, catalog, rtt_s)
    ]


def options_at(
    workload: Workload, largest: Mapping[str, int], catalog: Catalog, rtt_s: float
) -> list[Option]:
    """Every way to do one workload at one distance from its users, on at most so many GPUs of a
    kind in one instance."""
    near = workload.seen_from(rtt_s)
    whole = options_near(near, largest, catalog)
    every = [*whole, *slice_options(near, whole, catalog)]
    return [_at_distance(option, workload, rtt_s) for option in every]


def whole_options(
    workload: Workload, supplies: Supplies, catalog: Catalog, change: Change
) -> list[Option]:
    """Every way to do one workload on whole GPUs; `change` alters what is asked of the engine
    (levers)."""
    return [
        _at_distance(option, workload, rtt_s)
        for rtt_s, largest in supplies.largest_by_distance(workload.id).items()
        for option in options_near(workload.seen_from(rtt_s), largest, catalog, change)
    ]


def _at_distance(option: Option, workload: Workload, rtt_s: float) -> Option:
    """An option found within what a round trip to the users leaves of the limits, as one that says
    so; `shortfall` becomes that of the whole limit."""
    if not rtt_s:
        return option
    part = rtt_s / workload.tightest_s
    shortfall, reason = option.shortfall, option.reason
    if shortfall > 1.0 and not reason.startswith("tpot"):
        shortfall = part + shortfall * max(1.0 - part, LEAST_LIMIT_S / workload.tightest_s)
    words = f"{reason}, without the round trip of {rtt_s / MS:,.0f} ms to the users"
    return replace(option, rtt_s=rtt_s, shortfall=shortfall, reason=words if reason else "")


def options_near(
    workload: Workload,
    largest: Mapping[str, int],
    catalog: Catalog,
    change: Change = lambda dep: dep,
) -> list[Option]:
    """Every way to do a workload where its users are, on whole GPUs.

    A GPU that lacks what the workload needs has one option, with the reason.

    Args:
        workload: of any kind.
        largest: GPUs that may be used -> those of the largest instance of each.
        catalog: its model and GPUs.
        change: alters what is asked of the engine (levers).

    Raises: NoEstimate for a model of which nothing can be said.
    """
    missing = {gpu: lacks(workload.needs, catalog.gpus[gpu]) for gpu in largest}
    unfit = [Option(workload.id, gpu, 1, 1, "", reason=r) for gpu, r in missing.items() if r]
    able = {gpu: most for gpu, most in largest.items() if not missing[gpu]}
    return [*(_options_on(workload, able, catalog, change) if able else ()), *unfit]


def _options_on(
    workload: Workload, largest: Mapping[str, int], catalog: Catalog, change: Change
) -> list[Option]:
    """Options on GPUs that have what the workload needs."""
    gpus = [catalog.gpus[gpu] for gpu in largest]
    if workload.kind is Kind.CUSTOM:
        return custom_options(workload, gpus, largest)
    model = catalog.models[workload.model]
    if workload.run is not None:
        return job_options(workload, gpus, largest, catalog)
    if workload.kind is Kind.MEDIA:
        return picture_options(workload, model, gpus, largest, catalog.coefficients)
    evidence = serving_evidence(catalog)
    return serving_options(workload, model, gpus, largest, catalog.coefficients, evidence, change)


def why_hopeless(
    workload: Workload, tried: Sequence[Option], supplies: Supplies, catalog: Catalog
) -> Problem:
    """Why nothing on offer can do a workload, told of the option that comes nearest, and what would
    help."""
    place = f"workloads.{workload.id}"
    if tried and all(lacks(workload.needs, catalog.gpus[option.gpu]) for option in tried):
        return _none_has_it(place, workload, tried, catalog)
    gpus = [catalog.gpus[gpu] for gpu in supplies.largest_instance()]
    if workload.run is not None and gpus and not any(o.serves for o in tried):
        return hopeless_job(place, workload, gpus, tried, catalog)
    if not tried or any(o.serves for o in tried):
        where = f" in {', '.join(workload.countries)}" if workload.countries else ""
        if dark := _dark(workload, supplies):
            return Problem(f"{place}.slo.availability", *dark)
        gangs = [note for note in supplies.notes if note.startswith(GANGS)]
        return Problem(place, f"no supply offers a GPU for it{where}", "; ".join(gangs))
    nearest = min(tried, key=lambda o: (o.shortfall or math.inf, -o.gpus, o.gpu))
    way = f"{nearest.gpus} x {nearest.gpu}"
    way += f" at {nearest.precision}" if nearest.precision else ""
    if 1.0 < nearest.shortfall < math.inf:
        return Problem(f"{place}.slo", f"no GPU meets it; {way} comes nearest: {nearest.reason}")
    key, _ = workload.what_runs
    return Problem(f"{place}.{key}", f"fits no GPU on offer; e.g. {way}: {nearest.reason}")


def _none_has_it(
    place: str, workload: Workload, tried: Sequence[Option], catalog: Catalog
) -> Problem:
    """That no GPU on offer has what a workload needs, and which GPUs do."""
    why: dict[str, list[str]] = {}
    for option in sorted(tried, key=lambda o: o.gpu):
        why.setdefault(option.reason, []).append(option.gpu)
    told = "; ".join(f"{', '.join(dict.fromkeys(gpus))} {reason}" for reason, gpus in why.items())
    able = able_gpus(workload.needs, catalog.gpus)
    fix = f"allow {', '.join(able)}" if able else "ask for less: no GPU of the catalogue has it all"
    return Problem(f"{place}.needs", f"no GPU on offer has it: {told}", fix)


def _dark(workload: Workload, supplies: Supplies) -> tuple[str, str] | None:
    """That nothing on offer is up for as much of the time as is promised, and what would help;
    None where something is."""
    promised = workload.availability
    shares = [up_share(workload, s) or 0.0 for s in supplies.of]
    best = max(shares, default=0.0)
    if promised is None or not shares or best >= promised:
        return None
    sites = dict.fromkeys(
        s.site for s in supplies.of if s.site and (s.availability or 0.0) < promised
    )
    fixes = [f"supply.on_prem.{site}.generator: true" for site in sites]
    fixes.append("a rental (supply.cloud) or a site that is up for longer")
    if workload.tier is not Tier.PREMIUM and any(
        (s.availability_after_loss or 0.0) >= promised for s in supplies.of
    ):
        fixes.append(f"tier: {Tier.PREMIUM}")
    up, asked = f"{best / PERCENT:.4g} %", f"{promised / PERCENT:.6g} %"
    return f"nothing on offer is up {asked} of the time, at best {up}", "; or ".join(fixes)
