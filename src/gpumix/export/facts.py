"""What the plan says of a launch, for the head of its files, and what a target leaves unsaid."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from gpumix.domain.launch import Launch
from gpumix.domain.offer import Purchase
from gpumix.domain.workload import Kind, Tier

_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_HOURS_PER_DAY = 24
LATER: Final = "does not run in the first year of the plan"
NONE_HERE: Final = (
    "None here: in the hour in which its line is fullest, other launches have these GPUs. Start it"
    " in the hours below and stop those, or leave its share to the others."
)
EVERY_HOUR: Final = (
    "the plan has a number of replicas for every hour (schedule.csv), this file has one"
)
NEVER_STOPPED: Final = "; what is rented by the hour and never stopped costs more than planned"


def what_runs(launch: Launch) -> str:
    """A launch in a few words: `org/model: 2 x l40s-48gb, tp 2, fp8`."""
    part = f" ({launch.slice} of it)" if launch.slice else ""
    layout = f"{launch.gpus} x {launch.gpu}{part}, tp {launch.tp}, {launch.precision}"
    return f"{launch.model or 'work of the team'}: {layout}"


def plan_lines(launch: Launch, replicas: int) -> list[str]:
    """What the plan says of a launch: what, where, how many, when."""
    found = [
        f"Launch {launch.name}: {', '.join(launch.workloads)} ({launch.tier.value} {launch.kind})",
        f"Starts {what_runs(launch)}",
        _line(launch),
    ]
    if launch.is_job:
        return [*found, *_job(launch)]
    found.append(
        f"Replicas in the first year, by hour of the week: least {launch.least_replicas},"
        f" median {launch.median_replicas}, most {launch.first_year_replicas}; here {replicas}"
    )
    if not replicas:
        found.append(NONE_HERE)
    found += [f"  {line}" for line in by_day(launch.by_hour)]
    return [*found, *_sharing(launch)]


def by_day(by_hour: Sequence[int]) -> list[str]:
    """Replicas through the week, days alike together.

    >>> by_day([0] * 8 + [3] * 12 + [0] * 4 + [1] * 144)
    ['Mon 00-08: 0, 08-20: 3, 20-24: 0', 'Tue-Sun 00-24: 1']
    """
    days = [
        tuple(by_hour[start : start + _HOURS_PER_DAY])
        for start in range(0, len(by_hour), _HOURS_PER_DAY)
    ]
    found, first = [], 0
    for day in range(1, len(days) + 1):
        if day == len(days) or days[day] != days[first]:
            name = _DAYS[first] if day - first == 1 else f"{_DAYS[first]}-{_DAYS[day - 1]}"
            found.append(f"{name} {', '.join(_ranges(days[first]))}")
            first = day
    return found


def unsaid(launch: Launch, *, one_number: bool = True) -> list[str]:
    """What the plan counts on and a file that starts replicas has no words for."""
    found = []
    if one_number and len(set(launch.by_hour)) > 1:
        by_hour = launch.purchase in (Purchase.ON_DEMAND, Purchase.SPOT)
        found.append(EVERY_HOUR + (NEVER_STOPPED if by_hour else ""))
    if launch.tier is Tier.PREMIUM and not launch.is_job:
        found.append(
            "premium: the replicas hold enough to lose one instance (N+1); keep them on several"
            " machines and do not scale below what the hour needs"
        )
    if launch.share < 1.0 and not launch.is_job:
        found.append(
            f"this launch does {launch.share * 100:.1f} % of {launch.workloads[0]}; how requests"
            " are divided between its launches is the router's"
        )
    if launch.waits and not launch.is_job:
        found.append(
            "the work may wait and takes the GPUs that promised work leaves: give it the lower"
            " priority, and expect fewer replicas at the busiest hours"
        )
    if launch.is_spot and not launch.is_job:
        found.append(
            "spot: the provider may interrupt it; the plan limits the share of served work that"
            " runs so, and no target knows that limit"
        )
    return found


def place_of(launch: Launch) -> str:
    """Provider and region, where the plan has one."""
    region = "" if launch.region == "unspecified" else launch.region
    return " ".join(part for part in (launch.provider, region) if part)


def head(launch: Launch, replicas: int, cannot: Sequence[str]) -> list[str]:
    """The lines at the top of a launch's file, before those of the target."""
    return [*plan_lines(launch, replicas), *(f"Not said here: {one}." for one in cannot)]


def _ranges(day: Sequence[int]) -> Iterator[str]:
    start = 0
    for hour in range(1, len(day) + 1):
        if hour == len(day) or day[hour] != day[start]:
            yield f"{start:02d}-{hour:02d}: {day[start]}"
            start = hour


def _line(launch: Launch) -> str:
    where = place_of(launch)
    called = f", instance {launch.instance}" if launch.instance else ""
    size = f"{launch.gpus_per_instance} x {launch.gpu} an instance"
    held = f"{launch.line_gpus} GPUs in the first year"
    return f"At {where}, {launch.purchase.replace('_', ' ')} ({size}{called}; {held})"


def _sharing(launch: Launch) -> list[str]:
    if len(launch.workloads) < 2:
        return []
    return [f"These replicas serve {len(launch.workloads)} workloads: start them once."]


def _job(launch: Launch) -> list[str]:
    found = [f"Layout of the plan: {launch.note}"] if launch.note else []
    run = launch.run
    if run is not None:
        method = "pre-training" if launch.kind is Kind.PRETRAIN else f"{run.method} fine-tuning"
        batch = f", global batch {run.global_batch}" if run.global_batch else ""
        found.append(
            f"Run: {method} of {run.tokens:,.0f} tokens, sequences of {run.seq_len}{batch},"
            f" stack {run.stack}"
        )
        found.append(
            f"This file starts one run, of {run.runs_per_year:g} a year; at most"
            f" {launch.peak_replicas} at a time"
        )
    return found
