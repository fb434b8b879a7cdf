"""The 57 right answers for the samples of every format, one test each."""

from __future__ import annotations

import csv
import re
from datetime import date
from functools import cache
from pathlib import Path

import pytest

from gpumix.catalog import load
from gpumix.catalog.importers.formats import read_files
from gpumix.catalog.importers.names import Names
from gpumix.domain.offer import Offer
from gpumix.domain.price_import import ImportedPrices
from gpumix.errors import InputError
from gpumix.verbs.import_prices import import_prices

SAMPLES = Path(__file__).resolve().parents[2] / "cases" / "price_samples"
TODAY = date(2026, 11, 29)
UNDATED = ("skypilot", "gpuhunt")
with (SAMPLES / "expected.csv").open(encoding="utf-8", newline="") as handle:
    ANSWERS = list(csv.DictReader(handle))
FIRST_LINES = {"aws_ec2_index.csv": 6, "aws_compute_savings_plan.csv": 6}
"""Line of a table's header where it is not the first."""


@cache
def imported(name: str) -> ImportedPrices:
    import tempfile

    as_of = "2026-11-01" if name.startswith(UNDATED) else ""
    with tempfile.TemporaryDirectory() as folder:
        return import_prices([SAMPLES / name], Path(folder) / "sheet.csv", as_of=as_of, today=TODAY)


def lines_of(answer: dict[str, str]) -> list[int]:
    """The numbers of rows that an answer speaks of; empty where it names another thing."""
    found: list[int] = []
    for part in answer["line_or_item"].split(","):
        first, _, last = part.strip().partition("-")
        if not first.isdigit():
            return []
        found += range(int(first), int(last or first) + 1)
    return found


def places_of(answer: dict[str, str]) -> list[str]:
    """How the import names those rows."""
    name = answer["file"]
    rows = lines_of(answer)
    if name.startswith("azure_retail"):
        return [f"{name} Items[{n}]" for n in rows]
    if name.startswith("page"):
        return [f"{name} rows[{n}]" for n in rows]
    header = 0 if name.endswith("jsonl") else FIRST_LINES.get(name, 1)
    return [f"{name} line {n + header}" for n in rows]


def is_at(place: str, places: list[str]) -> bool:
    return any(place == one or place.startswith(f"{one} ") for one in places)


def prices_in(answer: dict[str, str]) -> list[float]:
    if answer["price_model"] == "all":
        return [float(n) for n in re.findall(r"\d+\.\d+", answer["action"])]
    return [float(n) for n in re.findall(r"\d+(?:\.\d+)?", answer["usd_per_gpu_hour"])]


def is_offer(offer: Offer, answer: dict[str, str], price: float) -> bool:
    names = Names(load().gpus)
    if answer["usd_per_gpu_hour"].endswith("EUR"):
        price /= load().exchange_rate("EUR")[0]
    return (
        offer.provider == names.provider(answer["provider"])
        and offer.instance == answer["instance"]
        and offer.gpu == answer["gpu"]
        and offer.gpus_per_instance == int(answer["gpus"])
        and offer.region == answer["region"]
        and abs(offer.usd_per_gpu_hour - price) < 6e-5
    )


PRICED = [a for a in ANSWERS if prices_in(a) and a["action"] != "hist"]
REFUSED = [
    a
    for a in ANSWERS
    if not prices_in(a) and places_of(a) and a["action"].split()[0] in ("refuse", "skip", "no")
]
OTHERS = [a for a in ANSWERS if a not in PRICED and a not in REFUSED]


def label(answer: dict[str, str]) -> str:
    return f"{answer['file']}:{answer['line_or_item']}:{answer['action']}"


