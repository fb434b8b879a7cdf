"""Classes of requests within a workload, as an inventory states them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

from gpumix.domain.evidence import Assumption, Basis
from gpumix.domain.llm import SHORTER, NamedModel, too_long
from gpumix.domain.traffic import Lengths
from gpumix.domain.workload import Demand, RequestClass, Tier
from gpumix.inventory.demand import rescaled
from gpumix.inventory.schema_work import ClassSpec, TrafficSpec, WorkloadSpec
from gpumix.inventory.yaml import KeyPath

WHOLE = 0.001
"""How far from 1 the shares of all classes may add up: figures are rounded."""


def names_of(spec: WorkloadSpec) -> list[str]:
    """The classes' names, stated or by their place."""
    return [one.name or f"class {i + 1}" for i, one in enumerate(spec.classes or ())]


def tier_of(spec: WorkloadSpec) -> Tier:
    """The tier of a workload: the strictest of its classes, which the same replicas serve."""
    tiers = {one.tier or spec.tier for one in spec.classes or ()} or {spec.tier}
    return Tier.PREMIUM if Tier.PREMIUM in tiers else Tier.STANDARD


def class_problems(path: KeyPath, spec: WorkloadSpec, say: Callable[..., None]) -> None:
    """Reports what is wrong with the classes by themselves."""
    classes = spec.classes or []
    total = math.fsum(one.share for one in classes)
    if classes and abs(total - 1.0) > WHOLE:
        say((*path, "classes"), f"shares add up to {total:.4g}", "they must add up to 1")
    for name, count in Counter(names_of(spec)).items():
        if count > 1:
            say((*path, "classes"), f"names {name!r} {count} times", "names must differ")
    traffic = spec.traffic or TrafficSpec()
    for key in ("input_tokens", "output_tokens"):
        stated = [one for one in classes if getattr(one, key) is not None]
        if not stated:
            continue
        if len(stated) < len(classes) and traffic.tokens_per_day is not None:
            fix = "state it in every class, or peak_requests_per_s"
            say((*path, "classes"), f"{key} of some classes does not go with tokens_per_day", fix)
        own = getattr(traffic, key)
        mean = _mean(classes, key)
        if mean is not None and own is not None and abs(own / mean - 1.0) > WHOLE:
            message = f"contradicts the classes, which have {mean:,.6g} in the mean"
            say((*path, "traffic", key), message, "leave it out")


def with_class_lengths(spec: WorkloadSpec) -> TrafficSpec | None:
    """The traffic with the mean tokens per request of all classes, where each states its own."""
    if spec.traffic is None:
        return None
    means = {key: _mean(spec.classes or [], key) for key in ("input_tokens", "output_tokens")}
    known = {key: mean for key, mean in means.items() if mean is not None}
    return spec.traffic.model_copy(update=known)


def _mean(classes: Sequence[ClassSpec], key: str) -> float | None:
    """Mean over the requests of all classes; None where a class does not state it."""
    found = [getattr(one, key) for one in classes]
    if not found or None in found:
        return None
    total = math.fsum(one.share for one in classes)
    return math.fsum(n * one.share for n, one in zip(found, classes, strict=True)) / total


def with_classes(
    path: KeyPath, spec: WorkloadSpec, demand: Demand, named: NamedModel, say: Callable[..., None]
) -> Demand:
    """The demand with its classes: those that state no lengths have the traffic's own."""
    total = math.fsum(one.share for one in spec.classes or ())
    classes = tuple(
        RequestClass(
            name,
            one.share / total,
            rescaled(demand.input, one.input_tokens),
            rescaled(demand.output, one.output_tokens),
            one.tier or spec.tier,
        )
        for name, one in zip(names_of(spec), spec.classes or (), strict=True)
    )
    if not classes:
        return demand
    for i, one in enumerate(classes):
        if long := too_long(named.model, one.input.mean, one.output.mean, named.context):
            say((*path, "classes", i), long, SHORTER)
    words = ", ".join(f"{one.name} {one.share:.0%}" for one in classes)
    told = Assumption("classes of requests", words, Basis.ASSUMED, "stated in the inventory")
    return replace(
        demand,
        input=_together([(one.share, one.input) for one in classes]),
        output=_together([(one.share, one.output) for one in classes]),
        classes=classes,
        evidence=(*demand.evidence, told),
    )


def _together(parts: Sequence[tuple[float, Lengths]]) -> Lengths:
    """Mean and spread of the lengths of all classes."""
    mean = math.fsum(share * one.mean for share, one in parts)
    square = math.fsum(share * one.mean**2 * (1.0 + one.cv**2) for share, one in parts)
    return Lengths(mean, math.sqrt(max(square / mean**2 - 1.0, 0.0)))
