"""All classes of waste over one fleet, in the order in which they may claim a dollar."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Final

from gpumix.audit import (
    allocated_idle,
    checkpoint_loss,
    egress,
    failed_jobs,
    low_batch,
    oversized,
    peak_sizing,
    reservation_unused,
    unallocated,
    wrong_commitment,
    wrong_precision,
)
from gpumix.audit.draft import Draft, settled
from gpumix.audit.facts import Facts, Rules
from gpumix.domain.fleet import SCHEMA_VERSION, AuditAnswer, Note
from gpumix.errors import InputError, Problem, unknown_name
from gpumix.files import read_columns
from gpumix.telemetry.store import utc

CLASSES: Final[Mapping[str, Callable[[Facts], Iterator[Draft]]]] = {
    "reservation_unused": reservation_unused.find,
    "unallocated": unallocated.find,
    "allocated_idle": allocated_idle.find,
    "failed_jobs": failed_jobs.find,
    "checkpoint_loss": checkpoint_loss.find,
    "low_batch": low_batch.find,
    "wrong_commitment": wrong_commitment.find,
    "oversized": oversized.find,
    "wrong_precision": wrong_precision.find,
    "peak_sizing": peak_sizing.find,
    "egress": egress.find,
}
"""What is exact stands before what is modelled, so that it keeps its dollars."""
RULES: Final = Path(__file__).parents[1] / "data" / "audit_rules.csv"
_COLUMNS: Final = ["class", "name", "value", "unit", "source", "as_of", "note"]
_WORDS: Final = {("failed_jobs", "states"), ("egress", "words")}
_DIVISORS: Final = {("low_batch", "sm_packed")}
"""Thresholds that something is divided by."""


def audit(facts: Facts, notes: tuple[Note, ...] = (), off: Collection[str] = ()) -> AuditAnswer:
    """The findings on a fleet, the largest saving first; `off` are classes not to look for."""
    unlooked = _not_looked_for(facts, off)
    looked = {name: find for name, find in CLASSES.items() if name not in unlooked}
    drafts = [draft for find in looked.values() for draft in find(facts)]
    found = sorted(settled(facts, drafts), key=lambda f: (-f.usd_after_discounts, f.class_))
    return AuditAnswer(
        schema_version=SCHEMA_VERSION,
        currency=facts.currency,
        start=utc(facts.start),
        end=utc(facts.end),
        findings=tuple(found),
        notes=notes,
        bill_usd_micro=facts.bill_micro,
        looked_for=tuple(looked),
        not_looked_for=tuple(f"{name}: {why}" for name, why in unlooked.items()),
    )


def _not_looked_for(facts: Facts, off: Collection[str]) -> dict[str, str]:
    """Each class that is not looked for, and why."""
    found = dict.fromkeys(off, "switched off")
    if not facts.prices:
        found.setdefault("wrong_commitment", "needs a price book (--prices)")
    if not facts.lines:
        for name in ("reservation_unused", "egress", "wrong_commitment"):
            found.setdefault(name, "needs a bill (--bill)")
    if not facts.checkpoint_every_s:
        why = "no owner declares how often checkpoints are written (checkpoint_every_s)"
        found.setdefault("checkpoint_loss", why)
    for name in ("oversized", "wrong_precision"):
        if facts.plan is None:
            found.setdefault(name, "needs a plan (--plan)")
        elif facts.currency != "USD":
            found.setdefault(name, f"the plan is in USD, the bill in {facts.currency}")
    return found


def check_classes(names: Collection[str]) -> None:
    """Raise InputError where a name is of no class."""
    wrong = [unknown_name("--off", "class", n, CLASSES) for n in names if n not in CLASSES]
    if wrong:
        raise InputError(wrong)


def read_rules(own: Path | None = None) -> Rules:
    """The packaged thresholds, with those of a file of the same columns over them.

    Raises: InputError for another threshold, another column or a value that is no number.
    """
    values = _rules(RULES)
    if own is None:
        return Rules(values)
    stated = _rules(own)
    wrong = [
        unknown_name(str(own), "rule", " ".join(key), [" ".join(k) for k in values])
        for key in stated
        if key not in values
    ]
    wrong += [
        Problem(f"{own}: {' '.join(key)}", f"is {value!r}", "write a number of at least 0")
        for key, value in stated.items()
        if key in values and key not in _WORDS and not _is_number(value)
    ]
    wrong += [
        Problem(f"{own}: {' '.join(key)}", "is 0", "write a number above 0")
        for key in stated
        if key in _DIVISORS and _is_number(stated[key]) and not float(stated[key])
    ]
    if wrong:
        raise InputError(wrong)
    return Rules({**values, **stated})


def _rules(path: Path) -> dict[tuple[str, str], str]:
    columns = read_columns(path)
    if missing := [name for name in _COLUMNS[:3] if name not in columns]:
        told = ", ".join(missing)
        raise InputError(Problem(str(path), f"has no column {told}", f"as {RULES.name}"))
    keys = zip(columns["class"], columns["name"], strict=True)
    return dict(zip(keys, columns["value"], strict=True))


def _is_number(value: str) -> bool:
    try:
        return 0.0 <= float(value) < float("inf")
    except ValueError:
        return False
