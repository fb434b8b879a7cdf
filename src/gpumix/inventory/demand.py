"""What an inventory says of traffic and volume -> units per hour of the week."""

from __future__ import annotations

from pathlib import Path

from gpumix.domain.traffic import Lengths, Profile
from gpumix.domain.workload import Demand, Kind
from gpumix.errors import InputError, Problem, unknown_name
from gpumix.inventory.schema import TokensInOut, TrafficSpec, WorkloadSpec
from gpumix.inventory.trace import read_trace, requests_per_s_of_busiest_hour
from gpumix.units import HOURS_PER_DAY, HOURS_PER_WEEK, HOURS_PER_YEAR, SECONDS_PER_HOUR

_WEEK = int(HOURS_PER_WEEK)
DEFAULT_INPUT_TOKENS = {Kind.BATCH: 1024.0, Kind.EMBEDDING: 512.0}
"""Tokens per request where only a daily volume is stated (assumed; the plan lists it)."""


def of_traffic(
    spec: TrafficSpec, kind: Kind, profiles: dict[str, Profile], folder: Path, place: str
) -> Demand:
    """Demand of served traffic.

    Raises: InputError where the traffic names no rate, two rates, or an unknown profile.
    """
    if spec.trace is not None:
        profile = read_trace(folder / spec.trace)
        busiest = requests_per_s_of_busiest_hour(folder / spec.trace)
    else:
        name = spec.profile or "flat"
        if name not in profiles:
            raise InputError(unknown_name(f"{place}.profile", "profile", name, profiles))
        profile, busiest = profiles[name], 0.0
    peak = _peak_requests_per_s(spec, profile, busiest, place)
    lengths = _lengths_of(spec, kind, profile, place)
    return Demand(
        units_per_hour=tuple(peak * SECONDS_PER_HOUR * f for f in profile.hour_of_week),
        growth_per_year=spec.growth_per_year,
        input=lengths[0],
        output=lengths[1],
        arrival_cv=profile.arrival_cv,
        prefix_share=profile.prefix_share,
        profile=profile.id,
    )


def _peak_requests_per_s(spec: TrafficSpec, profile: Profile, busiest: float, place: str) -> float:
    if spec.peak_requests_per_s is not None and spec.requests_per_s is not None:
        raise InputError(
            Problem(place, "states peak_requests_per_s and requests_per_s", "keep one of them")
        )
    if spec.peak_requests_per_s is not None:
        return spec.peak_requests_per_s
    if spec.requests_per_s is not None:
        return spec.requests_per_s / profile.mean_to_peak
    if spec.trace is not None:
        return busiest
    raise InputError(
        Problem(place, "states no rate", "add peak_requests_per_s (busiest hour) or requests_per_s")
    )


def _lengths_of(
    spec: TrafficSpec, kind: Kind, profile: Profile, place: str
) -> tuple[Lengths, Lengths]:
    """Lengths of the profile, rescaled to the stated means; a flat profile needs both means."""
    needed = {"input_tokens": spec.input_tokens, "output_tokens": spec.output_tokens}
    if kind is Kind.MEDIA:
        return Lengths(0.0, 0.0), Lengths(0.0, 0.0)
    if kind is Kind.EMBEDDING:
        needed.pop("output_tokens")
    missing = [name for name, value in needed.items() if value is None]
    if spec.trace is None and profile.id == "flat" and missing:
        raise InputError(
            Problem(
                place,
                f"states no {' and no '.join(missing)}",
                "tokens per request, or name a profile that has them",
            )
        )
    output = (
        Lengths(0.0, 0.0)
        if kind is Kind.EMBEDDING
        else _rescaled(profile.output, spec.output_tokens)
    )
    return _rescaled(profile.input, spec.input_tokens), output


def _rescaled(lengths: Lengths, mean: float | None) -> Lengths:
    if mean is None or mean == lengths.mean:
        return lengths
    factor = mean / lengths.mean
    return Lengths(mean, lengths.cv, tuple((p, t * factor) for p, t in lengths.quantiles))


def of_volume(spec: WorkloadSpec) -> Demand:
    """Demand of a daily volume of tokens, deferrable within its window."""
    volume = spec.tokens_per_day
    input_per_day = volume.input if isinstance(volume, TokensInOut) else float(volume or 0.0)
    output_per_day = volume.output if isinstance(volume, TokensInOut) else 0.0
    input_tokens = spec.input_tokens or DEFAULT_INPUT_TOKENS[spec.kind]
    requests_per_day = input_per_day / input_tokens
    output_tokens = output_per_day / requests_per_day
    return _steady(
        requests_per_day / HOURS_PER_DAY,
        spec.growth_per_year or 0.0,
        Lengths(input_tokens, 0.0),
        Lengths(output_tokens, 0.0),
    )


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
    return _steady(per_day / HOURS_PER_DAY, spec.growth_per_year or 0.0)


def _steady(
    units_per_hour: float,
    growth: float,
    input: Lengths = Lengths(0.0, 0.0),  # noqa: B008
    output: Lengths = Lengths(0.0, 0.0),  # noqa: B008
) -> Demand:
    return Demand(
        units_per_hour=(units_per_hour,) * _WEEK,
        growth_per_year=growth,
        input=input,
        output=output,
        arrival_cv=1.0,
        prefix_share=0.0,
        profile="flat",
    )
