"""What an inventory says of traffic and volume -> units per hour of the week."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from gpumix.domain import defaults
from gpumix.domain.evidence import Assumption, Basis
from gpumix.domain.traffic import DemandFrom, Lengths, Profile
from gpumix.domain.workload import Demand, Kind, Slo
from gpumix.errors import InputError, Problem, unknown_name
from gpumix.inventory.rates import Place, demand_from, rate_problems, with_lengths
from gpumix.inventory.schema_work import TokensInOut, TrafficSpec, WorkloadSpec
from gpumix.inventory.trace import read_trace
from gpumix.inventory.trace_formats import Reading
from gpumix.inventory.yaml import KeyPath
from gpumix.units import (
    HOURS_PER_DAY,
    HOURS_PER_WEEK,
    HOURS_PER_YEAR,
    SECONDS_PER_DAY,
    SECONDS_PER_HOUR,
)

_WEEK = int(HOURS_PER_WEEK)
_NO_TOKENS = Lengths(0.0, 0.0)
_DAILY = (Kind.BATCH, Kind.EMBEDDING, Kind.MEDIA, Kind.CUSTOM)
"""Kinds of work whose volume of a day may wait."""
T = TypeVar("T")

FIGURES = {
    "arrival_cv": "burstiness",
    "length_correlation": "correlation of prompt and answer",
    "prefix_share": "shared prefixes",
}
"""What the figures of traffic beside rate and lengths are called in the evidence."""


def of_traffic(
    spec: TrafficSpec,
    kind: Kind,
    profiles: dict[str, Profile],
    folder: Path,
    place: Place,
    slos: Sequence[Slo],
    time_cv: float = 0.0,
) -> Demand:
    """Demand of served traffic; `place("profile")` says where in the file a key stands, `slos` how
    long an answer may take, `time_cv` how much the time of a unit of custom work varies.

    Raises: InputError where the traffic names no rate, two rates, two shapes, no lengths, or an
    unknown profile, and where its trace cannot be read.
    """
    if spec.trace is not None and spec.profile is not None:
        raise InputError(Problem(place(), "states profile and trace", "keep one of them"))
    if spec.trace is None and (spec.trace_unit or spec.trace_map):
        key = "trace_unit" if spec.trace_unit else "trace_map"
        raise InputError(Problem(place(key), "goes with a trace", "name one, or delete it"))
    if spec.trace is not None:
        trace = folder / spec.trace
        names = spec.trace_map.model_dump() if spec.trace_map else {}
        reading = Reading(spec.trace_unit or "", names)
        profile, busiest = within(place("trace"), lambda: read_trace(trace, reading))
    else:
        name = spec.profile or "flat"
        if name not in profiles:
            raise InputError(unknown_name(place("profile"), "profile", name, profiles))
        profile, busiest = profiles[name], None
    problems = rate_problems(spec, busiest, place)
    if not problems:
        spec = with_lengths(spec, kind, profile, place)
    if kind in (Kind.MEDIA, Kind.CUSTOM):
        input, output = Lengths(0.0, time_cv), _NO_TOKENS
    else:
        input, output = _lengths_of(spec, kind, profile, place, problems)
    if problems:
        raise InputError(problems)
    rate = demand_from(spec, profile, busiest, (input, output), slos, place)
    known = {
        name: getattr(profile, name) if stated is None else stated
        for name, stated in _stated(spec).items()
    }
    return Demand(
        units_per_hour=tuple(
            rate.peak_requests_per_s * SECONDS_PER_HOUR * f for f in profile.hour_of_week
        ),
        growth_per_year=spec.growth_per_year,
        input=input,
        output=output,
        arrival_cv=known["arrival_cv"] or 0.0,
        prefix_share=known["prefix_share"] or 0.0,
        profile=profile.id,
        length_correlation=known["length_correlation"] or 0.0,
        evidence=_evidence(spec, kind, profile, known),
        demand_from=rate,
    )


def _stated(spec: TrafficSpec) -> dict[str, float | None]:
    """The inventory's own figures, which win over the profile's."""
    return {
        "arrival_cv": spec.arrival_cv,
        "length_correlation": spec.length_correlation,
        "prefix_share": spec.prefix_share,
    }


def _evidence(
    spec: TrafficSpec, kind: Kind, profile: Profile, known: Mapping[str, float | None]
) -> tuple[Assumption, ...]:
    """What the traffic is drawn with and where it comes from, figure by figure."""
    stated = _stated(spec)
    words = {"arrival_cv": _burstiness(profile, known["arrival_cv"] or 0.0, spec)}
    if kind not in (Kind.EMBEDDING, Kind.MEDIA, Kind.CUSTOM):
        words["length_correlation"] = f"{known['length_correlation'] or 0.0:+.2f} (ranks)"
        words["prefix_share"] = f"{known['prefix_share'] or 0.0:.0%} of prompt tokens, cached"
    found = []
    for name, value in words.items():
        basis, source = Basis.MEASURED, profile.source
        if stated[name] is not None:
            basis, source = Basis.ASSUMED, "stated in the inventory"
        elif profile.id == "flat" or getattr(profile, name) is None:
            basis = Basis.ASSUMED
            source = "no trace named" if profile.id == "flat" else f"not recorded in {profile.id}"
        found.append(Assumption(FIGURES[name], value, basis, source))
    return tuple(found)


def _burstiness(profile: Profile, cv: float, spec: TrafficSpec) -> str:
    words = f"CV of arrival gaps {cv:.2f}"
    if spec.arrival_cv is None and profile.client_cv is not None:
        low, middle, high = profile.client_cv
        words += f"; by client {middle:.2f}, 80 % of requests between {low:.2f} and {high:.2f}"
    return words


def window_of(spec: WorkloadSpec) -> tuple[int, ...]:
    """The hours of the week in which a workload may run."""
    hours = range(_WEEK)
    if spec.window is None:
        return tuple(hours)
    return tuple(h for h in hours if h % int(HOURS_PER_DAY) in spec.window)


def within(place: str, read: Callable[[], T]) -> T:
    """What `read` makes of a file that the inventory names at `place`.

    Raises: InputError whose problems name that place, too.
    """
    try:
        return read()
    except InputError as error:
        raise InputError(
            Problem(f"{place}, {p.place}", p.message, p.fix) for p in error.problems
        ) from None


def _lengths_of(
    spec: TrafficSpec, kind: Kind, profile: Profile, place: Place, problems: list[Problem]
) -> tuple[Lengths, Lengths]:
    """Lengths of the profile, rescaled to the stated means; a flat profile needs both means."""
    needed = {"input_tokens": spec.input_tokens}
    if kind is not Kind.EMBEDDING:
        needed["output_tokens"] = spec.output_tokens
    elif spec.output_tokens is not None:
        problems.append(Problem(place("output_tokens"), "does not go with kind embedding"))
    missing = [name for name, value in needed.items() if value is None]
    if spec.trace is None and profile.id == "flat" and missing:
        fix = "tokens per request, or name a profile that has them"
        problems.append(Problem(place(), f"states no {' and no '.join(missing)}", fix))
    if kind is Kind.EMBEDDING:
        return rescaled(profile.input, spec.input_tokens), _NO_TOKENS
    if profile.output.mean <= 0.0:
        problems.append(Problem(place("trace"), "has no output tokens", f"kind {kind} writes some"))
        return profile.input, profile.output
    return (
        rescaled(profile.input, spec.input_tokens),
        rescaled(profile.output, spec.output_tokens),
    )


def rescaled(lengths: Lengths, mean: float | None) -> Lengths:
    """A distribution stretched to another mean; as it is without one."""
    if mean is None or mean == lengths.mean:
        return lengths
    factor = mean / lengths.mean
    return Lengths(mean, lengths.cv, tuple((p, t * factor) for p, t in lengths.quantiles))


def of_volume(spec: WorkloadSpec, place: Place) -> Demand:
    """Demand of a daily volume of tokens, deferrable within its window.

    Raises: InputError where a batch states no output, or an embedding states some.
    """
    volume = spec.tokens_per_day
    if spec.kind is Kind.BATCH and not isinstance(volume, TokensInOut):
        fix = "write tokens_per_day: {input: 900M, output: 60M}"
        raise InputError(Problem(place("tokens_per_day"), "does not say how much is output", fix))
    if spec.kind is Kind.EMBEDDING and isinstance(volume, TokensInOut):
        fix = "write the input alone: tokens_per_day: 2B"
        raise InputError(Problem(place("tokens_per_day"), "an embedding has no output", fix))
    input_per_day = volume.input if isinstance(volume, TokensInOut) else float(volume or 0.0)
    output_per_day = volume.output if isinstance(volume, TokensInOut) else 0.0
    input_tokens = spec.input_tokens or defaults.INPUT_TOKENS_OF_VOLUME[spec.kind]
    requests_per_day = input_per_day / input_tokens
    output = f", output {output_per_day:,.0f}" if output_per_day else ""
    size = f"{input_tokens:,.0f} tokens a prompt{'' if spec.input_tokens else ' (default)'}"
    return _steady(
        requests_per_day / HOURS_PER_DAY,
        spec.growth_per_year or 0.0,
        Lengths(input_tokens, 0.0),
        Lengths(output_per_day / requests_per_day, 0.0),
        _spread(
            f"tokens_per_day input {input_per_day:,.0f}{output}",
            f"{input_per_day:,.0f} / {size}",
            requests_per_day,
        ),
    )


def finish_within_h(spec: WorkloadSpec, path: KeyPath, say: Callable[..., None]) -> float | None:
    """The limit of a day's volume [h]; a run has its own. `say` takes place, problem and fix."""
    if spec.finish_within is None or spec.kind not in _DAILY:
        return None
    place = (*path, "finish_within")
    if spec.slo or spec.latency is not None:
        say(place, "goes with work that may wait, this one promises a latency", "keep one of them")
    if spec.finish_within < SECONDS_PER_HOUR:
        say(place, "must be at least 1 h")
    return spec.finish_within / SECONDS_PER_HOUR


