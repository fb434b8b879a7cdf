"""What a class finds, before it is settled who may claim which dollar.

A draft wants some of the money of its rows. Drafts are settled in the order of their classes; a
dollar that one has claimed is gone for the next, so that savings never add up twice.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from gpumix.audit.facts import Facts, IntArray, percentiles
from gpumix.domain.fleet import Evidence, Finding, Scope
from gpumix.telemetry.attribute import MICRO
from gpumix.telemetry.charges import HOUR_S
from gpumix.telemetry.store import utc

_NOTHING: Final = 1_000
"""Micro-dollars: a saving below a tenth of a cent is none."""
_ID_DIGITS: Final = 8


@dataclass(frozen=True, slots=True)
class Draft:
    """A finding that is not settled yet.

    `rows` are row numbers of the shares it is about, empty for lines that belong to no GPU;
    `stake_micro` what they cost, `wanted_micro` what could be saved of it, `list_micro` the saving
    at list price, `low_micro` and `high_micro` the ends of the saving's 80 % interval.
    `about` tells findings of one scope apart.
    """

    class_: str
    scope: Scope
    rows: IntArray
    stake_micro: int
    wanted_micro: int
    list_micro: int
    start: int
    end: int
    evidence: tuple[Evidence, ...]
    action: str
    because: str
    risk: str
    how_to_check: str
    low_micro: int
    high_micro: int
    confidence: float
    about: str = ""


def of_rows(
    facts: Facts,
    class_: str,
    scope: Scope,
    rows: IntArray,
    *,
    wanted_micro: int | None = None,
    list_micro: int | None = None,
    **words: str,
) -> Draft:
    """A draft about some rows: all of their money, or what of it is wanted.

    The interval is the class's own, at most the stake.
    """
    shares, hours = facts.shares, facts.shares.hour[rows]
    cost, listed = (int(a[rows].sum()) for a in (shares.usd_micro, shares.list_micro))
    wanted = cost if wanted_micro is None else wanted_micro
    before = listed * wanted / cost if cost and listed else wanted
    low, high, confidence = interval(facts, class_)
    return Draft(
        class_=class_,
        scope=scope,
        rows=rows,
        stake_micro=cost,
        wanted_micro=wanted,
        list_micro=round(before) if list_micro is None else list_micro,
        start=max(int(hours.min()), facts.start),
        end=min(int(hours.max()) + HOUR_S, facts.end),
        evidence=evidence(facts, rows, scope),
        low_micro=round(wanted * low),
        high_micro=min(round(wanted * high), cost),
        confidence=confidence,
        **words,
    )


def interval(facts: Facts, class_: str) -> tuple[float, float, float]:
    """(low, high, confidence) of a class: ends of its 80 % interval as shares of the saving."""
    low, high, sure = (facts.rules.number(class_, n) for n in ("low", "high", "confidence"))
    return low, high, sure


def scope_of(facts: Facts, rows: IntArray, **values: str | None) -> Scope:
    """The scope of some rows: the values they were grouped by and their devices."""
    devices = sorted({str(d) for d in facts.shares.device[rows] if d})
    return Scope(**values, devices=tuple(devices))


def evidence(facts: Facts, rows: IntArray, scope: Scope) -> tuple[Evidence, ...]:
    """Percentiles of what the hours of some rows measured."""
    shares = facts.shares
    about = {"node": scope.node, "team": scope.team, "workload": scope.workload}
    query = " and ".join(f"{name} = {word}" for name, word in about.items() if word)
    series = (
        ("engine_active", shares.engine), ("power_w", shares.power), ("sm_active", shares.sm),
        ("requests_running", shares.running),
    )  # fmt: skip
    found = [(name, percentiles(values[rows])) for name, values in series]
    hours = Evidence("attributed.parquet", query, "gpu_hours",
                     {"sum": round(float(shares.hours[rows].sum()), 4)})  # fmt: skip
    return (
        hours,
        *(Evidence("attributed.parquet", query, name, told) for name, told in found if told),
    )


def settled(facts: Facts, drafts: Iterable[Draft]) -> Iterator[Finding]:
    """The findings, each with what no finding before it has claimed."""
    left = facts.shares.usd_micro.copy()
    seen: Counter[str] = Counter()
    for draft in drafts:
        found = _claim(draft, left) if len(draft.rows) else draft
        id_ = id_of(found)
        seen[id_] += 1
        if max(found.wanted_micro, found.high_micro) >= _NOTHING:
            yield _finding(found, id_ if seen[id_] == 1 else f"{id_}-{seen[id_]}")


def id_of(draft: Draft) -> str:
    """A name of a finding that neither its window, its dollars nor its devices change."""
    scope = draft.scope
    words = (scope.team, scope.workload, scope.model, scope.gpu, scope.node, draft.about)
    told = json.dumps(words, ensure_ascii=True).encode()
    return f"{draft.class_}-{hashlib.sha256(told).hexdigest()[:_ID_DIGITS]}"


def _claim(draft: Draft, left: IntArray) -> Draft:
    """The draft cut to the money its rows still have, which is then gone."""
    there = np.maximum(left[draft.rows], 0)
    most = int(there.sum())
    wanted = min(draft.wanted_micro, most)
    if wanted <= 0:
        return replace(draft, wanted_micro=0, list_micro=0, low_micro=0, high_micro=0)
    left[draft.rows] -= (
        there if wanted == most else np.ceil(there * (wanted / most)).astype(np.int64)
    )
    if wanted == draft.wanted_micro:
        return draft
    cut = wanted / draft.wanted_micro
    return replace(
        draft,
        wanted_micro=wanted,
        list_micro=round(draft.list_micro * cut),
        low_micro=round(draft.low_micro * cut),
        high_micro=min(draft.high_micro, most),
    )


def _finding(draft: Draft, id_: str) -> Finding:
    return Finding(
        class_=draft.class_,
        scope=draft.scope,
        start=utc(draft.start),
        end=utc(draft.end),
        at_stake_usd_micro=draft.stake_micro,
        usd_before=draft.list_micro / MICRO,
        usd_after_discounts=draft.wanted_micro / MICRO,
        low=draft.low_micro / MICRO,
        high=draft.high_micro / MICRO,
        evidence=draft.evidence,
        action=draft.action,
        because=draft.because,
        confidence=draft.confidence,
        risk=draft.risk,
        how_to_check=draft.how_to_check,
        id=id_,
    )


def quoted(name: str | None) -> str:
    """A name as a text of SQL.

    >>> quoted("o'clock")
    "'o''clock'"
    """
    return "'" + (name or "").replace("'", "''") + "'"
