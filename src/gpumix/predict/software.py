"""Engines and training stacks that are not known by name, so that a typing error does not pass."""

from __future__ import annotations

from collections.abc import Iterable

from gpumix.domain.coefficients import Coefficients
from gpumix.domain.engines import NEWEST, engine_family
from gpumix.domain.workload import Kind, Workload
from gpumix.errors import did_you_mean
from gpumix.perf.training.constants import stack_family


def unknown_software(workload: Workload, coefficients: Coefficients) -> list[str]:
    """What a reader must know of the software that a workload names; empty where it is known."""
    if workload.run is not None:
        return unknown_name("stack", workload.run.stack, coefficients.training["stack"])
    if workload.kind in (Kind.MEDIA, Kind.CUSTOM):
        return []
    return unknown_name("engine", workload.engine, NEWEST)


def unknown_name(kind: str, name: str, known: Iterable[str]) -> list[str]:
    """One sentence where a name is not known: what stands in for it, and the nearest name.

    >>> unknown_name("engine", "vlm", ["vllm", "sglang"])
    ["unknown engine 'vlm'; using a typical engine's constants; did you mean vllm?"]
    """
    names = list(known)
    if engine_family(name) in names or stack_family(name) in names:
        return []
    hint = did_you_mean(name, names)
    return [
        f"unknown {kind} {name!r}; using a typical {kind}'s constants"
        + (f"; {hint}" if hint else "")
    ]
