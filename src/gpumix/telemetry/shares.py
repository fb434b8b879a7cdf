"""What `attribute` found, kept in the fleet's folder for `audit`: shares, bill lines, prices."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from gpumix.domain.fleet import Note, Outside
from gpumix.errors import InputError, Problem
from gpumix.publish import write_set
from gpumix.reading import read_json
from gpumix.telemetry.attribute import Attributed, Run
from gpumix.telemetry.bill import Bill, BillLine
from gpumix.telemetry.machines import Machine
from gpumix.telemetry.price_book import Price

HOURS_FILE: Final = "attributed.parquet"
BILL_FILE: Final = "bill.parquet"
ABOUT_FILE: Final = "attribution.json"
_VERSION: Final = 2
"""Of what is kept; 1 had no machines and no runs."""
_WHOLE: Final = frozenset({"start", "end", "effective_micro", "billed_micro", "list_micro"})
_LINES: Final = pa.schema(
    [(f.name, pa.int64() if f.name in _WHOLE else pa.string()) for f in fields(BillLine)]
)


@dataclass(frozen=True, slots=True)
class Shares:
    """An attribution, with the bill and the prices that it was made from."""

    attributed: Attributed
    bill: Bill | None
    prices: tuple[Price, ...]


def keep(folder: Path, attributed: Attributed, bill: Bill | None, prices: Sequence[Price]) -> None:
    """Write an attribution into a fleet's folder, in place of the one before."""
    about = {
        "schema_version": _VERSION,
        "currency": attributed.currency,
        "start": attributed.start,
        "end": attributed.end,
        "bill_micro": attributed.bill_micro,
        "billed_micro": attributed.billed_micro,
        "has_bill": bill is not None,
        "residue_micro": bill.residue_micro if bill else 0,
        "billed_residue_micro": bill.billed_residue_micro if bill else 0,
        "outside": [asdict(one) for one in attributed.outside],
        "unbilled": attributed.unbilled,
        "notes": [asdict(note) for note in attributed.notes],
        "shared_by": attributed.shared_by,
        "runs": [asdict(run) for run in attributed.runs],
        "machines": [asdict(one) for one in attributed.machines],
        "prices": [asdict(price) for price in prices],
    }
    with tempfile.TemporaryDirectory() as scratch:
        hours, lines = Path(scratch) / HOURS_FILE, Path(scratch) / BILL_FILE
        pq.write_table(attributed.hours, hours)
        rows = [asdict(line) for line in bill.lines] if bill else []
        pq.write_table(pa.Table.from_pylist(rows, schema=_LINES), lines)
        text = json.dumps(about, indent=1, ensure_ascii=False) + "\n"
        write_set(folder, {HOURS_FILE: hours, BILL_FILE: lines, ABOUT_FILE: text})


def kept(folder: Path) -> Shares:
    """The attribution in a fleet's folder.

    Raises: InputError where there is none, or one of another version.
    """
    fix = f"gpumix attribute {folder} --bill FILE"
    if not (folder / ABOUT_FILE).is_file():
        raise InputError(Problem(str(folder), "has not been attributed yet", fix))
    about: dict[str, Any] = read_json(folder / ABOUT_FILE)
    if not isinstance(about, dict) or about.get("schema_version") != _VERSION:
        raise InputError(Problem(str(folder / ABOUT_FILE), "is of another version", fix))
    lines = pq.read_table(folder / BILL_FILE).to_pylist()
    bill = Bill(
        about["currency"],
        tuple(BillLine(**line) for line in lines),
        about["residue_micro"],
        about["billed_residue_micro"],
    )
    attributed = Attributed(
        hours=pq.read_table(folder / HOURS_FILE),
        currency=about["currency"],
        start=about["start"],
        end=about["end"],
        bill_micro=about["bill_micro"],
        billed_micro=about["billed_micro"],
        outside=tuple(Outside(**one) for one in about["outside"]),
        unbilled=tuple(about["unbilled"]),
        notes=tuple(Note(**note) for note in about["notes"]),
        shared_by=tuple(about["shared_by"]),
        runs=tuple(Run(**run) for run in about["runs"]),
        machines=tuple(
            Machine(**{**one, "slots": tuple(one["slots"]), "devices": ()})
            for one in about["machines"]
        ),
    )
    prices = tuple(Price(**price) for price in about["prices"])
    return Shares(attributed, bill if about["has_bill"] else None, prices)