def of_runs(spec: WorkloadSpec) -> Demand:
    """Demand of a job that is run so many times a year."""
    return _steady(runs_per_year(spec) / HOURS_PER_YEAR, spec.growth_per_year or 0.0)


def runs_per_year(spec: WorkloadSpec) -> float:
    """Runs a year; one where the file does not say."""
    if spec.runs_per_month is not None:
        return spec.runs_per_month * 12.0
    return spec.runs_per_year if spec.runs_per_year is not None else 1.0


def of_samples(spec: WorkloadSpec) -> Demand:
    """Demand of images or videos, steady over the day."""
    per_day = (spec.images_per_day or 0.0) + (spec.videos_per_day or 0.0)
    keys = [key for key in ("images_per_day", "videos_per_day") if getattr(spec, key)]
    stated = ", ".join(f"{key} {getattr(spec, key):,.10g}" for key in keys)
    rate = _spread(stated, f"{per_day:,.10g}", per_day)
    return _steady(per_day / HOURS_PER_DAY, spec.growth_per_year or 0.0, rate=rate)


def of_units(spec: WorkloadSpec) -> Demand:
    """Demand of units of custom work, steady over the day."""
    per_day = spec.per_day or 0.0
    rate = _spread(f"per_day {per_day:,.10g}", f"{per_day:,.10g}", per_day)
    lengths = Lengths(0.0, spec.time_cv)
    return _steady(per_day / HOURS_PER_DAY, spec.growth_per_year or 0.0, lengths, rate=rate)


def _spread(stated: str, formula: str, per_day: float) -> DemandFrom:
    """What a day's volume makes a second, spread evenly."""
    per_s = per_day / SECONDS_PER_DAY
    words = f"mean = {formula} / {SECONDS_PER_DAY:,.0f} s, spread evenly over the day"
    return DemandFrom(stated, words, per_s, per_s)


def _steady(
    units_per_hour: float,
    growth: float,
    input: Lengths = _NO_TOKENS,
    output: Lengths = _NO_TOKENS,
    rate: DemandFrom | None = None,
) -> Demand:
    return Demand(
        units_per_hour=(units_per_hour,) * _WEEK,
        growth_per_year=growth,
        input=input,
        output=output,
        arrival_cv=1.0,
        prefix_share=0.0,
        profile="flat",
        demand_from=rate,
    )
