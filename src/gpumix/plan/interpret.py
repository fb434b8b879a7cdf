"""Numbers back to words: a solved mix problem becomes the Plan that reports render."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import lru_cache

from gpumix import mix
from gpumix.catalog.validity import Ageing
from gpumix.cost.case.streams import Stream, cash_by_year
from gpumix.cost.case.sums import cash_by_category, cash_of, ledger_option
from gpumix.cost.finance import months_worth
from gpumix.cost.site_charges import FIT_OUT
from gpumix.domain.ledger import Entry, PlanLedger
from gpumix.domain.offer import Purchase
from gpumix.domain.plan import (
    CashYear,
    CostPart,
    HourlyGpus,
    MixLine,
)
from gpumix.domain.quote import HARDWARE_DAYS, Quote
from gpumix.domain.room import RoomUse
from gpumix.plan.accounts import Line, Use, lines_of
from gpumix.plan.cash import TOLERANCE_USD, Calendar
from gpumix.plan.cohorts import OWED
from gpumix.plan.credits import credited, credits_of
from gpumix.plan.cycle import Block
from gpumix.plan.formulate import (
    Choice,
    Formulation,
    wait_usd,
)
from gpumix.plan.search import Found, judged
from gpumix.supply.supply import Supply
from gpumix.units import HOURS_PER_WEEK


@dataclass(frozen=True, slots=True)
class Answer:
    """A found mix and the accounts drawn from it."""

    found: Found
    lines: tuple[Line, ...]

    @property
    def choice(self) -> Choice:
        """The options and supplies it was made of."""
        return self.found.choice

    @property
    def formulation(self) -> Formulation:
        """The problem that was solved."""
        return self.found.formulation

    @property
    def months(self) -> float:
        """Months of the horizon."""
        return float(self.choice.inventory.months)

    @property
    def level_months(self) -> float:
        """What a level cost a month is multiplied by to be the present cost [months]: fewer than
        the horizon has, where capital costs something."""
        return months_worth(self.formulation.rate_per_year, 0, round(self.months))

    def level(self, usd: float) -> float:
        """A present cost spread evenly over the horizon, as the sum of its months [USD]."""
        return usd * self.months / self.level_months

    @property
    def usd(self) -> float:
        """Present cost [USD]."""
        return math.fsum(line.usd for line in self.lines)

    @property
    def cash_by_year(self) -> tuple[float, ...]:
        """Cash of each year of the horizon [USD]; what is owed past it, in the last."""
        streams = [stream for line in self.lines for stream in line.streams]
        return tuple(cash_by_year(streams, round(self.months)).tolist())

    @property
    def wait_usd(self) -> float:
        """What waiting for training jobs is worth at the start, beside the cost [USD]."""
        blocks, rate = self.formulation.cycle.blocks, self.formulation.rate_per_year
        return math.fsum(
            use.units
            * wait_usd(use.cell.option, line.supply)
            * blocks[use.block].period.worth(rate)
            for line in self.lines
            for use in line.uses
        )

    @property
    def minimised_usd(self) -> float:
        """What the search makes as small as it can: cost and the worth of waiting [USD]."""
        return self.usd + self.wait_usd

    @property
    def capex_usd(self) -> float:
        """Cash spent on servers and on fitting out their sites [USD]."""
        servers = [n * c.capex_usd for line in self.lines for c, n in line.cohorts]
        sites = [s.total for line in self.lines for s in line.streams if s.item == FIT_OUT]
        return math.fsum([*servers, *sites])

    @property
    def owed_usd(self) -> float:
        """What commitments still cost after the horizon, counted in its cost [USD]."""
        return math.fsum(line.owed_usd for line in self.lines)


@lru_cache(maxsize=32)
def answer_of(found: Found) -> Answer:
    """The accounts of a found mix; those of the last ones are remembered."""
    lines = lines_of(found.formulation, found.solution)
    return Answer(found, credited(lines, found.choice.inventory))


def usd_of(found: Found) -> float:
    """Cost of a found mix over the horizon by its accounts, with data, credits and the worth of
    waiting [USD]."""
    return answer_of(found).minimised_usd


def proof_of(answer: Answer) -> mix.Solution:
    """The solution with its cost by the accounts (the worth of waiting included), and what the
    search proves of that.

    Any other mix could draw all credits too, which the search does not see, and be counted as much
    too dear: its bound less the greater of the two.
    """
    solution = answer.found.solution
    credit_usd = math.fsum(credit.usd for credit in credits_of(answer.choice.inventory))
    usd = answer.minimised_usd
    if math.isclose(usd, solution.cost or 0.0, rel_tol=1e-9) and not credit_usd:
        return solution
    unseen_usd = max(credit_usd, (solution.cost or 0.0) - usd)
    bound = max((solution.bound or 0.0) - unseen_usd, 0.0)
    return judged(replace(solution, cost=usd), bound)


def mix_lines(answer: Answer, ageing: Ageing) -> tuple[MixLine, ...]:
    """One line a supply held, dearest first; `ageing` says how long prices by the hour are good."""
    quotes = answer.choice.inventory.quotes
    return tuple(
        _mix_line(line, answer, _valid_until(line.supply, ageing, quotes)) for line in answer.lines
    )


def _valid_until(supply: Supply, ageing: Ageing, quotes: Iterable[Quote]) -> date | None:
    """The last day for which a price is good: that of its quotation, else by its age; None for what
    stands already, and where the price has no date."""
    if supply.as_of is None or supply.purchase is Purchase.OWNED:
        return None
    if supply.offer is not None:
        return supply.as_of + timedelta(days=ageing.of(supply.offer).days)
    if supply.purchase is not Purchase.BUY:
        return None
    quoted = (q for q in quotes if q.gpu == supply.gpu and q.as_of == supply.as_of)
    stated = [q.valid_until for q in quoted if q.valid_until is not None]
    return min(stated, default=supply.as_of + timedelta(days=HARDWARE_DAYS))


def _mix_line(line: Line, answer: Answer, valid_until: date | None) -> MixLine:
    supply, usd, offer = line.supply, line.usd, line.supply.offer
    hours = [b.hours_per_week for b in answer.formulation.cycle.blocks]
    mean = math.fsum(n * h for n, h in zip(line.running, hours, strict=True)) / sum(hours)
    return MixLine(
        resource=supply.id,
        gpu=supply.gpu,
        gpus_per_instance=supply.gpus_per_instance,
        purchase=supply.purchase.value,
        provider=supply.provider,
        region=supply.region,
        country=supply.country,
        count=line.most,
        mean_count=mean,
        usd_per_gpu_hour=answer.level(line.held_usd - line.owed_usd) / line.gpu_hours
        if line.gpu_hours
        else supply.usd_per_gpu_hour,
        usd_per_month=usd / answer.level_months,
        usd_horizon=usd,
        utilisation=line.utilisation,
        serves=tuple(dict.fromkeys(use.cell.workload.id for use in line.uses)),
        price_as_of=supply.as_of,
        basis=supply.basis,
        source=supply.source,
        instance=offer.instance if offer else "",
        tier=supply.tier,
        layer=offer.layer.value if offer else "",
        term_months=offer.term_months if offer else 0,
        upfront_share=offer.upfront_share if offer else 0.0,
        estimated=offer.estimated if offer else False,
        derived=offer.derived if offer else False,
        age_days=offer.age_days(answer.choice.inventory.as_of) if offer else None,
        marks=offer.marks if offer else (),
        counts_by_year=_counts_by_year(line, answer),
        valid_until=valid_until,
    )


def room_use(answer: Answer) -> tuple[RoomUse, ...]:
    """What the plan takes of the racks of each site, in the fullest block of the horizon."""
    blocks = range(len(answer.formulation.cycle.blocks))
    found = []
    for site in answer.choice.inventory.sites:
        lines = [line for line in answer.lines if line.supply.site == site.id]
        kw = max(math.fsum(m.supply.kw * m.at_once[block] for m in lines) for block in blocks)
        used = kw / site.kw_per_rack
        found.append(RoomUse(site.id, site.racks, used, site.capacity_kw, kw))
    return tuple(found)


def _counts_by_year(line: Line, answer: Answer) -> tuple[int, ...]:
    cycle = answer.formulation.cycle
    return tuple(
        max(line.at_once[block] for block in cycle.of_year(year)) for year in range(cycle.years)
    )


def entries_of(answer: Answer) -> tuple[Entry, ...]:
    """Every amount of the plan, the first first."""
    found = [
        entry
        for line in answer.lines
        for stream in line.streams
        for entry in stream.entries(line.supply.id)
    ]
    return tuple(sorted(found, key=lambda e: (e.month, e.option, e.category, e.item)))


def ledger(answer: Answer) -> PlanLedger:
    """The plan's ledger: one option a supply held, dearest first."""
    months, rate = round(answer.months), answer.formulation.rate_per_year
    inventory = answer.choice.inventory
    options = {
        line.supply.id: ledger_option(
            line.supply.id,
            line.supply.purchase.value,
            line.streams,
            months,
            rate,
            gpus=line.most * line.supply.gpus_per_instance,
            gpu_hours=line.gpu_hours,
            busy_gpu_hours=line.busy_gpu_hours,
        )
        for line in answer.lines
    }
    streams = [stream for line in answer.lines for stream in line.streams]
    return PlanLedger(
        inventory.name,
        "USD",
        inventory.start,
        months,
        rate,
        options,
        cash=cash_of(streams, months),
        by_category=cash_by_category(streams, months),
    )


