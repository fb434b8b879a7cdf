"""The sheet that an import writes: merged by date, readable, whole or not at all."""

from __future__ import annotations

import csv
import json
from datetime import date
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gpumix.catalog import load
from gpumix.catalog.importers.formats import foreign_format_hint
from gpumix.catalog.importers.names import Names, Unmapped
from gpumix.cli import app
from gpumix.domain.offer import Layer, Purchase
from gpumix.errors import InputError
from gpumix.verbs.import_prices import import_prices

SAMPLES = Path(__file__).resolve().parents[2] / "cases" / "price_samples"
TODAY = date(2026, 11, 29)
SKYPILOT = "InstanceType,AcceleratorName,AcceleratorCount,Price,SpotPrice,Region\n"


def skypilot(path: Path, price: float, machine: str = "p5.48xlarge", gpu: str = "H100") -> Path:
    path.write_text(f"{SKYPILOT}{machine},{gpu},8,{price},,us-east-1\n", encoding="utf-8")
    return path


def rows_in(sheet: Path) -> list[dict[str, str]]:
    with sheet.open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


def test_a_newer_row_replaces_and_an_older_does_not(tmp_path: Path) -> None:
    sheet, file = tmp_path / "sheet.csv", tmp_path / "vms.csv"
    import_prices([skypilot(file, 60.0)], sheet, as_of="2026-10-01", today=TODAY)
    import_prices([skypilot(file, 62.0)], sheet, as_of="2026-11-01", today=TODAY)
    assert [r["usd_per_instance_hour"] for r in rows_in(sheet)] == ["62"]
    found = import_prices([skypilot(file, 58.0)], sheet, as_of="2026-09-01", today=TODAY)
    assert [r["usd_per_instance_hour"] for r in rows_in(sheet)] == ["62"]
    assert [s.why for s in found.superseded] == ["older than the sheet's row"]
    assert found.offers == ()


def test_columns_of_the_users_own_rows_stay(tmp_path: Path) -> None:
    sheet = tmp_path / "sheet.csv"
    own = "provider,gpu,gpus_per_instance,purchase,usd_per_gpu_hour,discount\n"
    sheet.write_text(f"{own}acme,h100-sxm-80gb,8,on_demand,2.5,0.1\n", encoding="utf-8")
    import_prices([skypilot(tmp_path / "vms.csv", 60.0)], sheet, as_of="2026-11-01", today=TODAY)
    assert [(r["provider"], r["discount"]) for r in rows_in(sheet)] == [
        ("acme", "0.1"),
        ("aws", ""),
    ]


