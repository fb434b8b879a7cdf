"""`gpumix guard`: the files that hold a fleet to a plan."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, cast

from gpumix import __version__
from gpumix.domain.guard import GuardAnswer, GuardFile, LeftOut, as_json
from gpumix.domain.launch import dns_label
from gpumix.errors import InputError, Problem, unknown_name
from gpumix.files import sha256
from gpumix.guard import tables
from gpumix.guard.grafana import grafana
from gpumix.guard.holding import LONGEST_OBJECT, Holding, Stamp, holding
from gpumix.guard.hpa import hpa
from gpumix.guard.karpenter import karpenter
from gpumix.guard.keda import keda
from gpumix.guard.kueue import VERSIONS, Version, kueue
from gpumix.guard.prometheus.files import prometheus
from gpumix.guard.quota import quota
from gpumix.guard.slurm import slurm
from gpumix.guard.text import Written
from gpumix.publish import check_folder, write_set
from gpumix.verbs.launches import ReadPlan, read_launches
from gpumix.verbs.stale import refuse_stale
from gpumix.verbs.words import names_of

INDEX: Final = "guard.json"
"""What was written and left out, beside the files."""
TARGETS: Final = (
    "kueue", "quota", "hpa", "keda", "karpenter", "slurm", "prometheus", "grafana",
)  # fmt: skip

Made = tuple[list[Written], list[LeftOut]]


@dataclass(frozen=True, slots=True)
class GuardOptions:
    """What the command line says beside the targets; `prometheus` None = the packaged address."""

    kueue_version: str = VERSIONS[0]
    fair_sharing: bool = False
    prometheus: str | None = None


@dataclass(frozen=True, slots=True)
class Guarded:
    """What holds a fleet to a plan, and the files by their name; the answer names no folder yet."""

    answer: GuardAnswer
    texts: Mapping[str, str]


def guard_plan(
    path: Path, targets: str, folder: Path, options: GuardOptions = GuardOptions()
) -> GuardAnswer:
    """Write the files of some targets (names with commas between them) for a plan.json.

    Raises: InputError with every unknown target and option, where the plan cannot be read, runs
    nothing, or the folder cannot be written; nothing is written then.
    """
    _checked(targets, options)
    check_folder(folder, (INDEX,))
    made = guard_files(path, targets, options)
    refuse_stale(folder, INDEX, "name", made.texts, "guard")
    write_set(folder, made.texts)
    return replace(made.answer, folder=str(folder))


def guard_files(path: Path, targets: str, options: GuardOptions = GuardOptions()) -> Guarded:
    """The files of some targets for a plan.json, written nowhere.

    Raises: InputError with every unknown target and option, where the plan cannot be read or runs
    nothing.
    """
    names = _checked(targets, options)
    held = held_of(read_launches(path))
    texts: dict[str, str] = {}
    files: list[GuardFile] = []
    left_out = list(held.left_out)
    for name in names:
        written, missing = _made(name, held, options)
        left_out += missing
        for one in written:
            texts[one.name] = one.text
            digest = hashlib.sha256(one.text.encode()).hexdigest()
            files.append(GuardFile(name, one.name, digest, one.objects))
    stamp = held.stamp
    day = stamp.as_of.isoformat()
    answer = GuardAnswer(
        stamp.name, stamp.sha256, day, stamp.version, "", tuple(files), tuple(left_out)
    )
    texts[INDEX] = json.dumps(without_folder(answer), indent=2, ensure_ascii=False) + "\n"
    return Guarded(answer, texts)


def without_folder(answer: GuardAnswer) -> dict[str, Any]:
    """The answer as guard.json holds it: it does not say where it lies."""
    return {key: value for key, value in as_json(answer).items() if key != "folder"}


def held_of(read: ReadPlan) -> Holding:
    """What a plan holds. Raises: InputError for one that runs nothing."""
    plan = read.plan
    label = dns_label(plan.name[:LONGEST_OBJECT], set())
    stamp = Stamp(plan.name, label, sha256(read.path), plan.as_of, __version__)
    held = holding(stamp, plan, read.launches, read.catalog.gpus)
    if not held.owners:
        fix = "APIs do all of its work: there are no GPUs to hold"
        raise InputError(Problem(str(read.path), "starts nothing", fix))
    return held


def _checked(targets: str, options: GuardOptions) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(names_of("--for", targets) or ()))
    problems = [
        unknown_name("--for", "target", name, TARGETS) for name in names if name not in TARGETS
    ]
    if not names:
        problems.append(Problem("--for", "names no target", f"targets: {', '.join(TARGETS)}"))
    if options.kueue_version not in VERSIONS:
        fix = f"versions: {', '.join(VERSIONS)}"
        problems.append(Problem("--kueue-version", f"{options.kueue_version!r} is no version", fix))
    address = options.prometheus
    if address is not None and not _is_address(address):
        fix = "as in http://prometheus.monitoring.svc:9090"
        problems.append(Problem("--prometheus", f"{address!r} is no address", fix))
    if problems:
        raise InputError(problems)
    return names


def _is_address(text: str) -> bool:
    return text.startswith(("http://", "https://")) and text.isprintable() and " " not in text


def _made(name: str, held: Holding, options: GuardOptions) -> Made:
    """The files of one target."""
    address = options.prometheus or tables.settings()["prometheus_url"]
    version = cast(Version, options.kueue_version)
    makers: dict[str, Callable[[], Made]] = {
        "kueue": lambda: ([kueue(held, version, options.fair_sharing)], []),
        "quota": lambda: ([quota(held)], []),
        "hpa": lambda: _some(hpa(held)),
        "keda": lambda: _some(keda(held, address)),
        "karpenter": lambda: _some(karpenter(held)),
        "slurm": lambda: _some(slurm(held)),
        "prometheus": lambda: prometheus(held),
        "grafana": lambda: ([grafana(held)], []),
    }
    return makers[name]()


def _some(made: tuple[Written | None, Sequence[LeftOut]]) -> Made:
    written, left_out = made
    return ([] if written is None else [written]), list(left_out)