def cash_by_year_local(answer: Answer) -> tuple[float, ...]:
    """Cash of each year of the horizon in the report's currency, each payment at the rate of its
    month; none where no path of that rate is stated."""
    inventory = answer.choice.inventory
    rates = (r for r in inventory.fx if r.currency == inventory.report_currency)
    path = next((rate.path for rate in rates), None)
    if path is None:
        return ()
    streams = [
        replace(stream, amounts=stream.amounts * path.rates(stream.months))
        for line in answer.lines
        for stream in line.streams
    ]
    return tuple(cash_by_year(streams, round(answer.months)).tolist())


def cash_years(answer: Answer) -> tuple[CashYear, ...]:
    """Cash of each year of the calendar beside its limit; none where no year has one."""
    inventory = answer.choice.inventory
    if not inventory.limits.cash:
        return ()
    most = dict(inventory.limits.cash)
    streams = [stream for line in answer.lines for stream in line.streams]
    by_year = Calendar.of(inventory).cash(streams)
    return tuple(CashYear(year, usd, most.get(year)) for year, usd in by_year.items())


def cash_warnings(answer: Answer) -> tuple[str, ...]:
    """Years whose limit no mix was found to keep, once all is counted."""
    return tuple(
        f"limits.cash: {one.year} pays {one.cash_usd:,.0f} USD, more than {one.limit_usd:,.0f}: no "
        "mix was found that keeps it once posts beyond the least of a site, the network between "
        "servers and data are counted; allow that much, or ask for less"
        for one in cash_years(answer)
        if one.limit_usd is not None and one.cash_usd > one.limit_usd + TOLERANCE_USD
    )


