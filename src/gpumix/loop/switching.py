"""What going over from one mix to another costs once, as far as the inventory and the data say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from gpumix.cost.contracts import data_usd_per_month
from gpumix.domain.replanned import SwitchingCost
from gpumix.domain.site import Range
from gpumix.plan.accounts import Line
from gpumix.plan.burst import startup_s
from gpumix.plan.interpret import Answer
from gpumix.supply.supply import Supply
from gpumix.units import SECONDS_PER_HOUR

NOT_COUNTED: Final = (
    "work of people: moving, testing and accepting other machines",
    "data that the inventory does not state (`data_tb`), and copies of models",
    "what a provider asks for ending a contract early, or a site for taking servers away",
    "losses while traffic goes over, beyond the time in which new replicas load",
    "energy prices and exchange rates start at their level of the inventory again",
)
"""What may come on top of `switching`."""


def switching_costs(
    before: Answer, after: Answer, defaults: Mapping[str, Range]
) -> tuple[SwitchingCost, ...]:
    """What moves from one mix to another cost: data sent to places where it was not, and instances
    that run until their replicas have loaded, while the old ones still serve."""
    return (*_data(before, after), *_loading(before, after, defaults))


def _data(before: Answer, after: Answer) -> Iterable[SwitchingCost]:
    """Data kept in one place is sent once to each new one, from where sending costs least."""
    for workload in after.choice.inventory.workloads:
        if not workload.data_tb:
            continue
        old, new = (_places(answer, workload.id) for answer in (before, after))
        if not old:
            continue
        origin = min(old, key=lambda place: old[place])
        for place in [place for place in new if place not in old]:
            usd = float(data_usd_per_month(workload.data_tb, old[origin]))
            how = f"{workload.data_tb:g} TB from {origin} at {old[origin]:g} USD per GB"
            yield SwitchingCost(f"data of {workload.id} to {place}", usd, how)


def _places(answer: Answer, workload: str) -> dict[str, float]:
    """Where a workload runs in the first year -> what sending a GB away costs there [USD]."""
    return {
        _place(line.supply): line.supply.egress_usd_per_gb
        for line in answer.lines
        if any(
            _is_of_first_year(answer, u.block) and u.cell.workload.id == workload for u in line.uses
        )
    }


def _place(supply: Supply) -> str:
    return supply.site or f"{supply.provider} {supply.region}".strip()


def _loading(
    before: Answer, after: Answer, defaults: Mapping[str, Range]
) -> Iterable[SwitchingCost]:
    """Rent of instances that are new while the weights of their replicas load."""
    had = {line.supply.id: line.most for line in before.lines}
    for line in after.lines:
        more, price = line.most - had.get(line.supply.id, 0), line.supply.usd_per_instance_hour
        seconds = _longest_start_s(line, defaults)
        if more > 0 and price and seconds:
            usd = more * price * seconds / SECONDS_PER_HOUR
            how = f"{more} instances at {price:.4g} USD an hour for {seconds:.0f} s"
            yield SwitchingCost(f"loading replicas on {line.supply.id}", usd, how)


def _longest_start_s(line: Line, defaults: Mapping[str, Range]) -> float:
    found = (startup_s(use.cell.option, defaults) for use in line.uses)
    return max((seconds for seconds in found if seconds is not None), default=0.0)


def _is_of_first_year(answer: Answer, block: int) -> bool:
    return answer.formulation.cycle.blocks[block].period.year == 0
