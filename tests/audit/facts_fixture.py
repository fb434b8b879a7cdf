"""Small facts for tests of the classes: rows of shares written as short dicts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from gpumix.audit.audit import read_rules
from gpumix.audit.facts import Facts, OwnedHours
from gpumix.telemetry.charges import HOUR_S

_TEXTS = ("team", "workload", "model", "gpu", "node", "device", "kind")
_WHOLE = ("hour", "slot", "usd_micro", "list_micro")
_USUAL = {
    "hour": 0,
    "team": None,
    "workload": None,
    "model": None,
    "gpu": "h100-sxm-80gb",
    "node": "k1",
    "device": "GPU-0",
    "slot": 0,
    "kind": "used",
    "hours": 1.0,
    "usd_micro": 2_000_000,
    "list_micro": 3_000_000,
}


def shares(rows: Sequence[dict[str, Any]]) -> OwnedHours:
    """OwnedHours of these rows; `hour` counts hours from 1970."""

    def column(name: str) -> Any:
        cells = [row.get(name, _USUAL.get(name, float("nan"))) for row in rows]
        if name in _TEXTS:
            return np.array(cells, dtype=object)
        return np.array(cells, dtype=np.int64 if name in _WHOLE else float)

    found = OwnedHours(**{name: column(name) for name in OwnedHours.__slots__})
    return replace(found, hour=found.hour * HOUR_S)


def facts(rows: Sequence[dict[str, Any]], hours: int = 24, **more: Any) -> Facts:
    """Facts over so many hours from 1970."""
    return Facts("USD", 0, hours * HOUR_S, shares(rows), read_rules(), **more)
