"""`gpumix export`: a plan in, the files that start it out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from gpumix import __version__
from gpumix.domain.exported import Exported, PlanOrigin
from gpumix.errors import InputError, Problem, unknown_name
from gpumix.export.bundle import INDEX, TARGETS, as_json, bundle
from gpumix.files import sha256
from gpumix.publish import check_folder, write_set
from gpumix.verbs.launches import ReadPlan, read_launches
from gpumix.verbs.stale import refuse_stale
from gpumix.verbs.words import names_of


@dataclass(frozen=True, slots=True)
class Export:
    """An export, its JSON, and its files by their path."""

    exported: Exported
    json: str
    texts: Mapping[str, str]


def export_plan(path: Path, targets: str | None = None, folder: Path | None = None) -> Export:
    """The files that start a plan.json, for targets separated by commas (None: for all that have a
    file), written into a folder if one is named.

    Raises: InputError for a file that is not a plan, a target that is unknown or starts nothing of
    the plan, and a folder with files of another export.
    """
    asked = _targets(targets)
    made = _made(read_launches(path), asked)
    _refuse_empty(made.exported, asked)
    if folder is not None:
        check_folder(folder, made.texts)
        refuse_stale(folder, INDEX, "path", made.texts, "export")
        write_set(folder, made.texts)
    return made


def _targets(text: str | None) -> tuple[str, ...]:
    """Targets in the order of `TARGETS`; empty = all that apply."""
    asked = names_of("--for", text) or ()
    problems = [unknown_name("--for", "target", name, TARGETS) for name in asked
                if name not in TARGETS]  # fmt: skip
    if problems:
        raise InputError(problems)
    return tuple(name for name in TARGETS if name in asked)


def _made(read: ReadPlan, asked: Sequence[str]) -> Export:
    plan = read.plan
    origin = PlanOrigin(plan.name, sha256(read.path), plan.as_of.isoformat(), __version__)
    exported, texts = bundle(read.launches, origin, asked or tuple(TARGETS))
    able = {file.target for file in exported.files}
    if not asked and able != set(TARGETS):
        exported, texts = bundle(read.launches, origin, [name for name in TARGETS if name in able])
    return Export(exported, as_json(exported), texts)


def _refuse_empty(found: Exported, asked: Sequence[str]) -> None:
    """Raise InputError where nothing, or nothing of a target that was asked for, is started."""
    able = {file.target for file in found.files}
    problems = [
        Problem("--for", f"{target} starts nothing of this plan: {_reasons(found, target)}")
        for target in asked
        if target not in able
    ]
    if not asked and not able:
        problems = [Problem("plan", "holds nothing that any target starts")]
    if problems:
        raise InputError(problems)


def _reasons(found: Exported, target: str) -> str:
    gaps = [f"{gap.launch} {gap.reason}" for gap in found.not_written if gap.target == target]
    return "; ".join(gaps) or "it has no launches"
