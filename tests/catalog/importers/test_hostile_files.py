"""Files of the same formats in other shapes: order, case, extra columns, nulls, damage."""

from __future__ import annotations

import csv
import io
import random
from contextlib import suppress
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from gpumix.catalog import load
from gpumix.catalog.bands import load_bands
from gpumix.catalog.importers.formats import read_files
from gpumix.catalog.importers.names import Names
from gpumix.catalog.importers.settle import Context, settle
from gpumix.domain.offer import Offer
from gpumix.errors import GpumixError

SAMPLES = Path(__file__).resolve().parents[2] / "cases" / "price_samples"
NAMES = sorted(p.name for p in SAMPLES.iterdir() if p.name not in ("README.md", "expected.csv"))
TABLES = [n for n in NAMES if n.endswith(".csv")]
TODAY = date(2026, 11, 29)
PREAMBLES = {"aws_ec2_index.csv": 5, "aws_compute_savings_plan.csv": 5}


CATALOG = load()
CONTEXT = Context(Names(CATALOG.gpus), load_bands().tiers, CATALOG.exchange_rate, TODAY, as_of=None)


def brought_in(path: Path) -> tuple[Offer, ...]:
    """Offers of one file, before the gate."""
    undated = path.name.startswith(("skypilot", "gpuhunt"))
    names = CONTEXT.names
    context = replace(
        CONTEXT,
        as_of=date(2026, 11, 1) if undated else None,
        provider_hint=names.provider_in_path(path),
    )
    ((_, _, reading),) = read_files([path], "auto", names, TODAY)
    return settle(reading, context)[0]


def prices_of(offers: tuple[Offer, ...]) -> set[tuple[object, ...]]:
    return {
        (o.provider, o.instance, o.region, o.purchase, o.upfront_share, o.usd_per_instance_hour)
        for o in offers
    }


def rows_of(name: str) -> tuple[list[list[str]], list[list[str]]]:
    with (SAMPLES / name).open(encoding="utf-8", newline="") as handle:
        rows = list(csv.reader(handle))
    return rows[: PREAMBLES.get(name, 0)], rows[PREAMBLES.get(name, 0) :]


def written(path: Path, before: list[list[str]], table: list[list[str]]) -> Path:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([*before, *table])
    path.write_text(text.getvalue(), encoding="utf-8")
    return path


@pytest.mark.parametrize("name", TABLES)
def test_order_case_and_further_columns_change_nothing(name: str, tmp_path: Path) -> None:
    before, table = rows_of(name)
    draw = random.Random(4)
    order = draw.sample(range(len(table[0])), len(table[0]))
    header = [table[0][i].upper() for i in order] + ["SOMETHING NEW"]
    body = [[row[i] for i in order] + ["x"] for row in table[1:]]
    draw.shuffle(body)
    other = brought_in(written(tmp_path / name, before, [header, *body]))
    assert prices_of(other) == prices_of(brought_in(SAMPLES / name))


@pytest.mark.parametrize("word", ["", "nan", "NULL", "-1", "0", "1e400", "99999999999", "soon"])
@pytest.mark.parametrize("name", TABLES)
def test_any_cell_may_be_anything(name: str, word: str, tmp_path: Path) -> None:
    before, table = rows_of(name)
    for column in range(len(table[0])):
        damaged = [table[0], *([*r[:column], word, *r[column + 1 :]] for r in table[1:])]
        with suppress(GpumixError):
            found = brought_in(written(tmp_path / name, before, damaged))
            assert all(o.usd_per_instance_hour > 0 for o in found)


@pytest.mark.parametrize("name", NAMES)
def test_a_file_that_is_cut_off_ends_in_a_message(name: str, tmp_path: Path) -> None:
    text = (SAMPLES / name).read_text(encoding="utf-8")
    for cut in range(0, len(text), max(len(text) // 25, 1)):
        path = tmp_path / name
        path.write_text(text[:cut], encoding="utf-8")
        with suppress(GpumixError):
            brought_in(path)


@pytest.mark.parametrize("text", ["", "[]", "{}", "[1]", "null", "a", "provider,gpu\n", "[[[["])
def test_other_files_are_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "some.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(GpumixError, match=r"some\.json"):
        brought_in(path)


@pytest.mark.parametrize(
    "text", ['{"Items": [3, null, {}]}', '{"rows": {"a": 1}}', '{"rows": [1]}']
)
def test_what_holds_no_price_gives_no_offer(text: str, tmp_path: Path) -> None:
    path = tmp_path / "some.json"
    path.write_text(text, encoding="utf-8")
    assert brought_in(path) == ()
