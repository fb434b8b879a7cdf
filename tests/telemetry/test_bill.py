"""Bills: sums, rounding, and every way in which a file can be wrong."""

from __future__ import annotations

import gzip
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest

from fleet_fixture import SAMPLES, START, bill_of, bill_text
from gpumix.errors import InputError
from gpumix.telemetry.bill import read_bills
from gpumix.telemetry.charges import spread


def test_the_sample_adds_up_to_its_totals() -> None:
    bill = read_bills([SAMPLES / "bill_focus_1.2.csv.gz"])
    assert len(bill.lines) == 158
    assert bill.effective_micro == bill.billed_micro == 809_345_650
    assert sum(line.list_micro or 0 for line in bill.lines) == 1_620_141_613
    assert bill.has_tax


def test_parquet_reads_as_csv_does(tmp_path: Path) -> None:
    text = gzip.decompress((SAMPLES / "bill_focus_1.2.csv.gz").read_bytes())
    (tmp_path / "b.csv").write_bytes(text)
    table = pacsv.read_csv(tmp_path / "b.csv")
    cost = pa.compute.cast(table["EffectiveCost"].cast(pa.string()), pa.decimal128(20, 6))
    place = table.column_names.index("EffectiveCost")
    pq.write_table(table.set_column(place, "EffectiveCost", cost), tmp_path / "b.parquet")
    one, other = read_bills([tmp_path / "b.csv"]), read_bills([tmp_path / "b.parquet"])
    assert one.effective_micro == other.effective_micro
    assert [(a.start, a.end, a.resource_id) for a in one.lines] == [
        (b.start, b.end, b.resource_id) for b in other.lines
    ]


def test_lines_are_rounded_half_to_even_and_the_residue_is_kept(tmp_path: Path) -> None:
    bill = bill_of(tmp_path / "b.csv", [{"EffectiveCost": "0.0000005"}] * 3)
    assert [line.effective_micro for line in bill.lines] == [0, 0, 0]
    assert bill.residue_micro == bill.effective_micro == 2  # 1.5 to even
    bill = bill_of(tmp_path / "b.csv", [{"EffectiveCost": "1.0000015"}])
    assert bill.lines[0].effective_micro == 1_000_002


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ({"EffectiveCost": "inf"}, "EffectiveCost 'inf' is not a number"),
        ({"EffectiveCost": "=1+1"}, "EffectiveCost '=1+1' is not a number"),
        ({"BilledCost": ""}, "BilledCost is empty"),
        ({"BillingCurrency": ""}, "BillingCurrency is empty"),
        ({"ChargeCategory": "Rent"}, "ChargeCategory 'Rent' is unknown"),
        ({"ChargePeriodStart": "yesterday"}, "ChargePeriodStart 'yesterday' is no time"),
        ({"ChargePeriodEnd": "2026-10-18T00:00:00Z"}, "is not after ChargePeriodStart"),
    ],
)
def test_a_bad_cell_is_told_with_its_line(tmp_path: Path, line: dict[str, str], words: str) -> None:
    with pytest.raises(InputError, match="line 3: ") as told:
        bill_of(tmp_path / "b.csv", [{}, line, {"ListCost": "x"}])
    assert words in str(told.value)
    assert "line 4: ListCost 'x'" in str(told.value)


def test_missing_and_doubled_columns_are_told_together(tmp_path: Path) -> None:
    text = bill_text([{}]).replace("BilledCost", "Billed").replace("ChargeClass", "ResourceId")
    (tmp_path / "b.csv").write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as told:
        read_bills([tmp_path / "b.csv"])
    assert len(told.value.problems) == 2
    assert "has no column 'BilledCost'" in str(told.value)
    assert "column 'ResourceId' appears twice" in str(told.value)


def test_two_currencies_are_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="EUR, USD"):
        bill_of(tmp_path / "b.csv", [{}, {"BillingCurrency": "EUR"}])


def test_a_row_of_another_width_and_a_broken_archive_are_told(tmp_path: Path) -> None:
    (tmp_path / "b.csv").write_text(bill_text([{}]) + "1,2\n", encoding="utf-8")
    with pytest.raises(InputError, match="line 3: 2 cells where the header has"):
        read_bills([tmp_path / "b.csv"])
    (tmp_path / "b.csv.gz").write_bytes(b"\x1f\x8bno archive")
    with pytest.raises(InputError, match=r"b\.csv\.gz: cannot be read"):
        read_bills([tmp_path / "b.csv.gz"])


@pytest.mark.parametrize("micro", [1_000_001, -7, 0])
def test_a_day_is_spread_over_its_24_hours_the_remainder_to_the_earliest(micro: int) -> None:
    parts = [part for _, part in spread(START, START + 86_400, micro)]
    assert len(parts) == 24
    assert sum(parts) == micro
    assert parts == sorted(parts, reverse=True)
    assert parts[0] - parts[-1] <= 1
