"""Demand as people state it -> requests per second, and how that came about."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gpumix.domain import defaults
from gpumix.domain.bounds import REQUESTS_PER_S
from gpumix.domain.promises import DEFAULT_SLOS
from gpumix.domain.traffic import DemandFrom, Lengths, Profile
from gpumix.domain.workload import Kind, Slo
from gpumix.errors import InputError, Problem
from gpumix.inventory.schema_work import TokensInOut, TrafficSpec
from gpumix.units import MS, SECONDS_PER_DAY

RATES = ("peak_requests_per_s", "requests_per_s", "users", "concurrency", "tokens_per_day")
"""The keys of traffic that state how much arrives; one of them is given."""

_AGREE = 0.01
"""Share by which two figures of requests a day may differ, for rounding."""

Place = Callable[..., str]
"""Names a key of the part at hand: `place()` is the part, `place("profile")` a key in it."""


def rate_problems(spec: TrafficSpec, busiest: float | None, place: Place) -> list[Problem]:
    """What is wrong with how the rate is stated; a trace (`busiest` hour known) brings its own."""
    stated = [key for key in RATES if getattr(spec, key) is not None]
    one_of = f"{', '.join(RATES[:-1])} or {RATES[-1]}"
    found = []
    if len(stated) > 1:
        found.append(Problem(place(), f"states {' and '.join(stated)}", f"keep one of {one_of}"))
    if not stated and busiest is None:
        found.append(Problem(place(), "states no rate", f"add {one_of}"))
    if spec.think_time is not None and spec.users is None:
        found.append(Problem(place("think_time"), "goes with users only", "state users"))
    return found


def with_lengths(spec: TrafficSpec, kind: Kind, profile: Profile, place: Place) -> TrafficSpec:
    """The traffic with the tokens of a request that its daily volume means; others as they are.

    The requests of a day are the volume over the tokens of one, of prompts where those are known,
    and what else is in the volume is spread over them.

    Raises: InputError where the volume does not go with the kind, or contradicts the lengths.
    """
    volume = spec.tokens_per_day
    if volume is None:
        return spec
    here = place("tokens_per_day")
    if kind in (Kind.MEDIA, Kind.CUSTOM):
        raise InputError(Problem(here, f"does not go with kind {kind}"))
    apart = isinstance(volume, TokensInOut)
    if kind is Kind.EMBEDDING and apart:
        fix = "write the input alone: tokens_per_day: 2B"
        raise InputError(Problem(here, "an embedding has no output", fix))
    if kind is not Kind.EMBEDDING and not apart:
        fix = "write tokens_per_day: {input: 900M, output: 60M}"
        raise InputError(Problem(here, "does not say how much is output", fix))
    input, output = spec.input_tokens, spec.output_tokens
    if input is None and output is None:
        if spec.trace is None and profile.id == "flat":
            fix = "tokens per request, or name a profile that has them"
            raise InputError(Problem(place(), "states no input_tokens", fix))
        input = profile.input.mean
    if not isinstance(volume, TokensInOut):
        return spec.model_copy(update={"input_tokens": input})
    if input is not None and output is not None:
        by_input, by_output = volume.input / input, volume.output / output
        if abs(by_input / by_output - 1.0) > _AGREE:
            message = (
                f"contradicts the tokens per request: {by_input:,.0f} requests a day by input, "
                f"{by_output:,.0f} by output"
            )
            raise InputError(Problem(here, message, "leave out output_tokens"))
    elif input is not None:
        output = volume.output / (volume.input / input)
    else:
        input = volume.input / (volume.output / (output or 1.0))
    if min(input, output or 0.0) < 1.0:
        message = f"makes {input:.2g} tokens in and {output:.2g} out a request"
        raise InputError(Problem(here, message, "both must be 1 or more"))
    return spec.model_copy(update={"input_tokens": input, "output_tokens": output})


def demand_from(
    spec: TrafficSpec,
    profile: Profile,
    busiest: float | None,
    lengths: tuple[Lengths, Lengths],
    slos: Sequence[Slo],
    place: Place,
) -> DemandFrom:
    """The rate of the busiest hour and the mean of the week, with how they come about.

    `users` and `concurrency` are those of the busiest hour, `requests_per_s` and `tokens_per_day`
    means of the week; between the two stands the profile's shape of the week.

    Raises: InputError where nothing is promised that says how long an answer takes, or the rate is
    none that a workload can have.
    """
    input, output = lengths
    key = next((key for key in RATES if getattr(spec, key) is not None), "")
    mean_to_peak = profile.mean_to_peak
    shape = f"{mean_to_peak:.3g} (mean over peak of {'the trace' if spec.trace else profile.id})"
    if spec.peak_requests_per_s is not None:
        peak = spec.peak_requests_per_s
        stated = f"peak_requests_per_s {peak:g}"
        formula = f"mean = {peak:g} x {shape}"
    elif spec.requests_per_s is not None:
        mean = spec.requests_per_s
        peak, stated = mean / mean_to_peak, f"requests_per_s {mean:g}"
        formula = f"peak = {mean:g} / {shape}"
    elif spec.users is not None:
        think_s = defaults.THINK_TIME_S if spec.think_time is None else spec.think_time
        answer_s, why = time_to_answer(slos, output, place(key))
        peak = spec.users / (think_s + answer_s)
        stated = f"users {spec.users:,.10g}, think_time {think_s:g} s"
        stated += " (default)" if spec.think_time is None else ""
        formula = f"peak = {spec.users:,.10g} / ({think_s:g} s + {answer_s:.3g} s to answer: {why})"
    elif spec.concurrency is not None:
        answer_s, why = time_to_answer(slos, output, place(key))
        peak, stated = spec.concurrency / answer_s, f"concurrency {spec.concurrency:,.10g}"
        formula = f"peak = {spec.concurrency:,.10g} / {answer_s:.3g} s to answer (Little): {why}"
    elif (volume := spec.tokens_per_day) is not None:
        inputs = volume.input if isinstance(volume, TokensInOut) else volume
        peak = inputs / input.mean / SECONDS_PER_DAY / mean_to_peak
        outputs = f", output {volume.output:,.0f}" if isinstance(volume, TokensInOut) else ""
        stated = f"tokens_per_day input {inputs:,.0f}{outputs}"
        formula = (
            f"peak = {inputs:,.0f} / {input.mean:,.0f} tokens a prompt / {SECONDS_PER_DAY:,.0f} s"
            f" / {shape}"
        )
        if outputs:
            formula += f", {output.mean:,.0f} tokens an answer"
    else:
        peak, stated = busiest or 0.0, f"trace {spec.trace}"
        formula = f"peak = its busiest hour; mean = peak x {shape}"
    low, high = REQUESTS_PER_S
    if key and not low <= peak <= high:
        message = f"makes {peak:.3g} requests/s, not between {low:g} and {high:g}"
        raise InputError(Problem(place(key), message))
    return DemandFrom(stated, formula, peak, peak * mean_to_peak, key, _amounts(spec, key))


def _amounts(spec: TrafficSpec, key: str) -> tuple[tuple[str, float], ...]:
    """The value of a key of traffic, by its parts."""
    value = getattr(spec, key) if key else None
    if isinstance(value, TokensInOut):
        return (("input", value.input), ("output", value.output))
    return () if value is None else (("", value),)


def time_to_answer(slos: Sequence[Slo], output: Lengths, here: str) -> tuple[float, str]:
    """How long an answer takes [s], assumed from what is promised, and the words for it.

    An end-to-end limit says it; else the first token's limit and the next tokens' do, those that
    chat is given where it states none.

    Raises: InputError where no promise says it.
    """
    if whole := [slo for slo in slos if slo.metric == "e2e"]:
        limit = min(whole, key=lambda slo: (slo.quantile, slo.limit_s))
        return limit.limit_s, f"assumed, the limit of {limit.name}"
    if not slos:
        fix = "promise e2e_p95 (media, custom: latency), or state requests_per_s"
        raise InputError(Problem(here, "needs a limit that says how long an answer takes", fix))
    ttft, tpot = (_limit_of(metric, slos) for metric in ("ttft", "tpot"))
    later = max(output.mean - 1.0, 0.0)
    words = f"{ttft.name} {ttft.limit_s:g} s + {later:,.0f} x {tpot.name} {tpot.limit_s / MS:g} ms"
    return ttft.limit_s + later * tpot.limit_s, f"assumed, the limits {words}"


def _limit_of(metric: str, slos: Sequence[Slo]) -> Slo:
    """The promise of a metric that comes nearest to its mean."""
    found = [s for s in slos if s.metric == metric] or [
        s for s in DEFAULT_SLOS if s.metric == metric
    ]
    return min(found, key=lambda slo: (slo.quantile, slo.limit_s))
