"""Everything a plan rests on: its assumptions with their evidence, and what a reader must know."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from gpumix.cost.site_charges import SiteCharges
from gpumix.cost.staff import SiteStaff
from gpumix.domain.defaults import GPUS_PER_NODE, INPUT_TOKENS_OF_VOLUME, OWNED_AGE_MONTHS
from gpumix.domain.evidence import Assumption, Basis, Confirmation
from gpumix.domain.offer import Purchase
from gpumix.domain.proof import Replay
from gpumix.domain.workload import Inventory, Kind, Tier, Workload
from gpumix.options.runs import JOB_ASSUMPTIONS
from gpumix.plan.interpret import Answer
from gpumix.plan.money_rules import money_rules, not_counted
from gpumix.supply.supply import Supply
from gpumix.units import MS

if TYPE_CHECKING:
    from gpumix.catalog import Catalog


def assumptions(answer: Answer, catalog: Catalog, notes: Sequence[str]) -> tuple[Assumption, ...]:
    """What the plan assumes, in the order: prices, sites, traffic, speed, jobs, rules; each with
    its owner."""
    choice = answer.choice
    trips = {(line.supply.id, use.cell.workload.id) for line in answer.lines for use in line.uses}
    found = [
        *figures(
            choice.inventory,
            [line.supply for line in answer.lines],
            (*choice.staff, *choice.sites),
            catalog,
            lambda supply, workload: (supply.id, workload) in trips,
        ),
        *_rules(choice.inventory, answer.formulation.rate_per_year),
        *money_rules(answer),
        _shortlist(answer),
        *noted(notes),
    ]
    return tuple(dict.fromkeys(with_owner(a, choice.inventory.confirmations) for a in found))


def with_owner(found: Assumption, confirmations: Iterable[Confirmation]) -> Assumption:
    """An assumption with who answers for it: by its own name before any pattern, of patterns by
    the first."""
    named = [one for one in confirmations if one.names(found.subject)]
    if not named:
        return found
    of = next((one for one in named if one.subject == found.subject), named[0])
    return replace(found, owner=of.owner, confirmed_on=of.confirmed_on, note=of.note)


def figures(
    inventory: Inventory,
    supplies: Sequence[Supply],
    sites: Sequence[SiteStaff | SiteCharges],
    catalog: Catalog,
    runs: Callable[[Supply, str], bool],
) -> list[Assumption]:
    """What mixes of these supplies assume beside rules; `runs` says whether a workload may run on
    one."""
    return [
        *(price_of(supply) for supply in supplies if supply.purchase.is_cloud),
        *(a for supply in supplies for a in supply.assumptions),
        *(a for site in dict.fromkeys(s.site for s in supplies) for a in of_site(site, sites)),
        *(a for w in inventory.workloads for a in _traffic(w, catalog)),
        *_speed(inventory, catalog),
        *_interruptions(inventory, supplies, catalog),
        *_availability(supplies, catalog),
        *_round_trips(supplies, runs),
    ]


def price_of(supply: Supply) -> Assumption:
    """The price of what is rented."""
    return Assumption(
        subject=f"price: {supply.id}",
        value=_price(supply),
        basis=supply.basis,
        source=supply.source,
        as_of=supply.as_of,
    )


def of_site(site: str | None, sites: Iterable[SiteStaff | SiteCharges]) -> tuple[Assumption, ...]:
    """What a site rests on beside its servers: its posts and its own charges."""
    return tuple(a for one in sites if one.site == site for a in one.assumptions)


def noted(notes: Iterable[str]) -> Iterator[Assumption]:
    """Notes of reading and pricing as assumptions: `subject: words`."""
    for note in notes:
        subject, _, words = note.partition(":")
        yield Assumption(subject, words.strip() or note, Basis.ASSUMED, "gpumix")


def _price(supply: Supply) -> str:
    if supply.purchase is Purchase.API:
        return f"{supply.provider}'s price of the tokens"
    return f"{supply.usd_per_gpu_hour:.3f} USD per GPU-hour"


def _traffic(workload: Workload, catalog: Catalog) -> list[Assumption]:
    demand = workload.demand
    if demand is None:
        return []
    found = []
    profile = catalog.profiles.get(demand.profile)
    if profile is not None and not workload.is_deferrable and profile.id != "flat":
        found.append(
            Assumption(
                f"{workload.id}: traffic",
                f"{profile.id}: {demand.input.mean:,.0f} tokens in, {demand.output.mean:,.0f} out; "
                f"shape of the week {profile.note}",
                profile.shape_basis,
                profile.source,
            )
        )
    if not workload.is_deferrable:
        found += [replace(a, subject=f"{workload.id}: {a.subject}") for a in demand.evidence]
    if workload.kind in INPUT_TOKENS_OF_VOLUME and workload.is_deferrable:
        found.append(
            Assumption(
                f"{workload.id}: request size",
                f"{demand.input.mean:,.0f} tokens in, {demand.output.mean:,.0f} out",
                Basis.ASSUMED,
                "inventory where it states input_tokens, else gpumix's default",
            )
        )
    if demand.growth_per_year:
        found.append(
            Assumption(
                f"{workload.id}: growth",
                f"{demand.growth_per_year:+.0%} a year",
                Basis.ASSUMED,
                "inventory",
            )
        )
    return found


def _speed(inventory: Inventory, catalog: Catalog) -> list[Assumption]:
    fitted = catalog.coefficients.fitted_on
    found = [
        Assumption(
            "speed: inference and media",
            "formulas (`gpumix explain --list`) with fitted constants; the 80 % interval is that "
            "of GPUs, models and sources left out of the fit",
            Basis.CALIBRATED,
            fitted,
        )
    ]
    stacks = sorted({w.run.stack for w in inventory.workloads if w.run is not None})
    if stacks:
        found.append(
            Assumption(
                "speed: training stack",
                f"{', '.join(stacks)} (key `stack` of a job; plain stacks are 2-4 times slower)",
                Basis.CALIBRATED,
                fitted,
            )
        )
    engines = sorted({w.engine for w in inventory.workloads if w.run is None and w.engine})
    if engines:
        words = f"{', '.join(engines)}, newest generation"
        found.append(Assumption("speed: engine", words, Basis.ASSUMED, "inventory"))
    return [*found, *(_own_rates(w) for w in inventory.workloads if w.rates)]


def _own_rates(workload: Workload) -> Assumption:
    """The rates that a team measured of its own work, each with its spread from run to run."""
    words = [
        f"{rate.units_per_hour:,.6g} {workload.unit}s/h on {rate.gpus} x {rate.gpu}, spread "
        f"{rate.cv:.0%}{'' if rate.cv_stated else ' (assumed)'}"
        for rate in workload.rates
    ]
    return Assumption(
        f"speed: {workload.id}", "; ".join(words), Basis.MEASURED, "by the team (inventory, rates)"
    )


def _interruptions(
    inventory: Inventory, supplies: Sequence[Supply], catalog: Catalog
) -> list[Assumption]:
    spot = any(supply.purchase is Purchase.SPOT for supply in supplies)
    jobs = any(w.run is not None for w in inventory.workloads)
    names = ["restart"] if spot else []
    names += list(JOB_ASSUMPTIONS) if jobs else []
    rows = [catalog.defaults[name] for name in names]
    return [
        *(_spot_terms(inventory, supplies, catalog) if spot else ()),
        *(
            Assumption(
                f"jobs: {r.parameter}",
                f"{r.typical:g} {r.unit}",
                r.basis,
                f"{r.source} ({r.as_of})",
            )
            for r in rows
        ),
    ]


def _availability(supplies: Sequence[Supply], catalog: Catalog) -> Iterator[Assumption]:
    """How much of the time rented instances are up, where the plan rents some for served work."""
    if any(supply.purchase.is_rental for supply in supplies):
        for name in ("instance_availability", "region_availability"):
            row = catalog.defaults[name]
            value = f"{row.typical:.4%} (range {row.low:.4%} to {row.high:.4%})"
            yield Assumption(f"cloud: {name}", value, row.basis, f"{row.source} ({row.as_of})")


def _round_trips(
    supplies: Sequence[Supply], runs: Callable[[Supply, str], bool]
) -> Iterator[Assumption]:
    """How far from their users workloads run."""
    for supply in supplies:
        for trip in supply.round_trips:
            if runs(supply, trip.workload):
                subject = f"{trip.workload}: round trip to {supply.id}"
                value = f"{trip.seconds / MS:,.0f} ms"
                yield Assumption(subject, value, trip.basis, trip.source)


def _spot_terms(
    inventory: Inventory, supplies: Sequence[Supply], catalog: Catalog
) -> Iterator[Assumption]:
    """How spot comes and goes: the user's own terms, and the one figure for all other GPUs."""
    stated = inventory.cloud.spot if inventory.cloud else ()
    for terms in stated:
        yield Assumption(
            f"spot: {terms.gpu or 'any other GPU'}",
            f"interrupted every {terms.mtti_h:g} h on average, "
            f"available {terms.availability:.0%} of the time",
            Basis.ASSUMED,
            "inventory, supply.cloud.spot",
        )
    yield from _reclaims(supplies, catalog)
    if any(terms.gpu is None for terms in stated):
        return
    for name in ("spot_mtti", "spot_availability"):
        row = catalog.defaults[name]
        whose = "every other GPU" if stated else "all GPUs, sizes and providers"
        yield Assumption(
            f"jobs: {name}",
            f"{row.typical:g} {row.unit}, one figure for {whose} "
            f"(range {row.low:g} to {row.high:g}; set your own in supply.cloud.spot)",
            row.basis,
            f"{row.source} ({row.as_of})",
        )


