"""`gpumix start`: five answers into an inventory, and what the work would cost."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from gpumix.catalog import Catalog, load
from gpumix.compare.load import Load
from gpumix.compare.market import allowed_market
from gpumix.compare.media import compare_media
from gpumix.compare.serving import compare_workload
from gpumix.compare.training import compare_train
from gpumix.domain.comparison import Comparison
from gpumix.domain.llm import NamedModel
from gpumix.domain.quantities import number
from gpumix.domain.start import Started, StartQuestion, StartWork
from gpumix.domain.training_comparison import TrainingComparison
from gpumix.domain.workload import Inventory, Kind, Workload
from gpumix.errors import InputError, Problem
from gpumix.inventory.yaml import parse
from gpumix.plan.choose import supply
from gpumix.publish import atomic, check_file
from gpumix.reading import read_text
from gpumix.units import HOURS_PER_WEEK, MONTHS_PER_YEAR, SECONDS_PER_HOUR
from gpumix.verbs.plan import open_inventory
from gpumix.verbs.training_words import question_of

KEYS = ("work", "model", "load", "country", "monthly_bill")
"""Keys of an answers file, in the order of the questions."""
T = TypeVar("T")
ANY, NONE = "any", "none"
RUNS_PER_MONTH = 4
OWN_GPUS = ("l40s-48gb", "h100-pcie-80gb", "h100-sxm-80gb")
"""What an own room may buy, in a country where nobody rents out GPUs."""

_DAYS_PER_WEEK = 7.0
_MOST_LOAD = {"users": 1e8, "tokens": 1e14, "images": 1e9}
_LOAD = re.compile(
    r"(?P<amount>[0-9][0-9._,]*\s*[kKMB]?)\s*(?P<unit>users?|people|tokens?|images?)?"
    r"\s*(?:a day|/\s*day|per day)?",
    re.IGNORECASE,
)
_UNITS = {"user": "users", "people": "users", "token": "tokens", "image": "images"}


@dataclass(frozen=True, slots=True)
class StartAnswers:
    """Checked answers; `load` counts `unit` at once (users) or a day (tokens, images)."""

    work: StartWork
    model: NamedModel
    load: float
    unit: str
    country: str | None
    bill_usd: float | None


def questions(catalog: Catalog, work: str) -> tuple[StartQuestion, ...]:
    """The five questions; defaults are those of a kind of work, the first where it is none."""
    chosen = catalog.starts.get(work, next(iter(catalog.starts.values())))
    kinds = "; ".join(f"{one.work}: {one.says}" for one in catalog.starts.values())
    users = "Users at once, or tokens a day" if chosen.kind == "chat" else f"{chosen.unit} a day"
    day = "" if chosen.unit == "users" else " a day"
    return (
        StartQuestion("work", f"What is the work ({kinds})", chosen.work),
        StartQuestion("model", "Which model, by its Hugging Face id", chosen.model),
        StartQuestion("load", users.capitalize(), f"{chosen.load} {chosen.unit}{day}"),
        StartQuestion("country", "Country that the data must stay in, such as DE", ANY),
        StartQuestion("monthly_bill", "Today's bill for GPUs a month [USD]", NONE),
    )


def checked(stated: Mapping[str, str], catalog: Catalog) -> StartAnswers:
    """The answers of a mapping, defaults for those that are not there.

    Raises: InputError naming every answer that cannot be.
    """
    problems = [
        Problem(key, "is no question", f"the keys are {', '.join(KEYS)}")
        for key in stated
        if key not in KEYS
    ]
    asked = questions(catalog, stated.get("work", ""))
    words = {one.key: stated.get(one.key, "").strip() or one.default for one in asked}

    def tried(key: str, make: Callable[[], T]) -> T | None:
        try:
            return make()
        except ValueError as error:
            problems.append(Problem(key, str(error)))
        except InputError as error:
            problems.extend(replace(one, place=key) for one in error.problems)
        return None

    work = tried("work", lambda: _work(words["work"], catalog))
    model = tried("model", lambda: _model(words["model"], work, catalog))
    found = tried("load", lambda: _load(words["load"], work))
    country = tried("country", lambda: _country(words["country"], catalog))
    bill = tried("monthly_bill", lambda: _bill(words["monthly_bill"]))
    if problems or work is None or model is None or found is None:
        raise InputError(problems)
    return StartAnswers(work, model, *found, country or None, bill)


def read_answers(path: Path) -> dict[str, str]:
    """The answers in a YAML or JSON file: {work, model, load, country, monthly_bill}.

    Raises: InputError where it is no such file.
    """
    text = read_text(path, "name a file of answers", f"its keys are {', '.join(KEYS)}")
    data = parse(text, path.name).data
    if not isinstance(data, Mapping):
        raise InputError(Problem(path.name, "holds no answers", f"its keys are {', '.join(KEYS)}"))
    wrong = [key for key, value in data.items() if isinstance(value, dict | list)]
    if wrong:
        raise InputError([Problem(str(key), "must be one word or number") for key in wrong])
    return {str(key): str(value) for key, value in data.items() if value is not None}


def start(stated: Mapping[str, str], file: Path) -> Started:
    """Write the inventory of some answers, and compare what its work could run on.

    Raises: InputError for answers that cannot be, and where the file exists.
    """
    catalog = load()
    answers = checked(stated, catalog)
    if file.exists():
        raise InputError(Problem(str(file), "exists already", "name another file"))
    check_file(file)
    with atomic(file) as beside:
        beside.write_text(inventory_text(answers, catalog), encoding="utf-8")
    opened = open_inventory(file)
    (workload,) = opened.inventory.workloads
    assumed = tuple(
        f"{one.key} {one.default}"
        for one in questions(catalog, answers.work.work)
        if not stated.get(one.key, "").strip()
    )
    started = Started(str(file), assumed, None, None, answers.bill_usd)
    try:
        found = _compared(workload, opened.inventory, opened.catalog)
    except InputError as error:
        return replace(started, why_not=str(error))
    monthly = workload.run.runs_per_year / MONTHS_PER_YEAR if workload.run else None
    return replace(started, found=found, runs_per_month=monthly)


def _compared(
    workload: Workload, inventory: Inventory, catalog: Catalog
) -> Comparison | TrainingComparison:
    supplies = supply(inventory, catalog).of
    market = allowed_market(workload, supplies, None, catalog, inventory.as_of)
    as_of = inventory.as_of
    if workload.run is not None or workload.demand is None:
        return compare_train(question_of(workload, None), catalog, as_of, market)
    hours = workload.demand.units_per_hour
    if workload.is_deferrable:
        asked = Load(sum(hours) / HOURS_PER_WEEK / SECONDS_PER_HOUR, "the mean of the week")
    else:
        asked = Load(max(hours) / SECONDS_PER_HOUR, "the busiest hour")
    if workload.kind is Kind.MEDIA:
        return compare_media(workload, catalog, as_of, market, (), asked)
    return compare_workload(workload, catalog, as_of, market, (), asked)


# -- the inventory ---------------------------------------------------------------------------


def inventory_text(answers: StartAnswers, catalog: Catalog) -> str:
    """The inventory of some answers, as YAML with a comment where a person may change it."""
    work, country = answers.work, answers.country
    lines = [
        "# Written by `gpumix start`. Change what is not so, then: gpumix plan THIS_FILE",
        "name: start",
        f"horizon: {{start: {_next_year(catalog)}-01, years: 1}}",
        "",
        "workloads:",
        f"  {work.work}:",
        f"    kind: {work.kind}",
        *(f"    {line}" for line in _work_lines(answers)),
    ]
    if country is not None:
        lines.append(f"    residency: [{country}]  # where the data may be processed")
    lines += ["", "supply:", "  cloud:", "    providers: any  # or [aws, gcp, ...]"]
    lines.append("    purchase: [on_demand, reserved]")
    if country in catalog.countries and not _is_rented_in(country, catalog):
        lines += [
            "  on_prem:",
            "    our-room:  # nobody rents out GPUs there: a room to buy for",
            f"      country: {country}",
            "      racks: 2",
            "      kw_per_rack: 12",
            f"      gpus: [{', '.join(OWN_GPUS)}]",
        ]
    if answers.bill_usd is not None:
        lines += ["", f"today: {{monthly_usd: {answers.bill_usd:.2f}}}"]
    return "\n".join(lines) + "\n"


def _work_lines(answers: StartAnswers) -> list[str]:
    """What a workload is, by its kind."""
    work, model = answers.work, json.dumps(answers.model.name)
    amount = f"{answers.load:.0f}"
    lines = [f"model: {model}"]
    if work.kind == "media":
        return [*lines, f"images_per_day: {amount}", "latency: 30 s  # left out: they may wait"]
    if work.kind == "finetune":
        tokens = answers.load * _DAYS_PER_WEEK
        run = f"tokens: {tokens:.0f}  # of one run, a week's"
        return [*lines, "method: lora", run, f"runs_per_month: {RUNS_PER_MONTH}"]
    read, written = work.input_tokens or 0.0, work.output_tokens or 0.0
    share = read / (read + written)
    volume = f"{answers.load * share:.0f}"
    if written:
        volume = f"{{input: {volume}, output: {answers.load * (1.0 - share):.0f}}}"
    if work.kind != "chat":
        return [*lines, f"tokens_per_day: {volume}"]
    many = f"users: {amount}" if answers.unit == "users" else f"tokens_per_day: {volume}"
    return [
        *lines,
        f"traffic: {{input_tokens: {read:.0f}, output_tokens: {written:.0f}, {many}}}",
        "slo: {ttft_p95: 2 s, tpot_p95: 60 ms}",
    ]


def _next_year(catalog: Catalog) -> int:
    return max(offer.as_of for offer in catalog.listed).year + 1


def _is_rented_in(country: str, catalog: Catalog) -> bool:
    return any(offer.country == country for offer in catalog.listed)


# -- answers ---------------------------------------------------------------------------------


def _work(words: str, catalog: Catalog) -> StartWork:
    if words not in catalog.starts:
        raise ValueError(f"must be one of {', '.join(catalog.starts)}")
    return catalog.starts[words]


def _model(words: str, work: StartWork | None, catalog: Catalog) -> NamedModel:
    named = catalog.named_model(words, "model")
    model = named.model
    able = {
        "chat": model.generates_text,
        "batch": model.generates_text,
        "embedding": model.embeds_text,
        "media": model.is_denoiser,
        "finetune": bool(model.layers and model.hidden),
    }
    if work is not None and not able[work.kind]:
        raise ValueError(f"{model.id} is {model.kind}, which does no such work as {work.work}")
    return named


def _load(words: str, work: StartWork | None) -> tuple[float, str]:
    match = _LOAD.fullmatch(words.strip())
    if match is None:
        raise ValueError("must read like 200 users, 20M tokens a day or 5k images a day")
    said = (match["unit"] or "").lower()
    unit = _UNITS.get(said.rstrip("s") if said != "people" else said, said)
    if work is not None:
        unit = unit or work.unit
        known = ("users", "tokens") if work.kind == "chat" else (work.unit,)
        if unit not in known:
            raise ValueError(f"of {work.work} must count {' or '.join(known)}")
    amount = number(match["amount"].replace(",", ""))
    most = _MOST_LOAD.get(unit, max(_MOST_LOAD.values()))
    if not 1.0 <= amount <= most:
        raise ValueError(f"must be between 1 and {most:,.0f} {unit}")
    return amount, unit


def _country(words: str, catalog: Catalog) -> str:
    if words.lower() == ANY:
        return ""
    if words.upper() not in catalog.places.countries:
        raise ValueError("must be a country's two letters, such as DE, or any")
    return words.upper()


def _bill(words: str) -> float | None:
    if words.lower() == NONE:
        return None
    usd = number(words.lstrip("$ ").replace(",", ""))
    if not 1.0 <= usd <= 1e12:
        raise ValueError("must be between 1 and 1,000,000,000,000 USD a month, or none")
    return usd
