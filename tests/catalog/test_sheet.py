"""The price sheet: what its cells may say, and that every bad row is named with its line."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest
import typer.main
from click.testing import CliRunner

from gpumix import catalog
from gpumix.cli import app
from gpumix.domain.evidence import Basis
from gpumix.domain.offer import Layer, Offer, OwnTerms, Purchase
from gpumix.domain.price_check import PriceCheck
from gpumix.errors import InputError

CATALOG = catalog.load()
KNOWN = Path(__file__).resolve().parents[1] / "cases" / "known"
PLAIN = "provider,gpu,gpus_per_instance,purchase,usd_per_gpu_hour"


def sheet(folder: Path, text: str) -> Path:
    path = folder / "my-prices.csv"
    path.write_text(text, encoding="utf-8")
    return path


def rate(folder: Path, columns: str, cells: str) -> Offer:
    """The one offer of a sheet with one row: an H100 node at 4 USD an hour unless it says else."""
    text = f"{PLAIN},{columns}\nacme,h100-sxm-80gb,8,on_demand,4,{cells}\n"
    (found,) = CATALOG.read_rates(sheet(folder, text))
    return found


def check(folder: Path, text: str) -> PriceCheck:
    return CATALOG.check_sheet(sheet(folder, text))


def refused(found: PriceCheck) -> list[tuple[int, str]]:
    return [(one.line, one.rule) for one in found.refused]


EVERY_ERROR = [
    # line 1 is the header
    ("acme,h100-sxm-80gb,8,on_demand,3.0,,,,us,USD,,", ""),
    ("acme,h100-sxm-80gb,8,reserved,2.5,,6,25%,us,USD,,", ""),
    ("acme,l40s-48gb,1,on_demand,zero,,,,us,USD,,", "no-price"),
    ("acme,l40s-48gb,1,on_demand,0,,,,us,USD,,", "no-price"),
    ("acme,l40s-48gb,1,on_demand,-1,,,,us,USD,,", "no-price"),
    ("acme,l40s-48gb,4,on_demand,1.0,4.1,,,us,USD,,", "per-gpu-times-count"),
    ("acme,l40s-48gb,1,on_demand,1.4,,,,us,,,", "currency"),
    ("acme,l40s-48gb,1,on_demand,1.4,,,,us,XAU,,", "currency"),
    ("acme,l40s-48gb,1,on_demand,1.4,,,,us,USD,2999-01-01,", "date"),
    ("acme,l40s-48gb,1,on_demand,1.4,,,,us,USD,2014-06-01,", "date"),
    ("acme,h100-sxm-80gb,8,reserved_1y,3.3,,,,us,USD,,", "term-order"),
    ("azure,a100-sxm-80gb,8,on_demand,3.4,,,,eastus,USD,,Standard_ND96asr_v4", "wrong-machine"),
    ("acme,h100-sxm-80gb,12,on_demand,3.0,,,,us,USD,,", "wrong-machine"),
    ("acme,h100-sxm-80gb,8,on_demand,0.01,,,,eu,USD,,", "band"),
    ("acme,b200-sxm-180gb,8,on_demand,5.0,,,,us,USD,2026-11-01,", "duplicate"),
    ("acme,b200-sxm-180gb,8,on_demand,5.5,,,,us,USD,2026-11-01,", "duplicate"),
    ("acme,b300-smx,8,on_demand,8,,,,us,USD,,", "gpu"),
    ("acme,l4-24gb,1,on_demand,0.5,,,,us,EUR,,", ""),
]
"""Rows, and the rule that refuses each."""


def test_every_error_is_named_with_its_line_and_the_good_rows_count(tmp_path: Path) -> None:
    header = (
        f"{PLAIN},usd_per_instance_hour,term_months,upfront_share,region,currency,as_of,instance"
    )
    found = check(tmp_path, "\n".join([header, *(row for row, _ in EVERY_ERROR)]) + "\n")
    wrong = [(line, rule) for line, (_, rule) in enumerate(EVERY_ERROR, 2) if rule]
    assert refused(found) == wrong
    assert (found.rows, found.accepted) == (18, 3)
    with pytest.raises(InputError) as error:
        CATALOG.read_rates(tmp_path / "my-prices.csv")
    assert [p.place.rpartition(" ")[2] for p in error.value.problems] == [str(n) for n, _ in wrong]


def test_prices_are_converted_at_the_dated_rate(tmp_path: Path) -> None:
    per_usd, day = CATALOG.exchange_rate("EUR")
    found = rate(tmp_path, "currency", "eur")
    assert found.usd_per_gpu_hour == pytest.approx(4 / per_usd)
    assert found.note == f"converted at {per_usd:g} EUR per USD of {day}"


@pytest.mark.parametrize(
    ("cell", "rule"), [("", "currency"), ("XAU", "currency"), ("$", "currency")]
)
def test_a_currency_is_stated_and_has_a_rate(tmp_path: Path, cell: str, rule: str) -> None:
    text = f"{PLAIN},currency\nacme,h100-sxm-80gb,8,on_demand,4,{cell}\n"
    assert refused(check(tmp_path, text)) == [(2, rule)]


@pytest.mark.parametrize(
    ("purchase", "months", "is_now", "term"),
    [
        ("reserved_1y", "", Purchase.RESERVED_1Y, 12),
        ("reserved_3y", "36", Purchase.RESERVED_3Y, 36),
        ("reserved", "12", Purchase.RESERVED_1Y, 12),
        ("Reserved", "36", Purchase.RESERVED_3Y, 36),
        ("reserved", "6", Purchase.RESERVED, 6),
        ("ON_DEMAND", "", Purchase.ON_DEMAND, 0),
    ],
)
def test_terms(tmp_path: Path, purchase: str, months: str, is_now: Purchase, term: int) -> None:
    text = f"{PLAIN},term_months\nacme,h100-sxm-80gb,8,{purchase},2,{months}\n"
    (found,) = CATALOG.read_rates(sheet(tmp_path, text))
    assert (found.purchase, found.term_months) == (is_now, term)


@pytest.mark.parametrize(
    ("purchase", "months", "upfront"),
    [
        ("reserved", "", ""),
        ("reserved", "0", ""),
        ("reserved", "500", ""),
        ("reserved_1y", "36", ""),
        ("on_demand", "12", ""),
        ("spot", "", "50%"),
        ("reserved", "6", "150%"),
        ("reserved", "6", "50"),
        ("reserved_unstated", "", ""),
    ],
)
def test_terms_that_say_nothing_clear(
    tmp_path: Path, purchase: str, months: str, upfront: str
) -> None:
    row = f"acme,h100-sxm-80gb,8,{purchase},2,{months},{upfront}"
    found = check(tmp_path, f"{PLAIN},term_months,upfront_share\n{row}\n")
    assert refused(found) == [(2, "term")]


def test_own_terms_make_the_price_and_are_kept(tmp_path: Path) -> None:
    columns = "discount,support_share,egress_usd_per_gb,credit_until"
    found = rate(tmp_path, columns, "10%,0.03,0.02,2027-06-30")
    assert found.usd_per_gpu_hour == pytest.approx(4 * 0.9 * 1.03)
    assert found.own == OwnTerms(0.1, 0.03, 0.02, date(2027, 6, 30))
    assert rate(tmp_path, columns, ",,,").own is None
    wrong = f"{PLAIN},{columns}\nacme,h100-sxm-80gb,8,on_demand,4,12,-1,free,soon\n"
    assert refused(check(tmp_path, wrong)) == [(2, "own-terms")] * 4


def test_a_price_per_gpu_for_any_size(tmp_path: Path) -> None:
    text = f"{PLAIN},instance\nacme,h100-sxm-80gb,,on_demand,3,Any\n"
    (found,) = CATALOG.read_rates(sheet(tmp_path, text))
    assert (found.instance, found.gpus_per_instance, found.usd_per_gpu_hour) == ("any", 1, 3.0)
    whole = text.replace("usd_per_gpu_hour", "usd_per_instance_hour")
    assert refused(check(tmp_path, whole)) == [(2, "count")]


@pytest.mark.parametrize(
    ("cell", "said"), [("yes", True), ("TRUE", True), ("no", False), ("", False)]
)
def test_an_estimate_is_assumed(tmp_path: Path, cell: str, said: bool) -> None:
    found = rate(tmp_path, "estimated", cell)
    assert (found.estimated, found.basis is Basis.ASSUMED) == (said, said)
    assert found.marks == (("estimated",) if said else ())


def test_layer_tier_and_date(tmp_path: Path) -> None:
    row = "lambda,h100-sxm-80gb,8,on_demand,3.4"
    text = f"{PLAIN},layer,as_of,as_of_precision\n{row},import,2026-11-01,month\n"
    (found,) = CATALOG.read_rates(sheet(tmp_path, text))
    assert (found.layer, found.tier, found.as_of_precision) == (Layer.IMPORT, "neocloud", "month")
    (found,) = CATALOG.read_rates(sheet(tmp_path, f"{PLAIN}\n{row}\n"))
    assert (found.layer, found.as_of) == (Layer.SHEET, date.today())
    assert found.as_of_precision == "undated; counts as today"


@pytest.mark.parametrize(
    "gpu", ["h100-sxm-80gb", "H100-SXM-80GB", "H100 SXM 80 GB", "h100_sxm_80gb", "H100_SXM"]
)
def test_spellings_of_a_gpu(tmp_path: Path, gpu: str) -> None:
    (found,) = CATALOG.read_rates(sheet(tmp_path, f"{PLAIN}\nacme,{gpu},8,on_demand,3\n"))
    assert found.gpu == "h100-sxm-80gb"


def test_a_region_in_another_case_is_the_providers(tmp_path: Path) -> None:
    text = f"{PLAIN},region\nAWS,h100-sxm-80gb,8,on_demand,7,AP-South-1\n"
    (found,) = CATALOG.read_rates(sheet(tmp_path, text))
    assert (found.provider, found.region, found.country) == ("aws", "ap-south-1", "IN")


def test_what_spreadsheets_add(tmp_path: Path) -> None:
    """A byte-order mark, capitals in the header, blank lines and lines of commas, Windows ends."""
    text = (
        "\ufeffProvider,GPU,gpus_per_instance,Purchase,usd_per_gpu_hour\r\n\r\n,,,,\r\n"
        "acme,h100-sxm-80gb,8,on_demand,3\r\n , ,,,\r\nacme,h100-sxm-80gb,8,spot,x\r\n"
    )
    found = check(tmp_path, text)
    assert (found.rows, found.accepted) == (2, 1)
    assert refused(found) == [(6, "no-price")]


def test_rows_of_another_width_are_refused_alone(tmp_path: Path) -> None:
    """A decimal comma without quotes makes one cell more."""
    text = f"{PLAIN}\nacme,h100-sxm-80gb,8,on_demand,3,52\nacme,h100-sxm-80gb,8,spot,2\n"
    found = check(tmp_path, text)
    assert (refused(found), found.accepted) == ([(2, "cell")], 1)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("provider;gpu;gpus_per_instance\nacme;h100;8\n", "separate the cells by commas"),
        ("provider,gpu,gpus_per_instance,prize\n", "unknown column 'prize'"),
        (
            "provider,gpu,purchase\nacme,h100,spot\n",
            "column 'gpus_per_instance' is missing (needed: provider, gpu, gpus_per_instance",
        ),
        (f"{PLAIN}\n,,,,\n", "has no rows"),
        (f"{PLAIN},GPU\na,b,8,spot,1,c\n", "twice"),
    ],
)
def test_what_is_no_table_of_prices(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(InputError) as error:
        check(tmp_path, text)
    assert says in str(error.value)


# -- the verb ----------------------------------------------------------------------------------


def run(*words: str) -> tuple[int, str]:
    """Exit code and output of the command line."""
    done = CliRunner().invoke(typer.main.get_command(app), list(words), standalone_mode=False)
    return done.return_value or 0, done.stdout


def test_the_verb_as_json(tmp_path: Path) -> None:
    path = sheet(
        tmp_path, f"{PLAIN}\nacme,h100-sxm-80gb,8,on_demand,3\nacme,h100-sxm-80gb,6,spot,1\n"
    )
    code, said = run("prices", "check", str(path), "--json")
    answer = json.loads(said)
    assert code == 2
    assert list(answer) == ["rows", "accepted", "refused", "marked"]
    assert (answer["rows"], answer["accepted"], answer["marked"]) == (2, 1, [])
    (found,) = answer["refused"]
    assert (found["line"], found["rule"], sorted(found)) == (
        3,
        "wrong-machine",
        ["line", "rule", "what"],
    )


def test_the_verb_in_words(tmp_path: Path) -> None:
    code, said = run("prices", "check", str(sheet(tmp_path, f"{PLAIN}\nacme,l4-24gb,1,spot,x\n")))
    assert code == 2
    for words in ("1 rows, 0 accepted (0 marked), 1 refused", "no-price", "Refused"):
        assert words in said


def test_a_good_sheet_is_told_with_what_uses_it(tmp_path: Path) -> None:
    path = sheet(tmp_path, f"{PLAIN}\nacme,l4-24gb,1,on_demand,0.6\n")
    code, said = run("prices", "check", str(path))
    assert code == 0
    assert f"`prices: {path}` in an inventory uses it" in said.replace("\n", " ")
    assert f"--sheet {path}" in said


def test_the_packaged_prices_in_words() -> None:
    code, said = run("prices", "check")
    assert code == 0
    assert "--sheet" not in said
    assert ", 0 refused" in said


def test_spot_above_on_demand_is_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    """People were billed 0.49 for spot and 0.44 on demand: no rule may refuse what is true."""
    for check in json.loads((KNOWN / "p09-spot-above-on-demand/case.json").read_text())["checks"]:
        monkeypatch.chdir(KNOWN / "p09-spot-above-on-demand")
        code, said = run(*check["run"])
        assert code in check["exit"]
        assert "0.49" in said
        assert "0.44" in said


@pytest.mark.parametrize(("cell", "joined"), [("yes", True), ("no", False), ("", None)])
def test_a_row_says_whether_its_machines_have_a_fabric(
    tmp_path: Path, cell: str, joined: bool | None
) -> None:
    path = tmp_path / "rates.csv"
    path.write_text(
        "provider,gpu,gpus_per_instance,purchase,usd_per_gpu_hour,fabric,as_of\n"
        f"ourcloud,h100-sxm-80gb,8,on_demand,3.00,{cell},2026-11-01\n"
    )
    (rate,) = catalog.load().read_rates(path)
    assert rate.has_fabric is joined
