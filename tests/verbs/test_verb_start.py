"""Five answers make an inventory that plans, and an answer of ten lines."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gpumix.catalog import load
from gpumix.cli import app
from gpumix.domain.comparison import Comparison
from gpumix.domain.training_comparison import TrainingComparison
from gpumix.errors import InputError
from gpumix.inventory import read_inventory
from gpumix.report.views.start import lines
from gpumix.verbs.start import KEYS, checked, inventory_text, questions, read_answers, start

CATALOG = load()
TODAY = date(2026, 11, 24)


@pytest.mark.parametrize("work", list(CATALOG.starts))
@pytest.mark.parametrize("country", ["", "DE", "BD"])
def test_every_kind_of_work_becomes_an_inventory_that_reads(
    tmp_path: Path, work: str, country: str
) -> None:
    file = tmp_path / "team.yaml"
    stated = {"work": work, "country": country, "monthly_bill": "20k"}
    file.write_text(inventory_text(checked(stated, CATALOG), CATALOG), encoding="utf-8")
    inventory = read_inventory(file, CATALOG, TODAY)
    (workload,) = inventory.workloads
    assert workload.id == work
    assert workload.countries == ((country,) if country else ())
    assert inventory.today is not None
    assert inventory.today.monthly_usd == 20_000.0
    # nobody rents out GPUs in Bangladesh: there is a room to buy for
    assert [site.country for site in inventory.sites] == (["BD"] if country == "BD" else [])


def test_a_load_is_users_at_once_or_tokens_a_day(tmp_path: Path) -> None:
    rates = []
    for number, words in enumerate(("500", "500 users", "500 people", "1.28M tokens a day")):
        file = tmp_path / f"{number}.yaml"
        text = inventory_text(checked({"load": words}, CATALOG), CATALOG)
        file.write_text(text, encoding="utf-8")
        (workload,) = read_inventory(file, CATALOG, TODAY).workloads
        assert workload.demand is not None
        rates.append(max(workload.demand.units_per_hour))
    assert rates[0] == rates[1] == rates[2]
    # 1.28M tokens a day of 1,280 a request
    assert rates[3] == pytest.approx(1000.0 / 24.0, rel=1e-3)


def test_every_bad_answer_is_refused_at_once(tmp_path: Path) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text(
        "work: chat\nmodel: BAAI/bge-m3\nload: 5 images\ncountry: Germany\nmonthly_bill: lots\n"
        "colour: red\n",
        encoding="utf-8",
    )
    file = tmp_path / "team.yaml"
    with pytest.raises(InputError) as caught:
        start(read_answers(bad), file)
    places = {problem.place for problem in caught.value.problems}
    assert places == {"model", "load", "country", "monthly_bill", "colour"}
    assert not file.exists()


@pytest.mark.parametrize("text", ["[1, 2]\n", "work: {a: 1}\n", "just words\n"])
def test_a_file_that_holds_no_answers_is_refused(tmp_path: Path, text: str) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text(text, encoding="utf-8")
    with pytest.raises(InputError):
        read_answers(bad)


def test_the_answer_is_the_cheapest_for_the_load_beside_the_bill(tmp_path: Path) -> None:
    file = tmp_path / "team.yaml"
    found = start({"work": "chat", "load": "300 users", "monthly_bill": "9k"}, file)
    assert isinstance(found.found, Comparison)
    told = lines(found)
    assert len(told) <= 10
    best = found.found.at_load[0]
    assert best.usd_per_hour == min(one.usd_per_hour for one in found.found.at_load)
    monthly = best.usd_per_hour * 730.0
    assert f"${monthly:,.0f} a month" in told[2]
    assert f"${abs(9000.0 - monthly):,.0f} a month" in "\n".join(told)
    assert "country any" in told[1]
    assert told[-1] == f"Next: gpumix plan {file}"
    with pytest.raises(InputError, match="exists already"):
        start({}, file)


def test_training_and_images_are_answered_too(tmp_path: Path) -> None:
    job = start({"work": "finetune"}, tmp_path / "job.yaml")
    assert isinstance(job.found, TrainingComparison)
    assert job.runs_per_month == pytest.approx(4.0)
    assert any("4 runs a month" in line for line in lines(job))
    images = start({"work": "images"}, tmp_path / "images.yaml")
    assert isinstance(images.found, Comparison)
    assert images.found.at_load
    assert len(lines(images)) <= 10


def test_a_person_is_asked_again_after_a_bad_answer(tmp_path: Path) -> None:
    file = tmp_path / "team.yaml"
    said = "poetry\nchat\nno-such-model\n\n-3\n100 users\nFrance\nFR\nx\n\n"
    done = CliRunner().invoke(app, ["start", str(file)], input=said)
    assert done.exit_code == 0, done.output
    assert "residency: [FR]" in file.read_text(encoding="utf-8")
    assert "users: 100" in file.read_text(encoding="utf-8")
    assert "must be one of chat" in done.output
    assert "two letters" in done.output


def test_each_question_has_a_default_that_is_an_answer() -> None:
    for work in CATALOG.starts:
        asked = questions(CATALOG, work)
        assert tuple(one.key for one in asked) == KEYS
        answers = checked({one.key: one.default for one in asked}, CATALOG)
        assert answers == checked({"work": work}, CATALOG)