def cost_parts(answer: Answer) -> tuple[CostPart, ...]:
    """The plan's cash by item and year, the largest item first."""
    items: dict[str, list[Stream]] = {}
    for stream in (stream for line in answer.lines for stream in line.streams):
        items.setdefault(stream.item, []).append(stream)
    months = round(answer.months)
    parts = [
        CostPart(name, tuple(cash_by_year(own, months).tolist())) for name, own in items.items()
    ]
    return tuple(
        sorted((p for p in parts if any(p.usd_by_year)), key=lambda p: -sum(p.usd_by_year))
    )


def first_year_usd(answer: Answer) -> float:
    """Cash of the first year of the horizon, less what is owed past it [USD]."""
    return cost_of_year(answer.lines, 0)


def cost_of_year(lines: Iterable[Line], year: int, apart: Sequence[str] = ()) -> float:
    """Cash of lines in a year of the horizon (-1 = last), less what is owed past it and what is of
    the categories `apart` [USD]."""
    return math.fsum(
        cash_by_year(
            [s for s in line.streams if s.item != OWED and s.category not in apart], line.months
        )[year]
        for line in lines
    )


def idle_usd(answer: Answer) -> float:
    """Present cost of GPU-hours that are held and do not work [USD]."""
    return math.fsum(
        (line.held_usd - line.owed_usd) * (1.0 - line.utilisation) for line in gpu_lines(answer)
    )


def utilisation(answer: Answer) -> float:
    """Share of all GPU-hours held that work (0-1)."""
    lines = gpu_lines(answer)
    held = math.fsum(line.gpu_hours for line in lines)
    return math.fsum(line.busy_gpu_hours for line in lines) / held if held else 0.0


def gpu_lines(answer: Answer) -> list[Line]:
    """The lines that hold GPUs: all but those of APIs."""
    return [line for line in answer.lines if line.supply.purchase is not Purchase.API]


def hourly_gpus(answer: Answer) -> HourlyGpus:
    """GPUs committed, rented by the hour, and busy, in every hour of a mean week of the first
    year."""
    cycle = answer.formulation.cycle
    committed, hourly, busy = ([0.0] * int(HOURS_PER_WEEK) for _ in range(3))
    for p in cycle.of_year(0):
        block = cycle.blocks[p]
        for line in gpu_lines(answer):
            gpus = line.running[p] * line.supply.gpus_per_instance * block.period.share_of_year
            held = committed if line.supply.purchase.is_committed else hourly
            for hour in block.hours:
                held[hour] += gpus
            for use in line.uses:
                if use.block == p:
                    _add_busy(busy, use, block)
    return HourlyGpus(tuple(committed), tuple(hourly), tuple(busy))


def _add_busy(busy: list[float], use: Use, block: Block) -> None:
    """GPUs a use keeps busy in each hour: as its workload's demand rises and falls in the block."""
    gpus = use.replicas * use.cell.option.gpu_share * use.cell.duty * block.period.share_of_year
    for hour, working in zip(block.hours, use.working, strict=True):
        busy[hour] += gpus * working