def test_all_answers_are_asked() -> None:
    assert len(ANSWERS) == 57
    assert len(PRICED) + len(REFUSED) + len(OTHERS) == 57
    assert {label(a) for a in OTHERS} == {
        "skypilot_aws_vms.csv:all:ask for the date",
        "azure_retail_page.json:7:hist",
        "azure_retail_page.json:page:warn",
        "negotiated_sheet.csv:5:discount rule",
        "negotiated_sheet.csv:6:credit",
        "cyclenerd_pricing.yml:africa-south1:refuse",
    }


@pytest.mark.parametrize("answer", PRICED, ids=label)
def test_kept(answer: dict[str, str]) -> None:
    found = imported(answer["file"])
    kinds = answer["price_model"].split(" (")[0].split(" / ")
    for number, price in enumerate(prices_in(answer)):
        alike = [o for o in found.offers if is_offer(o, answer, price)]
        assert alike, f"no offer at {price}"
        if kinds != ["all"]:
            kind = kinds[min(number, len(kinds) - 1)]
            assert [o for o in alike if o.purchase.value == kind]


@pytest.mark.parametrize("answer", REFUSED, ids=label)
def test_refused(answer: dict[str, str]) -> None:
    found = imported(answer["file"])
    places = places_of(answer)
    wanted = r"form factor|MIG" if "form unstated" in answer["reason"] else r"."
    if "statistics" in answer["action"]:
        wanted = "marketplace"
    refused = [r for r in found.refused if is_at(r.place, places) and re.search(wanted, r.reason)]
    for place in places:
        assert [r for r in refused if is_at(r.place, [place])] or "three keys" in answer["action"]
    if "three keys" in answer["action"]:
        assert len({r.what for r in refused}) == 3
    elif not answer["file"].endswith("jsonl"):
        assert not [o for o in found.offers if is_at(o.source, places)]


def test_a_file_without_dates_asks_for_the_day(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--as-of"):
        import_prices([SAMPLES / "skypilot_aws_vms.csv"], tmp_path / "sheet.csv", today=TODAY)
    assert not (tmp_path / "sheet.csv").exists()


def test_an_older_price_of_the_list_is_superseded() -> None:
    found = imported("azure_retail_page.json")
    older = [s for s in found.superseded if s.place.endswith("Items[7]")]
    assert [(round(s.offer.usd_per_gpu_hour, 3), s.why) for s in older] == [(12.375, "older")]


def test_both_savings_plans_of_an_item_are_read() -> None:
    names = Names(load().gpus)
    (_, _, reading), *_ = read_files([SAMPLES / "azure_retail_page.json"], "auto", names, TODAY)
    plans = [q for q in reading.quotes if q.place.endswith("Items[0]") and q.term_months]
    assert [(q.term_months, round((q.price or 0) / 8, 4)) for q in plans] == [
        (12, 8.8384),
        (36, 6.3131),
    ]


def test_a_page_of_a_longer_list_warns() -> None:
    assert any("NextPageLink" in w for w in imported("azure_retail_page.json").warnings)


def test_a_discount_and_a_credit_are_no_rates() -> None:
    found = imported("negotiated_sheet.csv")
    assert [(d.instance, d.share) for d in found.discounts] == [("p5en.48xlarge", 0.14)]
    assert [(c.amount, c.currency) for c in found.credits] == [(-250000.0, "USD")]
    assert not [o for o in found.offers if o.source.endswith(("line 6", "line 7"))]


def test_a_region_without_the_machine_is_refused() -> None:
    found = imported("cyclenerd_pricing.yml")
    assert [r.reason for r in found.refused] == ["machine not offered in the region"]


def test_the_use_of_a_commitment_is_reported() -> None:
    (use,) = imported("focus_1_2_bill.csv").commitments
    assert use.utilisation == pytest.approx(679.2 / (679.2 + 43.5))


def test_medians_before_and_after() -> None:
    moves = {(m.gpu, m.purchase): m for m in imported("page_capture.json").medians}
    assert moves["h100-sxm-80gb", "on_demand"].before is not None
    assert moves["h100-sxm-80gb", "on_demand"].rows == 1
