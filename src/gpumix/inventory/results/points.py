"""Measured points as they are: a CSV in the columns of the points contracts, with `value`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from gpumix.catalog import Catalog
from gpumix.domain.bounds import metric_range
from gpumix.domain.cells import number_in
from gpumix.domain.quantities import shown
from gpumix.errors import InputError, Problem
from gpumix.inventory.results.deployed import counted, gpus_named
from gpumix.inventory.results.rows import SERVING, TRAINING
from gpumix.inventory.results.setting import Stated, differs

TOOL = "points"

STATED = (
    "n_gpus", "tp", "pp", "dp", "ep", "weight_precision", "kv_precision", "engine",
    "engine_version",
)  # fmt: skip
OPTIONS = {"weight_precision": "precision"}
"""Columns that an option of another name states."""


def rows_of(
    columns: Mapping[str, Sequence[str]],
    lines: Sequence[int],
    place: str,
    stated: Stated,
    catalog: Catalog,
    problems: list[Problem],
) -> list[tuple[str, dict[str, str]]]:
    """(place, row) of every usable point; empty cells are filled with what is stated."""
    missing = [name for name in ("metric", "value") if name not in columns]
    missing += [n for n in ("gpu", "model") if n not in columns and not getattr(stated, n)]
    if missing:
        fix = "the columns of the points contract, and `value`; --map value=tok_s names another"
        problems += [Problem(f"{place} line 1", f"column {n!r} is missing", fix) for n in missing]
        return []
    kept = [name for name in (*SERVING, *TRAINING) if name in columns]
    found = []
    for i, line in enumerate(lines):
        if columns.get("usable", [""] * len(lines))[i].strip().lower() == "no":
            continue
        where = f"{place} line {line}"
        row = {name: columns[name][i].strip() for name in kept}
        for fault in _contradictions(place, row, stated, catalog):
            if fault not in problems:
                problems.append(fault)
        for name in ("gpu", "model", *_filled(row)):
            row[name] = row.get(name) or getattr(stated, name)
        row |= gpu_cells(row, catalog)
        text = columns["value"][i].strip()
        low, high = metric_range(row["metric"])
        if not low <= number_in(text) <= high:
            message = f"value is {text[:40]!r}" if text else "value is empty"
            fix = f"write the measured number, from {low:g} to {high:g} for {row['metric'][:40]}"
            problems.append(Problem(where, message, fix))
            continue
        found.append((where, row | {"value": text}))
    if not found and not problems:
        problems.append(Problem(place, "has no usable measurement"))
    return found


def renamed(
    columns: Mapping[str, Sequence[str]], place: str, stated: Stated
) -> dict[str, Sequence[str]]:
    """A table under the contract's names: `--map value=tok_s` calls its column tok_s `value`.

    A column that is not mapped keeps its name, unless another has taken it. Raises: InputError
    for mapped columns that the table lacks, and without any metric.
    """
    named = stated.columns
    missing = [f"{name}={column}" for name, column in named.items() if column not in columns]
    if missing:
        lacks, had = f"has no {', '.join(missing)[:120]}", f"it has {shown(', '.join(columns))}"
        raise InputError(Problem(f"{place} line 1", lacks, had))
    kept = set(columns) - set(named.values()) - set(named)
    found = {name: cells for name, cells in columns.items() if name in kept}
    found |= {name: columns[column] for name, column in named.items()}
    rows = len(next(iter(columns.values()), ()))
    for name in ("metric", "input_len", "output_len"):
        if name not in found and (text := getattr(stated, name)):
            found[name] = [f"{text:g}" if isinstance(text, float) else text] * rows
    if "load" not in found:
        for name, load in (("concurrency", "concurrency"), ("rate", "request_rate")):
            if (value := getattr(stated, name)) is not None:
                found |= {"load": [load] * rows, "load_value": [f"{value:g}"] * rows}
        if "load_value" in named:
            found["load"] = ["concurrency"] * rows
    return found


def gpu_cells(row: Mapping[str, str], catalog: Catalog) -> dict[str, str]:
    """The GPU's id, and a count written beside its name, where they can mean one thing only."""
    if row["gpu"] in catalog.gpus:
        return {}
    name, count = counted(row["gpu"])
    forms = gpus_named(name, catalog)
    if len(forms) != 1 or (count and row.get("n_gpus", count) not in ("", count)):
        return {}
    return {"gpu": forms[0]} | ({"n_gpus": count} if count else {})


def _contradictions(
    place: str, row: Mapping[str, str], stated: Stated, catalog: Catalog
) -> Iterator[Problem]:
    """Where a row says one thing and the command line another."""
    for name in ("gpu", "model", *STATED):
        own, asked = row.get(name, ""), getattr(stated, name)
        if own and asked and differs(name, own, asked, catalog):
            option = "--" + OPTIONS.get(name, name.replace("_", "-"))
            message = f"the file says {name} {shown(own)}, {option} says {shown(asked)}"
            yield Problem(place, message, f"leave {option} out, or correct the file")


def _filled(row: Mapping[str, str]) -> tuple[str, ...]:
    """Which other cells the command line may fill: those of a serving deployment."""
    if row.get("stack") or row.get("task"):
        return ()
    layout = () if any(row.get(n) for n in ("n_gpus", "tp")) else ("n_gpus", "tp", "pp", "dp", "ep")
    return ("weight_precision", "kv_precision", "engine", "engine_version", *layout)