def _reclaims(supplies: Sequence[Supply], catalog: Catalog) -> Iterator[Assumption]:
    """What providers publish of the spot capacity that is used: beside the figure planned with."""
    spot = (supply for supply in supplies if supply.purchase is Purchase.SPOT)
    for provider, gpu in sorted({(supply.provider, supply.gpu) for supply in spot}):
        share = catalog.spot_reclaims.get((provider, gpu))
        if share is None:
            continue
        yield Assumption(
            f"spot: {provider} {gpu}",
            f"{share.typical:g} % of running instances reclaimed in a month "
            f"(range {share.low:g} to {share.high:g}); a monthly share says little of how often "
            "one instance is lost, so the plan keeps to the figure for all GPUs",
            share.basis,
            f"{share.source} ({share.as_of})",
        )


def _rules(inventory: Inventory, rate: float) -> list[Assumption]:
    """Rules of the model that someone could dispute."""
    kinds = {w.kind for w in inventory.workloads}
    left_out = not_counted(inventory)
    rules = {
        "rule: time": "each stretch without a change is one representative week; every block of "
        "hours is planned at its busiest hour; commitments and purchases begin, and what is owned "
        "is sold, only where something changes: a year, a workload, an arrival",
        "rule: cost": f"present cost at {rate:.4g} a year: purchases when they are made, bills at "
        "the end of each month, resale at the horizon's end"
        f"{'; ' if left_out else ''}{left_out}",
    }
    if any(site.owned for site in inventory.sites):
        rules["rule: what stands"] = (
            "kept or sold, as the timeline says; what is kept is charged no capital and sold as "
            "the plan ends; it fetches sell_usd, else its age's share of the price new "
            "(age_months, "
            f"{OWNED_AGE_MONTHS:g} where it is not stated)"
        )
    if any(w.tier is Tier.PREMIUM for w in inventory.workloads):
        rules["rule: premium"] = (
            "speed at the low end of the 80 % interval, demand met after the loss of any one "
            "instance, never on spot"
        )
    if kinds & {Kind.BATCH, Kind.FINETUNE, Kind.PRETRAIN, Kind.EMBEDDING}:
        rules["rule: deferrable work"] = (
            "fills idle committed GPUs or rents its own instance for as long as it takes; "
            "limits.spot_share applies to served traffic only"
        )
    if any(w.countries for w in inventory.workloads):
        rules["rule: residency"] = "a region not known to be in one country satisfies no rule"
    return [
        Assumption(name, text, Basis.ASSUMED, "gpumix's documentation (how it works)")
        for name, text in rules.items()
    ]