def test_a_file_that_is_no_sheet_is_not_overwritten(tmp_path: Path) -> None:
    sheet = tmp_path / "notes.txt"
    sheet.write_text("what I wrote\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"notes\.txt"):
        import_prices(
            [skypilot(tmp_path / "vms.csv", 60.0)], sheet, as_of="2026-11-01", today=TODAY
        )
    assert sheet.read_text(encoding="utf-8") == "what I wrote\n"


def test_of_two_files_the_newer_price_is_kept(tmp_path: Path) -> None:
    text = (SAMPLES / "ewyluda_observations.csv").read_text(encoding="utf-8")
    (tmp_path / "a.csv").write_text(text, encoding="utf-8")
    (tmp_path / "b.csv").write_text(text.replace("2026-10-10", "2026-10-12"), encoding="utf-8")
    files = [tmp_path / "a.csv", tmp_path / "b.csv"]
    for order in (files, files[::-1]):
        sheet = tmp_path / "sheet.csv"
        sheet.unlink(missing_ok=True)
        found = import_prices(order, sheet, today=TODAY)
        assert {o.as_of for o in found.offers} == {date(2026, 10, 12)}
        assert [s.why for s in found.superseded] == ["a newer file has it"] * 4


def test_every_sheet_written_is_read_again_as_it_was(tmp_path: Path) -> None:
    files = [p for p in SAMPLES.iterdir() if p.name not in ("README.md", "expected.csv")]
    sheet = tmp_path / "sheet.csv"
    found = import_prices(files, sheet, as_of="2026-11-02", today=TODAY)
    read = {(o.source, o.purchase): o for o in load(prices=sheet).rates}
    in_sheet = [o for o in found.offers if o.term_months or o.purchase is not Purchase.RESERVED]
    assert len(in_sheet) > 35
    for offer in in_sheet:
        again = read[offer.source, offer.purchase]
        assert again.layer is Layer.IMPORT
        assert again.usd_per_instance_hour == pytest.approx(offer.usd_per_instance_hour)
        assert (again.as_of, again.region, again.term_months, again.upfront_share) == (
            offer.as_of,
            offer.region,
            offer.term_months,
            pytest.approx(offer.upfront_share, abs=1e-4),
        )


def test_a_price_outside_the_band_is_refused_by_the_gate(tmp_path: Path) -> None:
    found = import_prices(
        [skypilot(tmp_path / "vms.csv", 6000.0)],
        tmp_path / "s.csv",
        as_of="2026-11-01",
        today=TODAY,
    )
    assert [r.reason for r in found.refused] == ["gate: band"]
    assert not (tmp_path / "s.csv").exists()


def test_another_gpu_than_the_machine_has_is_refused(tmp_path: Path) -> None:
    file = skypilot(tmp_path / "vms.csv", 60.0, gpu="H200")
    found = import_prices([file], tmp_path / "s.csv", as_of="2026-11-01", today=TODAY)
    assert [r.reason for r in found.refused] == ["GPU differs from the machine's"]


@pytest.mark.parametrize("name", ["gpuhunt_catalog.csv", "azure_retail_page.json"])
def test_a_foreign_file_given_as_a_sheet_is_named(name: str) -> None:
    hint = foreign_format_hint(SAMPLES / name)
    assert hint is not None
    assert f"gpumix prices import {SAMPLES / name} --format {name.split('_')[0]}" in str(hint)
    with pytest.raises(InputError, match="import it"):
        load(prices=SAMPLES / name)


def test_own_sheets_and_unknown_files_get_no_hint(tmp_path: Path) -> None:
    own = tmp_path / "own.csv"
    own.write_text("provider,gpu,gpus_per_instance,prize\n", encoding="utf-8")
    assert foreign_format_hint(own) is None
    assert foreign_format_hint(tmp_path / "absent.csv") is None


def test_the_command_prints_one_json_document(tmp_path: Path) -> None:
    args = ["prices", "import", str(SAMPLES / "focus_1_2_bill.csv"), "--json"]
    done = CliRunner().invoke(app, [*args, "--out", str(tmp_path / "s.csv")])
    found = json.loads(done.stdout)
    assert done.exit_code == 0
    assert len(found["offers"]) == 7
    assert found["commitments"][0]["used_usd"] == pytest.approx(679.2)


def test_without_any_price_it_says_why_and_fails(tmp_path: Path) -> None:
    file = skypilot(tmp_path / "vms.csv", 0.0)
    args = ["prices", "import", str(file), "--as-of", "2026-11-01", "--out", str(tmp_path / "s")]
    done = CliRunner().invoke(app, args)
    assert isinstance(done.exception, InputError)
    assert "no price above 0" in done.output
    assert not (tmp_path / "s").exists()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"format_name": "skipilot"}, "did you mean skypilot"),
        ({"as_of": "01.11.2026"}, "2026-11-01"),
        ({"as_of": "2027-01-01"}, "in the future"),
    ],
)
def test_wrong_options_are_named(options: dict[str, str], says: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=says):
        import_prices([skypilot(tmp_path / "v.csv", 60.0)], tmp_path / "s", today=TODAY, **options)


@pytest.mark.parametrize(
    ("provider", "name", "instance", "memory", "gpu", "assumed"),
    [
        ("x", "NVIDIA H100 80GB HBM3", "", None, "h100-sxm-80gb", False),
        ("x", "H100 NVL", "", 94.0, "h100-nvl-94gb", False),
        ("runpod", "H100", "1x_H100_SECURE", 80.0, "h100-pcie-80gb", False),
        ("runpod", "H100-SXM", "1x_H100-SXM_SECURE", 80.0, "h100-sxm-80gb", False),
        ("verda", "A100", "1A100.40S.22V", 40.0, "a100-sxm-40gb", True),
        ("x", "A100", "", 40.0, "a100-sxm-40gb", True),
        ("x", "B200 192GB", "", None, "b200-sxm-180gb", False),
        ("x", "L40S", "", 44.7, "l40s-48gb", False),
        ("x", "RTX PRO 6000 Blackwell Server Edition", "", None, "rtxpro6000-96gb", False),
        ("x", "RTX6000-Ada", "", None, "rtx6000ada-48gb", False),
        ("x", "RTXA6000", "", None, "rtxa6000-48gb", False),
        ("x", "MI300X", "", 192.0, "mi300x-192gb", False),
        ("x", "GH200", "", 96.0, "gh200-96gb", False),
    ],
)
def test_names_of_gpus(
    provider: str, name: str, instance: str, memory: float | None, gpu: str, assumed: bool
) -> None:
    assert Names(load().gpus).gpu(provider, name, instance, memory) == (gpu, assumed)


@pytest.mark.parametrize(
    ("name", "memory"),
    [("T4g", None), ("H100", 40.0), ("tpu-v4", None), ("B300 MIG 1g.34gb", None)],
)
def test_what_is_no_gpu_of_the_catalogue(name: str, memory: float | None) -> None:
    with pytest.raises(Unmapped):
        Names(load().gpus).gpu("x", name, "", memory)


def test_every_machine_and_name_is_of_the_catalogue() -> None:
    gpus = load().gpus
    names = Names(gpus)
    assert {m.gpu for m in names.machines.values()} <= gpus.keys()
    assert set(names._own_gpu_names.values()) <= gpus.keys()
