"""Golden files: output kept under tests/golden and compared; `make golden` writes it anew."""

from __future__ import annotations

import json
import math
import os
import reprlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

GOLDEN = Path(__file__).resolve().parent / "golden"
RELATIVE = 1e-6
"""Floats may differ by this share: by the order of sums, not by a formula."""
DUST = 1e-12
"""What sums that cancel leave, on one processor or another."""
SHOWN = 25
"""Differences that a failure lists."""


def is_written() -> bool:
    """Whether this run writes golden files anew instead of comparing with them."""
    return bool(os.environ.get("GPUMIX_WRITE_GOLDEN"))


def kept(name: str, text: str) -> str:
    """The text of a golden file, first written as `text` where golden files are written."""
    path = GOLDEN / name
    if is_written():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert path.exists(), f"{path} is missing; `make golden` writes it"
    return path.read_text(encoding="utf-8")


def check_json(name: str, data: object) -> None:
    """Hold a record against its golden file: floats within `RELATIVE`, all else exactly."""
    text = json.dumps(data, indent=1, ensure_ascii=False) + "\n"
    found = list(differences(json.loads(kept(name, text)), json.loads(text)))
    shown = "\n".join(found[:SHOWN])
    assert not found, f"{name}: {len(found)} differences (kept -> now)\n{shown}"


def differences(kept: Any, now: Any, place: str = "") -> Iterator[str]:
    """Where two JSON values differ, a line each: place, what was kept, what is now."""
    if isinstance(kept, dict) and isinstance(now, dict):
        for key in [*kept, *(k for k in now if k not in kept)]:
            here = f"{place}.{key}" if place else str(key)
            yield from differences(kept.get(key, "absent"), now.get(key, "absent"), here)
    elif isinstance(kept, list) and isinstance(now, list):
        if len(kept) != len(now):
            yield f"{place}: {len(kept)} entries -> {len(now)}"
        for index, (one, other) in enumerate(zip(kept, now, strict=False)):
            yield from differences(one, other, f"{place}[{index}]")
    elif not alike(kept, now):
        yield f"{place}: {reprlib.repr(kept)} -> {reprlib.repr(now)}"


def alike(kept: object, now: object) -> bool:
    """Whether two JSON scalars are one: numbers within `RELATIVE` where one is a float."""
    numbers = [x for x in (kept, now) if isinstance(x, int | float) and not isinstance(x, bool)]
    if len(numbers) == 2 and any(isinstance(x, float) for x in numbers):
        return math.isclose(*numbers, rel_tol=RELATIVE, abs_tol=DUST)
    return type(kept) is type(now) and kept == now