def _shortlist(answer: Answer) -> Assumption:
    found = answer.found
    return Assumption(
        "rule: shortlist",
        f"{len(found.choice.supplies)} of {found.considered} supplies entered the integer "
        f"search; no mix of all of them can cost less than {found.solution.bound or 0.0:,.0f} USD"
        + (", the worth of waiting included" if answer.wait_usd else ""),
        Basis.MODELLED,
        "gpumix's documentation (decision 0004)",
    )


def warnings(answer: Answer, notes: Sequence[str]) -> tuple[str, ...]:
    """What a reader must know before trusting the plan."""
    found = [f"{line.supply.id} is idle" for line in answer.lines if line.most and not line.uses]
    found += _gangs_on_spot(answer)
    return (*found, *notes)


def _gangs_on_spot(answer: Answer) -> list[str]:
    """Jobs whose gang of several nodes is on spot: the least certain part of a plan."""
    gangs = {
        (use.cell.workload.id, use.cell.option.gpus, line.supply.gpu)
        for line in answer.lines
        if line.supply.purchase is Purchase.SPOT
        for use in line.uses
        if use.cell.option.gpus > GPUS_PER_NODE
    }
    return [
        f"{job}: a gang of {gpus} x {gpu} may be unobtainable on spot; its interruptions come from "
        "traces of older GPUs unless you set supply.cloud.spot"
        for job, gpus, gpu in sorted(gangs)
    ]


def replay_warnings(replays: Mapping[str, Replay], unproven: Sequence[str]) -> tuple[str, ...]:
    """Promises that break in the replay's worst hour, and workloads that simulation finds no way
    to serve."""
    return (
        *(
            f"{name}: in simulation no option keeps the promises at any load; its rates are those "
            "of the closed form, unproven"
            for name in unproven
        ),
        *(
            f"{name}: {slo.name} is not kept: in the worst hour of the replay it is "
            f"{slo.worst_s / MS:,.0f} ms (standard error {slo.standard_error_s / MS:,.0f}), the "
            f"limit {slo.limit_s / MS:,.0f} ms; over the first week {slo.week_s / MS:,.0f} ms"
            for name, replay in replays.items()
            for slo in replay.slo
            if not slo.kept
        ),
    )
