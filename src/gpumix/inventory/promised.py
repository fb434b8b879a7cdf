"""What an inventory promises of a workload -> promises."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from gpumix.domain.promises import AVAILABILITY, DEFAULT_SLOS, SLO_NAMES, slo_of
from gpumix.domain.workload import Kind, Slo
from gpumix.inventory.classes import names_of
from gpumix.inventory.schema_work import WorkloadSpec
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
    found = _limits(path, spec.slo, known, say, (AVAILABILITY,))
    for slo in found:
        if spec.kind in (Kind.EMBEDDING, Kind.CUSTOM) and slo.metric != "e2e":
            say((*path, "slo", slo.key), f"does not go with kind {spec.kind}", "promise e2e_p95")
    if spec.kind is Kind.CUSTOM and spec.latency is not None:
        found.append(Slo("e2e", 0.95, spec.latency))
    own = [
        _limits((*path, "classes", i), one.slo, known, say)
        for i, one in enumerate(spec.classes or ())
    ]
    missing = not spec.classes or not all(one.slo for one in spec.classes)
    if spec.kind is Kind.CHAT and missing and not (spec.slo.keys() & set(SLO_NAMES)):
        promises = ", ".join(f"{s.name} {s.limit_s * 1e3:g} ms" for s in DEFAULT_SLOS)
        note(f"{path[-1]}: no slo stated, {promises} assumed")
        found = list(DEFAULT_SLOS)
    if not spec.classes:
        return tuple(found)
    return tuple(
        replace(slo, of_class=name)
        for name, slos in zip(names_of(spec), own, strict=True)
        for slo in slos or found
    )


def _limits(
    path: KeyPath,
    stated: Mapping[str, tuple[str, float]],
    known: Known,
    say: Callable[..., None],
    others: tuple[str, ...] = (),
) -> list[Slo]:
    """The latency promises under a `slo`; `others` are further keys it may have."""
    found = []
    for key, (of, limit_s) in stated.items():
        known((*path, "slo", key), "promise", key, (*SLO_NAMES, *others))
        if key in SLO_NAMES and of == "share":
            message = "expected a duration with its unit, such as 800 ms, 2 s or 12 h"
            say((*path, "slo", key), f"{message}; got {limit_s:g}")
        elif key in SLO_NAMES:
            found.append(slo_of(key, f"{limit_s!r} s"))
    return found


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
