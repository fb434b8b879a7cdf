"""What measuring is worth: the plan's work at today's intervals of speed, and at those that three
measured points leave, which is what `gpumix calibrate` would make of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from gpumix.domain.plan import Plan
from gpumix.domain.workload import Inventory, Workload
from gpumix.domain.worth import BenchPoint, MeasurementWorth, Worth, WorthTogether
from gpumix.errors import InputError, Problem
from gpumix.measure import commands
from gpumix.measure.held import Held, cheapest_hour, held_by, is_benched
from gpumix.options.option import Option, Replica
from gpumix.options.other_speeds import after_measuring, sigma_after
from gpumix.perf.interval import Z80
from gpumix.plan.confidence import at_speeds
from gpumix.plan.formulate import Choice
from gpumix.plan.interpret import answer_of
from gpumix.plan.search import search
from gpumix.predict.inference import predict_inference, serving_evidence
from gpumix.supply.rentals import rental
from gpumix.units import SECONDS_PER_HOUR

if TYPE_CHECKING:
    from gpumix.catalog import Catalog
    from gpumix.predict.evidence import Evidence

POINTS = (0.25, 0.5, 1.0)
"""Concurrencies of the three points, over the batch of a replica in its busiest hour."""

ROUNDS, LEAST_REQUESTS = 5, 50
"""Requests of a run: so many for each that is in flight, and at the least."""

_METRICS = ("output_tok_s_total", "ttft_ms_mean", "tpot_ms_mean", "itl_ms_mean", "e2e_ms_mean")
"""What a run tells of the speed, one figure of each kind."""

_SETUP = "bench_setup"


@dataclass(frozen=True, slots=True)
class _Asked:
    """A deployment that may be measured for a workload, and the concurrencies of its points."""

    workload: Workload
    option: Option
    replica: Replica
    concurrencies: tuple[int, ...]

    @property
    def name(self) -> str:
        """What it is called: `chat-l40s-48gb-tp1-fp8`."""
        return f"{self.workload.id}-{self.option.gpu}-tp{self.option.tp}-{self.option.precision}"

    @property
    def tokens(self) -> tuple[int, int]:
        """Mean prompt and answer of the workload [tokens]."""
        demand = self.workload.demand
        sizes = (demand.input.mean, demand.output.mean) if demand else (1.0, 1.0)
        return max(round(sizes[0]), 1), max(round(sizes[1]), 1)

    def points(self, metrics: Sequence[str] = _METRICS) -> dict[str, list[str]]:
        """The figures of its runs as questions, in the columns of measured rows."""
        option, workload = self.option, self.workload
        rows = [
            {
                "id": f"{self.name} {concurrency} {metric}", "source": self.name,
                "gpu": option.gpu, "model": workload.model, "tp": str(option.tp),
                "n_gpus": str(option.gpus), "weight_precision": option.precision,
                "kv_precision": workload.kv_precision, "engine": workload.engine,
                "input_len": str(self.tokens[0]), "output_len": str(self.tokens[1]),
                "load": "concurrency", "load_value": str(concurrency), "metric": metric,
                "dataset": "fixed",
            }
            for concurrency in self.concurrencies
            for metric in metrics
        ]  # fmt: skip
        return {name: [row[name] for row in rows] for name in rows[0]}


def worth_of(plan: Plan, inventory: Inventory, catalog: Catalog) -> Worth:
    """What measuring each text deployment of a plan, or the next of a workload, would save a month:
    the cheapest mix of what the plan holds, before and after.

    Raises: InputError where the plan was made of other data.
    """
    held = held_by(plan, inventory, catalog)
    savings = _Savings(held, catalog)
    asked = {one.name: one for one in _asked(plan, held)}
    found = [_worth(one, savings.of([one]), held, catalog) for one in asked.values()]
    ranked = sorted(found, key=lambda m: (not m.pays, (m.rent_usd or 0.0) - m.saves_usd_per_month))
    names: tuple[str, ...] = ()
    usd = rent_usd = 0.0
    for one in (m for m in ranked if m.pays):
        # what one measurement tells of the others is not worth telling twice
        both_usd = savings.of([asked[name] for name in (*names, one.name)]).usd
        own_usd = one.rent_usd or 0.0
        if both_usd > usd + own_usd:
            names, usd, rent_usd = (*names, one.name), both_usd, rent_usd + own_usd
    return Worth(
        plan=plan.name,
        usd_per_month=plan.monthly_usd,
        doubt_usd_per_month=max((s.doubt_usd for s in savings.today.values()), default=0.0),
        setup_hours=_setup_h(catalog),
        measurements=tuple(ranked),
        together=WorthTogether(names, usd, rent_usd) if names else None,
    )


class _Saving(NamedTuple):
    """Dollars a month, and how many of them the search leaves open."""

    usd: float
    doubt_usd: float


@dataclass(frozen=True, slots=True)
class _Savings:
    """What measuring saves: the cheapest mix of what the plan holds and of the GPUs measured,
    before and after; `today` remembers the costs before, by those GPUs."""

    held: Held
    catalog: Catalog
    today: dict[frozenset[str], _Saving] = field(default_factory=dict)

    def of(self, asked: Sequence[_Asked]) -> _Saving:
        """What measuring all of these saves a month."""
        choice = self.held.choice_with({one.option.gpu for one in asked})
        key = frozenset(s.id for s in choice.supplies)
        if key not in self.today:
            self.today[key] = self._cost(choice)
        evidence = _evidence(asked, self.catalog)
        surer = at_speeds(choice, lambda w: after_measuring(w, self.catalog, evidence))
        today = self.today[key]
        return _Saving(max(today.usd - self._cost(surer).usd, 0.0), today.doubt_usd)

    def _cost(self, choice: Choice) -> _Saving:
        found = search(choice, self.held.cycle, choice.work.plan)
        cost = found.solution.cost
        if cost is None:
            text = "does not keep its limits with the data of today"
            raise InputError(Problem("plan", text, "plan it again"))
        answer = answer_of(found)
        doubt_usd = max(cost - (found.solution.bound or 0.0), 0.0)
        return _Saving(answer.usd / answer.months, doubt_usd / answer.months)


def _asked(plan: Plan, held: Held) -> list[_Asked]:
    """What may be measured: each text deployment of the choice, on whole GPUs."""
    found = []
    for workload in filter(is_benched, held.choice.inventory.workloads):
        for option in held.choice.options[workload.id]:
            if option.replica is not None and option.slice is None:
                most = int(option.replica.dep.max_sequences[option.replica.row])
                busiest = _batch(plan, workload, option)
                found.append(_Asked(workload, option, option.replica, _spread(busiest, most)))
    return found


def _batch(plan: Plan, workload: Workload, option: Option) -> float:
    """Sequences of a replica in its busiest hour: as the plan says, else as predicted."""
    placements = next((w.placements for w in plan.workloads if w.id == workload.id), ())
    way = (option.gpu, option.gpus, option.precision)
    told = [p.batch for p in placements if (p.gpu, p.gpus, p.precision) == way and p.batch]
    return max(told, default=option.batch or 1.0)


def _spread(busiest: float, most: int) -> tuple[int, ...]:
    """Three concurrencies, all different, up to that of the busiest hour (4 at the least)."""
    top = max(min(round(busiest), most), 2 ** (len(POINTS) - 1))
    return tuple(max(round(top * share), 1) for share in POINTS)


def _evidence(asked: Sequence[_Asked], catalog: Catalog) -> Evidence | None:
    """All evidence there would be with the points of these."""
    tables = [one.points() for one in asked]
    return _evidence_after(
        catalog, {name: [cell for t in tables for cell in t[name]] for name in tables[0]}
    )


def _worth(asked: _Asked, saving: _Saving, held: Held, catalog: Catalog) -> MeasurementWorth:
    option, workload = asked.option, asked.workload
    runs = _runs_h(asked, catalog)
    hours = _setup_h(catalog) + runs
    offers = [rental(o, False, None) for o in catalog.usable(held.choice.inventory.as_of)]
    rented = cheapest_hour(held.supplies.of, option.gpu, option.gpus) or cheapest_hour(
        offers, option.gpu, option.gpus
    )
    rent_usd = None if rented is None else rented[0] * hours
    after = sigma_after(workload, option, catalog, _evidence([asked], catalog))
    made = commands.COMMANDS.get(workload.engine)
    one = commands.Deployment(
        workload.model,
        option.tp,
        option.precision,
        workload.kv_precision,
        int(asked.replica.dep.max_sequences[asked.replica.row]),
        *asked.tokens,
    )
    notes = [] if rented else ["nobody rents it by the hour"]
    if made is None:
        notes.append(f"no benchmark of {workload.engine} is known: use your own at these loads")
    return MeasurementWorth(
        name=asked.name,
        workload=workload.id,
        model=workload.model,
        gpu=option.gpu,
        tp=option.tp,
        precision=option.precision,
        kv_precision=workload.kv_precision,
        engine=workload.engine,
        input_tokens=asked.tokens[0],
        output_tokens=asked.tokens[1],
        interval_now=math.exp(Z80 * option.sigma) - 1.0,
        interval_after=math.exp(Z80 * after) - 1.0,
        saves_usd_per_month=saving.usd,
        rented="" if rented is None else rented[1],
        hours=hours,
        rent_usd=rent_usd,
        pays=rent_usd is not None and saving.usd > max(rent_usd, saving.doubt_usd),
        server=made.server(one) if made else "",
        health=f"http://127.0.0.1:{made.port}/health" if made else "",
        points=tuple(
            BenchPoint(c, n, made.run(one, c, n, f"concurrency-{c}") if made else "")
            for c in asked.concurrencies
            for n in (_requests(c),)
        ),
        calibrate=commands.calibrate_command(
            workload.engine, option.gpu, one, f"results/{asked.name}"
        )
        if made
        else "",
        note="; ".join(notes),
    )


def _setup_h(catalog: Catalog) -> float:
    """What is assumed for everything but the runs [h]."""
    return catalog.defaults[_SETUP].typical or 0.0


def _requests(concurrency: int) -> int:
    return max(ROUNDS * concurrency, LEAST_REQUESTS)


def _runs_h(asked: _Asked, catalog: Catalog) -> float:
    """How long the runs take, as predicted [h]."""
    rates = predict_inference(asked.points(_METRICS[:1]), catalog=catalog)["value"]
    tokens = [_requests(c) * asked.tokens[1] for c in asked.concurrencies]
    return math.fsum(t / r for t, r in zip(tokens, rates.tolist(), strict=True)) / SECONDS_PER_HOUR


def _evidence_after(catalog: Catalog, points: Mapping[str, Sequence[str]]) -> Evidence | None:
    """The evidence there would be had these points been measured and found as predicted: no middle
    moves, intervals get narrower."""
    found = predict_inference(points, catalog=catalog).value
    value = [f"{one:.9g}" for one in found.tolist()]
    return serving_evidence(catalog.with_rows({**points, "value": value}))
