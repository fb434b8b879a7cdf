"""What an inventory promises of a workload -> promises."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from gpumix.domain.promises import AVAILABILITY, DEFAULT_SLOS, SLO_NAMES, slo_of
from gpumix.domain.workload import Kind, Slo
from gpumix.inventory.schema import WorkloadSpec
from gpumix.inventory.yaml import KeyPath

Known = Callable[[KeyPath, str, str, Iterable[str]], None]
"""Reports a name that is not among those known."""


def promised(
    path: KeyPath,
    spec: WorkloadSpec,
    known: Known,
    say: Callable[..., None],
    note: Callable[[str], None],
) -> tuple[Slo, ...]:
    """The latency promises of a workload; those of chat that states none are noted."""
    if spec.kind is Kind.MEDIA:
        return (Slo("e2e", 0.95, spec.latency),) if spec.latency is not None else ()
    found = []
    for key, (of, limit_s) in spec.slo.items():
        known((*path, "slo", key), "promise", key, (*SLO_NAMES, AVAILABILITY))
        if key in SLO_NAMES and of == "share":
            message = "expected a duration with its unit, such as 800 ms, 2 s or 12 h"
            say((*path, "slo", key), f"{message}; got {limit_s:g}")
        elif key in SLO_NAMES:
            found.append(slo_of(key, f"{limit_s!r} s"))
            if spec.kind is Kind.EMBEDDING and found[-1].metric != "e2e":
                say((*path, "slo", key), "does not go with kind embedding", "promise e2e_p95")
    if spec.kind is Kind.CHAT and not (spec.slo.keys() & set(SLO_NAMES)):
        promises = ", ".join(f"{s.name} {s.limit_s * 1e3:g} ms" for s in DEFAULT_SLOS)
        note(f"{path[-1]}: no slo stated, {promises} assumed")
        return DEFAULT_SLOS
    return tuple(found)


def availability_of(
    path: KeyPath, spec: WorkloadSpec, slos: tuple[Slo, ...], say: Callable[..., None]
) -> float | None:
    """The share of time that a workload is promised to be up; None where nothing is promised."""
    of, share = spec.slo.get(AVAILABILITY, ("share", None))
    if of != "share" or share == 0.0:
        say((*path, "slo", AVAILABILITY), "expected a share of time such as 99.5 %")
        return None
    if share is not None and not slos:
        fix = "promise e2e_p95, too"
        say((*path, "slo", AVAILABILITY), "goes with a promised latency: other work may wait", fix)
    return share
