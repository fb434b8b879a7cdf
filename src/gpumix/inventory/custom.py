"""Work that is no transformer, as an inventory states it -> the rates that the team measured."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from gpumix.domain.custom import RATE_CV, UNIT, MeasuredRate
from gpumix.domain.workload import Kind
from gpumix.inventory.schema_work import MeasuredRateSpec, WorkloadSpec
from gpumix.inventory.yaml import KeyPath

_OF_PROMPTS = (
    "tokens_per_day", "input_tokens", "output_tokens", "length_correlation", "prefix_share",
    "images_per_request", "tokens_per_image", "audio_minutes_per_request",
)  # fmt: skip
"""Keys of traffic that speak of prompts and answers."""

MEASURED_INSTEAD = dict.fromkeys(
    ("speech", "vision"), "measure its rate and plan it as kind custom, e.g. unit: audio minutes"
)
"""What to do about models that gpumix cannot predict, by their kind."""


def custom_problems(path: KeyPath, spec: WorkloadSpec, say: Callable[..., None]) -> None:
    """What custom work must not state; nothing of other kinds. `say` takes place, problem, fix."""
    if spec.kind is not Kind.CUSTOM:
        return
    if spec.latency is not None and "e2e_p95" in spec.slo:
        say(path, "states latency and slo.e2e_p95", "keep one of them")
    for key in _OF_PROMPTS:
        if spec.traffic is not None and key in spec.traffic.model_fields_set:
            fix = "state peak_requests_per_s, requests_per_s, users or concurrency"
            say((*path, "traffic", key), "does not go with kind custom", fix)


def unit_of(spec: WorkloadSpec) -> str:
    """One unit of the work as the team calls it: `frames` is many of a `frame`."""
    name = (spec.unit or UNIT).strip() or UNIT
    return name[:-1] if len(name) > 1 and name.endswith("s") and not name.endswith("ss") else name


def rates_of_work(
    path: KeyPath,
    spec: WorkloadSpec,
    allowed: Sequence[str],
    gpus: Callable[[KeyPath, Iterable[str]], list[str]],
    say: Callable[..., None],
) -> tuple[MeasuredRate, ...]:
    """The measured rate of each GPU that has one.

    Args:
        path: of the workload.
        spec: the workload.
        allowed: the only GPUs it may run on; none = all.
        gpus: ids of GPUs by the names people use; reports those that are unknown.
        say: reports a problem: place, problem and fix.
    """
    place = (*path, "rates")
    if not spec.rates:
        say(place, "states no rate of any GPU", "add rates: {l40s-48gb: 120}, units an hour")
    found: dict[str, MeasuredRate] = {}
    for name, stated in spec.rates.items():
        [gpu] = gpus((*place, name), [name])
        terms = stated if isinstance(stated, MeasuredRateSpec) else MeasuredRateSpec(rate=stated)
        if gpu in found:
            say((*place, name), f"states a second rate of {gpu}", "keep one of them")
        if allowed and gpu not in allowed:
            fix = "leave it out, or add the GPU to gpus"
            say((*place, name), f"`gpus` of the workload names only {', '.join(allowed)}", fix)
        cv = RATE_CV if terms.cv is None else terms.cv
        found[gpu] = MeasuredRate(gpu, terms.rate, terms.gpus, cv, terms.cv is not None)
    return tuple(found.values())
